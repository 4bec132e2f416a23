"""Still pictures to ask with: out of a folder sorted by instrument, or single frames of the clips themselves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from PIL.Image import Image

from catalog.ids import file_digest
from varemix.errors import EvaluationError
from varemix.evaluation.mixtures import Mixture
from varemix.media.clips import Clip, Stretch, decoded_frames
from varemix.media.pictures import read_picture

Still = Path | Stretch
_T = TypeVar("_T")


class Shown(NamedTuple):
    """A still and the instrument that it shows."""

    instrument: str
    still: Still


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


def draw_stills(
    mixture: Mixture, stills: Mapping[str, Sequence[Still]], draw: np.random.Generator
) -> tuple[Still, ...]:
    """Return a still for each source of the mixture, where there is a choice not of the clip that is heard."""
    return tuple(_drawn(choice, draw) for choice in _choices(mixture, stills))


def draw_further_stills(
    mixture: Mixture,
    stills: Mapping[str, Sequence[Still]],
    first: Sequence[Still],
    count: int,
    draw: np.random.Generator,
) -> tuple[tuple[Still, ...], ...]:
    """Return for each source its first still and up to `count` others, all different; fewer where there are fewer."""
    drawn = []
    for choice, own in zip(_choices(mixture, stills), first, strict=True):
        others = [still for still in choice if still != own]
        order = draw.permutation(len(others))[:count]
        drawn.append((own, *(others[place] for place in order)))
    return tuple(drawn)


def draw_wrong_stills(
    mixture: Mixture, stills: Mapping[str, Sequence[Still]], draw: np.random.Generator
) -> tuple[Shown, ...]:
    """Return for each source a still of an instrument that is not in the mix; where there is none, of another in it."""
    absent = sorted(set(stills) - set(mixture.instruments))
    following = (*mixture.instruments[1:], mixture.instruments[0])
    names = [_drawn(absent, draw) if absent else other for other in following]
    return tuple(Shown(name, _drawn(stills[name], draw)) for name in names)


def read_still(still: Still) -> Image:
    """Return the picture."""
    return read_picture(still) if isinstance(still, Path) else decoded_frames(still.clip, still.frames)[0]


def still_name(still: Still) -> str:
    """Return a name that tells the picture from others: what a file holds, or which frame it is."""
    return file_digest(still) if isinstance(still, Path) else f"{still.clip.clip_id}:{still.frames[0]}"


def _choices(mixture: Mixture, stills: Mapping[str, Sequence[Still]]) -> list[Sequence[Still]]:
    """Return for each source the stills that may ask for it."""
    choices = []
    for source, name in zip(mixture.sources, mixture.instruments, strict=True):
        if name not in stills:
            raise EvaluationError(f"There is no still picture of '{name}'; add one, or take frames of the clips.")
        others = [still for still in stills[name] if not (isinstance(still, Stretch) and still.clip == source.clip)]
        choices.append(others or stills[name])
    return choices


def _drawn(choices: Sequence[_T], draw: np.random.Generator) -> _T:
    return choices[int(draw.integers(len(choices)))]
