"""Clips of sound without pictures: cut out of any recording, checked, measured, and laid end to end in few files.

Belongs here: what a clip must be to be learnt from. Stays out: which clips there are (`catalog`), and what is made of
them (`varemix.training`).
"""

import wave
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from varemix.errors import MediaError
from varemix.media.loudness import integrated_loudness_lufs, silent_fraction
from varemix.media.reading import AudioReader
from varemix.media.resampling import mono, resample

LEAST_RATE_HZ = 16_000
"""What has less, such as a telephone's 8 kHz, would teach that instruments have no highs."""

LEAST_S, LONGEST_S = 0.05, 1200.0
"""A drum may be struck for 50 ms; what is longer than 20 minutes is to be cut, so that memory stays bounded."""

_SILENT = 0.99
_CLIPPED = 0.01
_FULL_SCALE = 32_768
_AT_FULL_SCALE = 1.0 - 1.5 / _FULL_SCALE
_PACK_SAMPLES = 2**28


@dataclass(frozen=True, kw_only=True)
class SoundClip:
    """A clip: samples [S] in int16 at the wished rate, and what was measured.

    `clipped_fraction` is the share, 0 to 1, of the recording's samples at full scale or past it.
    """

    samples: NDArray[np.int16]
    source_rate_hz: int
    duration_s: float
    level_db: float
    peak_db: float
    loudness_lufs: float | None
    silent_fraction: float
    clipped_fraction: float


def cut_sound(reader: AudioReader, first_sample: int, num_samples: int | None, rate_hz: int) -> SoundClip:
    """Return a part of a recording, of several channels the mid signal, at another rate; None means to its end.

    A clip that would pass full scale at that rate is made softer just so far that it does not. Raises MediaError for a
    part that is not there, is damaged, shorter than 50 ms or longer than 20 minutes, silent, clipped (more than a
    hundredth of its samples at full scale or past it), or of a rate below 16 kHz.
    """
    info = reader.info
    num_samples = info.num_samples - first_sample if num_samples is None else num_samples
    _check_place(first_sample, num_samples, info.num_samples, info.rate_hz)
    samples = mono(reader.read(first_sample, num_samples))
    silent = silent_fraction(samples[None], info.rate_hz)
    clipped = float(np.mean(np.abs(samples) >= _AT_FULL_SCALE))
    if silent > _SILENT:
        raise MediaError("It is silent throughout. Leave it out.")
    if clipped > _CLIPPED:
        raise MediaError(
            f"It is clipped: {100 * clipped:.1f} % of its samples are at full scale or past it, "
            f"{100 * _CLIPPED:g} % are the most. Take it from a recording that is not, or leave it out."
        )
    own = resample(samples, info.rate_hz, rate_hz)
    own /= max(1.0, float(np.abs(own).max()))
    return SoundClip(
        samples=np.clip(np.rint(own * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16),
        source_rate_hz=info.rate_hz,
        duration_s=own.size / rate_hz,
        level_db=_db(float(np.sqrt(np.mean(np.square(own))))),
        peak_db=_db(float(np.abs(own).max())),
        loudness_lufs=integrated_loudness_lufs(own[None], rate_hz),
        silent_fraction=silent,
        clipped_fraction=clipped,
    )


def _check_place(first_sample: int, num_samples: int, num_present: int, rate_hz: int) -> None:
    if rate_hz < LEAST_RATE_HZ:
        raise MediaError(
            f"It has a rate of {rate_hz} Hz; at least {LEAST_RATE_HZ} Hz are expected, since less holds no highs. "
            "Take it from a better recording, or leave it out."
        )
    if first_sample >= num_present or first_sample + num_samples > num_present:
        raise MediaError(
            f"It is to last from sample {first_sample} to {first_sample + num_samples}, but the file has {num_present} "
            f"at {rate_hz} Hz. Correct start and length, which count samples at the file's own rate."
        )
    duration_s = num_samples / rate_hz
    if not LEAST_S <= duration_s <= LONGEST_S:
        advice = "Leave it out." if duration_s < LEAST_S else "Cut it by start and length."
        raise MediaError(f"It lasts {duration_s:.3g} s; {LEAST_S:g} to {LONGEST_S:g} s are expected. {advice}")


def _db(magnitude: float) -> float:
    return float(20.0 * np.log10(max(magnitude, 1e-6)))


class Packs:
    """Mono WAV files of 16 bits that clips are written into end to end; use it in a `with` statement.

    They lie in `folder` as 0.wav, 1.wav, ... A file that has 1.7 hours at 44.1 kHz is followed by the next, so that
    none outgrows what WAV can say.
    """

    def __init__(self, folder: Path, rate_hz: int, *, most_samples: int = _PACK_SAMPLES) -> None:
        self.paths: list[Path] = []
        self._folder, self._rate_hz, self._most_samples = folder, rate_hz, most_samples
        self._file: wave.Wave_write | None = None
        self._num_samples = 0

    def add(self, samples: NDArray[np.int16]) -> tuple[int, int]:
        """Append samples [S]; return the number of the file, and the first sample in it."""
        if self._file is None or self._num_samples + samples.size > self._most_samples:
            self._begin()
        assert self._file is not None
        first_sample = self._num_samples
        self._file.writeframes(np.ascontiguousarray(samples, dtype="<i2").tobytes())
        self._num_samples += samples.size
        return len(self.paths) - 1, first_sample

    def _begin(self) -> None:
        self.close()
        self.paths.append(self._folder / f"{len(self.paths)}.wav")
        self._num_samples = 0
        self._file = wave.open(str(self.paths[-1]), "wb")  # noqa: SIM115 - `close` closes it
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(self._rate_hz)

    def close(self) -> None:
        """Finish the last file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
