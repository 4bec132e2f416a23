"""Which recordings a rule of a plan is for: told by tags, folder, file name and length.

Texts are compared without regard to case and to how Unicode writes an accent. Stays out: what a rule wishes (`plan`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

_MAX_SECONDS = 1_000_000.0
_MAX_TEXT = 2_000  # of a tag, so much is compared
_SEPARATORS = (";", "\0", "/")
_ANY_FOLDERS = "**"

Glob = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=_MAX_SECONDS, allow_inf_nan=False)]


def _tag(title: str, example: str) -> Glob | None:
    """Return the field of a tag."""
    field: Glob | None = Field(None, title=title, description=f"A pattern such as {example}.", examples=[example])
    return field


class Match(BaseModel):
    """What a recording must be for the rule: all that is given here must be true of it; nothing given means any.

    In patterns * stands for any characters, ? for one, [ab] for one of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, title="Match")

    title: Glob | None = _tag("Title", "*live*")
    artist: Glob | None = _tag("Artist", "*quartet*")
    album: Glob | None = _tag("Album", "*unplugged*")
    albumartist: Glob | None = _tag("Artist of the album", "various*")
    genre: Glob | None = _tag("Genre", "folk")
    composer: Glob | None = _tag("Composer", "*bach")
    date: Glob | None = _tag("Date or year", "19[67]?*")
    track: Glob | None = _tag("Number of the track", "1")
    disc: Glob | None = _tag("Number of the disc", "2")
    comment: Glob | None = _tag("Comment", "*practice*")
    folder: Glob | None = Field(
        None,
        title="Folder",
        description=(
            "The folder inside the library, such as jazz/trios; ** stands for any folders, also none: jazz/** is jazz "
            "and all below it."
        ),
        examples=["jazz/**"],
    )
    file: Glob | None = Field(
        None, title="File", description="The name of the file, such as *.mp3 or *take ?.wav.", examples=["*.mp3"]
    )
    min_duration_s: Seconds | None = Field(
        None, title="Shortest length (s)", description="Recordings of this and more."
    )
    max_duration_s: Seconds | None = Field(None, title="Longest length (s)", description="Recordings of this and less.")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        shortest, longest = self.min_duration_s, self.max_duration_s
        if shortest is not None and longest is not None and shortest > longest:
            raise ValueError(
                f"min_duration_s is {shortest:g} and max_duration_s {longest:g}, which no recording is; swap them."
            )
        return self

    @cached_property
    def _tags(self) -> dict[str, str]:
        """The patterns of tags, prepared for comparing."""
        return {name: _comparable(pattern) for name in TAGS if (pattern := getattr(self, name)) is not None}

    def covers(self, path_in_library: str, tags: Mapping[str, str], duration_s: float) -> bool:
        """Return whether a recording is meant.

        The path is that inside the library, with /; `tags` are by name, and a name's case, spaces and underlines do
        not matter. A tag of several values, parted by ; or /, is meant when it or one of them is.
        """
        path = PurePosixPath(path_in_library)
        return (
            (self.min_duration_s is None or duration_s >= self.min_duration_s)
            and (self.max_duration_s is None or duration_s <= self.max_duration_s)
            and (self.file is None or fnmatchcase(_comparable(path.name), _comparable(self.file)))
            and (self.folder is None or _covers_folder(path.parent, PurePosixPath(self.folder)))
            and (not self._tags or _covers_tags(self._tags, tags))
        )


_PLACES = ("folder", "file", "min_duration_s", "max_duration_s")
TAGS = tuple(name for name in Match.model_fields if name not in _PLACES)


def _covers_tags(patterns: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    known = {name.lower().replace("_", "").replace(" ", ""): text for name, text in tags.items()}
    return all(
        any(fnmatchcase(_comparable(value), pattern) for value in _values(known.get(name, "")))
        for name, pattern in patterns.items()
    )


def _values(text: str) -> Iterator[str]:
    """Yield a tag's text, and its values where it has several; nothing for a tag that is not there."""
    shown = text[:_MAX_TEXT].strip()
    if shown:
        yield shown
    for separator in _SEPARATORS:
        if separator in shown:
            yield from filter(None, (value.strip() for value in shown.split(separator)))


def _covers_folder(folder: PurePosixPath, pattern: PurePosixPath) -> bool:
    """Return whether a folder is meant: part by part, where ** stands for any number of parts."""
    parts = [_comparable(part) for part in folder.parts]
    reached = {0}  # how many parts may be used up so far
    for wanted in pattern.parts:
        if wanted == _ANY_FOLDERS:
            reached = set(range(min(reached), len(parts) + 1))
        else:
            glob = _comparable(wanted)
            reached = {place + 1 for place in reached if place < len(parts) and fnmatchcase(parts[place], glob)}
        if not reached:
            return False
    return len(parts) in reached


def _comparable(text: str) -> str:
    """Return a text so that two that read the same are the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
