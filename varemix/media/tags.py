"""What a file says of itself: reading it for rules, and handing it on to a remix.

Stays out: the sound. The chapters of M4A, WMA and videos are copied where those are written (`encoding`).
"""

import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import mutagen
from av.stream import Disposition
from mutagen import apev2, asf, flac, id3, mp4, oggflac, oggopus, oggvorbis

from varemix.errors import MediaError
from varemix.media import riff
from varemix.media.code_pages import decoded, windows_page
from varemix.media.containers import AIFF, ASF, CAF, FLAC, MATROSKA, MP3, MP4, OGG, TTA, WAV, WAVPACK, container_of
from varemix.media.encoding import LEAST_VERSION_FOR_MATROSKA
from varemix.media.programs import find_ffmpeg, run_program
from varemix.media.tag_families import ApeTags, AsfTags, CafTags, Id3Tags, Mp4Tags, VorbisTags, mime_of

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
_ADM_CHUNKS = (b"axml", b"chna")  # one without the other is no audio definition model

_Tags = VorbisTags | Id3Tags | Mp4Tags | AsfTags | ApeTags | CafTags
_ALIASES = {
    "album_artist": "albumartist",
    "album artist": "albumartist",
    "tracknumber": "track",
    "discnumber": "disc",
    "year": "date",
    "wm/year": "date",
    "description": "comment",
    "author": "artist",
    "track number": "track",
    "disc number": "disc",
    "comments": "comment",
}
# What tells how loud the sound is: no longer true of other sound.
_SOUND_FIELDS = ("replaygain", "r128_", "mp3gain", "itunnorm", "rva2", "rvad", "xrva", "rgad")
# What tells of times in the sound, or how fast it goes; and of its key: no longer true at another tempo, or transposed.
_TIME_FIELDS = ("tlen", "chap", "ctoc", "etco", "sylt", "sytc", "mllt", "bpm", "tmpo", "cuesheet")
_TIME_CHUNKS = (b"cue ", b"plst", b"smpl", b"acid", b"MARK")
_KEY_FIELDS = ("tkey", "initialkey", "initial key", "initial_key")
_ENCODERS_CUT = "itunsmpb"  # where the encoder of the source cut it; ours says that of its own in an edit list
# What tells of the file that it stood in.
_FILE_FIELDS = (
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "creation_time",
    "varemix",
    "provenance",
)
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
_ID3V1_BYTES = 128
_DEMUXERS = "wav,aiff,flac,ogg,mp3,aac,asf,mov,mp4,matroska,webm,caf,w64,au,wv,tta,ape,mpc,mpc8,tak"


def read_tags(path: Path) -> Mapping[str, str]:
    """Return what a file says of itself: lower-case names, the common ones as in COMMON_FIELDS, and texts.

    What does not say truly how it is encoded (RIFF INFO, ID3v1, AIFF's own texts, much else in the wild) is read as
    `code_pages` does. Nothing for a file without tags, and for one whose tags cannot be read. Raises MediaError when
    the file itself cannot be read.
    """
    container = container_of(path)
    try:
        with _opened(path) as file:
            said = dict(file.metadata)
            for stream in file.streams.audio[:1]:  # Ogg says it of the stream
                said = dict(stream.metadata) | said
    except av.FFmpegError:
        said = {}
    texts = {name: text for name, text in _decoded(said, path).items() if len(text) <= MAX_TAG_BYTES}
    if container == MP3:
        texts = _id3v1_texts(path) | texts
    named = {_ALIASES.get(name, name): text for name, text in texts.items() if name in _ALIASES}
    return named | {name: text for name, text in texts.items() if name not in _ALIASES}


def _decoded(said: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the texts that ffmpeg found, those decoded that are not in UTF-8, by lower-case names."""
    named = {_as_bytes(name).decode("utf-8", "replace").lower(): _as_bytes(text) for name, text in said.items()}
    page = (
        windows_page(riff.code_page(path))
        if container_of(path) == WAV and not all(map(_is_utf_8, named.values()))
        else None
    )
    plain = {name: text.decode() for name, text in named.items() if _is_utf_8(text)}
    return plain | decoded({name: text for name, text in named.items() if name not in plain}, declared=page)


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _id3v1_texts(path: Path) -> dict[str, str]:
    """Return the fields of ID3v1 in the last 128 bytes of an MP3; the last of its comment may be the track."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ID3V1_BYTES))
        tag = file.read(_ID3V1_BYTES)
    if len(tag) < _ID3V1_BYTES or tag[:3] != b"TAG":
        return {}
    title, artist, album, year, comment, genre = struct.unpack("3x30s30s30s4s30sB", tag)
    has_track = comment[28] == 0 and comment[29] != 0
    fields = {"title": title, "artist": artist, "album": album, "date": year}
    fields |= {"comment": comment[:28] if has_track else comment}
    texts = decoded({name: content.split(b"\0")[0].rstrip() for name, content in fields.items()})
    texts |= {"track": str(comment[29])} if has_track else {}
    texts |= {"genre": id3.TCON.GENRES[genre]} if genre < len(id3.TCON.GENRES) else {}
    return {name: text for name, text in texts.items() if text}


def copy_tags(
    source: Path,
    target: Path,
    *,
    provenance: str,
    is_changed: bool = True,
    keeps_time: bool = True,
    keeps_pitch: bool = True,
) -> list[str]:
    """Give the tags of `source` to `target`, a file just written, and say where it comes from in a tag VAREMIX.

    Between files with tags of one kind (FLAC and Ogg; MP3, WAV and AIFF; MP4; WMA) all are copied, covers and
    chapters too, and from WAV to WAV and AIFF to AIFF the chunks of `riff.KEPT_CHUNKS`; between kinds all texts and the
    cover, of an APE tag COMMON_FIELDS.
    When the sound `is_changed`, what tells its loudness (ReplayGain, R128, Sound Check) is dropped; unless it
    `keeps_time` or `keeps_pitch`, what tells times in it and its tempo, or its key. Videos have their
    tags already; in Matroska only the provenance is added.
    Returns notes on what was left out: tags of more than 16 MiB, tags that cannot be read, other fields of an APE tag,
    chapters, chunks that another format has no place for or that are not known to be still true, and all tags where the
    format holds none.
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
        untrue = (
            *(_SOUND_FIELDS if is_changed else ()),
            *(() if keeps_time else _TIME_FIELDS),
            *(() if keeps_pitch else _KEY_FIELDS),
        )
        notes += _copy_chunks(source, target, is_changed=is_changed, keeps_time=keeps_time)
        notes += _fill(tags, source, untrue)
        tags.save(provenance)
        notes += _chapter_notes(source, target)
    except _DAMAGES as error:
        raise MediaError(f"The tags of '{target.name}' cannot be written: {error}. Try again.") from error
    return notes


def _fill(tags: _Tags, source: Path, untrue: Sequence[str]) -> list[str]:
    notes: list[str] = []

    def is_left_out(name: str, num_bytes: int) -> bool:
        if _ENCODERS_CUT in name.lower():
            return True
        if any(part in name.lower() for part in untrue):
            return True
        if num_bytes > MAX_TAG_BYTES:
            notes.append(f"'{source.name}' has a {name[:40]} of {num_bytes} bytes, which was left out.")
        return num_bytes > MAX_TAG_BYTES

    said, own = read_tags(source), None
    try:
        own = _tags_of(source)
        if type(own) is type(tags) and own is not None:
            tags.copy(own, is_left_out)  # type: ignore[arg-type] # both are of one kind
        if isinstance(tags, VorbisTags):
            tags.mend(said)
        if isinstance(own, Id3Tags) and own.lost:
            notes.append(f"Of the tags of '{source.name}', {', '.join(own.lost)[:80]} was left out.")
    except (*_DAMAGES, MediaError) as error:
        notes.append(f"Some tags of '{source.name}' cannot be read: {error}.")
    ape = _ape_fields(source)
    others = sorted(set(ape) - set(COMMON_FIELDS))
    if others := [name for name in others if not any(part in name for part in _SOUND_FIELDS)]:
        notes.append(f"Of the APE tag of '{source.name}', {', '.join(others)[:80]} was left out.")
    for name, text in (ape | dict(said)).items():
        if name in COMMON_FIELDS and text and not tags.has(name) and not is_left_out(name, len(text)):
            tags.set(name, text)
    if type(own) is not type(tags) or isinstance(tags, CafTags):
        for name, text in said.items():
            is_ours = name in COMMON_FIELDS or name in _FILE_FIELDS or name in ape
            if not is_ours and text and not is_left_out(name, len(text)):
                tags.set_other(name, text)
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
        **dict.fromkeys((WAV, AIFF, MP3), lambda: Id3Tags(path)),
        **dict.fromkeys((WAVPACK, TTA), lambda: ApeTags(path)),
        CAF: lambda: CafTags(path),
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


def _copy_chunks(source: Path, target: Path, *, is_changed: bool, keeps_time: bool) -> list[str]:
    """Copy the notes of studios between files of one kind that has chunks; tell those that are left out."""
    container = container_of(source) or ""
    if container not in riff.KEPT_CHUNKS:
        return []
    noted = {position: name for name, _, position, _ in riff.noted_chunks(source)}
    kept = riff.KEPT_CHUNKS[container] if container_of(target) == container else ()
    kept = kept if keeps_time else tuple(name for name in kept if name not in _TIME_CHUNKS)
    found = [chunk for chunk in riff.all_chunks(source) if chunk[0] in kept or chunk[1] in noted]
    left_out = {chunk[0] for chunk in found if chunk[0] not in kept or chunk[2] > MAX_TAG_BYTES}
    left_out |= set(_ADM_CHUNKS) if left_out & set(_ADM_CHUNKS) else set()
    change = {b"bext": riff.without_loudness, b"axml": riff.without_adm_loudness} if is_changed else {}
    chunks = []
    for chunk_id, position, num_bytes in found:
        if chunk_id not in left_out:
            content = riff.read_chunk(source, position, num_bytes)
            chunks.append((chunk_id, change.get(chunk_id, bytes)(content)))
    if chunks:
        riff.append_chunks(target, chunks)
    names = sorted({noted.get(place, name.decode("latin_1").strip()) for name, place, _ in found if name in left_out})
    return [f"Of the notes in '{source.name}', {', '.join(names)[:200]} was left out."] if names else []


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
    return av.open(f"file:{path.absolute()}", options=options, metadata_errors="surrogateescape")


def _stamp_matroska(source: Path, target: Path, provenance: str, *, is_changed: bool) -> None:
    """Write the file again, all streams copied, with other tags: there is no place for them in the old one.

    A cover is an attachment there, which is not copied with the streams.
    """
    with target.open("rb") as file:
        muxer = "webm" if b"webm" in file.read(64) else "matroska"
    with _opened(target) as container:
        num_attachments = len(container.streams.attachments)
    command: list[str | Path] = [
        find_ffmpeg(least_version=LEAST_VERSION_FOR_MATROSKA),
        "-nostdin",
        "-loglevel",
        "error",
    ]
    command += ["-f", "matroska", "-protocol_whitelist", "file,pipe", "-i", f"file:{target.absolute()}"]
    command += ["-map", "0", "-c", "copy", "-fflags", "+bitexact", "-copyts", "-avoid_negative_ts", "disabled"]
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
