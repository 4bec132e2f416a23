"""Recordings out, at their own rate, depth and channels: the checks, the counts, and what libsndfile writes.

What ffmpeg encodes, and the sound of videos, is handed to `encoding`.
"""

import struct
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from varemix.errors import MediaError
from varemix.media import riff
from varemix.media.containers import AIFF, AU, CAF, FLAC, W64, WAV, aiff_chunks, container_of, riff_chunks
from varemix.media.encoding import NAMED_SUBTYPES, EncodedFile
from varemix.media.formats import FLOAT_BITS, PCM_BITS, AudioInfo
from varemix.media.layouts import wave_mask
from varemix.media.reading import Samples, check_finite
from varemix.media.tag_families import set_flac_mask

_LIBSNDFILE = (WAV, AIFF, FLAC, CAF, W64, AU)
_TRY_BYTES = 1 << 16
_MAX_PLAIN_WAV_BYTES = 2**32 - 2**26  # sizes have 32 bits; the rest is room for the header and tags


class _SampleFile(Protocol):
    def write(self, frames: NDArray[np.generic]) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...


class AudioWriter:
    """An audio file being written at its own rate, depth and channels; use it in a `with` statement.

    `info` says what to write. A WAV file whose `info.num_samples` needs more than 4 GiB becomes RF64; one of
    more than two channels says so in the extensible header. PCM samples are rounded to the nearest step
    without dither, and those past full scale are clipped and counted in `num_clipped`; `peak` is the largest
    magnitude before clipping. Codings that lose something keep what passes full scale, but players clip it, so it is
    counted as well. Equal samples give equal files.
    `source` is the file that the samples come from. A video needs it: its picture, subtitles, chapters and tags are
    copied, and the first sound stream is replaced. In M4A and WMA the chapters are copied, and from WAV to WAV which
    loudspeakers more than two channels are for. The rest is for `tags.copy_tags`.
    Raises MediaError when the container cannot hold `info`, samples are no finite numbers, or the encoder fails
    (ProgramError); of an encoded file nothing is left behind then, nor when the `with` block raises.
    """

    def __init__(self, path: Path, info: AudioInfo, *, source: Path | None = None) -> None:
        self.info = info
        self.num_samples = 0
        self.num_clipped = 0
        self.peak = 0.0
        self._path = path
        writes = _SoundFile if _is_for_libsndfile(info) else EncodedFile
        self._file: _SampleFile = writes(path, info, source)

    def write(self, samples: Samples) -> None:
        """Append samples [C, S]."""
        assert samples.ndim == 2
        assert samples.shape[0] == self.info.num_channels
        if samples.shape[1] == 0:
            return
        check_finite(samples, self.num_samples, self.info.rate_hz, self._path.name)
        if self.num_samples + samples.shape[1] > self.info.num_samples:
            raise MediaError(
                f"'{self._path.name}' was announced with {self.info.num_samples} samples, and gets more. "
                "Announce the true number."
            )
        self.num_samples += samples.shape[1]
        self.peak = max(self.peak, float(np.abs(samples).max()))
        bits = PCM_BITS.get(self.info.subtype)
        if self.info.is_lossy:
            self.num_clipped += int(np.count_nonzero(np.abs(samples) > 1.0))
        frames = samples.T if bits is None else self._quantise(samples, bits).T
        self._file.write(np.ascontiguousarray(frames))

    def _quantise(self, samples: Samples, bits: int) -> NDArray[np.int32]:
        """Return the nearest PCM steps, in the upper bits of int32 as libsndfile takes them."""
        full_scale = 2.0 ** (bits - 1)
        steps = np.rint(samples * full_scale)
        self.num_clipped += int(np.count_nonzero((steps < -full_scale) | (steps > full_scale - 1)))
        steps = np.clip(steps, -full_scale, full_scale - 1)
        return steps.astype(np.int32) << np.int32(32 - bits)

    def close(self) -> None:
        """Finish the file."""
        self._file.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.finish()
        else:
            self._file.abandon()


def _is_for_libsndfile(info: AudioInfo) -> bool:
    """Tell whether libsndfile writes a file; of CAF ffmpeg writes ALAC, and what names loudspeakers."""
    is_named = info.container == CAF and bool(info.channel_layout) and info.subtype in NAMED_SUBTYPES
    return info.container in _LIBSNDFILE and not is_named and (info.container, info.codec) != (CAF, "alac")


class _SoundFile:
    """A file that libsndfile writes."""

    def __init__(self, path: Path, info: AudioInfo, source: Path | None) -> None:
        self._path = path
        self._num_written = 0
        self._mask = _channel_mask(source, info)
        self._is_flac = info.container == FLAC
        self._has_peak_time = info.container in (WAV, AIFF) and info.subtype in FLOAT_BITS
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

    def write(self, frames: NDArray[np.generic]) -> None:
        try:
            self._file.write(frames)
        except soundfile.LibsndfileError as error:  # a full disk
            raise MediaError(f"'{self._path.name}' cannot be written: {_reason(self._path, error)}") from error
        self._num_written += len(frames)

    def finish(self) -> None:
        if self._file.closed:
            return
        self._file.close()
        self._check_written()
        if self._has_peak_time:
            _erase_peak_time(self._path)
        if self._mask and self._is_flac:
            set_flac_mask(self._path, self._mask)
        elif self._mask is not None and not self._is_flac:
            riff.set_channel_mask(self._path, self._mask)

    def abandon(self) -> None:
        self._file.close()

    def _check_written(self) -> None:
        """Look whether all is there: libsndfile does not tell when the end of a FLAC file finds no room."""
        try:
            num_present = soundfile.info(str(self._path.absolute())).frames
        except soundfile.LibsndfileError:
            num_present = 0
        if self._num_written and num_present != self._num_written:
            raise MediaError(
                f"'{self._path.name}' cannot be written: its end found no room on the disk. Make room and run again."
            )


def _channel_mask(source: Path | None, info: AudioInfo) -> int | None:
    """Return the loudspeakers that are named in a WAV or FLAC file of more than two channels; 0 for none."""
    if info.container not in (WAV, FLAC) or info.num_channels <= 2:
        return None
    if source is not None and (info.container, container_of(source)) == (WAV, WAV):
        return riff.channel_mask(source, info.num_channels) or 0
    return wave_mask(info.channel_layout, info.num_channels)


def _reason(path: Path, error: soundfile.LibsndfileError) -> str:
    """Return why a file cannot be written further, which libsndfile keeps to itself: what the system says to a try."""
    try:
        with path.open("ab") as file:
            file.write(bytes(_TRY_BYTES))
    except OSError as refusal:
        return f"{refusal.strerror}."
    return str(error.error_string)


def _file_format(info: AudioInfo) -> str:
    """Return libsndfile's name of the format that holds `info`."""
    if info.container != WAV:
        return info.container
    bits = (PCM_BITS | FLOAT_BITS).get(info.subtype, 64)
    if info.num_samples * info.num_channels * bits // 8 > _MAX_PLAIN_WAV_BYTES:
        return "RF64"
    return "WAVEX" if info.num_channels > 2 else "WAV"


def _erase_peak_time(path: Path) -> None:
    """Set the time in the PEAK chunk, which libsndfile adds to floating point files, to 0."""
    with path.open("r+b") as file:
        is_aiff = file.read(4) == b"FORM"
        for chunk_id, position, _ in (aiff_chunks if is_aiff else riff_chunks)(file):
            if chunk_id == b"PEAK":
                file.seek(position + 4)
                file.write(struct.pack("<I", 0))
                return
