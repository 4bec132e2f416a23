"""Lists of sounds without pictures: clips to learn from, each a whole file or a part of one.

Belongs here: reading and checking lists of sounds, and the rule that keeps splits apart. Stays out: the files that
they name.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.csv_lists import (
    SPLITS,
    SYNONYMS,
    UNSTATED,
    checked_choice,
    checked_label,
    checked_text,
    csv_rows,
    each_once,
    licence_of,
    place_of,
    read_text,
)
from catalog.errors import SourceListError

Kind = Literal["phrase", "notes", "synth", "ensemble"]
KINDS: tuple[Kind, ...] = ("phrase", "notes", "synth", "ensemble")
"""Played phrases; single notes; phrases that a sound font plays; stems that sound together, those of one piece."""

UNNAMED = "x_"
"""What the label of a sound begins with that has no name: it is heard, and is never what is asked for."""

_REQUIRED = ("file", "label", "kind", "group", "split")
_OPTIONAL = ("piece", "pitch", "start", "length", "licence")
_HIGHEST_PITCH_HZ = 24_000.0


@dataclass(frozen=True, kw_only=True)
class SourceSound:
    """A clip that a list names.

    `file` is what the list says, `place` where it lies: an absolute path, or an address of the web. `first_sample` and
    `num_samples` count at the file's own rate; None means to its end. `group` is who plays: a player, a repository,
    a sound font. `piece` tells which clips of the kind ensemble sound together.
    """

    file: str
    place: str
    label: str
    kind: Kind
    group: str
    split: str
    piece: str | None = None
    pitch_hz: float | None = None
    first_sample: int = 0
    num_samples: int | None = None
    licence: str = UNSTATED
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class SoundFile:
    """A file and the clips that lie in it, in their order there."""

    place: str
    clips: tuple[SourceSound, ...]


def read_sound_list(path: Path) -> list[SourceSound]:
    """The clips that a list names, each once, in its order.

    It is a CSV file with the columns file, label, kind, group, split and perhaps piece, pitch (Hz; 0 or nothing where
    it is not known), start and length (samples at the file's own rate) and licence; see `csv_lists.SYNONYMS` for other
    names of theirs. Other columns are ignored. Raises SourceListError, with the line, for a list that cannot be read,
    names no sound, holds a cell that cannot be, or has a group of a label in two splits.
    """
    rows = csv_rows(path, read_text(path), _REQUIRED, _OPTIONAL, SYNONYMS)
    told = ((where, _sound(path, where, cells)) for where, cells in rows)
    found = each_once(told, key=lambda sound: (sound.place, sound.first_sample, sound.num_samples))
    if not found:
        raise SourceListError(f"The list {str(path)!r} names no sound; expected at least one.")
    check_splits(found)
    return [sound for _, sound in found]


def check_splits(sounds: Iterable[tuple[str, SourceSound]]) -> None:
    """Raise SourceListError where what is learnt from and what is tested on would be the same player or piece.

    Each sound comes with where it stands. Who plays phrases or notes of a label stands in one split with all of them;
    so does a sound font with its phrases of a label. Stems are told apart by their piece: a font may play others.
    """
    first: dict[tuple[str, ...], tuple[str, SourceSound]] = {}
    for where, sound in sounds:
        unit = unit_of(sound)
        earlier_where, earlier = first.setdefault(unit, (where, sound))
        if earlier.split != sound.split:
            what = f"the piece {unit[1]!r}" if unit[0] == "piece" else f"{unit[2]!r} as {unit[1]} ({unit[0]})"
            raise SourceListError(
                f"{where}: {what} is in {sound.split}, but in {earlier.split} at {earlier_where}. What is learnt from "
                "must not be tested on: give it one split, or name the group more exactly where it is not one player."
            )


def unit_of(sound: SourceSound) -> tuple[str, ...]:
    """What a sound cannot leave when splits are made: kind, label and group, or its piece."""
    if sound.kind == "ensemble":
        return ("piece", sound.piece or "")
    return ("font" if sound.kind == "synth" else "real", sound.label, sound.group)


def by_file(sounds: Iterable[SourceSound]) -> list[SoundFile]:
    """The files that lists name, in their order, with what lies in each; so each is read once, from front to back."""
    files: dict[str, list[SourceSound]] = {}
    for sound in sounds:
        files.setdefault(sound.place, []).append(sound)
    return [
        SoundFile(place=place, clips=tuple(sorted(clips, key=lambda clip: clip.first_sample)))
        for place, clips in files.items()
    ]


def _sound(path: Path, where: str, cells: dict[str, str]) -> SourceSound:
    kind = checked_choice(cells["kind"].lower(), KINDS, where, "kind")
    if kind == "ensemble" and not cells["piece"]:
        raise SourceListError(f"{where}: kind ensemble needs a piece, which tells what sounds together. Name it.")
    return SourceSound(
        file=cells["file"],
        place=place_of(path, cells["file"], where),
        label=checked_label(cells["label"], where),
        kind=next(known for known in KINDS if known == kind),
        group=checked_text(cells["group"], where, "group"),
        split=checked_choice(cells["split"].lower(), SPLITS, where, "split"),
        piece=checked_text(cells["piece"], where, "piece") if cells["piece"] else None,
        pitch_hz=_pitch_hz(cells["pitch"], where),
        first_sample=_count(cells["start"], where, "start", least=0) or 0,
        num_samples=_count(cells["length"], where, "length", least=1),
        licence=licence_of(cells["licence"], where),
        source=path.name,
    )


def _count(text: str, where: str, what: str, least: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and least <= int(text) < 2**53):
        raise SourceListError(
            f"{where}: the {what} is {text[:80]!r}; expected a whole number of samples from {least} on, or nothing."
        )
    return int(text)


def _pitch_hz(text: str, where: str) -> float | None:
    try:
        pitch_hz = float(text or 0)
    except ValueError:
        pitch_hz = math.nan
    if not 0 <= pitch_hz <= _HIGHEST_PITCH_HZ:
        raise SourceListError(
            f"{where}: the pitch is {text[:80]!r}; expected 0 to {_HIGHEST_PITCH_HZ:g} Hz, 0 or nothing if not known."
        )
    return pitch_hz or None
