"""Lists of videos to learn from: where they come from and what they must hold.

Belongs here: reading and checking lists. Stays out: fetching what they name.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from catalog.csv_lists import (
    SPLITS,
    UNSTATED,
    checked_address,
    checked_choice,
    checked_label,
    csv_rows,
    licence_of,
    read_text,
)
from catalog.errors import IdError, SourceListError
from catalog.ids import checked_video_id

__all__ = ["INSTRUMENTS", "SPLITS", "SourceVideo", "music_list", "read_list", "with_url_template"]

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

_MUSIC_LIST = Path(__file__).with_name("music.csv")
_COLUMNS = ("video_id", "instrument", "split")
_OPTIONAL = ("url", "licence")
_PLACEHOLDER = "{video_id}"


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """A video that a list names. Without a URL it is up to the downloader where its id leads."""

    video_id: str
    instrument: str
    split: str
    url: str | None = None
    licence: str = UNSTATED


def music_list() -> list[SourceVideo]:
    """The 494 videos of the published split of the MUSIC solo videos, 403 to train and 91 to validate.

    Source: the index files that Yang, Wei and Lerch (2020) published with the paper.
    """
    return read_list(_MUSIC_LIST)


def read_list(path: Path, json_split: str = "train") -> list[SourceVideo]:
    """The videos that the file `path` names, each once, in its order.

    A CSV file has the columns video_id, instrument, split (train, val or test) and perhaps url and licence; others are
    ignored. A JSON file is like those of MUSIC, {"videos": {"acoustic guitar": ["an id", ...]}}; it knows no
    split, so all its videos get `json_split`. "Acoustic Guitar" is read as acoustic_guitar.

    Raises SourceListError, with the line where there is one, if the file cannot be read, holds no video, or
    holds one that is not valid or contradicts another.
    """
    text = read_text(path)
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
        replace(video, url=checked_address(template.replace(_PLACEHOLDER, quote(video.video_id, safe="")), where=""))
        for video in videos
    ]


def _read_csv(path: Path, text: str) -> list[SourceVideo]:
    rows = csv_rows(path, text, _COLUMNS, _OPTIONAL)
    return _each_once((where, _video(where, **cells)) for where, cells in rows)


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
            rows.append((where, _video(where, video_id=video_id, instrument=instrument, split=split)))
    return _each_once(rows)


def _video(where: str, *, video_id: str, instrument: str, split: str, url: str = "", licence: str = "") -> SourceVideo:
    """A checked video; the SourceListError says `where` it stands."""
    name = checked_label(instrument, where, "instrument")
    checked_choice(split, SPLITS, where, "split")
    try:
        checked_id, checked_url = checked_video_id(video_id), checked_address(url, where="") if url else None
    except (IdError, SourceListError) as error:
        raise SourceListError(f"{where}: {error}") from error
    return SourceVideo(
        video_id=checked_id, instrument=name, split=split, url=checked_url, licence=licence_of(licence, where)
    )


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
    told = f"{video.instrument} in {video.split}" + (f" from an address of {host}" if host else "")
    return told if video.licence == UNSTATED else f"{told} under {video.licence}"
