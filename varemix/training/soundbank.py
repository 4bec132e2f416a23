"""All that is learnt from, end to end as 16-bit samples on the device, so that nothing is read while it learns.

A bank is laid down once, into a file in the run's folder that serves again when the run goes on. A GPU holds it whole,
5.3 MB a minute; beside a processor it stays in the file, mapped into memory.
"""

import wave
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from varemix.errors import MediaError
from varemix.media.clips import Clip
from varemix.media.sounds import Sound
from varemix.signal.grid import RATE_HZ
from varemix.training.tunes import TUNE_S, planned_tunes, tune

VIDEO, TUNE = "video", "tune"
"""The kinds of recordings that no list of sounds tells: what is heard in videos, and tunes made of single notes."""

_FULL_SCALE = 32_768
_FRACTION_BITS = 24


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A stretch of the bank in which one label sounds; `clip` is the video that it belongs to, where there is one."""

    recording_id: str
    label: str
    kind: str
    group: str
    split: str
    num_samples: int
    first_sample: int = 0
    piece: str = ""
    clip: Clip | None = None

    @property
    def names_instrument(self) -> bool:
        """Whether the label is the name of an instrument."""
        return not self.label.startswith("x_")

    @property
    def duration_s(self) -> float:
        """How long it sounds."""
        return self.num_samples / RATE_HZ


@dataclass(frozen=True, kw_only=True)
class Voices:
    """V stretches of recordings: each begins `offset` samples (a fraction counts) after `first` and goes on at `speed`.

    After `limit` samples a recording begins anew. All are tensors [V], numbers of the device that they are read on.
    """

    first: Tensor
    limit: Tensor
    offset: Tensor
    speed: Tensor

    def to(self, device: torch.device) -> "Voices":
        """Return them on a device."""
        first, limit, offset, speed = (
            part.to(device, non_blocking=True) for part in (self.first, self.limit, self.offset, self.speed)
        )
        return Voices(first=first, limit=limit, offset=offset, speed=speed)


class SoundBank:
    """Recordings that lie one after the other in 16-bit samples [S] at 44.1 kHz."""

    def __init__(self, recordings: Sequence[Recording], samples: Tensor) -> None:
        self.recordings, self._samples = recordings, samples

    @classmethod
    def open(cls, recordings: Sequence[Recording], path: Path, device: torch.device) -> "SoundBank":
        """Return the bank of recordings that lies in a file."""
        mapped = np.load(path, mmap_mode="c")  # never written to, but torch asks that it could be
        samples = torch.from_numpy(mapped)
        return cls(recordings, samples if device.type == "cpu" else samples.to(device))

    def read(self, voices: Voices, num_samples: int) -> Tensor:
        """Return what voices on the bank's device sound like, samples [V, S] in -1..1, between samples on a line."""
        steps = torch.arange(num_samples, device=self._samples.device)
        one = 1 << _FRACTION_BITS  # in whole numbers: a fraction of a sample is exact however far on it lies
        place = (voices.offset * one).long()[:, None] + (voices.speed * one).long()[:, None] * steps
        below = (place >> _FRACTION_BITS).remainder_(voices.limit[:, None])
        above = torch.where(below + 1 < voices.limit[:, None], below + 1, 0)
        fraction = (place & (one - 1)).float().mul_(1 / one)
        first = voices.first[:, None]
        left, right = (self._samples[first.add(part)].float() for part in (below, above))
        return left.lerp_(right, fraction).mul_(1 / _FULL_SCALE)


def lay_down(
    path: Path,
    clips: Mapping[str, Sequence[Clip]],
    sounds: Sequence[Sound],
    *,
    chord_shares: Mapping[str, float] | None = None,
    seed: int = 0,
) -> None:
    """Write the bank of clips by split and of sounds, single notes put together into tunes by the seed.

    Raises MediaError for a file that cannot be read.
    """
    last = recordings_of(clips, sounds)[-1]
    with laid_down(path, last.first_sample + last.num_samples) as bank:
        end = 0
        for part in _samples(clips, sounds, chord_shares or {}, seed):
            bank[end : end + len(part)] = part
            end += len(part)


@contextmanager
def laid_down(path: Path, num_samples: int) -> Iterator[np.ndarray]:
    """Give the samples [S] of a bank to be filled; the file is there once the block has ended."""
    temporary = path.with_name(f".{path.name}.new")
    bank = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.int16, shape=(num_samples,))
    yield bank
    bank.flush()
    temporary.replace(path)


def recordings_of(clips: Mapping[str, Sequence[Clip]], sounds: Sequence[Sound]) -> list[Recording]:
    """Return the recordings that a bank of clips and sounds holds, in their order there; nothing is read."""
    end, placed = 0, []
    for recording in _recordings(clips, sounds):
        placed.append(replace(recording, first_sample=end))
        end += recording.num_samples
    return placed


def mapped_samples(path: Path) -> np.ndarray:
    """Return the 16-bit samples [S] of a mono WAV file as preparation writes it, mapped. MediaError for another."""
    try:
        with path.open("rb") as file, wave.open(file) as header:
            layout = (header.getnchannels(), header.getsampwidth())
            first_byte, num_samples = file.tell(), header.getnframes()
        if layout != (1, 2) or num_samples == 0:
            raise MediaError(f"'{path}' is no mono WAV file with 16 bits and sound in it. Refresh the catalog.")
        return np.memmap(path, dtype="<i2", mode="r", offset=first_byte, shape=(num_samples,))
    except (OSError, EOFError, ValueError, wave.Error) as error:  # a file that was cut short is a ValueError
        raise MediaError(f"'{path}' cannot be read ({error}). Refresh the catalog.") from error


def _recordings(clips: Mapping[str, Sequence[Clip]], sounds: Sequence[Sound]) -> Iterator[Recording]:
    for split, members in clips.items():
        for clip in members:
            yield Recording(
                recording_id=clip.clip_id,
                label=clip.instrument,
                kind=VIDEO,
                group=clip.clip_id,
                split=split,
                num_samples=clip.num_samples,
                clip=clip,
            )
    for sound in _whole(sounds):
        yield Recording(
            recording_id=sound.sound_id,
            label=sound.label,
            kind=sound.kind,
            group=sound.group,
            split=sound.split,
            piece=sound.piece,
            num_samples=round(sound.duration_s * RATE_HZ),
        )
    for number, plan in enumerate(planned_tunes(_notes(sounds))):
        yield Recording(
            recording_id=f"{plan.label}/{plan.group}#{number} of {len(plan.notes)}",
            label=plan.label,
            kind=TUNE,
            group=plan.group,
            split="train",
            num_samples=round(TUNE_S * RATE_HZ),
        )


def _samples(
    clips: Mapping[str, Sequence[Clip]], sounds: Sequence[Sound], chord_shares: Mapping[str, float], seed: int
) -> Iterator[np.ndarray]:
    """Yield the samples of each recording, 16 bits [S], in the order of `_recordings`."""
    files: dict[Path, np.ndarray] = {}

    def part(path: Path, first: int, num_samples: int) -> np.ndarray:
        if path not in files:
            files[path] = mapped_samples(path)
        found = files[path][first : first + num_samples]
        if not len(found):
            raise MediaError(f"'{path}' ends before sample {first}, where a recording begins. Refresh the catalog.")
        return np.resize(found, num_samples)

    def of_sound(sound: Sound) -> np.ndarray:
        return part(sound.path, round(sound.first_s * RATE_HZ), round(sound.duration_s * RATE_HZ))

    for members in clips.values():
        for clip in members:
            yield part(clip.wav_path, 0, clip.num_samples)
    for sound in _whole(sounds):
        yield of_sound(sound)
    for number, plan in enumerate(planned_tunes(_notes(sounds))):
        notes = [(of_sound(note), note.pitch_hz) for note in plan.notes]
        yield tune(notes, chord_shares.get(plan.label, 0.0), np.random.default_rng([seed, number]))


def _whole(sounds: Sequence[Sound]) -> Iterator[Sound]:
    return (sound for sound in sounds if sound.kind != "notes")


def _notes(sounds: Sequence[Sound]) -> list[Sound]:
    return [sound for sound in sounds if sound.kind == "notes" and sound.split == "train"]
