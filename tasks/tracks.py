"""The tracks of a library, and their rows: what each file is, and the digest of what is in it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.ids import content_id, file_digest
from varemix.errors import MediaError
from varemix.media.audio import probe_audio
from varemix.media.layouts import group_names
from varemix.media.tags import COMMON_FIELDS, read_tags

if TYPE_CHECKING:
    from catalog.store import Catalog

_MAX_TAG = 1_000
_ONE_GROUP = 2  # channels that are always heard together


def mark_gone(catalog: Catalog, library: Path, present: list[Path]) -> None:
    """Mark the rows of tracks whose files are no longer in the library."""
    ids = {track_id(library, path) for path in present}
    rows = catalog.read_rows("tracks", where={"library": _text(library), "status": ["ready", "failed"]})
    gone = [row for row in rows if row["track_id"] not in ids]
    reason = {"status": "gone", "reason": "is no longer in the library", "updated_at": None}
    catalog.merge("tracks", [row | reason for row in gone])


def track_id(library: Path, path: Path) -> str:
    """Return the id of the place of a track."""
    return content_id("track", library=_text(library), path=_text(path.relative_to(library)))


def is_as_seen(path: Path, row: dict[str, Any]) -> bool:
    """Return whether the file still has the size and the time of change that its row says."""
    try:
        facts = path.stat()
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == (row["num_bytes"], row["modified_ns"])


def seen(catalog: Catalog, library: Path, path: Path) -> dict[str, Any]:
    """Return the row of one file of a library; it is looked at, and its row written, if it changed since then."""
    row = known_rows(catalog, library, [path])[path]
    if not (row and is_known(row) and is_as_seen(path, row)):
        row = looked_at(library, path)
        catalog.merge("tracks", [row])
    return row


def known_rows(catalog: Catalog, library: Path, files: Sequence[Path]) -> dict[Path, dict[str, Any] | None]:
    """Return the row of each file, None where it was not seen yet."""
    ids = {path: track_id(library, path) for path in files}
    known = {row["track_id"]: row for row in catalog.read_rows("tracks", where={"track_id": list(ids.values())})}
    return {path: known.get(id_) for path, id_ in ids.items()}


def is_known(row: dict[str, Any]) -> bool:
    """Return whether a row says all that is known of a readable track today."""
    is_grouped = (row["num_channels"] or 0) <= _ONE_GROUP or row["channel_groups"] is not None
    return row["status"] == "ready" and row["tags_json"] is not None and is_grouped


def seen_or_probed(catalog: Catalog, library: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the rows of files, of those not seen yet without the digest of what they hold; nothing is written."""
    rows = known_rows(catalog, library, files)
    return [
        row if row and is_known(row) and is_as_seen(path, row) else looked_at(library, path, is_digested=False)
        for path, row in rows.items()
    ]


def looked_at(library: Path, path: Path, *, is_digested: bool = True) -> dict[str, Any]:
    """Return the row of a file."""
    row: dict[str, Any] = {
        "track_id": track_id(library, path),
        "library": _text(library),
        "track_path": _text(path.relative_to(library)),
    }
    try:
        facts = path.stat()
        _check_file(path, facts)
        info = probe_audio(path)
        tags = {name: text[:_MAX_TAG] for name, text in read_tags(path).items() if name in COMMON_FIELDS}
        row |= {"num_bytes": facts.st_size, "modified_ns": facts.st_mtime_ns}
        row |= {"content_digest": file_digest(path) if is_digested else None}
    except MediaError as error:
        return row | {"status": "failed", "reason": str(error)}
    except OSError as error:
        return row | {"status": "failed", "reason": f"cannot be read: {error.strerror}"}
    return row | {
        "status": "ready",
        "tags_json": json.dumps(tags, sort_keys=True, ensure_ascii=False),
        "container": info.container,
        "subtype": info.subtype,
        "written_as": info.written_as,
        "rate_hz": info.rate_hz,
        "num_channels": info.num_channels,
        "channel_groups": group_names(info.channel_layout, info.num_channels),
        "num_samples": info.num_samples,
        "duration_s": info.duration_s,
    }


def _check_file(path: Path, facts: os.stat_result) -> None:
    """Raise MediaError for what cannot be a track whatever it holds: opening a pipe would wait for ever."""
    if not stat.S_ISREG(facts.st_mode):
        raise MediaError(f"'{path.name}' is no file, but a pipe or a device. Remove it from the library.")
    if _text(path) != str(path):
        raise MediaError(f"'{_text(path)}' is no name in UTF-8, in which it could be written down. Rename it.")


def _text(path: Path) -> str:
    """Return a path as text that a table can hold, also where its bytes are no valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
