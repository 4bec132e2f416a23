"""Sounds without pictures: a folder of them, in packs or as single files, and the lists that say what each is.

A folder holds `packs/index.csv`, whose sounds lie end to end in few files, or `sounds.csv`, whose files lie below
`sounds`, or both. Columns of the first: file, start and length (samples at 48 kHz), label, kind, group, split, piece,
pitch (Hz, 0 for unknown); of the second: file, class, kind, seconds, group, split. Further columns are left alone.

A group is a player, a repository or a font. Sounds of one piece share a time line. A label that begins with `x_` names
no instrument: such a sound is only an example of what an instrument does not sound like.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

import numpy as np

from varemix.errors import MediaError

Kind = Literal["notes", "phrase", "synth", "ensemble"]
SoundSplit = Literal["train", "val", "test"]

_LIST_RATE_HZ = 48_000
_PACKS = ("packs/index.csv", "packs", ("file", "start", "length", "label", "kind", "group", "split", "piece", "pitch"))
_FILES = ("sounds.csv", "sounds", ("file", "class", "kind", "seconds", "group", "split"))


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A stretch of a file in which one instrument sounds, or several of one kind; 0 Hz stands for no known pitch."""

    path: Path
    first_s: float
    duration_s: float
    label: str
    kind: Kind
    group: str
    split: SoundSplit
    piece: str = ""
    pitch_hz: float = 0.0

    @property
    def names_instrument(self) -> bool:
        """Whether the label is the name of an instrument."""
        return not self.label.startswith("x_")

    @property
    def sound_id(self) -> str:
        """What tells it from other sounds of its folder: the file's name and where it begins in it."""
        return f"{self.path.parent.name}/{self.path.name}@{self.first_s:.6f}"


def listed_sounds(folder: Path) -> list[Sound]:
    """Return the sounds that the lists of a folder name, in their order.

    Raises MediaError for a folder without a list, and with file and line for what is not as described above, or for a
    file that is not there.
    """
    lists = [(folder / name, folder / place, columns) for name, place, columns in (_PACKS, _FILES)]
    found = [sound for path, place, columns in lists if path.is_file() for sound in _listed(path, place, columns)]
    if not found:
        raise MediaError(
            f"'{folder}' names no sounds; it needs {_PACKS[0]} or {_FILES[0]}. Choose the folder that holds the list."
        )
    return found


def read_sound(sound: Sound, *, after_s: float = 0.0, num_samples: int, rate_hz: int) -> np.ndarray:
    """Return mono samples [S] in float32 from `after_s` of the sound on; what is too short is repeated.

    Raises MediaError for a file that cannot be read or is shorter than its list says.
    """
    from varemix.media.audio import AudioReader, mono, resample

    assert 0 <= after_s < sound.duration_s
    with AudioReader(sound.path) as reader:
        own_hz = reader.info.rate_hz
        first, last = (round(moment_s * own_hz) for moment_s in (sound.first_s + after_s, _end_s(sound)))
        wanted = min(last - first, -(-num_samples * own_hz // rate_hz))
        samples = reader.read(first, wanted)
    if not samples.shape[1]:
        raise MediaError(
            f"'{sound.path.name}' ends before {sound.first_s + after_s:.2f} s, where its list says that "
            f"{sound.label} sounds. Copy the folder again."
        )
    return np.resize(resample(mono(samples), own_hz, rate_hz), num_samples).astype(np.float32)


def _end_s(sound: Sound) -> float:
    return sound.first_s + sound.duration_s


def _listed(path: Path, place: Path, columns: tuple[str, ...]) -> Iterator[Sound]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = [name for name in columns if name not in (rows.fieldnames or ())]
        if missing:
            raise MediaError(f"'{path}' lacks the column {', '.join(missing)}; expected {', '.join(columns)}.")
        for row in rows:
            try:
                yield _sound(row, place)
            except ValueError as error:
                raise MediaError(f"'{path}', line {rows.line_num}: {error}.") from error


def _sound(row: Mapping[str, str | None], place: Path) -> Sound:
    """Return what a row tells. Raises ValueError, in words, for what it cannot tell."""
    if None in row.values():
        raise ValueError("the row has fewer cells than the header")
    cells = {name: str(cell) for name, cell in row.items()}
    is_packed = "start" in cells
    duration_s = _number(cells, "length") / _LIST_RATE_HZ if is_packed else _number(cells, "seconds")
    if duration_s <= 0:
        raise ValueError(f"the sound is {duration_s:g} s long; more than 0 s are expected")
    return Sound(
        path=_below(place, cells["file"]),
        first_s=_number(cells, "start") / _LIST_RATE_HZ if is_packed else 0.0,
        duration_s=duration_s,
        label=cells["label" if is_packed else "class"],
        kind=_one_of(cells, "kind", get_args(Kind)),
        group=cells["group"],
        split=_one_of(cells, "split", get_args(SoundSplit)),
        piece=cells.get("piece", ""),
        pitch_hz=_number(cells, "pitch") if cells.get("pitch") else 0.0,
    )


def _number(cells: Mapping[str, str], column: str) -> float:
    try:
        number = float(cells[column])
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"{column} is '{cells[column]}'; a number from 0 on is expected")
    return number


def _one_of(cells: Mapping[str, str], column: str, choices: tuple[str, ...]) -> Any:
    if cells[column] not in choices:
        raise ValueError(f"{column} is '{cells[column]}'; expected one of {', '.join(choices)}")
    return cells[column]


def _below(place: Path, name: str) -> Path:
    """Return a file below a folder, and nowhere else."""
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError(f"the file '{name}' lies outside '{place.name}'")
    if not (place / name).is_file():
        raise ValueError(f"the file '{name}' is not in '{place}'")
    return place / name
