"""What is wished of recordings, judged before anything heavy is loaded: no model, no table, no Prefect.

A checkpoint's header tells which instruments it knows. What takes more to be known is checked by the flows.
"""

from collections.abc import Sequence
from pathlib import Path

from catalog.files import Home
from flows.output import check_home, check_writable, checked_out
from tasks.queries import asked_once
from tasks.serving import serving_file
from tasks.who_hears import OURS_ALONE, WhoHears
from tasks.wishes import plan_queries
from varemix.errors import UsageError
from varemix.model.header import read_header, read_settings
from varemix.remix.plan import RemixPlan


def check_plan(plan: RemixPlan, checkpoint: str | None, home: str | None) -> None:
    """Raise an error unless the checkpoint that serves knows what a plan names, and every picture can be read."""
    file = serving_file(checkpoint, home)
    if any(wishes.nothing_else for wishes in plan.variants()):
        read_settings(file).check_rivals()
    plan_queries(plan, _instruments(file))


def check_targets(
    targets: Sequence[str],
    checkpoint: str | None,
    home: str | None,
    *,
    nothing_else: bool,
    who: WhoHears = OURS_ALONE,
) -> None:
    """Raise an error unless the checkpoint that serves or who else hears knows every name, and pictures can be read."""
    file = serving_file(checkpoint, home)
    if nothing_else:
        read_settings(file).check_rivals()
    asked_once(targets, [*_instruments(file), *who.instruments])


def _instruments(checkpoint: Path) -> list[str]:
    return [str(name) for name in read_header(checkpoint)["instruments"]]


def check_folders(library: Path, out: Path, home: str | None) -> None:
    """Raise an error unless a library is there, and what is made of it can be written apart from it."""
    check_library(library, home)
    check_writable(checked_out(library, out))


def check_library(library: Path, home: str | None) -> None:
    """Raise UsageError unless a library is there, with the home beside it."""
    if not library.is_dir():
        raise UsageError(f"There is no folder '{library}'; give the folder of a library.")
    check_home(Home.chosen(home).root, library)
