"""The command line, thin over the flows: options in, a summary and an exit code out.

Exit codes: 0 all done; 1 nothing could be done; 2 wrong usage; 3 done but for the listed items. What a person got wrong
is said before a flow starts, so that no server is started for it.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from flows.commands.learning import bundle, evaluate, labels, refresh, train
from flows.commands.library import instruments, masks, presets, remix, separate
from flows.commands.listening import desk
from flows.commands.safekeeping import backup, check, restore
from flows.commands.separators import separators
from flows.commands.service import down, up
from flows.commands.upkeep import alerts, doctor, housekeeping, nightly, pin, promote, rollback, status
from flows.options import Command, talking
from flows.surroundings import settle
from flows.terminal import errors_in_words
from varemix.errors import UsageError

_COMMANDS = {
    "Remix": (talking(remix), desk, talking(separate), instruments, presets, talking(separators)),
    "Library": (talking(nightly), talking(masks), status, talking(refresh), talking(labels)),
    "Learning": (talking(train), talking(bundle), talking(evaluate), talking(promote), talking(rollback), pin),
    "Service": (up, down, alerts),
    "Upkeep": (doctor, check, talking(housekeeping), backup, restore),
}

app = typer.Typer(name="varemix", no_args_is_help=True, pretty_exceptions_enable=False)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"varemix {version('varemix')}")
        raise typer.Exit


@app.callback()
def varemix(
    is_version_asked: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Remix whole libraries of recordings by showing pictures of the instruments to make louder or softer."""


for _group, _commands in _COMMANDS.items():
    for _command in _commands:
        app.command(cls=Command, rich_help_panel=_group)(_command)


def main() -> None:
    """Run the command line; errors that a person can mend are said in one line, without a traceback."""
    settle()
    with errors_in_words():
        _check_arguments()
        app()


def _check_arguments() -> None:
    """Raise UsageError for names of files that no table and no terminal could write down."""
    for argument in sys.argv[1:]:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UsageError(f"{argument!a} is no text in UTF-8; rename the file or folder.")
