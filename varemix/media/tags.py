"""What a file says of itself: reading it for rules, and handing it on to a remix.

Stays out: the sound. The chapters of M4A, WMA and videos are copied where those are written (`encoding`).
"""

import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import av
import mutagen
from av.stream import Disposition
from mutagen import aiff, apev2, asf, flac, mp3, mp4, oggflac, oggopus, oggvorbis

from varemix.errors import MediaError
from varemix.media import riff
from varemix.media.containers import AIFF, ASF, FLAC, MATROSKA, MP3, MP4, OGG, WAV, container_of
from varemix.media.programs import find_ffmpeg, run_program
from varemix.media.tag_families import AsfTags, Id3Tags, Mp4Tags, VorbisTags, mime_of

COMMON_FIELDS = (
    "title",
    "artist",
    "album",
    "albumartist",
    "track",
    "disc",
    "date",
    "genre",
    "composer",
    "comment",
)
MAX_TAG_BYTES = 16 * 2**20

_Tags = VorbisTags | Id3Tags | Mp4Tags | AsfTags
_ALIASES = {
    "album_artist": "albumartist",
    "album artist": "albumartist",
    "tracknumber": "track",
    "discnumber": "disc",
    "year": "date",
    "wm/year": "date",
    "description": "comment",
}
# What tells how loud the sound is, or how the encoder of the source cut it: no longer true of other sound.
_SOUND_FIELDS = ("replaygain", "r128_", "mp3gain", "itunnorm", "itunsmpb", "rva2", "rvad", "xrva", "rgad")
_DAMAGES = (
    mutagen.MutagenError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    struct.error,
    RecursionError,
    MemoryError,
)
_COPY_TIMEOUT_S = 3600.0
_PROBED_BYTES = "4096"
_DEMUXERS = "wav,aiff,flac,ogg,mp3,aac,asf,mov,mp4,matroska,webm"


def read_tags(path: Path) -> Mapping[str, str]:
    """Return what a file says of itself: lower-case names, the common ones as in COMMON_FIELDS, and texts.

    Nothing for a file without tags, and for one whose tags cannot be read. Raises MediaError when the file itself
    cannot be read.
    """
    container_of(path)
    try:
        with _opened(path) as file:
            said = dict(file.metadata)
            for stream in file.streams.audio[:1]:  # Ogg says it of the stream
                said = dict(stream.metadata) | said
    except av.FFmpegError:
        return {}
    fields: dict[str, str] = {}
    for name, text in said.items():
        if len(text) <= MAX_TAG_BYTES:
            lower = name.lower()
            fields.setdefault(_ALIASES.get(lower, lower), text)
    return fields


def copy_tags(source: Path, target: Path, *, provenance: str, is_changed: bool = True) -> list[str]:
    """Give the tags of `source` to `target`, a file just written, and say where it comes from in a tag VAREMIX.

    Between files with tags of one kind (FLAC and Ogg; MP3, WAV and AIFF; MP4; WMA) all are copied, covers and
    chapters too, and from WAV to WAV the chunks of `riff.KEPT_CHUNKS`; between kinds, and of an APE tag, COMMON_FIELDS
    and the cover.
    When the sound `is_changed`, what tells its loudness (ReplayGain, R128, Sound Check) is dropped. Videos have their
    tags already; in Matroska only the provenance is added.
    Returns notes on what was left out: tags of more than 16 MiB, tags that cannot be read, other fields of an APE tag,
    chapters, and all where the format holds no tags.
    Raises MediaError when the target cannot be written.
    """
    notes: list[str] = []
    if container_of(target) == MATROSKA:
        _stamp_matroska(source, target, provenance, is_changed=is_changed)
        return notes
    try:
        tags = _tags_of(target)
        if tags is None:
            return [f"The tags of '{source.name}' were left out: the format of what is written holds none."]
        if container_of(source) == container_of(target) == WAV:
            notes += _copy_chunks(source, target, is_changed=is_changed)
        notes += _fill(tags, source, is_changed=is_changed)
        tags.save(provenance)
        notes += _chapter_notes(source, target)
    except _DAMAGES as error:
        raise MediaError(f"The tags of '{target.name}' cannot be written: {error}. Try again.") from error
    return notes


def _fill(tags: _Tags, source: Path, *, is_changed: bool) -> list[str]:
    notes: list[str] = []

    def is_left_out(name: str, num_bytes: int) -> bool:
        if is_changed and any(part in name.lower() for part in _SOUND_FIELDS):
            return True
        if num_bytes > MAX_TAG_BYTES:
            notes.append(f"'{source.name}' has a {name[:40]} of {num_bytes} bytes, which was left out.")
        return num_bytes > MAX_TAG_BYTES

    try:
        own = _tags_of(source)
        if type(own) is type(tags) and own is not None:
            tags.copy(own, is_left_out)  # type: ignore[arg-type] # both are of one kind
    except (*_DAMAGES, MediaError) as error:
        notes.append(f"Some tags of '{source.name}' cannot be read: {error}.")
    ape = _ape_fields(source)
    others = sorted(set(ape) - set(COMMON_FIELDS))
    if others := [name for name in others if not any(part in name for part in _SOUND_FIELDS)]:
        notes.append(f"Of the APE tag of '{source.name}', {', '.join(others)[:80]} was left out.")
    for name, text in (ape | dict(read_tags(source))).items():
        if name in COMMON_FIELDS and text and not tags.has(name) and not is_left_out(name, len(text)):
            tags.set(name, text)
    cover = _cover_of(source)
    if cover is not None and not is_left_out("cover", len(cover)):
        tags.set_cover(cover)
    return list(dict.fromkeys(notes))


def _ape_fields(path: Path) -> dict[str, str]:
    """Return the fields of the APE tag at the end of an MP3, named as by `read_tags`; what is no text is empty."""
    if container_of(path) != MP3:
        return {}
    try:
        said = apev2.APEv2(str(path.absolute()))
        texts = {name.lower(): "; ".join(value) if value.kind == apev2.TEXT else "" for name, value in said.items()}
    except _DAMAGES:  # none there is one of them
        return {}
    return {_ALIASES.get(name, name): text for name, text in texts.items()}


def _chapter_notes(source: Path, target: Path) -> list[str]:
    num_before = _num_chapters(source)
    num_lost = num_before - _num_chapters(target) if num_before else 0
    return [f"{num_lost} of {num_before} chapters of '{source.name}' were left out."] if num_lost > 0 else []


def _num_chapters(path: Path) -> int:
    try:
        with _opened(path) as file:
            return len(file.chapters())
    except av.FFmpegError:
        return 0


def _tags_of(path: Path) -> _Tags | None:
    """Return the tags of a file, or None when its format holds none."""
    name = str(path.absolute())
    openers: dict[str, Callable[[], _Tags]] = {
        WAV: lambda: Id3Tags(path, None),
        AIFF: lambda: Id3Tags(path, aiff.AIFF(name)),
        MP3: lambda: Id3Tags(path, mp3.MP3(name)),
        FLAC: lambda: VorbisTags(flac.FLAC(name)),
        OGG: lambda: VorbisTags(_ogg_kind(path)(name)),
        MP4: lambda: Mp4Tags(mp4.MP4(name)),
        ASF: lambda: AsfTags(asf.ASF(name)),
    }
    opener = openers.get(container_of(path) or "")
    return opener() if opener else None


def _ogg_kind(path: Path) -> type:
    with path.open("rb") as file:
        page = file.read(128)
    if b"OpusHead" in page:
        return oggopus.OggOpus
    return oggflac.OggFLAC if b"\x7fFLAC" in page else oggvorbis.OggVorbis


def _copy_chunks(source: Path, target: Path, *, is_changed: bool) -> list[str]:
    chunks, notes = [], []
    for chunk_id, position, num_bytes in riff.all_chunks(source):
        if chunk_id in riff.KEPT_CHUNKS:
            if num_bytes > MAX_TAG_BYTES:
                notes.append(f"'{source.name}' has a {chunk_id!r} of {num_bytes} bytes, which was left out.")
                continue
            content = riff.read_chunk(source, position, num_bytes)
            is_bext = chunk_id == b"bext" and is_changed
            chunks.append((chunk_id, riff.without_loudness(content) if is_bext else content))
    riff.append_chunks(target, chunks)
    return notes


def _cover_of(path: Path) -> bytes | None:
    """Return the first cover, as it is stored."""
    try:
        with _opened(path) as file:
            for stream in file.streams.video:
                if stream.disposition & Disposition.attached_pic:
                    return next((bytes(packet) for packet in file.demux(stream) if packet.size), None)
    except av.FFmpegError:
        return None
    return None


def _opened(path: Path) -> av.container.InputContainer:
    """Open a file to look at what it says; no decoder of pictures is ever opened."""
    options = {"protocol_whitelist": "file", "codec_whitelist": "none", "format_whitelist": _DEMUXERS}
    options |= {"probesize": _PROBED_BYTES, "analyzeduration": "0"}  # what is said stands in front
    return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")


def _stamp_matroska(source: Path, target: Path, provenance: str, *, is_changed: bool) -> None:
    """Write the file again, all streams copied, with other tags: there is no place for them in the old one.

    A cover is an attachment there, which is not copied with the streams.
    """
    with target.open("rb") as file:
        muxer = "webm" if b"webm" in file.read(64) else "matroska"
    with _opened(target) as container:
        num_attachments = len(container.streams.attachments)
    command: list[str | Path] = [find_ffmpeg(), "-nostdin", "-loglevel", "error"]
    command += ["-f", "matroska", "-protocol_whitelist", "file,pipe", "-i", f"file:{target.absolute()}"]
    command += ["-map", "0", "-c", "copy", "-fflags", "+bitexact"]
    for name in read_tags(source) if is_changed else ():
        if any(part in name for part in _SOUND_FIELDS):
            command += ["-metadata", f"{name}=", "-metadata:s:a:0", f"{name}="]
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name.removeprefix('.')}-") as folder:
        cover = _cover_of(source) if muxer == "matroska" else None
        if cover is not None and len(cover) <= MAX_TAG_BYTES:
            kind = mime_of(cover)
            picture = Path(folder) / f"cover.{kind.removeprefix('image/')}"
            picture.write_bytes(cover)
            command += ["-attach", f"file:{picture.absolute()}", f"-metadata:s:t:{num_attachments}", f"mimetype={kind}"]
        stamped = Path(folder) / "stamped"
        command += ["-metadata", f"VAREMIX={provenance}", "-f", muxer, f"file:{stamped.absolute()}"]
        run_program(command, timeout_s=_COPY_TIMEOUT_S)
        stamped.replace(target)
