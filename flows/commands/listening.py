"""The command that opens the remix desk."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.checks import existing_file
from flows.options import CheckpointOption, HomeOption
from flows.terminal import say
from varemix.errors import UsageError


def desk(
    recording: Annotated[Path | None, typer.Argument(help="A recording to begin with; only read.")] = None,
    library: Annotated[
        Path | None, typer.Option("--library", help="Folder of recordings to choose from; only read.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; other than loopback asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 is any free one.")] = 8765,
    checkpoint: CheckpointOption = None,
    home: HomeOption = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Open the remix desk: a page in the browser, to hear a remix while moving the sliders."""
    from catalog.files import Home
    from desk.server import serve

    if library is not None and not library.is_dir():
        raise UsageError(f"There is no folder '{library}'; give the folder of a library.")
    opened = Home.open(home)
    if library is not None and opened.root.is_relative_to(library.expanduser().resolve()):
        raise UsageError(
            f"The home folder '{opened.root}' lies within the library; give a home beside it, with --home."
        )
    serve(
        opened,
        say=say,
        host=host,
        port=port,
        checkpoint=checkpoint,
        library=library,
        recording=existing_file(recording) if recording else None,
        does_open=open_,
    )
