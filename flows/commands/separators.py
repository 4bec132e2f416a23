"""The command that tells which separators there are, and fetches weights where it is asked to."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.server import check_server
from flows.options import HomeOption, JsonOption
from flows.terminal import doing, finish_run, print_json, show_page
from varemix.errors import UsageError


def separators(
    fetch: Annotated[str | None, typer.Option("--fetch", help="Fetch the weights of this model of Demucs.")] = None,
    into: Annotated[Path | None, typer.Option("--into", help="The folder for them.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the separators of this host, where their weights are, and what they lack; or fetch weights."""
    if (fetch is None) != (into is None):
        raise UsageError("--fetch and --into belong together: the name of a model, and the folder for its weights.")
    if fetch is None:
        doing("looking at the separators")
        from flows.separators import page
        from flows.separators import separators as found

        print_json({"separators": found()}) if as_json else show_page(page(found()))
        return
    doing(f"fetching the weights of {fetch}")
    check_server()
    from flows.weights import checked_model, weights

    checked_model(fetch)
    finish_run(lambda: weights(fetch, str(into), home), as_json=as_json)
