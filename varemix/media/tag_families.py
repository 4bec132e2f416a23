"""The kinds of tags that files hold: Vorbis comments, ID3, the atoms of MP4, APEv2, the texts of CAF and of ASF.

Each can take over all of another one of its kind, and be given the fields and the cover that all kinds know. What
they hold is never decoded further. Stays out: which file has which kind, and what is copied (`tags`).
"""

import base64
import contextlib
import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from mutagen import MutagenError, aiff, apev2, asf, id3, mp3, mp4
from mutagen._vorbis import is_valid_key
from mutagen.asf._attrs import ASFByteArrayAttribute
from mutagen.flac import FLAC, Picture

from varemix.media import riff
from varemix.media.containers import AIFF, MP3, container_of

IsLeftOut = Callable[[str, int], bool]  # of a field by name, and its size in bytes

_PICTURE_FIELD = "metadata_block_picture"
_FRONT_COVER = 3
_NAME = "VAREMIX"
_LOUDSPEAKERS = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK"
_UNREADABLE = "\ufffd"


def mime_of(picture: bytes) -> str:
    """Return the type of a cover by its content."""
    return "image/png" if picture[:8] == b"\x89PNG\r\n\x1a\n" else "image/jpeg"


def set_flac_mask(path: Path, mask: int) -> None:
    """Name the loudspeakers of a FLAC file of more than two channels, where a mask names them (RFC 9639, 8.6.2)."""
    file = FLAC(str(path.absolute()))
    file[_LOUDSPEAKERS] = f"0x{mask:04X}"
    file.save()


class VorbisTags:
    """Comments of FLAC, Vorbis and Opus; the pictures of FLAC are blocks of their own, elsewhere they are comments."""

    NAMES = {"albumartist": "albumartist", "track": "tracknumber", "disc": "discnumber"}  # noqa: RUF012

    def __init__(self, file: Any) -> None:
        self._file = file
        if file.tags is None:
            file.add_tags()

    def copy(self, other: "VorbisTags", is_left_out: IsLeftOut) -> None:
        """Take over all comments and pictures, and between FLAC files the cue sheet."""
        own_mask = self._file.tags.get(_LOUDSPEAKERS)
        self._file.tags.clear()
        for name, value in other._file.tags:
            if name.lower() != _PICTURE_FIELD and not is_left_out(name, len(value)):
                self._file.tags.append((name, value))
        for picture in other._pictures():
            if not is_left_out("cover", len(picture.data)):
                self._add(picture)
        if own_mask:
            self._file.tags[_LOUDSPEAKERS] = own_mask
        if isinstance(self._file, FLAC) and isinstance(other._file, FLAC) and not is_left_out("cuesheet", 0):
            self._file.cuesheet = other._file.cuesheet

    def mend(self, said: Mapping[str, str]) -> None:
        """Put what a file says, by lower-case names, in the place of comments that are not in UTF-8 as they should."""
        broken = {name.lower() for name, value in self._file.tags if _UNREADABLE in value}
        for name in broken & set(said):
            self._file.tags[name] = said[name]

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return self.NAMES.get(field, field) in self._file.tags

    def set(self, field: str, text: str) -> None:
        """Write a common field."""
        self._file.tags[self.NAMES.get(field, field)] = text

    def set_other(self, name: str, text: str) -> None:
        """Write a field of another kind of tags, under its own name."""
        if is_valid_key(name):
            self._file.tags[name] = text

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
    """ID3v2 of MP3 and AIFF, and of WAV, where it is a chunk. Frames stay those of the version that they came in.

    Frames of a kind that is not known here stay as they are, byte for byte, and so do those that make no sense, but for
    common fields, which are then written anew. ID3v1 has no encoding of its own, and is not read here.
    """

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
    _DATES = ("TDRC", "TYER")
    _OF_THE_FILE = ("TSIZ", "MLLT", "ASPI", "SEEK")  # they speak of bytes, which are others now

    def __init__(self, path: Path) -> None:
        self._path = path
        kind = container_of(path)
        opened: Any = {MP3: mp3.MP3, AIFF: aiff.AIFF}.get(kind or "")
        self._file: Any = opened(str(path.absolute()), **_AS_THEY_CAME) if opened else None
        if self._file is not None and self._file.tags is None:
            self._file.add_tags()
        tags: Any = _wav_id3(path) if self._file is None else self._file.tags
        self._tags = tags
        self._version = 4 if tags.version[1] == 4 else 3

    def copy(self, other: "Id3Tags", is_left_out: IsLeftOut) -> None:
        """Take over all frames, chapters and pictures among them."""
        self._version = other._version
        self._tags.clear()
        for key, frame in other._tags.items():
            content = getattr(frame, "data", None) or getattr(frame, "text", None) or ""
            size = len(content) if isinstance(content, bytes | str) else sum(len(str(text)) for text in content)
            name = "cover" if frame.FrameID == "APIC" else key
            if frame.FrameID not in self._OF_THE_FILE and not is_left_out(name, size):
                self._tags.add(frame)
        self._tags._unknown_v2_version = self._version
        self._tags.unknown_frames = [
            frame
            for frame in other._tags.unknown_frames
            if other._tags.version[1] == self._version
            and not is_left_out(frame[:4].decode("ascii", "replace"), len(frame))
        ]

    @property
    def lost(self) -> tuple[str, ...]:
        """The frames that cannot be kept: those of a kind not known in the three-letter names of ID3v2.2."""
        is_of_old = self._tags.version[1] == 2  # ID3v2.2
        return tuple(frame[:3].decode("ascii", "replace") for frame in self._tags.unknown_frames if is_of_old)

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        names = {"comment": ("COMM",), "date": self._DATES}.get(field) or (self.FRAMES[field].__name__,)
        return any(self._tags.getall(name) for name in names)

    def set(self, field: str, text: str) -> None:
        """Write a common field; ID3v2.3 knows years only."""
        if field == "comment":
            self._tags.add(id3.COMM(encoding=3, lang="und", desc="", text=[text]))
        elif field == "date" and self._version == 3:
            self._tags.add(id3.TYER(encoding=3, text=[text[:4]]))
        else:
            self._tags.add(self.FRAMES[field](encoding=3, text=[text]))

    def set_other(self, name: str, text: str) -> None:
        """Write a field of another kind of tags, under its own name."""
        self._tags.add(id3.TXXX(encoding=3, desc=name, text=[text]))

    def set_cover(self, content: bytes) -> None:
        """Write the cover, where there is none."""
        if not self._tags.getall("APIC"):
            self._tags.add(id3.APIC(encoding=0, mime=mime_of(content), type=_FRONT_COVER, desc="", data=content))

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        self._tags.add(id3.TXXX(encoding=3, desc=_NAME, text=[provenance]))
        # Several values of a frame of ID3v2.3 are apart by a zero, as they came: '/' stands in many a name.
        as_they_came: dict[str, Any] = {"v2_version": self._version, "v23_sep": None}
        if self._file is not None:
            self._file.save(**as_they_came)
            return
        content = BytesIO()
        self._tags.save(content, **as_they_came)
        riff.append_chunks(self._path, [(riff.ID3_CHUNKS[0], content.getvalue())])


class _Frame:
    """A frame's kind for mutagen to read with: one that makes no sense is kept as it is, as one not known would be."""

    def __init__(self, kind: type[id3.Frame]) -> None:
        self._kind = kind

    def _fromData(self, *args: Any) -> id3.Frame:  # noqa: N802 - mutagen's name
        try:
            return self._kind._fromData(*args)
        except id3.ID3JunkFrameError as error:
            if self._kind in Id3Tags.FRAMES.values():
                raise
            raise NotImplementedError from error


_AS_THEY_CAME: dict[str, Any] = {
    "translate": False,
    "load_v1": False,
    "known_frames": {name: _Frame(kind) for name, kind in (id3.Frames | id3.Frames_2_2).items()},
}


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

    def set_other(self, name: str, text: str) -> None:
        """Write a field of another kind of tags, under its own name."""
        self._tags[f"----:com.apple.iTunes:{name}"] = [mp4.MP4FreeForm(text.encode())]

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


class ApeTags:
    """The items of APEv2, as WavPack and TTA hold them behind the sound."""

    NAMES = {  # noqa: RUF012
        "albumartist": "Album Artist",
        "track": "Track",
        "disc": "Disc",
        "date": "Year",
    }
    _COVER = "Cover Art (Front)"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tags: Any = apev2.APEv2()
        with contextlib.suppress(apev2.APENoHeaderError):
            self._tags = apev2.APEv2(str(path.absolute()))

    def copy(self, other: "ApeTags", is_left_out: IsLeftOut) -> None:
        """Take over all items."""
        self._tags.clear()
        for name, value in other._tags.items():
            is_cover = name.lower().startswith("cover art")
            if not is_left_out("cover" if is_cover else name, len(value.value)):
                self._tags[name] = value

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return self.NAMES.get(field, field) in self._tags

    def set(self, field: str, text: str) -> None:
        """Write a common field."""
        self._tags[self.NAMES.get(field, field.title())] = text

    def set_other(self, name: str, text: str) -> None:
        """Write a field of another kind of tags, under its own name."""
        if apev2.is_valid_apev2_key(name):
            self._tags[name] = text

    def set_cover(self, content: bytes) -> None:
        """Write the cover, where there is none."""
        if self._COVER not in self._tags:
            name = f"cover.{mime_of(content).removeprefix('image/')}".encode()
            self._tags[self._COVER] = apev2.APEValue(name + b"\0" + content, apev2.BINARY)

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        self._tags[_NAME] = provenance
        self._tags.save(str(self._path.absolute()))


class CafTags:
    """The texts of the information chunk of CAF, which stands behind the sound. There is no place for a cover."""

    NAMES = {"albumartist": "album artist", "track": "track number", "date": "year", "comment": "comments"}  # noqa: RUF012

    def __init__(self, path: Path) -> None:
        self._path = path
        self._texts: dict[str, str] = {}

    def copy(self, other: "CafTags", is_left_out: IsLeftOut) -> None:
        """Take over nothing: what ffmpeg reads of the other is all that there is, and set one by one."""

    def has(self, field: str) -> bool:
        """Tell whether a common field is there."""
        return self.NAMES.get(field, field) in self._texts

    def set(self, field: str, text: str) -> None:
        """Write a common field."""
        self._texts[self.NAMES.get(field, field)] = text

    def set_other(self, name: str, text: str) -> None:
        """Write a field of another kind of tags, under its own name."""
        self._texts.setdefault(name, text)

    def set_cover(self, content: bytes) -> None:
        """Leave the cover out."""

    def save(self, provenance: str) -> None:
        """Write all to the file."""
        texts = self._texts | {_NAME: provenance}
        strings = "".join(f"{name}\0{text}\0" for name, text in texts.items() if "\0" not in name + text)
        content = struct.pack(">I", len(texts)) + strings.encode("utf-8", "replace")
        with self._path.open("ab") as file:
            file.write(struct.pack(">4sq", b"info", len(content)) + content)


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

    def set_other(self, name: str, text: str) -> None:
        """Write a field of another kind of tags, under its own name."""
        self._tags[name] = [text]

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
            return id3.ID3(BytesIO(riff.read_chunk(path, position, num_bytes)), **_AS_THEY_CAME)
    return id3.ID3()
