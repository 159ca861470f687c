"""The comment on a preview, in Markdown.

First what would be lost or less safe, then who may newly do what, then the alarms, the cost, and the rest; in each,
what is marked with ⚠ comes first.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from infra.review.alarms import alarm_sentences
from infra.review.categories import Category, category_of
from infra.review.changes import changes_of, differences, interruptions
from infra.review.cost import cost_lines
from infra.review.data import loses_data, loss_sentence, risk_sentences
from infra.review.permissions import permission_sentences
from infra.review.steps import OPERATIONS, Preview, Step
from infra.review.words import code

COMMENT_LIMIT: Final = 65_536
"""Characters of a comment on GitHub. Counted here in bytes, which are never fewer, however GitHub counts."""
FAILED, DATA_LOSS = 1, 3


def _section(title: str, lines: Sequence[str]) -> str:
    ordered = sorted(lines, key=lambda line: "⚠" not in line)
    return f"**{title}**\n" + "\n".join(f"- {line}" for line in ordered) if lines else ""


def comment(preview: Preview, *, accepted: bool = False) -> str:
    """The comment, never longer than GitHub takes. `accepted`: somebody said that the loss of data is meant."""
    heading = f"### Preview of {preview.stage}"
    changed = [step for step in preview.steps if step.is_change]
    sections = _sections(preview, changed, accepted=accepted)
    unchanged = len(preview.steps) - len(changed) + preview.unlisted
    if not preview.errors and not changed and not any(sections.values()):
        return f"{heading}: nothing changes\n{unchanged} resources stay as they are.\n"
    counts = Counter(step.operation for step in changed)
    summary = ", ".join(
        [*(f"{counts[key]} {OPERATIONS.get(key, key)}" for key in _ordered(counts)), f"{unchanged} unchanged"]
    )
    about = [_overview(sections), _others(changed)]
    parts = [f"{heading}: {'it failed' if preview.errors else summary}", " · ".join(filter(None, about))]
    # What would be lost comes before what Pulumi says of it.
    parts += [_section(title, sections.pop(title)) for title in list(sections) if title.startswith("⛔")]
    if preview.errors:
        listed = "\n".join(error.replace("```", "'''")[:3000] for error in preview.errors[:5])
        parts.append(f"```\n{listed}\n```")
        if changed:
            parts.append(f"As far as it came: {summary}")
    parts += [_section(title, lines) for title, lines in sections.items()]
    if not preview.errors and (cost := list(cost_lines(preview))):
        parts.append("\n".join(cost))
    every = [f"- {step.operation} {step.kind} {code(step.name)}{_differing(step)}" for step in changed]
    return _fitted(parts, every)


def _sections(preview: Preview, changed: Sequence[Step], *, accepted: bool) -> dict[str, list[str]]:
    """The lines by title, what matters most first."""
    verdict = "accepted by label" if accepted else "blocked until the label `data-loss-accepted` is set"
    by_category = {
        str(wanted): [line for step in preview.steps for line in changes_of(step, wanted)]
        for wanted in (Category.UNCLASSIFIED, Category.SECURITY, Category.DATA, Category.AVAILABILITY, Category.MONEY)
    }
    return {
        f"⛔ Data will be lost ({verdict})": [loss_sentence(step) for step in preview.steps if loses_data(step)],
        "⚠ Data will be less safe": [line for step in preview.steps for line in risk_sentences(step)],
        "Stops meanwhile": [line for step in changed for line in interruptions(step)],
        **by_category,
        "Permissions": [line for step in changed for line in permission_sentences(step)],
        "Alarms": [line for step in changed for line in alarm_sentences(step)],
    }


def _overview(sections: Mapping[str, Sequence[str]]) -> str:
    """The sections in a line, with how many warnings each has."""
    counts = []
    for title, lines in sections.items():
        warned = len(lines) if title.startswith(("⛔", "⚠", "Stops")) else sum("⚠" in line for line in lines)
        if lines:
            counts.append(f"{title.partition(' (')[0]}: {f'{warned} of {len(lines)} ⚠' if warned else len(lines)}")
    return " · ".join(counts)


def _others(changed: Sequence[Step]) -> str:
    """The inputs that no section tells, each with how many resources it changes in."""
    keys = Counter(
        key
        for step in changed
        if step.operation == "update"
        for key in step.changed_keys
        if category_of(step.type, key) is Category.HARMLESS
    )
    return f"Other inputs: {', '.join(f'{code(key)} of {count}' for key, count in keys.most_common())}" if keys else ""


def _ordered(operations: Counter[str]) -> list[str]:
    return [*(key for key in OPERATIONS if key in operations), *sorted({*operations} - {*OPERATIONS})]


def _differing(step: Step) -> str:
    if step.operation not in ("update", "replace"):
        return ""
    values = [line for key in step.changed_keys for line in _changed_values(step, key)]
    return f": {'; '.join(values)}" if values else ""


def _changed_values(step: Step, key: str) -> Iterator[str]:
    """The values of a harmless change; only the name of one that a section explains."""
    if category_of(step.type, key) is Category.HARMLESS:
        yield from differences(step, key)
    else:
        yield key


def _fitted(parts: Sequence[str], every: Sequence[str]) -> str:
    """The parts, and as many of the changes as there is room for."""
    room = COMMENT_LIMIT - 1_000
    head = "\n".join(_fitting("\n\n".join(part for part in parts if part).split("\n"), room))
    if not every:
        return f"{head}\n"
    shown = "\n".join(_fitting(every, room - _bytes(head)))
    return f"{head}\n\n<details><summary>Every change</summary>\n\n{shown}\n</details>\n"


def _fitting(lines: Sequence[str], room: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        room -= _bytes(line) + 1
        if room < 0:
            yield f"- … and {len(lines) - number} more; the job's artifact has everything"
            return
        yield line


def _bytes(text: str) -> int:
    return len(text.encode())


def exit_code(preview: Preview, *, accepted: bool) -> int:
    """The exit code of the job."""
    if any(map(loses_data, preview.steps)) and not accepted:
        return DATA_LOSS
    return FAILED if preview.errors else 0
