"""The four kinds of tags that files hold: Vorbis comments, ID3, the atoms of MP4, and the attributes of ASF.

Each can take over all of another one of its kind, and be given the fields and the cover that all kinds know. What
they hold is never decoded further. Stays out: which file has which kind, and what is copied (`tags`).
"""

import base64
import contextlib
import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from mutagen import MutagenError, asf, id3, mp4
from mutagen.aiff import AIFF
from mutagen.asf._attrs import ASFByteArrayAttribute
from mutagen.flac import FLAC, Picture
from mutagen.mp3 import MP3

from varemix.media import riff

IsLeftOut = Callable[[str, int], bool]  # of a field by name, and its size in bytes

_PICTURE_FIELD = "metadata_block_picture"
_FRONT_COVER = 3
_NAME = "VAREMIX"


def mime_of(picture: bytes) -> str:
    """Return the type of a cover by its content."""
    return "image/png" if picture[:8] == b"\x89PNG\r\n\x1a\n" else "image/jpeg"


class VorbisTags:
    """Comments of FLAC, Vorbis and Opus; the pictures of FLAC are blocks of their own, elsewhere they are comments."""

    NAMES = {"albumartist": "albumartist", "track": "tracknumber", "disc": "discnumber"}  # noqa: RUF012

    def __init__(self, file: Any) -> None:
        self._file = file
        if file.tags is None:
            file.add_tags()

    def copy(self, other: "VorbisTags", is_left_out: IsLeftOut) -> None:
        """Take over all comments and pictures, and between FLAC files the cue sheet."""
        self._file.tags.clear()
        for name, value in other._file.tags:
            if name.lower() != _PICTURE_FIELD and not is_left_out(name, len(value)):
                self._file.tags.append((name, value))
        for picture in other._pictures():
            if not is_left_out("cover", len(picture.data)):
                self._add(picture)
        if isinstance(self._file, FLAC) and isinstance(other._file, FLAC):
            self._file.cuesheet = other._file.cuesheet

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return self.NAMES.get(field, field) in self._file.tags

    def set(self, field: str, text: str) -> None:
        """Write a common field."""
        self._file.tags[self.NAMES.get(field, field)] = text

    def set_cover(self, content: bytes) -> None:
        """Write the cover, where there is none."""
        if not list(self._pictures()):
            picture = Picture()
            picture.type, picture.mime, picture.data = _FRONT_COVER, mime_of(content), content
            self._add(picture)

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        self._file.tags[_NAME] = provenance
        self._file.save()

    def _pictures(self) -> Iterator[Picture]:
        if isinstance(self._file, FLAC):
            yield from self._file.pictures
            return
        for name, value in self._file.tags:
            if name.lower() == _PICTURE_FIELD:
                with contextlib.suppress(ValueError, struct.error, MutagenError):
                    yield Picture(base64.b64decode(value))

    def _add(self, picture: Picture) -> None:
        if isinstance(self._file, FLAC):
            self._file.add_picture(picture)
        else:
            self._file.tags.append((_PICTURE_FIELD, base64.b64encode(picture.write()).decode("ascii")))


class Id3Tags:
    """ID3v2 of MP3 and AIFF, and of WAV, where it is a chunk."""

    FRAMES = {  # noqa: RUF012
        "title": id3.TIT2,
        "artist": id3.TPE1,
        "album": id3.TALB,
        "albumartist": id3.TPE2,
        "track": id3.TRCK,
        "disc": id3.TPOS,
        "date": id3.TDRC,
        "genre": id3.TCON,
        "composer": id3.TCOM,
    }

    def __init__(self, path: Path, file: MP3 | AIFF | None) -> None:
        self._path = path
        self._file = file
        if file is not None and file.tags is None:
            file.add_tags()
        tags: Any = file.tags if file is not None else _wav_id3(path)
        self._tags = tags
        self._version = 3 if len(tags) and tags.version[1] == 3 else 4

    def copy(self, other: "Id3Tags", is_left_out: IsLeftOut) -> None:
        """Take over all frames, chapters and pictures among them."""
        self._version = other._version
        self._tags.clear()
        for key, frame in other._tags.items():
            content = getattr(frame, "data", None) or getattr(frame, "text", None) or ""
            size = len(content) if isinstance(content, bytes | str) else sum(len(str(text)) for text in content)
            if not is_left_out("cover" if frame.FrameID == "APIC" else key, size):
                self._tags.add(frame)

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return bool(self._tags.getall("COMM" if field == "comment" else self.FRAMES[field].__name__))

    def set(self, field: str, text: str) -> None:
        """Write a common field."""
        if field == "comment":
            self._tags.add(id3.COMM(encoding=3, lang="und", desc="", text=[text]))
        else:
            self._tags.add(self.FRAMES[field](encoding=3, text=[text]))

    def set_cover(self, content: bytes) -> None:
        """Write the cover, where there is none."""
        if not self._tags.getall("APIC"):
            self._tags.add(id3.APIC(encoding=0, mime=mime_of(content), type=_FRONT_COVER, desc="", data=content))

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        self._tags.add(id3.TXXX(encoding=3, desc=_NAME, text=[provenance]))
        if self._version == 3:
            self._tags.update_to_v23()
        if self._file is not None:
            self._file.save(v2_version=self._version)
            return
        content = BytesIO()
        self._tags.save(content, v2_version=self._version)
        riff.append_chunks(self._path, [(riff.ID3_CHUNKS[0], content.getvalue())])


class Mp4Tags:
    """The atoms that iTunes made usual."""

    ATOMS = {  # noqa: RUF012
        "title": "\xa9nam",
        "artist": "\xa9ART",
        "album": "\xa9alb",
        "albumartist": "aART",
        "track": "trkn",
        "disc": "disk",
        "date": "\xa9day",
        "genre": "\xa9gen",
        "composer": "\xa9wrt",
        "comment": "\xa9cmt",
    }

    def __init__(self, file: mp4.MP4) -> None:
        self._file = file
        if file.tags is None:
            file.add_tags()
        self._tags: Any = file.tags

    def copy(self, other: "Mp4Tags", is_left_out: IsLeftOut) -> None:
        """Take over all atoms."""
        self._tags.clear()
        for name, value in other._tags.items():
            values = value if isinstance(value, list) else [value]
            size = max((len(item) for item in values if isinstance(item, bytes | str)), default=0)
            if not is_left_out("cover" if name == "covr" else name, size):
                self._tags[name] = value

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return self.ATOMS[field] in self._tags

    def set(self, field: str, text: str) -> None:
        """Write a common field; a number that is none is left out."""
        if field in ("track", "disc"):
            numbers = [int(part) for part in text.split("/")[:2] if part.strip().isdigit()]
            if numbers and max(numbers) < 2**15:
                self._tags[self.ATOMS[field]] = [(numbers[0], numbers[1] if len(numbers) > 1 else 0)]
        else:
            self._tags[self.ATOMS[field]] = [text]

    def set_cover(self, content: bytes) -> None:
        """Write the cover, where there is none."""
        if "covr" not in self._tags:
            is_png = mime_of(content) == "image/png"
            kind = mp4.MP4Cover.FORMAT_PNG if is_png else mp4.MP4Cover.FORMAT_JPEG
            self._tags["covr"] = [mp4.MP4Cover(content, kind)]

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        self._tags["----:varemix:provenance"] = [mp4.MP4FreeForm(provenance.encode())]
        self._file.save()


class AsfTags:
    """The attributes of WMA."""

    NAMES = {  # noqa: RUF012
        "title": "Title",
        "artist": "Author",
        "album": "WM/AlbumTitle",
        "albumartist": "WM/AlbumArtist",
        "track": "WM/TrackNumber",
        "disc": "WM/PartOfSet",
        "date": "WM/Year",
        "genre": "WM/Genre",
        "composer": "WM/Composer",
        "comment": "Description",
    }
    _COVER = "WM/Picture"

    def __init__(self, file: asf.ASF) -> None:
        self._file = file
        self._tags: Any = file.tags

    def copy(self, other: "AsfTags", is_left_out: IsLeftOut) -> None:
        """Take over all attributes."""
        self._tags.clear()
        for name, value in list(other._tags):
            size = len(value.value) if isinstance(value.value, bytes | str) else 8
            if not is_left_out("cover" if name == self._COVER else name, size):
                self._tags.append((name, value))

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return self.NAMES[field] in self._tags

    def set(self, field: str, text: str) -> None:
        """Write a common field."""
        self._tags[self.NAMES[field]] = [text]

    def set_cover(self, content: bytes) -> None:
        """Write the cover, where there is none."""
        if self._COVER not in self._tags:
            mime = mime_of(content).encode("utf-16-le") + b"\0\0"
            head = bytes([_FRONT_COVER]) + len(content).to_bytes(4, "little") + mime + b"\0\0"
            self._tags[self._COVER] = [ASFByteArrayAttribute(head + content)]

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        self._tags[_NAME] = [provenance]
        self._file.save()


def _wav_id3(path: Path) -> id3.ID3:
    """Return the tags in the chunk of a WAV file; empty ones when it has none."""
    for chunk_id, position, num_bytes in riff.all_chunks(path):
        if chunk_id in riff.ID3_CHUNKS:
            return id3.ID3(BytesIO(riff.read_chunk(path, position, num_bytes)))
    return id3.ID3()
