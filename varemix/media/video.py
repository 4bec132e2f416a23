"""Videos into what training needs: their sound as a WAV file, their frames as one Parquet file.

Sound and frames share one clock: both begin at the start of the file, padded where their stream begins later.
MP4 (MOV) and Matroska (WebM) are served; a file that names other files or addresses is none of these, so that
nothing else is opened. Stays out: fetching videos (`download`), what the frames show (`varemix.model`).
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import av
import ffmpeg
import pyarrow as pa
import pyarrow.parquet as pq
from av.stream import Disposition

from varemix.errors import MediaError
from varemix.media.audio import probe_audio
from varemix.media.containers import MATROSKA, MP4, container_of
from varemix.media.pictures import read_picture
from varemix.media.programs import find_ffmpeg, run_program, stream_program
from varemix.media.wholeness import check_whole

DEFAULT_TIMEOUT_S = 3600.0
_DEMUXERS = {MP4: "mov", MATROSKA: "matroska"}
_MAX_PIXELS = 8192 * 8192
_MAX_ASPECT = 8
_FRAMES_PER_ROW_GROUP = 64  # ten seconds at 6 Hz: a clip's frames lie in one or two groups
_FRAME_COLUMNS: dict[str, pa.DataType] = {
    "frame_index": pa.int32(),
    "time_s": pa.float64(),
    "jpeg": pa.binary(),
}
_BETWEEN_JPEGS = b"\xff\xd9\xff\xd8"  # end of one image, start of the next


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video holds. `width` and `height` are those of the coded picture, before any rotation; 0 without
    one.
    """

    has_sound: bool
    has_picture: bool
    duration_s: float
    width: int
    height: int


def probe_video(path: Path) -> VideoInfo:
    """Return what a video holds, from its header.

    Cover art is no picture. Raises MediaError when the file is not MP4 or Matroska by its content, or is cut
    off or damaged.
    """
    demuxer = _checked_demuxer(path)
    try:
        with av.open(
            _address(path), format=demuxer, options={"protocol_whitelist": "file"}, metadata_errors="replace"
        ) as container:
            streams = container.streams
            if len(streams) == 0:
                raise MediaError(f"'{path.name}' is cut off or damaged: it holds no streams. Fetch it again.")
            pictures = [stream for stream in streams.video if _is_moving_picture(stream)]
            known_s = container.duration / av.time_base if container.duration else None
            return VideoInfo(
                has_sound=len(streams.audio) > 0,
                has_picture=len(pictures) > 0,
                duration_s=_last_packet_end_s(container) if known_s is None else known_s,
                width=pictures[0].width if pictures else 0,
                height=pictures[0].height if pictures else 0,
            )
    except av.FFmpegError as error:
        raise MediaError(f"'{path.name}' is cut off or damaged: {error.strerror}. Fetch it again.") from error


def extract_wav(video: Path, wav_path: Path, rate_hz: int = 44_100, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
    """Write the sound of a video as a mono WAV file of 16-bit PCM; gaps become silence.

    Raises MediaError when the video has no sound, or for the reasons of `probe_video`; ProgramError when
    ffmpeg fails.
    """
    if not probe_video(video).has_sound:
        raise MediaError(f"'{video.name}' has no sound. Leave it out.")
    sound = _input(video)["a:0"].filter("aresample", **{"async": 1, "first_pts": 0})
    output = sound.output(
        _address(wav_path),
        f="wav",
        acodec="pcm_s16le",
        ac=1,
        ar=rate_hz,
        map_metadata=-1,
        fflags="+bitexact",
        **{"flags:a": "+bitexact"},
    )
    run_program(_command(output), timeout_s=timeout_s)
    probe_audio(wav_path)


def extract_frames(
    video: Path,
    frames_path: Path,
    *,
    frame_rate_hz: float = 6.0,
    short_side_pixels: int = 256,
    quality: int = 3,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> int:
    """Write the frames of a video as JPEG into one Parquet file, and return how many there are.

    Frame i shows the picture at `time_s` = i / frame_rate_hz, its short side scaled to `short_side_pixels`.
    `quality` is ffmpeg's scale for JPEG, from 2 (best) to 31. Columns: frame_index, time_s, jpeg; the
    schema's metadata hold frame_rate_hz, width and height.
    Raises MediaError when the video has no picture or one of absurd size, or for the reasons of
    `probe_video`; ProgramError when ffmpeg fails.
    """
    _check_picture(probe_video(video), video.name)
    command = _command(_frames_output(video, frame_rate_hz, short_side_pixels, quality))
    with closing(stream_program(command, timeout_s=timeout_s)) as chunks:
        return _write_frames(_split_jpegs(chunks), frames_path, frame_rate_hz, video.name)


def read_frames(frames_path: Path, indices: Sequence[int]) -> list[bytes]:
    """Return the JPEG bytes of the frames asked for, in that order; only their row groups are read.

    Raises MediaError when the file holds no frames of a video, or an index is not among them.
    """
    try:
        with pq.ParquetFile(frames_path.absolute()) as file:
            ends = list(accumulate(file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)))
            _check_indices(indices, ends[-1] if ends else 0, frames_path.name)
            groups = {index: next(g for g, end in enumerate(ends) if index < end) for index in indices}
            jpegs: dict[int, bytes] = {}
            for group in sorted(set(groups.values())):
                column = file.read_row_group(group, columns=["jpeg"]).column("jpeg")
                start = ends[group] - len(column)
                jpegs |= {i: column[i - start].as_py() for i, g in groups.items() if g == group}
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise MediaError(f"'{frames_path.name}' holds no frames of a video: {error} Extract them again.") from error
    return [jpegs[index] for index in indices]


def _write_frames(jpegs: Iterator[bytes], frames_path: Path, frame_rate_hz: float, name: str) -> int:
    first = next(jpegs, None)
    if first is None:
        raise MediaError(f"'{name}' has no picture that can be decoded. Leave it out.")
    width, height = read_picture(first).size
    facts: dict[bytes | str, bytes | str] = {
        "frame_rate_hz": str(frame_rate_hz),
        "width": str(width),
        "height": str(height),
    }
    schema = pa.schema(_FRAME_COLUMNS, metadata=facts)
    num_frames = 0
    with pq.ParquetWriter(
        frames_path.absolute(),  # pyarrow takes a relative "a:b" for an address
        schema,
        compression="none",  # JPEG does not shrink further
        use_dictionary=False,
        write_statistics=["frame_index", "time_s"],
    ) as writer:
        group = [first, *islice(jpegs, _FRAMES_PER_ROW_GROUP - 1)]
        while group:
            writer.write_table(_frames_table(group, num_frames, frame_rate_hz, schema))
            num_frames += len(group)
            group = list(islice(jpegs, _FRAMES_PER_ROW_GROUP))
    return num_frames


def _checked_demuxer(path: Path) -> str:
    container = container_of(path)
    if container not in _DEMUXERS:
        problem = "is empty" if path.stat().st_size == 0 else "is not a video of a kind that is served"
        raise MediaError(f"'{path.name}' {problem}; MP4 and Matroska (WebM) are. Fetch or convert it again.")
    check_whole(path)
    return _DEMUXERS[container]


def _address(path: Path) -> str:
    """Return a name that ffmpeg takes for a file, whatever characters it begins with or contains."""
    return f"file:{path.absolute()}"


def _is_moving_picture(stream: av.VideoStream) -> bool:
    """Tell a picture that can be decoded from cover art and from codings that nobody knows."""
    is_known = stream.codec_context is not None and stream.width > 0
    return is_known and not stream.disposition & Disposition.attached_pic


def _last_packet_end_s(container: av.container.InputContainer) -> float:
    """Return where the last packet ends, for files whose header tells no duration."""
    ends_s = (
        float((packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in container.demux()
        if packet.pts is not None and packet.time_base is not None
    )
    return max(ends_s, default=0.0)


def _check_picture(info: VideoInfo, name: str) -> None:
    if not info.has_picture:
        raise MediaError(f"'{name}' has no picture. Leave it out.")
    long_side, short_side = max(info.width, info.height), min(info.width, info.height)
    if long_side > _MAX_ASPECT * short_side or long_side * short_side > _MAX_PIXELS:
        raise MediaError(
            f"'{name}' has a picture of {info.width} x {info.height} pixels, which is absurd. Leave it out."
        )


def _input(video: Path) -> ffmpeg.nodes.FilterableStream:
    return ffmpeg.input(_address(video), f=_checked_demuxer(video), protocol_whitelist="file,pipe", threads=1)


def _frames_output(
    video: Path, frame_rate_hz: float, short_side_pixels: int, quality: int
) -> ffmpeg.nodes.OutputStream:
    picture = _input(video)["V:0"].filter("fps", fps=frame_rate_hz, start_time=0)
    # -2: the nearest even number that keeps the aspect
    width, height = f"if(gt(iw,ih),-2,{short_side_pixels})", f"if(gt(iw,ih),{short_side_pixels},-2)"
    picture = picture.filter("scale", width, height).filter("format", "yuvj420p")
    return picture.output("pipe:", f="mjpeg", vcodec="mjpeg", threads=1, **{"q:v": quality, "flags:v": "+bitexact"})


def _command(output: ffmpeg.nodes.OutputStream) -> list[str]:
    quiet = output.global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-filter_complex_threads", "1")
    command: list[str] = quiet.compile(cmd=str(find_ffmpeg()), overwrite_output=True)
    return command


def _split_jpegs(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the images of an MJPEG stream.

    The end marker followed by a start marker cannot occur inside: in coded data 0xFF is always followed by 0
    (ITU-T T.81, B.1.1.5), and ffmpeg's headers hold only its tables.
    """
    rest = b""
    for chunk in chunks:
        search_from = max(0, len(rest) - len(_BETWEEN_JPEGS) + 1)
        rest += chunk
        while (end := rest.find(_BETWEEN_JPEGS, search_from)) >= 0:
            yield rest[: end + 2]
            rest, search_from = rest[end + 2 :], 0
    if rest:
        yield rest


def _frames_table(jpegs: list[bytes], first_index: int, frame_rate_hz: float, schema: pa.Schema) -> pa.Table:
    indices = range(first_index, first_index + len(jpegs))
    columns: dict[str, list[Any]] = {
        "frame_index": list(indices),
        "time_s": [index / frame_rate_hz for index in indices],
        "jpeg": jpegs,
    }
    return pa.Table.from_pydict(columns, schema=schema)


def _check_indices(indices: Sequence[int], num_frames: int, name: str) -> None:
    for index in indices:
        if not 0 <= index < num_frames:
            raise MediaError(f"'{name}' holds frames 0 to {num_frames - 1}; frame {index} was asked for.")
