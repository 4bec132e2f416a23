"""Lists of videos to learn from: where they come from and what they must hold.

Belongs here: reading and checking lists. Stays out: fetching what they name.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from catalog.errors import IdError, SourceListError
from catalog.ids import checked_video_id

INSTRUMENTS: tuple[str, ...] = (
    "accordion",
    "acoustic_guitar",
    "cello",
    "clarinet",
    "erhu",
    "flute",
    "saxophone",
    "trumpet",
    "tuba",
    "violin",
    "xylophone",
)
"""The instruments of the MUSIC solo videos. Other lists may name others."""

SPLITS: tuple[str, ...] = ("train", "val", "test")

_MUSIC_LIST = Path(__file__).with_name("music.csv")
_COLUMNS = ("video_id", "instrument", "split")
_INSTRUMENT_NAME = re.compile(r"[a-z0-9_]{1,64}")
_PLACEHOLDER = "{video_id}"


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """A video that a list names. Without a URL it is up to the downloader where its id leads."""

    video_id: str
    instrument: str
    split: str
    url: str | None = None


def music_list() -> list[SourceVideo]:
    """The 494 videos of the published split of the MUSIC solo videos, 403 to train and 91 to validate.

    Source: the index files that Yang, Wei and Lerch (2020) published with the paper.
    """
    return read_list(_MUSIC_LIST)


def read_list(path: Path, json_split: str = "train") -> list[SourceVideo]:
    """The videos that the file `path` names, each once, in its order.

    A CSV file has the columns video_id, instrument, split (train, val or test) and perhaps url; others are
    ignored. A JSON file is like those of MUSIC, {"videos": {"acoustic guitar": ["an id", ...]}}; it knows no
    split, so all its videos get `json_split`. "Acoustic Guitar" is read as acoustic_guitar.

    Raises SourceListError, with the line where there is one, if the file cannot be read, holds no video, or
    holds one that is not valid or contradicts another.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceListError(
            f"The list {str(path)!r} cannot be read ({error}); expected a CSV or JSON file in UTF-8. "
            "Check its path, or save it as UTF-8."
        ) from error
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("{")
    videos = _read_json(path, text, json_split) if is_json else _read_csv(path, text)
    if not videos:
        raise SourceListError(f"The list {str(path)!r} names no video; expected at least one.")
    return videos


def with_url_template(videos: Sequence[SourceVideo], template: str) -> list[SourceVideo]:
    """`videos` with URLs made from `template`, in place of any that they had.

    Raises SourceListError unless `template` is an http or https URL that contains {video_id}.
    """
    if _PLACEHOLDER not in template:
        raise SourceListError(
            f"The URL template lacks {_PLACEHOLDER}; expected one such as 'https://example.org/{_PLACEHOLDER}.mp4'."
        )
    return [
        replace(video, url=_checked_url(template.replace(_PLACEHOLDER, quote(video.video_id, safe=""))))
        for video in videos
    ]


def _read_csv(path: Path, text: str) -> list[SourceVideo]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows: list[tuple[str, SourceVideo]] = []
    try:
        found = [(name or "").strip().lower() for name in reader.fieldnames or []]
        missing = [column for column in _COLUMNS if column not in found]
        if missing:
            raise SourceListError(
                f"The list {str(path)!r} lacks the column {', '.join(missing)}; "
                f"found {', '.join(found) or 'none'}, expected {', '.join(_COLUMNS)} and perhaps url. "
                "Name them in its first line."
            )
        reader.fieldnames = found
        for row in reader:
            where = f"{str(path)!r}, line {reader.line_num}"
            cells = {name: (row.get(name) or "").strip() for name in (*_COLUMNS, "url")}
            rows.append((where, _video(where, **cells)))
    except csv.Error as error:
        raise SourceListError(f"{str(path)!r}, after line {reader.line_num}: {error}; expected CSV.") from error
    return _each_once(rows)


def _read_json(path: Path, text: str, split: str) -> list[SourceVideo]:
    expected = 'expected {"videos": {"an instrument": ["an id", ...], ...}}'
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceListError(f"The list {str(path)!r} is not JSON ({error}); {expected}.") from error
    classes = content.get("videos") if isinstance(content, dict) else None
    if not isinstance(classes, dict):
        raise SourceListError(f"The list {str(path)!r} has no object 'videos'; {expected}.")
    rows: list[tuple[str, SourceVideo]] = []
    for instrument, ids in classes.items():
        if not isinstance(ids, list) or not all(isinstance(video_id, str) for video_id in ids):
            raise SourceListError(f"{str(path)!r}, {instrument!r} holds no list of ids; {expected}.")
        for video_id in ids:
            where = f"{str(path)!r}, {instrument!r}"
            rows.append((where, _video(where, video_id=video_id, instrument=instrument, split=split, url="")))
    return _each_once(rows)


def _video(where: str, *, video_id: str, instrument: str, split: str, url: str) -> SourceVideo:
    """A checked video; the SourceListError says `where` it stands."""
    name = re.sub(r"[\s_]+", "_", instrument.strip().lower())
    if not _INSTRUMENT_NAME.fullmatch(name):
        raise SourceListError(
            f"{where}: the instrument is {instrument[:80]!r}; expected 1 to 64 characters of a-z 0-9 _, "
            "such as acoustic_guitar."
        )
    if split not in SPLITS:
        raise SourceListError(f"{where}: the split is {split[:80]!r}; expected one of {', '.join(SPLITS)}.")
    try:
        checked_id, checked_url = checked_video_id(video_id), _checked_url(url) if url else None
    except (IdError, SourceListError) as error:
        raise SourceListError(f"{where}: {error}") from error
    return SourceVideo(video_id=checked_id, instrument=name, split=split, url=checked_url)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or re.search(r"[\s\x00-\x1f\x7f]", url):
        # It is not quoted: it may hold a password.
        raise SourceListError("The URL is none; expected one of http:// or https://, with a host and no spaces.")
    return url


def _each_once(rows: Iterable[tuple[str, SourceVideo]]) -> list[SourceVideo]:
    """The videos in order without repetitions; rows that say different things of one id are an error."""
    first: dict[str, tuple[str, SourceVideo]] = {}
    for where, video in rows:
        earlier_where, earlier = first.setdefault(video.video_id, (where, video))
        if earlier != video:
            raise SourceListError(
                f"{where}: video {video.video_id!r} is {_described(video)}, but {_described(earlier)} at "
                f"{earlier_where}. Keep the right one."
            )
    return [video for _, video in first.values()]


def _described(video: SourceVideo) -> str:
    host = urlsplit(video.url).hostname if video.url else None
    return f"{video.instrument} in {video.split}" + (f" from an address of {host}" if host else "")
