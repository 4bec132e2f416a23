"""Still pictures to ask with: out of a folder sorted by instrument, or single frames of the clips themselves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL.Image import Image

from catalog.ids import file_digest
from varemix.errors import EvaluationError
from varemix.evaluation.pairs import Pair
from varemix.media.clips import Clip, Stretch, decoded_frames
from varemix.media.pictures import read_picture

Still = Path | Stretch
_T = TypeVar("_T")
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def folder_stills(folder: Path) -> dict[str, list[Still]]:
    """Return the pictures of a folder by instrument: `violin/any.jpg`, or `violin_1.jpg` at its top.

    Raises EvaluationError when it holds none.
    """
    stills: dict[str, list[Still]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            name = path.stem.rpartition("_")[0] if path.parent == folder else path.parent.name
            stills.setdefault(name, []).append(path)
    if not stills:
        raise EvaluationError(
            f"'{folder}' holds no pictures; files such as violin/1.jpg or violin_1.jpg were expected. "
            "Give another folder, or none to take frames of the clips."
        )
    return stills


def clip_stills(clips: Sequence[Clip]) -> dict[str, list[Still]]:
    """Return the middle frame of every clip, by instrument."""
    stills: dict[str, list[Still]] = {}
    for clip in clips:
        frame = Stretch(clip=clip, first_sample=0, volume=1.0, frames=(clip.num_frames // 2,))
        stills.setdefault(clip.instrument, []).append(frame)
    return stills


def draw_stills(pair: Pair, stills: Mapping[str, Sequence[Still]], draw: np.random.Generator) -> tuple[Still, ...]:
    """Return a still for each source of the pair, where there is a choice not of the clip that is heard."""
    drawn = []
    for source, name in zip(pair.sources, pair.instruments, strict=True):
        if name not in stills:
            raise EvaluationError(f"There is no still picture of '{name}'; add one, or take frames of the clips.")
        others = [still for still in stills[name] if not (isinstance(still, Stretch) and still.clip == source.clip)]
        choice = others or stills[name]
        drawn.append(_drawn(choice, draw))
    return tuple(drawn)


def draw_wrong_stills(
    pair: Pair, stills: Mapping[str, Sequence[Still]], draw: np.random.Generator
) -> tuple[Still, ...]:
    """Return for each source a still of an instrument that is not in the mix; where there is none, of the other one."""
    absent = sorted(set(stills) - set(pair.instruments))
    names = [_drawn(absent, draw) if absent else other for other in reversed(pair.instruments)]
    return tuple(_drawn(stills[name], draw) for name in names)


def read_still(still: Still) -> Image:
    """Return the picture."""
    return read_picture(still) if isinstance(still, Path) else decoded_frames(still.clip, still.frames)[0]


def still_name(still: Still) -> str:
    """Return a name that tells the picture from others: what a file holds, or which frame it is."""
    return file_digest(still) if isinstance(still, Path) else f"{still.clip.clip_id}:{still.frames[0]}"


def _drawn(choices: Sequence[_T], draw: np.random.Generator) -> _T:
    return choices[int(draw.integers(len(choices)))]
