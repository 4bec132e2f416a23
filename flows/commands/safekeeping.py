"""Commands that keep a home safe: look whether it is whole, copy it, bring it back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.checks import open_catalog
from flows.options import HomeOption, JsonOption
from flows.terminal import doing, print_json, say, show_page

if TYPE_CHECKING:
    from catalog.backup import Copied

_DONE_BUT_FOR_SOME = 3


def check(
    remixes: Annotated[bool, typer.Option("--remixes", help="Look at the remixes too.")] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Remove files that are changed where a command makes them again.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every file that the catalog names, and say what is missing or not what was written."""
    doing("reading every file that the catalog names")
    from flows.check import check, page

    found = check(open_catalog(home), remixes=remixes, mend=mend)
    print_json(found) if as_json else show_page(page(found))
    raise typer.Exit(_DONE_BUT_FOR_SOME if found["problems"] else 0)


def backup(
    target: Annotated[Path, typer.Argument(help="Folder for the copy: a new one, or that of an earlier backup.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the data folder to another folder, while runs go on; what is there already is not copied again."""
    doing(f"copying the data folder to {target}")
    from catalog.backup import back_up

    copied = back_up(open_catalog(home), target)
    _tell(str(target), copied, as_json=as_json)


def restore(
    backup: Annotated[Path, typer.Argument(help="Folder that `varemix backup` wrote; only read.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a backup into a data folder that is new or empty."""
    doing(f"copying {backup}")
    from catalog.backup import restore
    from catalog.files import Home

    place = Home.chosen(home).root
    _tell(str(place), restore(backup, place), as_json=as_json)


def _tell(where: str, copied: "Copied", *, as_json: bool) -> None:
    if as_json:
        print_json({"folder": where, **vars(copied)})
    else:
        say(
            f"{where}: {copied.num_files} files copied, {copied.num_bytes / 1e6:.1f} MB; "
            f"{copied.num_standing} stood already. `varemix check --home {where}` reads them all."
        )
        say(*(f"{place}: a row names it, but it is not there" for place in copied.missing))
    raise typer.Exit(_DONE_BUT_FOR_SOME if copied.missing else 0)
