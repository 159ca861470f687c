"""The comment on a preview, in Markdown.

First what would be lost or less safe, then who may newly do what, then the alarms, the cost, and the rest; in each,
what is marked with ⚠ comes first.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from infra.review.alarms import alarm_sentences
from infra.review.cost import cost_lines
from infra.review.data import loses_data, loss_sentence, risk_sentences
from infra.review.permissions import permission_sentences
from infra.review.steps import OPERATIONS, UNCHANGED, Preview, Step
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
    if preview.errors:
        listed = "\n".join(error.replace("```", "'''")[:3000] for error in preview.errors[:5])
        return f"{heading}: it failed\n```\n{listed}\n```\n"
    changed = [step for step in preview.steps if step.operation not in UNCHANGED]
    risks = [line for step in preview.steps for line in risk_sentences(step)]
    if not changed and not risks:
        return f"{heading}: nothing changes\n{len(preview.steps)} resources stay as they are.\n"
    counts = Counter(step.operation for step in changed)
    summary = [f"{counts[key]} {OPERATIONS.get(key, key)}" for key in _ordered(counts)]
    parts = [f"{heading}: {', '.join([*summary, f'{len(preview.steps) - len(changed)} unchanged'])}"]
    losses = [step for step in preview.steps if loses_data(step)]
    if losses:
        verdict = "accepted by label" if accepted else "blocked until the label `data-loss-accepted` is set"
        parts.append(_section(f"⛔ Data will be lost ({verdict})", [loss_sentence(step) for step in losses]))
    parts.append(_section("⚠ Data will be less safe", risks))
    parts.append(_section("Permissions", [line for step in changed for line in permission_sentences(step)]))
    parts.append(_section("Alarms", [line for step in changed for line in alarm_sentences(step)]))
    if cost := list(cost_lines(preview)):
        parts.append("\n".join(cost))
    every = [f"- {step.operation} {step.kind} {code(step.name)}{_differing(step)}" for step in changed]
    return _fitted(parts, every)


def _ordered(operations: Counter[str]) -> list[str]:
    return [*(key for key in OPERATIONS if key in operations), *sorted({*operations} - {*OPERATIONS})]


def _differing(step: Step) -> str:
    keys = sorted(key for key in {*step.old, *step.new} if step.old.get(key) != step.new.get(key))
    return f": {', '.join(keys)}" if step.operation in ("update", "replace") and keys else ""


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
    """What the job ends with."""
    if preview.errors:
        return FAILED
    return DATA_LOSS if any(map(loses_data, preview.steps)) and not accepted else 0
