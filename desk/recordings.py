"""The recordings that the desk serves: those of a library or file it was opened with, and those dropped on it.

A dropped recording is a track of a library of its own in the home, below a folder named after its content: the same
recording dropped twice is one, the batch knows its masks, and a restart loses nothing.
"""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from catalog.files import remove_leftovers
from catalog.ids import file_digest
from catalog.store import Catalog
from desk.errors import DeskError, not_found
from desk.uploads import harmless_name
from tasks.library_files import library_files
from tasks.tracks import is_as_seen, seen, track_id
from varemix.errors import MediaError
from varemix.media.audio import SERVED_SUFFIXES, probe_audio
from varemix.media.containers import container_of

SEGMENT_S = 5
PLAYED_CHANNELS = 2  # of more, a downmix is played
FULL_SCALE = 4.0
"""Samples of segments are divided by this, so that what passes full scale stays whole; the page multiplies once."""

_MAX_DURATION_S = 4 * 3600
_LISTING_S = 10.0  # so long a listing of files stands
_DIGEST_CHARACTERS = 20
_SUFFIXES = {
    "WAV": ".wav",
    "AIFF": ".aiff",
    "FLAC": ".flac",
    "MP3": ".mp3",
    "OGG": ".ogg",
    "ADTS": ".aac",
    "ASF": ".wma",
    "MP4": ".m4a",
    "MATROSKA": ".mka",
    "CAF": ".caf",
    "W64": ".w64",
    "AU": ".au",
    "WAVPACK": ".wv",
    "TTA": ".tta",
    "APE": ".ape",
    "MUSEPACK": ".mpc",
    "MUSEPACK8": ".mpc",
    "TAK": ".tak",
}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording that can be read, by its row of `tracks`."""

    row: Mapping[str, Any]
    is_dropped: bool

    @property
    def id(self) -> str:
        """Its id, which stands for its place."""
        return str(self.row["track_id"])

    @property
    def path(self) -> Path:
        """Its file."""
        return Path(self.row["library"], self.row["track_path"])

    @property
    def rate_hz(self) -> int:
        """Its sample rate."""
        return int(self.row["rate_hz"])

    @property
    def num_samples(self) -> int:
        """How many samples a channel has."""
        return int(self.row["num_samples"])

    @property
    def segment_samples(self) -> int:
        """How many samples a segment has; the last one may have fewer."""
        return SEGMENT_S * self.rate_hz

    @property
    def num_segments(self) -> int:
        """How many segments it has."""
        return -(-self.num_samples // self.segment_samples)

    @property
    def tags(self) -> dict[str, str]:
        """What its common tags say."""
        return dict(json.loads(self.row["tags_json"] or "{}"))

    def facts(self) -> dict[str, Any]:
        """Return what the page is told of it."""
        return {
            "id": self.id,
            "title": self.tags.get("title") or self.path.stem,
            "name": self.path.name,
            "duration_s": self.row["duration_s"],
            "num_samples": self.num_samples,
            "rate_hz": self.rate_hz,
            "num_channels": self.row["num_channels"],
            "num_played_channels": min(PLAYED_CHANNELS, self.row["num_channels"]),
            "container": self.row["container"],
            "segment_samples": self.segment_samples,
            "num_segments": self.num_segments,
            "full_scale": FULL_SCALE,
            "tags": {name: text for name, text in self.tags.items() if name in ("title", "artist")},
            "is_library": not self.is_dropped,
        }


class Shelf:
    """Finds recordings by their ids; paths never come from outside."""

    def __init__(self, catalog: Catalog, *, library: Path | None = None, single: Path | None = None) -> None:
        self._catalog = catalog
        self._dropped = catalog.home.dropped
        self._dropped.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self._dropped)
        self._library = library.expanduser().resolve() if library else None
        self._single = single.expanduser().resolve() if single else None
        self._lock = Lock()
        self._places: dict[str, tuple[Path, Path]] = {}
        self._listed_at = -_LISTING_S
        self._known: dict[str, Recording] = {}

    @property
    def opened_id(self) -> str | None:
        """The id of the file that the desk was opened with."""
        return track_id(self._single.parent, self._single) if self._single else None

    def listed(self, search: str, limit: int) -> list[dict[str, Any]]:
        """Return recordings whose path or title holds all words of `search`, those dropped last first."""
        places = self._listing()
        rows = {row["track_id"]: row for row in self._catalog.read_rows("tracks", where={"status": "ready"})}
        words = search.casefold().split()
        found = []
        for own, (root, path) in places.items():
            row = rows.get(own)
            tags = json.loads(row["tags_json"] or "{}") if row else {}
            is_dropped = root == self._dropped
            folder = "" if is_dropped else path.parent.relative_to(root).as_posix().removeprefix(".")
            title = tags.get("title") or path.stem
            text = f"{title} {tags.get('artist', '')} {path.name} {folder}".casefold()
            if all(word in text for word in words):
                found.append(
                    {
                        "id": own,
                        "title": title,
                        "name": path.name,
                        "artist": tags.get("artist"),
                        "folder": folder,
                        "duration_s": row["duration_s"] if row else None,
                        "digest": row["content_digest"] if row else None,
                        "is_library": not is_dropped,
                    }
                )
                if len(found) == limit:
                    break
        return found

    def recording(self, own: str) -> Recording:
        """Return the recording of an id. Raises DeskError where there is none, or it cannot be read."""
        known = self._known.get(own)
        if known and is_as_seen(known.path, dict(known.row)):
            return known
        place = self._places.get(own) or self._listing(is_anew=True).get(own)
        if place is None or not place[1].is_file():
            raise not_found("recording")
        return self._looked_at(*place)

    def put(self, file: Path) -> Recording:
        """Take a file that was dropped onto the shelf; it is moved. Raises DeskError when it is no recording."""
        try:
            container = container_of(file)
            info = probe_audio(file)
        except MediaError as error:
            raise DeskError(422 if container_of(file) else 415, str(error)) from error
        if info.duration_s > _MAX_DURATION_S:
            raise DeskError(
                422,
                f"'{file.name}' lasts {info.duration_s / 3600:.1f} hours; the desk takes {_MAX_DURATION_S // 3600}. "
                "Use `varemix remix` for it.",
            )
        name = file.name
        if file.suffix.lower() not in SERVED_SUFFIXES:
            name = f"{name}{_SUFFIXES[str(container)]}"
        folder = self._dropped / file_digest(file)[:_DIGEST_CHARACTERS]
        with self._lock:
            folder.mkdir(exist_ok=True)
            there = next((path for path in folder.iterdir() if not path.name.startswith(".")), None)
            place = there or folder / name
            if there is None:
                file.replace(place)
        return self._looked_at(self._dropped, place)

    def forget(self, own: str) -> None:
        """Remove a dropped recording. Raises DeskError for one of the library, which is only ever read."""
        recording = self.recording(own)
        if not recording.is_dropped:
            raise DeskError(403, "This recording is one of the library, which the desk only reads.")
        gone = {"status": "gone", "reason": "was removed from the desk", "updated_at": None}
        self._catalog.merge("tracks", [dict(recording.row) | gone])
        with self._lock:
            shutil.rmtree(recording.path.parent, ignore_errors=True)
        self._known.pop(own, None)
        self._places.pop(own, None)

    def _looked_at(self, root: Path, path: Path) -> Recording:
        row = seen(self._catalog, root, path)
        if row["status"] != "ready":
            raise DeskError(422, str(row["reason"]))
        recording = Recording(row=row, is_dropped=root == self._dropped)
        self._known[recording.id] = recording
        self._places[recording.id] = (root, path)
        return recording

    def _listing(self, *, is_anew: bool = False) -> dict[str, tuple[Path, Path]]:
        """Return library and file of each id: dropped ones, newest first, the one opened with, those of the library."""
        with self._lock:
            if is_anew or time.monotonic() - self._listed_at > _LISTING_S or not self._places:
                dropped = sorted(_files(self._dropped), key=lambda path: -path.stat().st_mtime_ns)
                found = [(self._dropped, path) for path in dropped]
                found += [(self._single.parent, self._single)] if self._single else []
                found += [(self._library, path) for path in _files(self._library)] if self._library else []
                self._places = {track_id(root, path): (root, path) for root, path in found}
                self._listed_at = time.monotonic()
            return dict(self._places)


def name_of_upload(text: str) -> str:
    """Return what a dropped recording shall be called."""
    return harmless_name(text, default="recording")


def _files(folder: Path) -> list[Path]:
    try:
        return library_files(folder)
    except MediaError:  # it holds none
        return []
