"""The command that opens the remix desk."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.checks import existing_file
from flows.options import CheckpointOption, HomeOption, SeparatorOption
from flows.terminal import say


def desk(
    recording: Annotated[Path | None, typer.Argument(help="A recording to begin with; only read.")] = None,
    library: Annotated[
        Path | None, typer.Option("--library", help="Folder of recordings to choose from; only read.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; other than loopback asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 is any free one.")] = 8765,
    separator: SeparatorOption = None,
    checkpoint: CheckpointOption = None,
    home: HomeOption = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Open the remix desk: a page in the browser, to hear a remix while moving the sliders."""
    from catalog.files import Home
    from desk.server import serve
    from flows.judgement import check_library
    from flows.library_batch import library_batch
    from tasks.who_hears import parsed_separators, who_hears

    named = parsed_separators(separator or [])
    who_hears(named)
    begun_with = existing_file(recording) if recording else None
    if library is not None:
        check_library(library, home)
    serve(
        Home.open(home),
        say=say,
        host=host,
        port=port,
        checkpoint=checkpoint,
        library=library,
        recording=begun_with,
        separator=named,
        batch=library_batch(library, checkpoint, home) if library else None,
        does_open=open_,
    )
