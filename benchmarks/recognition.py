"""How well pictures are told apart that no head was fitted to: `make bench-pictures PHOTOS=... STRANGERS=...`.

PHOTOS has a folder for each instrument that the checkpoint knows; of an instrument photographed by several owners, a
quarter of the owners is left out, else a quarter of the photographs (see `varemix.training.heads.owners`). STRANGERS
has a folder for each kind of thing that is none of the instruments; a third of the kinds is left out. A head is fitted
to the rest of both, and shown what was left out, and STILLS where they are given.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.rounds import say
from varemix.errors import VaremixError
from varemix.media.pictures import read_picture
from varemix.model.checkpoint import load_checkpoint
from varemix.model.recognition import Resemblance, resemblances
from varemix.model.separator import Separator
from varemix.training.heads import HeadSettings, fit_head, owners
from varemix.weights import shipped_checkpoint

_LEFT_OUT_OWNERS, _LEFT_OUT_KINDS = 1 / 4, 1 / 3
_PICTURES_AT_ONCE = 16
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
Folders = dict[str, list[Path]]


def main(arguments: Sequence[str]) -> None:
    """Fit a head to a part of the pictures and print how it does on the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=shipped_checkpoint())
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--strangers", type=Path, required=True)
    parser.add_argument("--stills", type=Path)
    given = parser.parse_args(arguments)
    separator = load_checkpoint(given.checkpoint)
    photos, hidden = without_some_owners(by_folder(given.photos, separator.instruments))
    kinds, hidden_kinds = without_some_kinds(by_folder(given.strangers))
    fitted = fit_head(separator, photos, [path for paths in kinds.values() for path in paths], HeadSettings())
    shown = {"hidden photographs": hidden}
    if given.stills:
        shown["stills"] = by_folder(given.stills, separator.instruments)
    for title, folders in shown.items():
        say(f"{title}: {told_of_instruments(looks_by_folder(fitted, folders))}")
    for kind, looks in looks_by_folder(fitted, hidden_kinds).items():
        say(f"strangers, {kind}: {sum(not look.is_known for look in looks)} of {len(looks)} refused")


def by_folder(root: Path, names: Sequence[str] | None = None) -> Folders:
    """Return the pictures of each subfolder, of those that are named where names are given."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and (names is None or path.name in names))
    return {folder.name: [path for path in sorted(folder.iterdir()) if path.suffix in _SUFFIXES] for folder in folders}


def without_some_owners(photos: Mapping[str, Sequence[Path]]) -> tuple[Folders, Folders]:
    """Return photographs to fit to, and those of owners left out; where that leaves none out, single ones."""
    kept: Folders = {}
    hidden: Folders = {}
    for name, paths in photos.items():
        whose = dict(zip(paths, owners(paths), strict=True))
        out = [path for path in paths if _place(whose[path]) < _LEFT_OUT_OWNERS]
        kept[name] = [path for path in paths if path not in out]
        hidden[name] = out
    return kept, hidden


def without_some_kinds(strangers: Folders) -> tuple[Folders, Folders]:
    """Return strangers to fit to, and those of kinds left out."""
    kinds = sorted(strangers, key=_place)
    num_hidden = round(len(kinds) * _LEFT_OUT_KINDS)
    kept, hidden = kinds[num_hidden:], kinds[:num_hidden]
    return {kind: strangers[kind] for kind in kept}, {kind: strangers[kind] for kind in hidden}


def looks_by_folder(separator: Separator, folders: Folders) -> dict[str, list[Resemblance]]:
    """Return what each picture of each folder is like."""
    return {name: list(_looks(separator, paths)) for name, paths in folders.items()}


def told_of_instruments(looks: Mapping[str, Sequence[Resemblance]]) -> str:
    """Return how many pictures are most like what they show, and how many of those are refused."""
    right = [look for name, group in looks.items() for look in group if look.nearest[0].name == name]
    total = sum(map(len, looks.values()))
    refused = sum(not look.is_known for look in right)
    return f"{len(right)} of {total} nearest their own ({len(right) / total:.1%}); of these {refused} refused"


def _looks(separator: Separator, paths: Sequence[Path]) -> Iterator[Resemblance]:
    for first in range(0, len(paths), _PICTURES_AT_ONCE):
        yield from resemblances(separator, [read_picture(path) for path in paths[first : first + _PICTURES_AT_ONCE]])


def _place(name: str) -> float:
    """Return where in 0..1 a name falls, the same on every machine."""
    return int(sha256(name.encode()).hexdigest()[:8], 16) / 2**32


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except VaremixError as error:
        sys.exit(str(error))
