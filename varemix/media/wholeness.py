"""Whether a file is as long as it promises, told by its outermost structure.

Who wrote into a pipe, or was stopped, left a length that was a guess: then the file's end counts. A FLAC file and
an MP3 without a Xing header show only in decoding that they are cut off.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from varemix.errors import MediaError
from varemix.media.containers import (
    AIFF,
    ASF,
    MATROSKA,
    MP3,
    MP4,
    OGG,
    WAV,
    aiff_chunks,
    container_of,
    is_guess,
    riff_chunks,
    sound_bytes,
)
from varemix.media.mpeg import mp3_promise, num_mp3_frames, sound_position

_SLIP_BYTES = 64  # what a program that counts its header in, or a frame too many, promises too much
_SLIP_FRAMES, _SLIP, _MP3_FRAME_BYTES = 5, 0.02, 1044  # more is no slip: the file was cut
_MAX_BOXES = 100_000
_SEGMENT_ID = b"\x18\x53\x80\x67"
_MAX_OGG_PAGE_BYTES = 27 + 255 + 255 * 255
_ASF_FILE_PROPERTIES_ID = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_SEARCHED_BYTES = 1 << 16


def check_whole(path: Path) -> str:
    """Raise MediaError when a file promises more bytes than it holds; one of unknown kind passes.

    Returns what is to be told where a promise was a guess, and the file's end counts in its place; else nothing.
    """
    checks = {
        WAV: _check_wav,
        AIFF: _check_aiff,
        MP3: _check_mp3,
        OGG: _check_ogg,
        ASF: _check_asf,
        MP4: _check_mp4,
        MATROSKA: _check_matroska,
    }
    check = checks.get(container_of(path) or "")
    if check is None:
        return ""
    with path.open("rb") as file:
        return check(file, os.fstat(file.fileno()).st_size, path.name) or ""


def _check_wav(file: BinaryIO, file_bytes: int, name: str) -> str:
    last_id, position, promised = None, 0, 0
    for last_id, position, promised in riff_chunks(file):  # noqa: B007 - the last one is wanted
        pass
    if last_id != b"data":
        raise MediaError(
            f"'{name}' is a WAV file without sound data: it is cut off or damaged. Copy or record it again."
        )
    return _guess_told(promised, sound_bytes(file, position, promised, file_bytes), name)


def _check_aiff(file: BinaryIO, file_bytes: int, name: str) -> str:
    for chunk_id, position, promised in aiff_chunks(file):
        if chunk_id == b"SSND":
            return _guess_told(promised, file_bytes - position, name)
    raise MediaError(f"'{name}' is an AIFF file without sound data: it is cut off or damaged. Copy it again.")


def _guess_told(promised: int, present: int, name: str) -> str:
    """Return what is to be told of a promise of sound that was a guess; MediaError for one that is broken."""
    if promised > present and not (is_guess(promised) or promised - present <= _SLIP_BYTES):
        raise MediaError(
            f"'{name}' is cut off: its header promises {promised} bytes of sound, {present} are there. Copy it again."
        )
    if promised > present or (promised == 0 and present > 0):
        return f"its header promises {promised} bytes of sound, {present} are there: the file's end counts"
    return ""


def _check_mp3(file: BinaryIO, file_bytes: int, name: str) -> str:
    """Compare what the first frame promises with the frames that are there; by a few it is wrong in many a file."""
    promise = mp3_promise(file)
    promised, present = promise.num_bytes, file_bytes - sound_position(file)
    if promise.num_frames is None:
        if promised is not None and promised - present > max(_SLIP_FRAMES * _MP3_FRAME_BYTES, _SLIP * promised):
            raise MediaError(_cut_off_message(name, promised, present))
        return ""
    num_frames = num_mp3_frames(file)
    if promise.num_frames - num_frames > max(_SLIP_FRAMES, _SLIP * promise.num_frames):
        raise MediaError(
            f"'{name}' is cut off: it promises {promise.num_frames} frames, {num_frames} are there. Copy it again."
        )
    is_kept = num_frames == promise.num_frames
    return "" if is_kept else f"it promises {promise.num_frames} frames, {num_frames} are there: what is there counts"


def _check_ogg(file: BinaryIO, file_bytes: int, name: str) -> None:
    """Check that the last page is there to its end (RFC 3533, section 6)."""
    file.seek(max(0, file_bytes - _MAX_OGG_PAGE_BYTES))
    content = file.read()
    page = content[max(0, content.rfind(b"OggS")) :]
    num_segments = page[26] if len(page) > 26 else 255
    promised = 27 + num_segments + sum(page[27 : 27 + num_segments])
    if page[:4] != b"OggS" or promised > len(page):
        raise MediaError(_cut_off_message(name, promised, len(page), what="its last page promises"))


def _check_asf(file: BinaryIO, file_bytes: int, name: str) -> None:
    """Check the size in the file properties, which a live broadcast leaves open (ASF specification, 3.2)."""
    file.seek(0)
    head = file.read(_ASF_SEARCHED_BYTES)
    position = head.find(_ASF_FILE_PROPERTIES_ID)
    if position < 0 or position + 92 > len(head):
        raise MediaError(f"'{name}' is cut off or damaged: it does not say what it holds. Copy it again.")
    promised, flags = struct.unpack_from("<Q40xI", head, position + 40)
    if promised > file_bytes and not flags & 1:
        raise MediaError(_cut_off_message(name, promised, file_bytes))


def _cut_off_message(name: str, promised: int, present: int, *, what: str = "it promises") -> str:
    return f"'{name}' is cut off: {what} {promised} bytes, {present} are there. Copy it again."


def _check_mp4(file: BinaryIO, file_bytes: int, name: str) -> None:
    position, has_index = 0, False
    for _ in range(_MAX_BOXES):
        if position + 8 > file_bytes:
            break
        file.seek(position)
        box_bytes, box_id = struct.unpack(">I4s", file.read(8))
        if box_bytes == 1:
            long_size = file.read(8)
            box_bytes = struct.unpack(">Q", long_size)[0] if len(long_size) == 8 else file_bytes + 1
        elif box_bytes == 0:
            box_bytes = file_bytes - position
        if box_bytes < 8 or position + box_bytes > file_bytes:
            raise MediaError(
                f"'{name}' is cut off or damaged: a part at byte {position} promises {box_bytes} bytes, "
                f"{file_bytes - position} are there. Fetch it again."
            )
        has_index = has_index or box_id == b"moov"
        position += box_bytes
    if not has_index:
        raise MediaError(f"'{name}' is cut off: it has no index (moov). Fetch it again.")


def _check_matroska(file: BinaryIO, file_bytes: int, name: str) -> None:
    file.seek(4)
    header_bytes = _ebml_size(file)
    if header_bytes is not None:
        file.seek(header_bytes, os.SEEK_CUR)
    if file.read(4) != _SEGMENT_ID:
        raise MediaError(f"'{name}' is cut off or damaged: nothing follows its header. Fetch it again.")
    promised = _ebml_size(file)
    present = file_bytes - file.tell()
    if promised is not None and promised > present:
        raise MediaError(f"'{name}' is cut off: it promises {promised} bytes, {present} are there. Fetch it again.")


def _ebml_size(file: BinaryIO) -> int | None:
    """Read a size of 1 to 8 bytes whose leading zeros tell its length (RFC 8794, section 4); None means
    unknown.
    """
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    num_more = 8 - first[0].bit_length()
    value = int.from_bytes(first + file.read(num_more), "big") & ((1 << 7 * (num_more + 1)) - 1)
    return None if value == (1 << 7 * (num_more + 1)) - 1 else value
