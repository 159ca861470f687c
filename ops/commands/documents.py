"""The published documents: compare them with the tables, and write again what differs."""

import typer

from ops.shared.documents import rebuild as rebuild_documents
from ops.shared.stage import Stage
from ops.shared.terminal import Terminal, command

app = typer.Typer(no_args_is_help=True, help="Look after what everybody may read.")


@command(app)
def rebuild(stage: Stage, terminal: Terminal) -> None:
    """Compare every document with the tables and write those that differ again. Safe to repeat."""
    done = rebuild_documents(stage)
    text = f"{done['quests']} quests compared, {done['rewritten']} written again, {done['drifted']} had drifted."
    rest = [] if done["finished"] else ["The rest goes on by itself: `civicforge logs publisher` shows it."]
    terminal.result(done, text, *rest)
