"""Recordings in, sample by sample, from any container that is served.

Samples are float64 [C, S] with full scale at 1; PCM samples keep every bit. To serve a further container, tell it in
`container_of` and add a source with `info`, `read` and `close` to `_SOURCES`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from varemix.errors import MediaError
from varemix.media import riff
from varemix.media.containers import (
    ADTS,
    AIFF,
    APE,
    ASF,
    AU,
    CAF,
    FLAC,
    MATROSKA,
    MP3,
    MP4,
    MUSEPACK,
    MUSEPACK8,
    OGG,
    TAK,
    TTA,
    W64,
    WAV,
    WAVPACK,
    container_of,
    is_chained_ogg,
)
from varemix.media.decoding import DecodedSource, told_layout
from varemix.media.formats import FLOAT_BITS, PCM_BITS, AudioInfo
from varemix.media.wholeness import check_whole

Samples = NDArray[np.float64]

_INT32_FULL_SCALE = 2.0**31
_RATE_LIMITS_HZ = (1_000, 768_000)
_MAX_CHANNELS = 64
_BLOCK_SAMPLES = 1 << 16
_UNKNOWN_LENGTH = 2**62  # libsndfile gives a FLAC file of unknown length the largest count
_OPUS_RATE_HZ = 48_000
_CODED_SUBTYPES = {"VORBIS": "vorbis", "OPUS": "opus"}
_VORBIS_NOMINAL_RATE_AT = 20  # in the identification header (Vorbis I specification, 4.2.2)
_SERVED = (
    "WAV, AIFF, CAF, W64, AU, FLAC, WavPack, TTA, Monkey's Audio, TAK, Musepack, MP3, Ogg, AAC and ALAC (M4A), WMA, "
    "and the sound of MP4 and Matroska videos are served"
)
# What libsndfile reads of codings that nobody writes again: the depth that holds what they decode to, and their names.
_OTHER_CODINGS = {
    **{name: ("PCM_16", name.replace("_", " ").title()) for name in ("GSM610", "DWVW_12", "DWVW_16")},
    **dict.fromkeys(("ULAW",), ("PCM_16", "µ-law")),
    **dict.fromkeys(("ALAW",), ("PCM_16", "A-law")),
    **dict.fromkeys(("IMA_ADPCM", "MS_ADPCM", "G721_32", "G723_24", "G723_40"), ("PCM_16", "ADPCM")),
    **dict.fromkeys(("NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32", "VOX_ADPCM"), ("PCM_16", "ADPCM")),
    "DWVW_24": ("PCM_24", "DWVW"),
}
_NOT_TO_THE_SAMPLE = ("MPEG_LAYER_III", "ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32")  # libsndfile 1.2 loses the ends
# The usual suffixes of what is served, and what a file of that name should hold; the content decides.
SERVED_SUFFIXES: Mapping[str, str] = {
    **dict.fromkeys((".wav", ".wave", ".flac", ".bwf", ".rf64", ".bw64"), "WAV or FLAC audio"),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), "AIFF audio"),
    **dict.fromkeys((".mp3", ".mpga"), "MP3 audio"),
    **dict.fromkeys((".ogg", ".oga", ".opus"), "Ogg audio"),
    **dict.fromkeys((".m4a", ".m4b", ".m4r", ".mp4", ".mov", ".m4v", ".qt", ".3gp", ".3g2", ".3ga"), "MP4 sound"),
    ".aac": "AAC audio",
    ".wma": "WMA audio",
    ".caf": "CAF audio",
    ".w64": "W64 audio",
    **dict.fromkeys((".au", ".snd"), "AU audio"),
    ".wv": "WavPack audio",
    ".tta": "TTA audio",
    ".ape": "Monkey's Audio",
    **dict.fromkeys((".mpc", ".mp+"), "Musepack audio"),
    ".tak": "TAK audio",
    **dict.fromkeys((".mkv", ".mka", ".webm"), "Matroska sound"),
}


class _SampleSource(Protocol):
    info: AudioInfo

    def read(self, first_sample: int, num_samples: int) -> Samples: ...
    def close(self) -> None: ...


class _SoundFileSource:
    """What libsndfile reads: PCM as int32, which holds every depth exactly; floats as float64."""

    def __init__(self, path: Path, container: str) -> None:
        try:
            self._file = soundfile.SoundFile(str(path.absolute()))
        except soundfile.LibsndfileError as error:
            raise MediaError(f"'{path.name}' cannot be read as {container}: {error.error_string}") from error
        self._name = path.name
        codec = _CODED_SUBTYPES.get(self._file.subtype, "")
        subtype, coded_as = _OTHER_CODINGS.get(self._file.subtype, ("FLOAT" if codec else self._file.subtype, ""))
        self.info = AudioInfo(
            container=container,
            codec=codec,
            subtype=subtype,
            coded_as=coded_as,
            rate_hz=self._file.samplerate,
            num_channels=self._file.channels,
            num_samples=self._file.frames,
            bit_rate_bps=_ogg_bit_rate_bps(path, self._file) if container == OGG else None,
            is_variable_rate=container == OGG,
            channel_layout=told_layout(path, container) if self._file.channels > 2 else None,
        )

    def read(self, first_sample: int, num_samples: int) -> Samples:
        """Return samples [C, S]; fewer than asked for when the file ends early."""
        is_pcm = self.info.subtype in PCM_BITS
        try:
            if self._file.tell() != first_sample:
                self._go_to(first_sample)
            samples = self._file.read(num_samples, dtype="int32" if is_pcm else "float64", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise MediaError(
                f"'{self._name}' is cut off or damaged after {first_sample / self.info.rate_hz:.1f} s: "
                f"{error.error_string} Copy it again."
            ) from error
        samples = np.ascontiguousarray(samples.T, dtype=np.float64)
        return samples / _INT32_FULL_SCALE if is_pcm else samples

    def _go_to(self, first_sample: int) -> None:
        """Go to a place; in Vorbis and Opus by decoding up to it, since what follows a leap is not quite the same."""
        if not self.info.is_lossy:
            self._file.seek(first_sample)
            return
        if first_sample < self._file.tell():
            self._file.seek(0)
        while missing := first_sample - self._file.tell():
            if not len(self._file.read(min(missing, _BLOCK_SAMPLES))):
                return

    def close(self) -> None:
        self._file.close()


def _plain_source(path: Path, container: str) -> _SampleSource:
    """Return libsndfile's view of a file; ffmpeg's, where the coding is one that libsndfile does not know."""
    try:
        source = _SoundFileSource(path, container)
        if source.info.subtype not in _NOT_TO_THE_SAMPLE:
            return source
        source.close()
        return DecodedSource(path, container)
    except MediaError as refusal:
        try:
            return DecodedSource(path, container)
        except MediaError:
            raise refusal from None


def _ogg_source(path: Path, container: str) -> _SampleSource:
    """Return libsndfile's view of mono and stereo Vorbis, and of Opus at less than 48 kHz, which it cuts to the sample.

    Opus at 48 kHz is decoded by ffmpeg's libraries and libopus: libsndfile 1.2 takes one file in fifteen for malformed,
    or loses a packet of it, where these read it from end to end. Its order of more channels is Vorbis's own, whose
    front pair is not the first two; those, and FLAC in Ogg, are decoded there as well, which orders them as WAV does.
    So are recordings one after the other in one file, of which it reads the first.
    """
    try:
        source = _SoundFileSource(path, container)
    except MediaError:
        return DecodedSource(path, container)
    is_cut = source.info.codec == "vorbis" or (source.info.codec == "opus" and source.info.rate_hz < _OPUS_RATE_HZ)
    if is_cut and source.info.num_channels <= 2 and not is_chained_ogg(path):
        return source
    source.close()
    return DecodedSource(path, container)


_SOURCES: dict[str, Callable[[Path, str], _SampleSource]] = {
    **dict.fromkeys((WAV, AIFF, FLAC, CAF, W64, AU), _plain_source),
    OGG: _ogg_source,
    **dict.fromkeys((MP3, ADTS, ASF, MP4, MATROSKA), DecodedSource),
    **dict.fromkeys((WAVPACK, TTA, APE, MUSEPACK, MUSEPACK8, TAK), DecodedSource),
}


def probe_audio(path: Path, *, audio_stream: int = 0) -> AudioInfo:
    """Return what an audio file is, or one of its audio streams. Errors are those of `AudioReader`.

    The header tells it, but for containers that do not tell their length in samples (WMA, Matroska, bare AAC, MP3
    without a Xing header): those are decoded once to count them.
    """
    with AudioReader(path, audio_stream=audio_stream) as reader:
        return reader.info


def read_audio(path: Path, *, audio_stream: int = 0) -> tuple[Samples, AudioInfo]:
    """Return all samples [C, S] of an audio file and what it is. Errors are those of `AudioReader`."""
    with AudioReader(path, audio_stream=audio_stream) as reader:
        # Block by block: memory grows with what is there, not with what a header claims.
        return np.concatenate(list(reader.blocks(_BLOCK_SAMPLES)), axis=1), reader.info


class AudioReader:
    """An open audio file, read from any place; use it in a `with` statement.

    Of a video, or a file with several sounds, one audio stream is served, numbered from 0 on. Coded files other than
    FLAC are decoded forward: a step back decodes from the start again, so that any place gives the same as the whole.
    Raises MediaError, with the file's name, when the file's content is of no kind that is served, is empty, cut off
    or damaged, holds no samples, is WAV or AIFF of a coding that loses bits, or holds samples that are no finite
    numbers. What the header cannot show is raised in reading.
    """

    def __init__(self, path: Path, *, audio_stream: int = 0) -> None:
        container = container_of(path)
        if container not in _SOURCES:
            raise MediaError(_not_audio_message(path))
        doubt = check_whole(path)
        self._name = path.name
        self._source: _SampleSource = (
            DecodedSource(path, container, audio_stream) if audio_stream else _SOURCES[container](path, container)
        )
        if doubt:
            self._heed(doubt, path, container)
        try:
            _check_info(self.info, self._name)
        except MediaError:
            self.close()
            raise

    def _heed(self, doubt: str, path: Path, container: str) -> None:
        """Serve what is there of a file whose header promises something else, which libsndfile may believe."""
        if self.info.num_samples == 0:
            self.close()
            self._source = DecodedSource(path, container)
        info = replace(self.info, doubt=doubt)
        if container == WAV and info.codec == "pcm" and not info.coded_as:
            info = replace(info, num_samples=min(info.num_samples, riff.num_frames(path)))
        self._source.info = info

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
        check_finite(samples, first_sample, self.info.rate_hz, self._name)
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


def check_finite(samples: Samples, first_sample: int, rate_hz: int, name: str) -> None:
    """Raise MediaError, with the place, when samples [C, S] from `first_sample` on are not all finite numbers."""
    if np.isfinite(samples).all():
        return
    channel, sample = np.argwhere(~np.isfinite(samples))[0]
    place = first_sample + int(sample)
    raise MediaError(
        f"'{name}' holds {samples[channel, sample]} at sample {place} ({place / rate_hz:.3f} s) of channel "
        f"{channel + 1}; finite numbers are expected. Export it again."
    )


def _not_audio_message(path: Path) -> str:
    if path.stat().st_size == 0:
        return f"'{path.name}' is empty. Copy it again."
    suffix = path.suffix.lower()
    if suffix in SERVED_SUFFIXES:
        return f"'{path.name}' holds no {SERVED_SUFFIXES[suffix]}, whatever its name says. Look at where it comes from."
    kind = suffix.removeprefix(".") or "unknown"
    return f"'{path.name}' is a file of kind '{kind}'; {_SERVED}. Convert it to one of them first."


def _check_info(info: AudioInfo, name: str) -> None:
    if info.subtype not in PCM_BITS and info.subtype not in FLOAT_BITS:
        raise MediaError(
            f"'{name}' is coded as {info.subtype}, which is not served; PCM of 8 to 32 bits, floating point and the "
            "usual codings are. Convert it first, for instance to WAV of 24 bits."
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


def _ogg_bit_rate_bps(path: Path, file: soundfile.SoundFile) -> int | None:
    """Return the bit rate that a Vorbis file says it stands for; else the mean of the file."""
    with path.open("rb") as content:
        page = content.read(128)
    header = page.find(b"\x01vorbis")
    nominal_bps = int.from_bytes(page[header + _VORBIS_NOMINAL_RATE_AT :][:4], "little") if header > 0 else 0
    if 0 < nominal_bps < 2**31:
        return nominal_bps
    return round(path.stat().st_size * 8 * file.samplerate / file.frames) if file.frames else None
