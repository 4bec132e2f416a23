"""Recordings in and out, sample by sample: WAV (also RF64) and FLAC.

Samples are float64 [C, S] with full scale at 1. PCM samples that are read and written unchanged keep every
bit.
Belongs here: audio files, the mid signal, resampling. Stays out: videos (`video`), loudness (`loudness`),
tags.
To serve further formats, add a source with `info`, `read` and `close` to `_SOURCES` and tell it in
`container_of`.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from varemix.errors import MediaError
from varemix.media.containers import FLAC, WAV, check_whole, container_of, riff_chunks
from varemix.media.resampling import StreamResampler, mono, resample

__all__ = [
    "AudioInfo",
    "AudioReader",
    "AudioWriter",
    "StreamResampler",
    "mono",
    "probe_audio",
    "read_audio",
    "resample",
]

Samples = NDArray[np.float64]

_PCM_BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOAT_BITS = {"FLOAT": 32, "DOUBLE": 64}
_INT32_FULL_SCALE = 2.0**31
_RATE_LIMITS_HZ = (1_000, 768_000)
_MAX_PLAIN_WAV_BYTES = 2**32 - 2**16  # sizes have 32 bits; the rest is room for the header
_BLOCK_SAMPLES = 1 << 16
_UNKNOWN_LENGTH = 2**62  # libsndfile gives a FLAC file of unknown length the largest count


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What an audio file is: enough to write another one like it.

    `container` is 'WAV' or 'FLAC'; `subtype` is 'PCM_U8', 'PCM_S8', 'PCM_16', 'PCM_24', 'PCM_32', 'FLOAT' or
    'DOUBLE'.
    """

    container: str
    subtype: str
    rate_hz: int
    num_channels: int
    num_samples: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.rate_hz


class _SampleSource(Protocol):
    info: AudioInfo

    def read(self, first_sample: int, num_samples: int) -> Samples: ...
    def close(self) -> None: ...


class _SoundFileSource:
    """WAV and FLAC through libsndfile: PCM as int32, which holds every depth exactly; floats as float64."""

    def __init__(self, path: Path, container: str) -> None:
        try:
            self._file = soundfile.SoundFile(str(path.absolute()))
        except soundfile.LibsndfileError as error:
            raise MediaError(f"'{path.name}' cannot be read as {container}: {error.error_string}") from error
        self._name = path.name
        self.info = AudioInfo(
            container=container,
            subtype=self._file.subtype,
            rate_hz=self._file.samplerate,
            num_channels=self._file.channels,
            num_samples=self._file.frames,
        )

    def read(self, first_sample: int, num_samples: int) -> Samples:
        """Return samples [C, S]; fewer than asked for when the file ends early."""
        is_pcm = self.info.subtype in _PCM_BITS
        try:
            if self._file.tell() != first_sample:
                self._file.seek(first_sample)
            samples = self._file.read(num_samples, dtype="int32" if is_pcm else "float64", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise MediaError(
                f"'{self._name}' is cut off or damaged after {first_sample / self.info.rate_hz:.1f} s: "
                f"{error.error_string} Copy it again."
            ) from error
        samples = np.ascontiguousarray(samples.T, dtype=np.float64)
        return samples / _INT32_FULL_SCALE if is_pcm else samples

    def close(self) -> None:
        self._file.close()


_SOURCES: dict[str, Callable[[Path, str], _SampleSource]] = {WAV: _SoundFileSource, FLAC: _SoundFileSource}


def probe_audio(path: Path) -> AudioInfo:
    """Return what an audio file is, from its header. Errors are those of `AudioReader`."""
    with AudioReader(path) as reader:
        return reader.info


def read_audio(path: Path) -> tuple[Samples, AudioInfo]:
    """Return all samples [C, S] of an audio file and what it is. Errors are those of `AudioReader`."""
    with AudioReader(path) as reader:
        # Block by block: memory grows with what is there, not with what a header claims.
        return np.concatenate(list(reader.blocks(_BLOCK_SAMPLES)), axis=1), reader.info


class AudioReader:
    """An open audio file, read from any place; use it in a `with` statement.

    Raises MediaError, with the file's name, when the file is not WAV or FLAC by its content, is empty, cut
    off or damaged, holds no samples, is of a coding that loses bits, or holds samples that are no finite
    numbers. What the header cannot show is raised in reading.
    """

    def __init__(self, path: Path) -> None:
        container = container_of(path)
        if container not in _SOURCES:
            raise MediaError(_not_audio_message(path))
        check_whole(path)
        self._name = path.name
        self._source = _SOURCES[container](path, container)
        try:
            _check_info(self.info, self._name)
        except MediaError:
            self.close()
            raise

    @property
    def info(self) -> AudioInfo:
        """What the file is."""
        return self._source.info

    def read(self, first_sample: int, num_samples: int) -> Samples:
        """Return samples [C, S] from `first_sample` on; fewer than `num_samples` only at the file's end."""
        assert first_sample >= 0
        assert num_samples >= 0
        expected = max(0, min(num_samples, self.info.num_samples - first_sample))
        if expected == 0:
            return np.zeros((self.info.num_channels, 0))
        samples = self._source.read(first_sample, expected)
        if samples.shape[1] < expected:
            present = first_sample + samples.shape[1]
            raise MediaError(
                f"'{self._name}' is cut off: its header promises {self.info.num_samples} samples, "
                f"{present} are there. Copy it again."
            )
        _check_finite(samples, first_sample, self.info.rate_hz, self._name)
        return samples

    def blocks(self, num_samples: int) -> Iterator[Samples]:
        """Yield the whole file in blocks [C, S] of `num_samples`; the last one may be shorter."""
        for first_sample in range(0, self.info.num_samples, num_samples):
            yield self.read(first_sample, num_samples)

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AudioWriter:
    """An audio file being written at its own rate, depth and channels; use it in a `with` statement.

    `info` says what to write. A WAV file whose `info.num_samples` needs more than 4 GiB becomes RF64; one of
    more than two channels says so in the extensible header. PCM samples are rounded to the nearest step
    without dither, and those past full scale are clipped and counted in `num_clipped`; `peak` is the largest
    magnitude before clipping. Equal samples give equal files.
    Raises MediaError when the container cannot hold `info`, or samples are no finite numbers.
    """

    def __init__(self, path: Path, info: AudioInfo) -> None:
        self.info = info
        self.num_samples = 0
        self.num_clipped = 0
        self.peak = 0.0
        self._path = path
        try:
            self._file = soundfile.SoundFile(
                str(path.absolute()),
                "w",
                samplerate=info.rate_hz,
                channels=info.num_channels,
                format=_file_format(info),
                subtype=info.subtype,
            )
        except (
            soundfile.LibsndfileError,
            ValueError,
        ) as error:  # ValueError: no such depth in this container
            raise MediaError(
                f"'{path.name}' cannot be written as {info.container} {info.subtype} with "
                f"{info.num_channels} channels at {info.rate_hz} Hz: {error}"
            ) from error

    def write(self, samples: Samples) -> None:
        """Append samples [C, S]."""
        assert samples.ndim == 2
        assert samples.shape[0] == self.info.num_channels
        if samples.shape[1] == 0:
            return
        _check_finite(samples, self.num_samples, self.info.rate_hz, self._path.name)
        if self.num_samples + samples.shape[1] > self.info.num_samples:
            raise MediaError(
                f"'{self._path.name}' was announced with {self.info.num_samples} samples, and gets more. "
                "Announce the true number."
            )
        self.num_samples += samples.shape[1]
        self.peak = max(self.peak, float(np.abs(samples).max()))
        bits = _PCM_BITS.get(self.info.subtype)
        frames = samples.T if bits is None else self._quantise(samples, bits).T
        try:
            self._file.write(np.ascontiguousarray(frames))
        except soundfile.LibsndfileError as error:  # a full disk
            raise MediaError(f"'{self._path.name}' cannot be written: {error.error_string}") from error

    def _quantise(self, samples: Samples, bits: int) -> NDArray[np.int32]:
        """Return the nearest PCM steps, in the upper bits of int32 as libsndfile takes them."""
        full_scale = 2.0 ** (bits - 1)
        steps = np.rint(samples * full_scale)
        self.num_clipped += int(np.count_nonzero((steps < -full_scale) | (steps > full_scale - 1)))
        steps = np.clip(steps, -full_scale, full_scale - 1)
        return steps.astype(np.int32) << np.int32(32 - bits)

    def close(self) -> None:
        """Finish the file."""
        if self._file.closed:
            return
        self._file.close()
        if self.info.container == WAV and self.info.subtype in _FLOAT_BITS:
            _erase_peak_time(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _not_audio_message(path: Path) -> str:
    if path.stat().st_size == 0:
        return f"'{path.name}' is empty. Copy it again."
    if path.suffix.lower() in (".wav", ".wave", ".flac"):
        return f"'{path.name}' holds no WAV or FLAC audio, whatever its name says. Look at where it comes from."
    kind = path.suffix.lower().removeprefix(".") or "unknown"
    return f"'{path.name}' is a file of kind '{kind}'; WAV and FLAC are served. Convert it to one of them first."


def _check_info(info: AudioInfo, name: str) -> None:
    if info.subtype not in _PCM_BITS and info.subtype not in _FLOAT_BITS:
        raise MediaError(
            f"'{name}' is coded as {info.subtype}; PCM of 8 to 32 bits and floating point are served. Convert it first."
        )
    lowest_hz, highest_hz = _RATE_LIMITS_HZ
    if not lowest_hz <= info.rate_hz <= highest_hz:
        raise MediaError(
            f"The header of '{name}' says {info.rate_hz} Hz; {lowest_hz} to {highest_hz} Hz are served. "
            "The file is probably damaged."
        )
    if info.num_samples == 0:
        raise MediaError(f"'{name}' holds no samples. Remove it, or record it again.")
    if info.num_samples > _UNKNOWN_LENGTH:
        raise MediaError(f"'{name}' does not say how long it is. Encode it again, for instance with `flac`.")


def _check_finite(samples: Samples, first_sample: int, rate_hz: int, name: str) -> None:
    if np.isfinite(samples).all():
        return
    channel, sample = np.argwhere(~np.isfinite(samples))[0]
    place = first_sample + int(sample)
    raise MediaError(
        f"'{name}' holds {samples[channel, sample]} at sample {place} ({place / rate_hz:.3f} s) of channel "
        f"{channel + 1}; finite numbers are expected. Export it again."
    )


def _file_format(info: AudioInfo) -> str:
    """Return libsndfile's name of the format that holds `info`."""
    if info.container != WAV:
        return info.container
    bits = (_PCM_BITS | _FLOAT_BITS).get(info.subtype, 64)
    if info.num_samples * info.num_channels * bits // 8 > _MAX_PLAIN_WAV_BYTES:
        return "RF64"
    return "WAVEX" if info.num_channels > 2 else "WAV"


def _erase_peak_time(path: Path) -> None:
    """Set the time in the PEAK chunk, which libsndfile adds to floating point files, to 0."""
    with path.open("r+b") as file:
        for chunk_id, position, _ in riff_chunks(file):
            if chunk_id == b"PEAK":
                file.seek(position + 4)
                file.write(struct.pack("<I", 0))
                return
