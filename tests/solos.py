"""Synthetic solo clips: a sound and a look for each instrument, none like another's.

Written as training finds them: the sound as mono WAV at 44.1 kHz with 16 bits, the frames as JPEG in one Parquet file.
Each note and each frame differs, but all follow from the clip's number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from varemix.media.audio import AudioInfo, AudioWriter
from varemix.media.clips import Clip

RATE_HZ = 44_100
DURATION_S = 7.0
FRAME_RATE_HZ = 0.5  # few frames, for the vision network takes longest
_NOTE_S = 0.35
_PICTURE_SIZE = (320, 256)


@dataclass(frozen=True, kw_only=True)
class Solos:
    """Clips of two splits."""

    train: list[Clip]
    val: list[Clip]

    def of(self, *instruments: str) -> "Solos":
        """Return the clips of these instruments only."""
        return Solos(
            train=[clip for clip in self.train if clip.instrument in instruments],
            val=[clip for clip in self.val if clip.instrument in instruments],
        )


def make_solos(folder: Path, instruments: tuple[str, ...]) -> Solos:
    """Write two training clips and one validation clip of each instrument."""
    clips = {
        split: [
            make_clip(folder, name, number=INSTRUMENTS.index(name) * 10 + number)
            for name in instruments
            for number in numbers
        ]
        for split, numbers in (("train", (0, 1)), ("val", (2,)))
    }
    return Solos(**clips)


def make_clip(
    folder: Path,
    instrument: str,
    *,
    number: int,
    duration_s: float = DURATION_S,
    num_frames: int | None = None,
) -> Clip:
    """Write one clip, all of which follows from instrument and number."""
    clip_id = f"{instrument}-{number}"
    draw = np.random.default_rng(number)
    samples = 0.7 * _solo(instrument, round(duration_s * RATE_HZ), draw)
    wav_path, frames_path = folder / f"{clip_id}.wav", folder / f"{clip_id}.parquet"
    write_wav(wav_path, samples)
    num_frames = num_frames or 1 + int(duration_s * FRAME_RATE_HZ)
    write_frames(frames_path, [_picture(instrument, shift=5 * i + number) for i in range(num_frames)])
    return Clip(
        clip_id=clip_id,
        instrument=instrument,
        wav_path=wav_path,
        frames_path=frames_path,
        num_samples=len(samples),
        num_frames=num_frames,
        frame_rate_hz=FRAME_RATE_HZ,
    )


def write_wav(path: Path, samples: np.ndarray) -> None:
    """Write samples [S] as mono WAV of 16 bits at 44.1 kHz."""
    info = AudioInfo(container="WAV", subtype="PCM_16", rate_hz=RATE_HZ, num_channels=1, num_samples=len(samples))
    with AudioWriter(path, info) as writer:
        writer.write(samples[None])


def write_frames(path: Path, pictures: list[Image.Image]) -> None:
    """Write pictures as `varemix.media.video.extract_frames` writes the frames of a video."""
    width, height = pictures[0].size
    schema = pa.schema(
        {"frame_index": pa.int32(), "time_s": pa.float64(), "jpeg": pa.binary()},
        metadata={"frame_rate_hz": str(FRAME_RATE_HZ), "width": str(width), "height": str(height)},
    )
    indices = range(len(pictures))
    columns = {
        "frame_index": list(indices),
        "time_s": [index / FRAME_RATE_HZ for index in indices],
        "jpeg": [_jpeg(picture) for picture in pictures],
    }
    pq.write_table(pa.Table.from_pydict(columns, schema=schema), path, compression="none")


def _solo(instrument: str, num_samples: int, draw: np.random.Generator) -> np.ndarray:
    """Return notes of the instrument [S], each up to full scale, one after the other."""
    note_samples = round(_NOTE_S * RATE_HZ)
    t = np.arange(note_samples) / RATE_HZ
    attack = np.minimum(1, np.minimum(t, _NOTE_S - t) / 0.02)
    notes = [attack * _SOUNDS[instrument](t, draw) for _ in range(-(-num_samples // note_samples))]
    return np.concatenate([note / np.abs(note).max() for note in notes])[:num_samples]


def _partials(t: np.ndarray, pitch_hz: float, count: int) -> np.ndarray:
    return sum(np.sin(2 * np.pi * pitch_hz * n * t) / n for n in range(1, count + 1))


def _flute(t: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Two partials between 1.5 and 4.5 kHz."""
    return _partials(t, draw.uniform(1500, 2250), 2)


def _tuba(t: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Eight partials between 60 and 960 Hz."""
    return _partials(t, draw.uniform(60, 120), 8)


def _violin(t: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Many partials from 300 Hz to 10 kHz, with vibrato."""
    return _partials(t + 2e-4 * np.sin(2 * np.pi * 6 * t), draw.uniform(300, 500), 20)


def _xylophone(t: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Short bursts of noise that grows with frequency."""
    return np.diff(draw.standard_normal(len(t) + 1)) * np.exp(-t / 0.04)


_SOUNDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "flute": _flute,
    "tuba": _tuba,
    "violin": _violin,
    "xylophone": _xylophone,
}
INSTRUMENTS = tuple(_SOUNDS)
_COLOURS = {"flute": "silver", "tuba": "gold", "violin": "saddlebrown", "xylophone": "crimson"}
_BACKGROUNDS = {"flute": "navy", "tuba": "darkgreen", "violin": "white", "xylophone": "black"}


def _picture(instrument: str, *, shift: int) -> Image.Image:
    """Return a drawing of the instrument, `shift` pixels away from its place."""
    picture = Image.new("RGB", _PICTURE_SIZE, _BACKGROUNDS[instrument])
    draw = ImageDraw.Draw(picture)
    colour, left = _COLOURS[instrument], 60 + shift
    if instrument == "flute":
        draw.rectangle((left, 120, left + 180, 130), fill=colour)
    elif instrument == "tuba":
        draw.ellipse((left, 40, left + 170, 210), fill=colour)
        draw.ellipse((left + 40, 80, left + 130, 170), fill=_BACKGROUNDS[instrument])
    elif instrument == "violin":
        draw.ellipse((left, 90, left + 80, 170), fill=colour)
        draw.ellipse((left + 60, 100, left + 120, 160), fill=colour)
        draw.rectangle((left + 120, 125, left + 200, 135), fill="black")
    else:
        for bar in range(8):
            draw.rectangle((left + 22 * bar, 60 + 6 * bar, left + 22 * bar + 14, 200 - 6 * bar), fill=colour)
    return picture


def _jpeg(picture: Image.Image) -> bytes:
    content = BytesIO()
    picture.save(content, "JPEG", quality=90)
    return content.getvalue()
