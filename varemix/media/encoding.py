"""What ffmpeg encodes: MP3, Vorbis, Opus, AAC, ALAC, WMA, and the sound of videos, whose other streams are copied.

Samples go to ffmpeg through a pipe, so that nothing lies on disk twice. Bit-exact flags keep times and versions out
of the file.
"""

import contextlib
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import ffmpeg
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from varemix.errors import MediaError
from varemix.media.containers import ADTS, ASF, CAF, MATROSKA, MP3, MP4, OGG, TTA, WAVPACK, container_of
from varemix.media.formats import CODECS, AudioInfo
from varemix.media.layouts import layout_name
from varemix.media.programs import FedProgram, find_ffmpeg

_STALL_S = 600.0  # how long ffmpeg may take for a block, or for finishing the file
_DEMUXERS = {MP4: "mov", MATROSKA: "matroska", ASF: "asf"}
_COPIED_KINDS = ("video", "audio", "subtitle", "attachment")
_PIPE_FORMATS = {"PCM_U8": "u8", "PCM_16": "s16le", "PCM_24": "s32le", "PCM_32": "s32le", "DOUBLE": "f64le"}
_PCM_ENCODERS = {
    "PCM_U8": "pcm_u8",
    "PCM_16": "pcm_s16le",
    "PCM_24": "pcm_s24le",
    "PCM_32": "pcm_s32le",
    "FLOAT": "pcm_f32le",
    "DOUBLE": "pcm_f64le",
}
NAMED_SUBTYPES = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")  # of CAF whose loudspeakers are named
_ADTS_DELAY_SAMPLES = 1024
_VORBIS_QUALITY = 6
LEAST_VERSION_FOR_MATROSKA = 7  # those before move Opus against the picture by the encoder's delay
_MATROSKA_TICK_S = 0.001
_KEPT_TIMES = {"avoid_negative_ts": "disabled"}  # and -copyts: each time as it is in the source


class EncodedFile:
    """A file that ffmpeg encodes while samples are written to it; see `writing.AudioWriter`."""

    def __init__(self, path: Path, info: AudioInfo, source: Path | None) -> None:
        _check_writable(path, info, source)
        self._path = path
        self._info = info
        self._num_written = 0
        self._is_open = True
        self._program = FedProgram(_command(path, info, source), stall_s=_STALL_S)
        self._send(np.zeros((_lead_samples(info), info.num_channels)))

    def write(self, frames: NDArray[np.generic]) -> None:
        """Append frames [S, C]: PCM steps in the upper bits of int32, or floats."""
        # A bare AAC file cannot say that its first samples are the encoder's delay, so those take the place of as many.
        dropped = max(0, _ADTS_DELAY_SAMPLES - self._num_written) if self._info.container == ADTS else 0
        self._num_written += len(frames)
        self._send(frames[dropped:])

    def finish(self) -> None:
        """Wait for the encoder."""
        if self._is_open:
            self._is_open = False
            try:
                self._program.finish()
            except MediaError as error:
                raise self._failed(error) from error

    def abandon(self) -> None:
        """End the encoder and remove what it wrote."""
        self._is_open = False
        self._program.kill()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _send(self, frames: NDArray[np.generic]) -> None:
        try:
            self._program.write(_pipe_bytes(frames, self._info.subtype))
        except MediaError as error:
            raise self._failed(error) from error

    def _failed(self, error: MediaError) -> MediaError:
        self.abandon()
        return type(error)(f"'{self._path.name}' cannot be written: {error}")


def _check_writable(path: Path, info: AudioInfo, source: Path | None) -> None:
    codec = CODECS[info.codec]
    if info.num_channels > codec.max_channels:
        raise MediaError(
            f"'{path.name}' cannot be written: {codec.label} holds at most {codec.max_channels} channels, not "
            f"{info.num_channels}. Choose another format, such as flac."
        )
    if not codec.holds(info.channel_layout, info.num_channels):
        raise MediaError(
            f"'{path.name}' cannot be written: {codec.label} does not keep apart what it has: "
            f"{layout_name(info.channel_layout, info.num_channels)}. Choose another format, such as flac."
        )
    if info.subtype == "PCM_32" and info.codec not in ("pcm", "wavpack"):
        raise MediaError(
            f"'{path.name}' cannot be written: {codec.label} of 32 bits can be read only. Choose another format, such "
            "as wav."
        )
    if info.has_picture and source is None:
        raise MediaError(f"'{path.name}' cannot be written: a video needs its source, to copy the picture from.")


def _pipe_bytes(frames: NDArray[np.generic], subtype: str) -> bytes:
    if subtype == "PCM_U8":
        return ((frames.astype(np.int32) >> 24) + 128).astype(np.uint8).tobytes()
    if subtype == "PCM_16":
        return (frames.astype(np.int32) >> 16).astype("<i2").tobytes()
    kind = {"PCM_24": "<i4", "PCM_32": "<i4", "DOUBLE": "<f8"}.get(subtype, "<f4")
    return frames.astype(kind).tobytes()


def _command(path: Path, info: AudioInfo, source: Path | None) -> list[str]:
    """Return the command that reads samples from a pipe and writes the file."""
    sound: dict[str, Any] = {
        "f": _PIPE_FORMATS.get(info.subtype, "f32le"),
        "ar": info.rate_hz,
        "ac": info.num_channels,
    }
    if info.num_channels > 2:
        held = CODECS[info.codec].layout_held(info.channel_layout, info.num_channels)
        sound["channel_layout"] = held or info.channel_layout
    has_companion = source is not None and container_of(source) in _DEMUXERS
    if source is None or not has_companion:
        return _compiled([ffmpeg.input("pipe:", **sound)["a:0"]], path, _options(info, None))
    copied = _Companion(source, info)
    streams = copied.streams(info, sound)
    options = _options(info, source) | (copied.stream_options(info) if _keeps_streams(info) else {})
    first = _compiled(streams, path, options)
    inputs = [value for flag, value in pairwise(first) if flag == "-i"]
    place = inputs.index(copied.address)
    if _keeps_streams(info):
        # Named for one stream, ffmpeg copies no other's: each is named.
        options["map_metadata"] = place
        options |= {f"map_metadata:s:{number}": f"{place}:s:{index}" for number, index in enumerate(copied.kept)}
    else:
        options["map_metadata:g"] = -1  # of the whole; the chapters keep their titles
    return _compiled(streams, path, options | {"map_chapters": place})


def _keeps_streams(info: AudioInfo) -> bool:
    """Tell whether the other streams go along; in Matroska they do without a picture too."""
    return info.has_picture or info.container == MATROSKA


def _sound(info: AudioInfo) -> str:
    """Return ffmpeg's name of the new sound among the streams that are written."""
    return f"a:{info.audio_stream if _keeps_streams(info) else 0}"


def _compiled(streams: list[Any], path: Path, options: dict[str, Any]) -> list[str]:
    output = ffmpeg.output(*streams, f"file:{path.absolute()}", **options)
    quiet = output.global_args("-nostdin", "-hide_banner", "-loglevel", "error")
    quiet = quiet.global_args("-copyts") if "avoid_negative_ts" in options else quiet
    version = LEAST_VERSION_FOR_MATROSKA if "avoid_negative_ts" in options else 0
    command: list[str] = quiet.compile(cmd=str(find_ffmpeg(least_version=version)), overwrite_output=True)
    return command


def _options(info: AudioInfo, source: Path | None) -> dict[str, Any]:
    codec, sound = CODECS[info.codec], _sound(info)
    options: dict[str, Any] = {
        "f": _muxer(info, source),
        f"c:{sound}": _PCM_ENCODERS[info.subtype] if info.codec == "pcm" else codec.encoder,
        "fflags": "+bitexact",
        "flags:a": "+bitexact",
        "threads": 1,
        f"ar:{sound}": codec.coded_rate_hz(info.rate_hz),
    }
    if codec.is_lossy:
        lowest_bps, highest_bps = (limit * info.num_channels for limit in codec.bps_limits)
        if info.bit_rate_bps is None and codec.bps_per_channel is None:
            options[f"q:{sound}"] = _VORBIS_QUALITY
        else:
            usual_bps = (codec.bps_per_channel or 0) * info.num_channels
            options[f"b:{sound}"] = min(max(info.bit_rate_bps or usual_bps, lowest_bps), highest_bps)
        if info.codec == "mp3" and info.is_variable_rate:
            options["abr"] = 1  # LAME's variable rate around a mean
    elif info.subtype == "PCM_24" and info.codec == "flac":
        options["sample_fmt"] = "s32"
    elif info.subtype == "PCM_24" and info.codec == "wavpack":
        options["bits_per_raw_sample:a"] = 24
    return options


def _muxer(info: AudioInfo, source: Path | None) -> str:
    if info.container == MP4:
        brand = _head(source)[8:12]
        if brand == b"qt  ":
            return "mov"
        is_m4a = not info.has_picture and info.codec in ("aac", "alac")
        return "ipod" if is_m4a else "mp4"
    if info.container == MATROSKA:
        return "webm" if b"webm" in _head(source) else "matroska"
    if info.container == OGG:
        return "opus" if info.codec == "opus" else "ogg"
    return {MP3: "mp3", ADTS: "adts", ASF: "asf", CAF: "caf", WAVPACK: "wv", TTA: "tta"}[info.container]


def _head(source: Path | None) -> bytes:
    if source is None:
        return b""
    with source.open("rb") as file:
        return file.read(64)


def _lead_samples(info: AudioInfo) -> int:
    """Return how much silence goes before the sound so that it is read where it was.

    Decoders of WMA drop two frames and its encoder delays by one, which the file cannot say. The last half frame is not
    what it was: silence after it would mend that, and make the file longer by a frame.
    """
    if info.codec not in ("wmav1", "wmav2"):
        return 0
    coded_hz = CODECS[info.codec].coded_rate_hz(info.rate_hz)
    longest_hz = 32_000 if info.codec == "wmav1" else 22_050
    frame_samples = 512 if coded_hz <= 16_000 else 1024 if coded_hz <= longest_hz else 2048
    return round(frame_samples * info.rate_hz / coded_hz)


def _begin_s(sound: av.AudioStream, file: av.container.InputContainer) -> float:
    """Return when the first sample is heard.

    The first packet of Vorbis gives none, which only some files say; in those the sound begins after its packet. What
    Matroska says of Opus is whole milliseconds, from which ffmpeg takes half ones off and adds them, rounded.
    """
    told_s = float((sound.start_time or 0) * (sound.time_base or 0))
    name = sound.codec_context.name
    if name not in ("vorbis", "opus") or "matroska" not in file.format.name:
        return told_s
    first = None
    for packet in file.demux(sound):
        first = packet if first is None else first
        if first.pts is None or first.time_base is None:
            return told_s
        if name == "opus":
            return _opus_begin_s(float(first.pts * first.time_base), sound.codec_context.extradata or b"", told_s)
        for frame in packet.decode():
            is_said = first.pts != sound.start_time or frame.time is None
            return told_s if is_said else float(frame.time or 0)
    return told_s


def _opus_begin_s(packet_s: float, header: bytes, told_s: float) -> float:
    """Return when the first sample after the delay is heard (RFC 7845, 5.1), in the milliseconds that were rounded."""
    delay_s = int.from_bytes(header[10:12], "little") / 48_000
    if abs(packet_s + delay_s - told_s) > _MATROSKA_TICK_S:
        return told_s
    exact_ms = 1_000 * (packet_s + delay_s)
    return (math.ceil(exact_ms - 0.5) if packet_s >= 0 else math.floor(exact_ms + 0.5)) / 1_000


class _Companion:
    """The file whose other streams, chapters and tags go along."""

    def __init__(self, source: Path, info: AudioInfo) -> None:
        self.address = f"file:{source.absolute()}"
        self._demuxer = _DEMUXERS[container_of(source) or ""]
        options = {"protocol_whitelist": "file"}
        try:
            with av.open(self.address, format=self._demuxer, options=options, metadata_errors="replace") as file:
                sound = file.streams.audio[info.audio_stream]
                self._sound_index = sound.index
                # A cover looks like a video to ffmpeg, and would become one; it goes with the tags.
                self.kept = [
                    stream.index
                    for stream in file.streams
                    if stream.index == sound.index
                    or (stream.type in _COPIED_KINDS and not stream.disposition & Disposition.attached_pic)
                ]
                self._begins_s = _begin_s(sound, file)
                self._file_begins_s = (file.start_time or 0) / av.time_base
                self._is_default = bool(sound.disposition & Disposition.default)
        except (av.FFmpegError, IndexError) as error:
            raise MediaError(f"'{source.name}' changed while it was read: {error}. Run again.") from error

    def streams(self, info: AudioInfo, sound: dict[str, Any]) -> list[Any]:
        """Return what is written: the new sound, in a video at its place among the copied streams."""
        original = ffmpeg.input(self.address, f=self._demuxer, protocol_whitelist="file,pipe")
        new = ffmpeg.input("pipe:", **sound)["a:0"]
        if not _keeps_streams(info) or self.kept == [self._sound_index]:
            # ffmpeg-python takes only inputs that a stream comes from; '?' lets this one give none.
            return [new, original["t?"]]
        return [new if index == self._sound_index else original[str(index)] for index in self.kept]

    def stream_options(self, info: AudioInfo) -> dict[str, Any]:
        """Return how the other streams are copied, and where the new sound begins."""
        sound = _sound(info)
        options: dict[str, Any] = {"c": "copy", f"disposition:{sound}": "default" if self._is_default else "0"}
        if info.container == MP4:
            options["movie_timescale"] = info.rate_hz  # edits, and so lengths, to the sample
        # Some versions of ffmpeg move all else by the delay of the sound's encoder, each time, unless told not to.
        options |= _KEPT_TIMES if info.container == MATROSKA else {}
        shift_s = 0.0 if info.container == MATROSKA else self._file_begins_s
        offset_samples = round((self._begins_s - shift_s) * info.rate_hz)
        # ffmpeg's -itsoffset does nothing to raw samples, which have no times.
        return options | ({f"filter:{sound}": f"asetpts=PTS+{offset_samples}"} if offset_samples else {})
