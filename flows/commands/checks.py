"""What commands check before a flow is started."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from varemix.errors import UsageError

if TYPE_CHECKING:
    from catalog.store import Catalog


def open_catalog(home: str | None) -> "Catalog":
    """Return the catalog of a home; HomeError where it cannot be written."""
    from catalog.files import Home
    from catalog.store import Catalog

    return Catalog(Home.open(home))


def check_asked(
    home: str | None, library: Path, checkpoint: str | None, targets: Sequence[str], *, nothing_else: bool
) -> None:
    """Raise an error unless library and checkpoint are there and serve, every name is known, every picture readable."""
    from flows.masks import checked_library
    from tasks.checkpoints import checkpoint_row
    from tasks.masks import check_rivals
    from tasks.queries import asked, known_instruments

    catalog = open_catalog(home)
    checked_library(catalog, library)
    row = checkpoint_row(catalog, checkpoint)
    if nothing_else:
        check_rivals(catalog, row)
    known = known_instruments(catalog, row)
    for target in targets:
        asked(target, known)


def existing_file(source: Path) -> Path:
    """Return the path of a recording; UsageError where there is none."""
    if not source.is_file():
        raise UsageError(f"There is no recording or folder '{source}'; give the path of one.")
    return source
