"""Recordings and the sound of videos decoded by ffmpeg's libraries: MP3, AAC, ALAC, WMA, and more.

What the container says of the encoder's delay and padding is heeded, so that the first sample served is the first
one recorded; of CAF its packet table is read here, as ffmpeg cuts the end of ALAC twice. Where a container tells its
length in samples (MP4, MP3 with a Xing header), exactly so many are served; the others are decoded once to count them.
A gap between packets becomes silence, so that the sound stays with the picture; up to one packet in a hundred may be
undecodable and becomes a gap.
Only decoders of sound are ever opened, and no other file or address.
"""

import ctypes
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from av.audio.plane import AudioPlane
from av.codec.context import Flags2
from av.stream import Disposition
from numpy.typing import NDArray

from varemix.errors import MediaError
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
    caf_promise,
)
from varemix.media.formats import CODECS, FLOAT_BITS, PCM_BITS, AudioInfo
from varemix.media.layouts import named_layout
from varemix.media.mpeg import first_frame, mp3_promise, num_mp3_frames, sound_position

Samples = NDArray[np.float64]

_DEMUXERS = {
    **{MP3: "mp3", ADTS: "aac", ASF: "asf", OGG: "ogg", MP4: "mov", MATROSKA: "matroska"},
    **{WAV: "wav", AIFF: "aiff", FLAC: "flac", CAF: "caf", W64: "w64", AU: "au"},
    **{WAVPACK: "wv", TTA: "tta", APE: "ape", MUSEPACK: "mpc", MUSEPACK8: "mpc8", TAK: "tak"},
}
# What stands in these for a coding that nobody writes, or not of such channels; what can hold plain samples gets them
# in any other's place.
_STAND_INS = {MATROSKA: ("flac",), MP4: ("alac", "flac"), CAF: ("pcm",)}
_PLAIN = (WAV, AIFF, CAF, W64, AU)
_PCM_SUBTYPES = {
    "u8": "PCM_U8",
    "s8": "PCM_U8",
    "s16": "PCM_16",
    "s24": "PCM_24",
    "s32": "PCM_32",
    "f32": "FLOAT",
    "f64": "DOUBLE",
}
_PCM_CODECS = [f"pcm_{kind}{end}" for kind in _PCM_SUBTYPES for end in ("", "le", "be")]
_DECODERS = [*CODECS, *_PCM_CODECS, "mp3float", "mp2float", "mpc7", "mpc8", "als", "dca", "amrnb", "amrwb"]
_FORMAT_SUBTYPES = {"u8": "PCM_U8", "s16": "PCM_16", "s32": "PCM_24", "flt": "FLOAT", "dbl": "DOUBLE"}
_FRAME_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
_FULL_SCALES = {"s16": 2.0**15, "s32": 2.0**31}
_CUSTOM_LAYOUT = " channels ("  # in ffmpeg's name of one in an order of its own
_NAMES_NO_LOUDSPEAKERS = (TTA,)  # what ffmpeg says of it is a guess by their number
_TELLING = (MP4, FLAC, TTA, TAK, WAVPACK, APE)  # their headers tell their lengths in samples
_AAC_FRAME_SAMPLES = 2048  # of the longest kind
_USUAL_BITS = (8, 16, 24)
_WAVPACK_FLAGS_AT = 24
_GAP_S = 0.1  # sloppy timestamps stay below, and so does what an ear would miss beside a picture
_JITTER_S = 0.005  # timestamps in milliseconds stay below; what passes it after a lost packet is that packet
_MAX_GAP_S = 3600.0
_SILENCE_SAMPLES = 1 << 16
_MISSING_S = 0.1  # the last packets of many a file hold less than its header says
_BAD_PACKETS = (3, 0.01)  # so many, or this share, may be undecodable


class DecodedSource:
    """A source of samples for `reading.AudioReader`. Raises MediaError for what cannot be served."""

    def __init__(self, path: Path, container: str, audio_stream: int = 0) -> None:
        self._path = path
        self._demuxer = _DEMUXERS[container]
        self._audio_stream = audio_stream
        self._pieces: Generator[Samples, None, None] | None = None
        self._held: Samples = np.zeros((0, 0))
        self._position = 0
        self._coded_bytes = 0
        self._is_packet_lost = False
        promise = caf_promise(path) if container == CAF and not audio_stream else None
        self._lead_samples = promise[0] if promise else _own_lead_samples(path) if container == MP3 else 0
        self._cuts_itself = bool(self._lead_samples or promise)
        with _opened(path, self._demuxer) as file:
            stream = _audio_stream(file, audio_stream, path.name)
            info = _stream_info(file, stream, container, path)
            told = None if self._cuts_itself else _told_length(stream, file.metadata, container, path)
            num_samples = promise[1] if promise else told
        if num_samples is None:
            num_samples = sum(piece.shape[1] for piece in self._decoded())
            if info.is_lossy and info.bit_rate_bps is None and num_samples:
                info = replace(info, bit_rate_bps=round(self._coded_bytes * 8 * info.rate_hz / num_samples))
        self.info = replace(info, num_samples=num_samples)

    def read(self, first_sample: int, num_samples: int) -> Samples:
        """Return samples [C, S]; fewer than asked for when the file ends early."""
        if self._pieces is None or first_sample < self._position:
            self.close()
            self._pieces, self._position = self._served(), 0
            self._held = np.zeros((self.info.num_channels, 0))
        end = first_sample + num_samples
        parts = [self._held[:, :0]]
        while self._position < end:
            if self._held.shape[1] == 0:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._held = piece
            taken = min(end - self._position, self._held.shape[1])
            skipped = min(max(0, first_sample - self._position), taken)
            parts.append(self._held[:, skipped:taken])
            self._held = self._held[:, taken:]
            self._position += taken
        return np.concatenate(parts, axis=1)

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._pieces is not None:
            self._pieces.close()
            self._pieces = None

    def _served(self) -> Generator[Samples, None, None]:
        """Yield what is decoded, filled up with silence where no more than a packet or two is missing."""
        missing = self.info.num_samples
        for piece in self._decoded():
            yield piece
            missing -= piece.shape[1]
        if 0 < missing <= _MISSING_S * self.info.rate_hz:
            yield np.zeros((self.info.num_channels, missing))

    def _decoded(self) -> Generator[Samples, None, None]:
        """Yield the samples [C, S] of the sound stream, gaps filled."""
        with _opened(self._path, self._demuxer) as file:
            stream = _audio_stream(file, self._audio_stream, self._path.name)
            shape: tuple[int, int] | None = None
            num_samples, start_s = 0, 0.0
            to_skip = self._lead_samples
            for frame in self._frames(file, stream):
                samples = _samples_of(frame)[:, to_skip:]
                to_skip = max(0, to_skip - frame.samples)
                if shape is None:
                    shape, start_s = (len(samples), frame.sample_rate), frame.time or 0.0
                place_s = num_samples / shape[1]
                if shape != (len(samples), frame.sample_rate):
                    raise MediaError(
                        f"'{self._path.name}' changes its rate or channels after {place_s:.1f} s. Convert it first."
                    )
                gap_s = 0.0 if frame.time is None else frame.time - start_s - place_s
                if gap_s > (_JITTER_S if self._is_packet_lost else _GAP_S):
                    for silence in _silence(gap_s, shape, place_s, self._path.name):
                        yield silence
                        num_samples += silence.shape[1]
                self._is_packet_lost = False
                yield samples
                num_samples += samples.shape[1]

    def _frames(self, file: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
        num_packets, num_bad = 0, 0
        decoder = _decoder(stream)
        if self._cuts_itself:
            decoder.flags2 |= Flags2.skip_manual
        for packet in file.demux(stream):
            num_packets += 1
            self._coded_bytes += packet.size
            try:
                yield from decoder.decode(packet)
            except av.FFmpegError:
                num_bad += 1
                self._is_packet_lost = True
        at_most, share = _BAD_PACKETS
        if num_bad > share * num_packets and (num_bad > at_most or num_bad >= num_packets - 1):
            raise MediaError(
                f"'{self._path.name}' is damaged: {num_bad} of its {num_packets} parts cannot be decoded. "
                "Copy it again."
            )


def _own_lead_samples(path: Path) -> int:
    """Return how many samples to leave out at the start of an MP3 that promises another number of frames than it has.

    ffmpeg would drop the padding from where the promised end is, in the middle of the sound; 0 where it is to be asked.
    """
    with path.open("rb") as file:
        promise = mp3_promise(file)
        is_wrong = promise.num_frames is not None and promise.num_frames != num_mp3_frames(file)
        return promise.lead_samples if is_wrong else 0


def _decoder(stream: av.AudioStream) -> av.AudioCodecContext:
    """Return what decodes a stream: of Opus the reference decoder, where it is there.

    ffmpeg's own is at times only 14 dB away from it.
    """
    own = stream.codec_context
    _keep_order(own)
    if own.name != "opus" or "libopus" not in av.codecs_available:
        return own
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = own.extradata
    decoder.options = {"request_sample_fmt": "flt"}  # else it rounds to 16 bits, and clips
    return decoder


@contextmanager
def _opened(path: Path, demuxer: str) -> Iterator[av.container.InputContainer]:
    """Give an open file that has sound; what goes wrong in it is told as MediaError."""
    options = {"protocol_whitelist": "file", "codec_whitelist": ",".join(_DECODERS)}
    try:
        with av.open(f"file:{path.absolute()}", format=demuxer, options=options, metadata_errors="replace") as file:
            if not file.streams.audio:
                raise MediaError(f"'{path.name}' has no sound. Leave it out.")
            yield file
    except av.FFmpegError as error:
        raise MediaError(f"'{path.name}' is cut off or damaged: {error.strerror}. Copy it again.") from error


def _samples_of(frame: av.AudioFrame) -> Samples:
    """Return samples [C, S] with full scale at 1.

    PyAV's own arrays run over the last plane where there are eight channels or more.
    """
    num_channels = _layout(frame.layout)[1]
    kind = frame.format.name.removesuffix("p")
    dtype = np.dtype(_FRAME_TYPES[kind])
    if frame.format.is_planar:
        planes = [np.frombuffer(memoryview(AudioPlane(frame, i)), dtype, frame.samples) for i in range(num_channels)]
        samples = np.array(planes, dtype=np.float64)
    else:
        values = np.frombuffer(memoryview(AudioPlane(frame, 0)), dtype, frame.samples * num_channels)
        samples = np.ascontiguousarray(values.reshape(-1, num_channels).T, dtype=np.float64)
    if kind == "u8":
        return (samples - 128) / 128
    return samples / _FULL_SCALES.get(kind, 1.0)


def _silence(gap_s: float, shape: tuple[int, int], place_s: float, name: str) -> Iterator[Samples]:
    if gap_s > _MAX_GAP_S:
        raise MediaError(
            f"'{name}' has no sound for {gap_s:.0f} s after {place_s:.1f} s: it is damaged. Copy it again."
        )
    num_channels, rate_hz = shape
    missing = round(gap_s * rate_hz)
    for first in range(0, missing, _SILENCE_SAMPLES):
        yield np.zeros((num_channels, min(_SILENCE_SAMPLES, missing - first)))


def told_layout(path: Path, container: str) -> str | None:
    """Return ffmpeg's name of the layout that a file tells of its first audio stream; None where it tells none."""
    if container in _NAMES_NO_LOUDSPEAKERS:
        return None
    with _opened(path, _DEMUXERS[container]) as file:
        layout, num_channels = _layout(file.streams.audio[0].codec_context.layout)
    return named_layout(layout, num_channels)


def _layout(layout: av.AudioLayout) -> tuple[str, int]:
    """Return the name of a layout that was just read off a stream or frame, and its number of channels.

    One in an order of its own is freed twice by PyAV, with what it was read from: the object stays for ever.
    """
    if _CUSTOM_LAYOUT in layout.name:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return layout.name, layout.nb_channels


def _keep_order(coding: av.AudioCodecContext) -> None:
    """Let a decoder that is not open yet tell no order of its own: each of its frames would be freed twice."""
    name, num_channels = _layout(coding.layout)
    if _CUSTOM_LAYOUT in name:
        coding.layout = f"{num_channels} channels"


def _audio_stream(file: av.container.InputContainer, number: int, name: str) -> av.AudioStream:
    """Return the audio stream of a number from 0 on. Raises MediaError, with what there is, where there is none."""
    streams = file.streams.audio
    if number < len(streams):
        return streams[number]
    listed = ", ".join(f"{i + 1} {_described(stream)}" for i, stream in enumerate(streams))
    raise MediaError(
        f"'{name}' has no audio stream {number + 1}; it has {len(streams)}: {listed}. Give the number of one of them."
    )


def _described(stream: av.AudioStream) -> str:
    coding, said = stream.codec_context, stream.metadata
    sound = [coding.name, _layout(coding.layout)[0]] if coding is not None else ["of an unknown coding"]
    return " ".join([*(said[key] for key in ("language", "title") if said.get(key)), *sound])


def _stream_info(file: av.container.InputContainer, stream: av.AudioStream, container: str, path: Path) -> AudioInfo:
    """Return what an audio stream is, its length still open."""
    coding = stream.codec_context
    if coding is None or coding.format is None:
        raise MediaError(
            f"The sound of '{path.name}' is of a coding that is not served; "
            f"{', '.join(dict.fromkeys(codec.label for codec in CODECS.values()))} are. Convert it first."
        )
    name = coding.codec.canonical_name
    coded = "pcm" if name.startswith("pcm_") and name not in CODECS else name
    layout, num_channels = _layout(coding.layout)
    names_loudspeakers = num_channels > 2 and container not in _NAMES_NO_LOUDSPEAKERS
    told = named_layout(layout, num_channels) if names_loudspeakers else None
    is_plain = container in _PLAIN and (container, coded) != (CAF, "alac")
    codec = "pcm" if is_plain else _codec_written(coded, container, told, num_channels)
    subtype = _subtype(coded, name, coding, path)
    is_stand_in = codec != coded
    if is_stand_in and subtype in FLOAT_BITS:
        subtype = "PCM_24"
    bits = _coded_bits(coded, coding.extradata or b"", path.name)
    return AudioInfo(
        container=container,
        codec=codec,
        subtype=subtype,
        rate_hz=stream.rate or 0,
        num_channels=num_channels,
        num_samples=0,
        bit_rate_bps=(stream.bit_rate or coding.bit_rate or None) if CODECS[codec].is_lossy else None,
        is_variable_rate=_is_variable_rate(codec, container, path),
        channel_layout=told,
        has_picture=any(not video.disposition & Disposition.attached_pic for video in file.streams.video),
        stream_index=stream.index,
        audio_stream=list(file.streams.audio).index(stream),
        coded_as=CODECS[coded].label if is_stand_in else f"{bits} bits" if bits and bits not in _USUAL_BITS else "",
    )


def _codec_written(coded: str, container: str, layout: str | None, num_channels: int) -> str:
    """Return the coding that a file of such channels is written in: its own where anybody writes that."""
    options = [coded, *_STAND_INS.get(container, ())]
    written = (name for name in options if CODECS[name].encoder and CODECS[name].holds(layout, num_channels))
    return next(written, coded)


def _subtype(codec: str, name: str, coding: av.AudioCodecContext, path: Path) -> str:
    """Return the depth of the samples, from the decoder's name, its header, or what it gives."""
    if codec == "pcm":
        return _PCM_SUBTYPES[name.removeprefix("pcm_").removesuffix("le").removesuffix("be")]
    given = _FORMAT_SUBTYPES.get(coding.format.name.removesuffix("p"), "FLOAT")
    if CODECS[codec].is_lossy:
        return given if not CODECS[codec].encoder and given in PCM_BITS else "FLOAT"
    bits = _coded_bits(codec, coding.extradata or b"", path.name)
    if codec == "wavpack" and given == "PCM_24":
        bits = _wavpack_bits(path)
    if bits is None:
        return given
    return "PCM_16" if bits <= 16 else "PCM_24" if bits <= 24 else "PCM_32"


def _coded_bits(codec: str, header: bytes, file_name: str) -> int | None:
    """Return the depth that FLAC and ALAC tell in their headers."""
    try:
        if codec == "flac":  # 5 bits of the stream information (RFC 9639, 8.2)
            return ((header[12] & 1) << 4 | header[13] >> 4) + 1
        if codec == "alac":  # a byte of its cookie, with or without a box
            return header[17 if header[4:8] == b"alac" else 5]
    except IndexError:
        raise MediaError(f"'{file_name}' does not tell the depth of its sound: it is damaged. Copy it again.") from None
    return None


def _wavpack_bits(path: Path) -> int:
    """Return the depth that the first block of a WavPack file tells: its bytes a sample, less the bits left out."""
    with path.open("rb") as file:
        file.seek(sound_position(file) + _WAVPACK_FLAGS_AT)
        flags = int.from_bytes(file.read(4), "little")
    return 8 * ((flags & 3) + 1) - (flags >> 13 & 31)


def _is_variable_rate(codec: str, container: str, path: Path) -> bool:
    if container == MP3:
        with path.open("rb") as file:
            return mp3_promise(file).is_variable_rate
    return codec in ("opus", "vorbis")


def _told_length(stream: av.AudioStream, said: Mapping[str, str], container: str, path: Path) -> int | None:
    """Return the number of samples that the container tells exactly, or None."""
    if container == MP3:
        return _promised_length(path)
    if not stream.duration or stream.duration < 0 or stream.time_base is None or not stream.rate:
        return None
    told_samples = round(stream.duration * stream.time_base * stream.rate)
    if container == MP4:
        return _without_padding(told_samples, said)
    return told_samples if container in _TELLING else None


def _without_padding(told_samples: int, said: Mapping[str, str]) -> int:
    """Return how many samples an MP4 holds without the delay and padding that iTunes notes in place of an edit list.

    ffmpeg heeds the delay, not the padding. The note has, in hexadecimal numbers: zero, delay, padding, length.
    """
    numbers = said.get("iTunSMPB", "").split()
    try:
        _, delay, padding, length = (int(number, 16) for number in numbers[:4])
    except ValueError:
        return told_samples
    return length if 0 < length < told_samples <= length + delay + padding + _AAC_FRAME_SAMPLES else told_samples


def _promised_length(path: Path) -> int | None:
    """Return the number of samples that an MP3's first frame promises, if it stands where ffmpeg reads it.

    Otherwise ffmpeg estimates the length from the bit rate of what it takes for the first frame.
    """
    with path.open("rb") as file:
        found, begin, num_samples = first_frame(file), sound_position(file), mp3_promise(file).num_samples
    is_read = found is not None and found[1] == begin and num_samples is not None and num_samples > 0
    return num_samples if is_read else None
