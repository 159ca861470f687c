"""Output, questions and reports of commands, the same for all of them.

`command` gives a command its shared options and hands it the stage and the terminal. What changes something is a
`PlannedChange`: it is shown, confirmed, done and audited by `carry_out`.
"""

import functools
import inspect
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from ops.shared.help import DocumentedCommand
from ops.shared.stage import LOCAL, OperatorError, Stage, open_stage
from services.core.stages import STAGES

StageOption = Annotated[str, typer.Option("--stage", envvar="CIVICFORGE_STAGE", help=f"{', '.join(STAGES)}.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the audit log; asked for if not given.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and stop.")]

Json = dict[str, Any]
_ANY_WIDTH: Final = 10_000
"""Characters: more than any table has."""
_LAST: Final = 40
"""Characters that the last column of a table has at least, if it needs them."""


class Terminal:
    """The output of a command. With `as_json` only the result goes to standard output, the rest to standard error."""

    def __init__(self, *, as_json: bool = False, yes: bool = False, reason: str = "", dry_run: bool = False) -> None:
        self.as_json, self.yes, self.reason, self.dry_run = as_json, yes, reason, dry_run
        self._out = Console(highlight=False, soft_wrap=True)
        self._messages = Console(highlight=False, soft_wrap=True, stderr=as_json)

    def say(self, text: str) -> None:
        """A line for people; never part of the JSON."""
        self._messages.print(text, markup=False)

    def result(self, data: Json, *lines: str) -> None:
        """The outcome: `data` for programs, `lines` for people."""
        if self.as_json:
            self._out.print_json(json.dumps(data, default=str))
        else:
            for line in lines:
                self._out.print(line, markup=False)

    def listing(self, name: str, rows: Iterable[tuple[object, str]], last: Callable[[int], str], **more: object) -> int:
        """An outcome of any length, row by row; returns the number of rows.

        The first part of a row is for programs, which get them as a list of this name and `more` beside it; the second
        is for people, who get what `last` makes of the number too, unless it is empty.
        """
        number, begun = 0, f'{{"{name}": ['
        for number, (data, line) in enumerate(rows, 1):
            if self.as_json:
                self._out.out("," if number > 1 else begun, json.dumps(data, default=str), highlight=False)
            else:
                self._out.print(line, markup=False)
        if self.as_json:
            ending = "".join(f", {json.dumps(key)}: {json.dumps(value)}" for key, value in more.items())
            self._out.out("" if number else begun, f"]{ending}}}", highlight=False)
        elif said := last(number):
            self._out.print(said, markup=False)
        return number

    def table(self, data: Json, headings: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
        """The outcome as a table; `empty` is said if there are no rows."""
        if self.as_json or not rows:
            self.result(data, empty)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            # What is copied into the next command stays whole; the last column takes what space is left.
            table.add_column(heading, no_wrap=heading != headings[-1])
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        # Nothing is cut off: a window that is too narrow breaks the lines, a file or a pipe gets them whole.
        whole = self._out.measure(table, options=self._out.options.update(width=_ANY_WIDTH)).maximum
        last = max(cell_len(str(row[-1])) for row in rows)
        self._out.width = max(self._out.width, whole - max(0, last - _LAST)) if self._out.is_terminal else whole
        self._out.print(table, soft_wrap=False)

    def ask(self, question: str, remedy: str = "Scripts say --yes and --reason.") -> str:
        """Ask a question and return the answer. Raises OperatorError with the remedy where nobody answers."""
        try:
            return str(typer.prompt(question, err=self.as_json)).strip()
        except typer.Abort:
            raise OperatorError(f"Nobody answered; nothing was changed. {remedy}") from None


@dataclass(frozen=True)
class PlannedChange:
    """Something that a command is about to do.

    Attributes:
        action: the command, e.g. `breaker open`.
        target: what is changed.
        plan: what will be done, a line each; none means that there is nothing to do.
        apply: does it and returns what came of it.
        typed: text that has to be typed instead of "y"; not even `--yes` answers for it.
        verdict: what the audit log says of what came of it.
    """

    action: str
    target: str
    plan: Collection[str]
    apply: Callable[[], Json]
    typed: str | None = None
    verdict: Callable[[Json], str] = lambda _: "done"


def carry_out(stage: Stage, terminal: Terminal, change: PlannedChange) -> Json | None:
    """Shows the plan, asks, does it, records it. Returns what came of it, or None if nothing was done."""
    terminal.say(f"{f'{change.action} {change.target}'.strip()}: {stage.where}")
    for line in change.plan or ["nothing to do"]:
        terminal.say(f"  {line}")
    if not change.plan or terminal.dry_run:
        if terminal.as_json:
            terminal.listing("plan", ((line, line) for line in change.plan), str, done=False)
        return None
    reason = terminal.reason or (None if terminal.yes else terminal.ask("Reason, for the audit log"))
    if not reason:
        raise OperatorError("Say why with --reason; it is kept in the audit log. Nothing was changed.")
    if change.typed:
        remedy = "This wants a person at a terminal: --yes does not answer for it. Scripts leave it to the workflow."
        agreed = terminal.ask(f"Type {change.typed} to go on", remedy) == change.typed
    else:
        agreed = terminal.yes or terminal.ask("Do it? [y/n]").lower() in ("y", "yes")
    if not agreed:
        raise OperatorError("Not confirmed; nothing was changed.")
    terminal.reason = reason
    with stage.audited(change.action, change.target, reason, change.plan) as record:
        outcome = change.apply()
        record |= {"result": outcome, "outcome": change.verdict(outcome)}
    return outcome


_SHARED = (("stage", StageOption, LOCAL), ("as_json", JsonOption, False))
_CHANGING = (("yes", YesOption, False), ("reason", ReasonOption, ""), ("dry_run", DryRunOption, False))


def command(
    app: typer.Typer, name: str | None = None, *, changes: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers `function(stage, terminal, ...)` with its own options and the shared ones.

    `changes` adds `--yes`, `--reason` and `--dry-run`.
    """
    shared = _SHARED + (_CHANGING if changes else ())

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[2:]
        extra = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for key, annotation, default in shared
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            stage = open_stage(given.pop("stage"))
            options = {key: given.pop(key) for key, _, _ in shared[1:]}
            function(stage, Terminal(**options), **given)

        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + extra
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, cls=DocumentedCommand)(run)
        return function

    return register
