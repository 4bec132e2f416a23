"""Sounds whose right answers are known, in packs as preparation writes them, and banks that hold such."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.solos import RATE_HZ, Solos, write_wav
from varemix.media.clips import Clip
from varemix.media.sounds import Sound
from varemix.training.soundbank import Recording, SoundBank, lay_down, recordings_of

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Heard:
    """Samples [S] in -1..1 and what a list says of them."""

    samples: np.ndarray
    facts: dict[str, Any]


def heard(samples: np.ndarray, **facts: Any) -> Heard:
    """Return samples of a phrase that Ann plays on the flute, to learn from, unless the facts say otherwise."""
    return Heard(samples, {"label": "flute", "kind": "phrase", "group": "ann", "split": "train"} | facts)


def tone(seconds: float, hz: float = 441.0, peak: float = 0.5) -> np.ndarray:
    """Return a sine [S]."""
    return peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def packed(path: Path, members: Sequence[Heard]) -> list[Sound]:
    """Write sounds end to end into one file and return them."""
    write_wav(path, np.concatenate([member.samples for member in members]))
    firsts = np.cumsum([0, *(len(member.samples) for member in members)]).tolist()
    return [
        Sound(path=path, first_s=first / RATE_HZ, duration_s=len(member.samples) / RATE_HZ, **member.facts)
        for first, member in zip(firsts[:-1], members, strict=True)
    ]


def by_split(clips: Solos) -> dict[str, list[Clip]]:
    """Return the clips by split, as training takes them."""
    return {"train": clips.train, "val": clips.val}


def recording(label: str, seconds: float = 10.0, **facts: Any) -> Recording:
    """Return a recording of a bank that nobody opened: a phrase to learn from, unless the facts say otherwise."""
    facts = {"recording_id": f"{label} of {seconds:g} s", "kind": "phrase", "group": "ann", "split": "train"} | facts
    return Recording(label=label, num_samples=round(seconds * RATE_HZ), **facts)


def laid_bank(
    path: Path, clips: Mapping[str, Sequence[Clip]], sounds: Sequence[Sound] = (), **settings: Any
) -> SoundBank:
    """Lay down a bank of clips and sounds at a path and return it."""
    lay_down(path, clips, sounds, **settings)
    return SoundBank.open(recordings_of(clips, sounds), path, CPU)


def bank_of(*waves: np.ndarray) -> SoundBank:
    """Return a bank of waves of 16-bit samples [S], each a phrase on the flute."""
    recordings, end = [], 0
    for wave in waves:
        recordings.append(
            Recording(
                recording_id=f"wave {len(recordings)}",
                label="flute",
                kind="phrase",
                group="ann",
                split="train",
                num_samples=len(wave),
                first_sample=end,
            )
        )
        end += len(wave)
    return SoundBank(recordings, torch.from_numpy(np.concatenate(waves).astype(np.int16)))


def filmed(clips: Solos) -> list[Recording]:
    """Return the recordings of clips."""
    return recordings_of(by_split(clips), [])
