"""What lists name: videos, sounds and photos, read and checked before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.csv_lists import list_kind
from catalog.errors import SourceListError
from catalog.photo_lists import SourcePhoto, read_photo_list
from catalog.sound_lists import SourceSound, check_splits, read_sound_list
from catalog.sources import SourceVideo, music_list, read_list, with_url_template
from catalog.store import Catalog
from varemix.errors import UsageError
from varemix.redaction import has_secret

MUSIC = "music"
"""The name of the list that comes with the software."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What some lists name; each entry knows its list, but for videos, which are told by list."""

    videos: dict[str, list[SourceVideo]]
    sounds: list[SourceSound]
    photos: list[SourcePhoto]
    sound_lists: tuple[str, ...]
    photo_lists: tuple[str, ...]

    @property
    def instruments(self) -> set[str]:
        """The instruments that the videos show."""
        return {video.instrument for videos in self.videos.values() for video in videos}


def read_lists(sources: Sequence[str], url_template: str | None = None, limit: int | None = None) -> Listed:
    """Return what the lists name, so many from the top of each; what a list is of, its first line tells.

    The addresses of videos are filled in. Raises UsageError for a template with a password or token in it, which would
    be kept, and shown, with the run, and for two lists of the same name; SourceListError for what is no good list.
    """
    if url_template and has_secret(url_template.replace("{video_id}", "")):
        raise UsageError(
            "The URL template holds a password, a token or another value, which would be kept and shown with the run. "
            "Write whole addresses into a list that only you can read, or give --cookies."
        )
    paths = [Path(source) for source in dict.fromkeys(sources) if source != MUSIC]
    _check_names(paths)
    kinds = {path: list_kind(path) for path in paths}
    videos = {path.name: read_list(path)[:limit] for path in paths if kinds[path] == "videos"}
    if MUSIC in sources:
        videos[MUSIC] = music_list()[:limit]
    if url_template:
        videos = {name: with_url_template(listed, url_template) for name, listed in videos.items()}
    sounds = [(path.name, sound) for path in paths if kinds[path] == "sounds" for sound in read_sound_list(path)]
    check_splits((f"The list {name!r}", sound) for name, sound in sounds)
    return Listed(
        videos=videos,
        sounds=[sound for path in paths if kinds[path] == "sounds" for sound in _of(path, sounds)[:limit]],
        photos=[photo for path in paths if kinds[path] == "photos" for photo in read_photo_list(path)[:limit]],
        sound_lists=tuple(path.name for path in paths if kinds[path] == "sounds"),
        photo_lists=tuple(path.name for path in paths if kinds[path] == "photos"),
    )


def check_against_catalog(catalog: Catalog, listed: Listed) -> None:
    """Raise SourceListError where who plays in one split by these lists plays in another by earlier lists."""
    if not listed.sounds:
        return
    columns = ["label", "kind", "group", "split", "piece", "source", "file", "status"]
    rows = catalog.read_rows("sounds", columns=columns, where={"status": ["ready", "failed", "unavailable"]})
    earlier = [_as_listed(row) for row in rows if row["source"] not in listed.sound_lists]
    try:
        check_splits((f"The list {sound.source!r}", sound) for sound in [*earlier, *listed.sounds])
    except SourceListError as error:
        raise SourceListError(
            f"{error} The catalog holds what earlier lists named: refresh them too where they were corrected."
        ) from error


def _as_listed(row: dict[str, str]) -> SourceSound:
    told = {name: row[name] for name in ("label", "kind", "group", "split", "piece", "source", "file")}
    return SourceSound(**told, place="")  # type: ignore[arg-type] # the table allows the words of the list only


def _of(path: Path, sounds: Sequence[tuple[str, SourceSound]]) -> list[SourceSound]:
    return [sound for name, sound in sounds if name == path.name]


def _check_names(paths: Sequence[Path]) -> None:
    names = [path.name for path in paths]
    twice = sorted({name for name in names if names.count(name) > 1} | ({MUSIC} & set(names)))
    if twice:
        raise UsageError(f"Two lists are called '{twice[0]}', and rows tell lists by their names. Rename one of them.")
