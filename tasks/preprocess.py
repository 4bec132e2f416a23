"""Step: video files -> clips: sound as WAV at 44.1 kHz, frames in one Parquet file, and what was measured."""

from operator import itemgetter
from typing import Any

from catalog.csv_lists import UNSTATED
from catalog.files import Home, replacing
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.shards import Outcome, settle, shard_task
from varemix.errors import MediaError
from varemix.media.audio import read_audio
from varemix.media.loudness import integrated_loudness_lufs, silent_fraction
from varemix.media.video import extract_frames, extract_wav
from varemix.signal.grid import RATE_HZ

STEP_VERSION = 1
FRAME_RATE_HZ = 6.0
SHORT_SIDE_PIXELS = 256
MIN_DURATION_S = 262_140 / RATE_HZ
_SILENT = 0.99


@shard_task("preprocess")
def preprocess_videos(*, items: list[dict[str, Any]], shard: str, home: str) -> list[Outcome]:
    """Make the clips of a shard of rows of `videos` that are ready; skip those that stand."""
    catalog = Catalog(Home.open(home))
    ids = [video["video_id"] for video in items]
    known = {row["video_id"]: row for row in catalog.read_rows("clips", where={"video_id": ids})}
    return settle(
        catalog,
        "clips",
        items,
        name=itemgetter("video_id"),
        stands=lambda video: _stands(catalog, known.get(video["video_id"]), video),
        make=lambda video: _preprocessed(catalog.home, video),
    )


def clip_id(video: dict[str, Any]) -> str:
    """Return the id of the clip that a row of `videos` becomes."""
    return content_id(
        "clip",
        version=STEP_VERSION,
        video=video["digest"],
        rate_hz=RATE_HZ,
        frame_rate_hz=FRAME_RATE_HZ,
        short_side_pixels=SHORT_SIDE_PIXELS,
    )


def _stands(catalog: Catalog, row: dict[str, Any] | None, video: dict[str, Any]) -> bool:
    """Return whether a row of `clips` still says what its video says, and its files are there."""
    wanted = {"clip_id": clip_id(video), "status": "ready", "instrument": video["instrument"], "split": video["split"]}
    if row is None or any(row[name] != value for name, value in wanted.items()):
        return False
    if (row["licence"] or UNSTATED) != _licence(video):
        return False
    return all(catalog.home.holds(row[name]) for name in ("wav_path", "frames_path"))


def _preprocessed(home: Home, video: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a video's clip after making its files, or the row that says why there is none."""
    row = {name: video[name] for name in ("video_id", "instrument", "split")}
    row |= {"clip_id": clip_id(video), "licence": _licence(video)}
    try:
        return row | _extracted(home, video, row["clip_id"]) | {"status": "ready"}
    except MediaError as error:
        return row | {"status": "failed", "reason": str(error)}


def _licence(video: dict[str, Any]) -> str:
    return video.get("licence") or UNSTATED


def _extracted(home: Home, video: dict[str, Any], name: str) -> dict[str, Any]:
    """Write the clip's files and return what they hold. Raises MediaError for a video that cannot serve."""
    source, wav_path, frames_path = home.fetched(video["path"], video["digest"]), home.wav(name), home.frames(name)
    with replacing(wav_path) as wav:
        extract_wav(source, wav, rate_hz=RATE_HZ)
        samples, info = read_audio(wav)
        silent = silent_fraction(samples, RATE_HZ)
        _check_usable(video["video_id"], info.duration_s, silent)
        with replacing(frames_path) as frames:
            num_frames = extract_frames(
                source, frames, frame_rate_hz=FRAME_RATE_HZ, short_side_pixels=SHORT_SIDE_PIXELS
            )
    home.keep(frames_path)
    home.keep(wav_path)
    return {
        "wav_path": home.relative(wav_path),
        "frames_path": home.relative(frames_path),
        "wav_digest": file_digest(wav_path),
        "frames_digest": file_digest(frames_path),
        "duration_s": info.duration_s,
        "rate_hz": RATE_HZ,
        "num_frames": num_frames,
        "frame_rate_hz": FRAME_RATE_HZ,
        "loudness_lufs": integrated_loudness_lufs(samples, RATE_HZ),
        "silent_fraction": silent,
    }


def _check_usable(video_id: str, duration_s: float, silent: float) -> None:
    if duration_s < MIN_DURATION_S:
        raise MediaError(
            f"'{video_id}' has {duration_s:.2f} s of sound; a training window is {MIN_DURATION_S:.2f} s. Leave it out."
        )
    if silent > _SILENT:
        raise MediaError(f"'{video_id}' is silent throughout. Leave it out.")
