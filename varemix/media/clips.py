"""Solo clips on disk, and stretches of them: what examples and evaluations are mixed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A solo recording and its pictures: mono WAV at 44.1 kHz, frames in one Parquet file."""

    clip_id: str
    instrument: str
    wav_path: Path
    frames_path: Path
    num_samples: int
    num_frames: int
    frame_rate_hz: float


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a clip at a volume, and the frames shown for it."""

    clip: Clip
    first_sample: int
    volume: float
    frames: tuple[int, ...]


def read_stretch(stretch: Stretch, num_samples: int) -> np.ndarray:
    """Return the samples [S] in float32, the volume applied; a clip that is too short is repeated."""
    from varemix.media.audio import AudioReader

    with AudioReader(stretch.clip.wav_path) as reader:
        samples = reader.read(stretch.first_sample, num_samples)[0]
    return (stretch.volume * np.resize(samples, num_samples)).astype(np.float32)


def decoded_frames(clip: Clip, frames: Sequence[int]) -> list["Image"]:
    """Return those frames of the clip as RGB pictures."""
    from PIL import Image

    from varemix.media.video import read_frames

    return [Image.open(BytesIO(jpeg)).convert("RGB") for jpeg in read_frames(clip.frames_path, frames)]


def frames_around(clip: Clip, middle_s: float, *, count: int, stride: int) -> tuple[int, ...]:
    """Return `count` frames around a moment, `stride` frames apart, held within the clip."""
    centre = round(middle_s * clip.frame_rate_hz)
    wanted = (centre + (i - count // 2) * stride for i in range(count))
    return tuple(min(max(frame, 0), clip.num_frames - 1) for frame in wanted)


def draw_distinct(clips: Sequence[Clip], count: int, draw: np.random.Generator) -> list[Clip]:
    """Return `count` clips, no two of the same instrument, each drawn evenly from those still possible."""
    chosen: list[Clip] = []
    for _ in range(count):
        taken = {clip.instrument for clip in chosen}
        possible = [clip for clip in clips if clip.instrument not in taken]
        chosen.append(possible[draw.integers(len(possible))])
    return chosen
