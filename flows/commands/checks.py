"""What commands check before a flow is started."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.files import Home
from tasks.runners import ADDRESS_VARIABLE, DASK, RUNNER_VARIABLE, chosen_runner
from varemix.errors import UsageError

if TYPE_CHECKING:
    from catalog.store import Catalog


def choose_runner(runner: str | None, address: str | None) -> None:
    """Make the flows that are imported from now on, here and in processes started here, use a runner.

    Raises UsageError for a word that is none, and for an address that no runner needs.
    """
    if address and runner != DASK:
        raise UsageError(f"--runner-address {address} is for --runner dask; give both, or neither.")
    chosen = {RUNNER_VARIABLE: runner, ADDRESS_VARIABLE: address}
    os.environ.update({name: value for name, value in chosen.items() if value})
    chosen_runner()


def open_catalog(home: str | None) -> "Catalog":
    """Return the catalog of a data folder; HomeError where it cannot be written."""
    place = Home.open(home)
    from catalog.store import Catalog

    return Catalog(place)


def check_asked(
    home: str | None,
    library: Path,
    checkpoint: str | None,
    targets: Sequence[str],
    *,
    nothing_else: bool,
    even_if_unknown: bool,
    others: Sequence[str] = (),
) -> None:
    """Raise an error unless library and model are there and serve, and every name and every picture is known.

    `others` are instruments that other separators know.
    """
    from flows.masks import checked_library
    from tasks.checkpoints import checkpoint_row, separator_of
    from tasks.queries import asked_once, check_known, known_instruments, looked_at
    from tasks.stored_masks import check_rivals

    catalog = open_catalog(home)
    checked_library(catalog, library)
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    queries = asked_once(targets, [*known_instruments(catalog, row), *others])
    check_known(looked_at(queries, lambda: separator_of(catalog, row)), even_if_unknown=even_if_unknown)


def existing_file(source: Path) -> Path:
    """Return the path of a recording; UsageError where there is none."""
    if not source.is_file():
        raise UsageError(f"There is no recording or folder '{source}'; give the path of one.")
    return source
