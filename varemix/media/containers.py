"""What a file is, told by its content, and whether it is whole.

Belongs here: the first bytes and the outermost structure of files. Stays out: decoding anything inside.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from varemix.errors import MediaError

WAV = "WAV"
FLAC = "FLAC"
MP4 = "MP4"
MATROSKA = "MATROSKA"

_UNKNOWN_32_BITS = 0xFFFFFFFF
_MAX_BOXES = 100_000
_EBML_HEADER_ID = b"\x1a\x45\xdf\xa3"
_SEGMENT_ID = b"\x18\x53\x80\x67"
_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def container_of(path: Path) -> str | None:
    """Return 'WAV' (also RF64), 'FLAC', 'MP4' (also MOV) or 'MATROSKA' (also WebM); None for anything else.

    Raises MediaError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise MediaError(f"'{path.name}' cannot be read: {error.strerror}. Check its path and permissions.") from error
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return WAV
    if head[:4] == b"fLaC":
        return FLAC
    if head[4:8] in _MP4_FIRST_BOXES:
        return MP4
    return MATROSKA if head[:4] == _EBML_HEADER_ID else None


def check_whole(path: Path) -> None:
    """Raise MediaError when the outer structure of a WAV, MP4 or Matroska file promises more bytes than it
    holds.

    A FLAC file shows only in decoding that it is cut off; it passes here, as does a file of unknown kind.
    """
    checks = {WAV: _check_wav, MP4: _check_mp4, MATROSKA: _check_matroska}
    check = checks.get(container_of(path) or "")
    if check is not None:
        with path.open("rb") as file:
            check(file, os.fstat(file.fileno()).st_size, path.name)


def riff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield (id, position of the first content byte, bytes promised) of each chunk of a WAV or RF64 file.

    `data` comes last, whatever follows it; its true length in RF64 is taken from `ds64` (EBU Tech 3306).
    """
    position, data_bytes_64 = 12, None
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        chunk_id, num_bytes = struct.unpack("<4sI", header)
        if chunk_id == b"ds64":
            sizes = file.read(16)
            data_bytes_64 = struct.unpack("<8xQ", sizes)[0] if len(sizes) == 16 else None
        if chunk_id == b"data":
            is_long = num_bytes == _UNKNOWN_32_BITS and data_bytes_64 is not None
            yield (
                chunk_id,
                position + 8,
                data_bytes_64 if is_long and data_bytes_64 is not None else num_bytes,
            )
            return
        yield chunk_id, position + 8, num_bytes
        position += 8 + num_bytes + num_bytes % 2


def _check_wav(file: BinaryIO, file_bytes: int, name: str) -> None:
    last_id, position, promised = None, 0, 0
    for last_id, position, promised in riff_chunks(file):  # noqa: B007 - the last one is wanted
        pass
    present = file_bytes - position
    if last_id != b"data":
        raise MediaError(
            f"'{name}' is a WAV file without sound data: it is cut off or damaged. Copy or record it again."
        )
    if promised == 0 and present > 0:
        raise MediaError(
            f"The header of '{name}' says 0 samples, but {present} bytes follow: the recording was not "
            "finished properly. Repair its header first, for instance by opening and saving it."
        )
    # Who wrote into a pipe did not know the length and left the largest number: the file's end counts.
    if promised > present and promised != _UNKNOWN_32_BITS:
        raise MediaError(
            f"'{name}' is cut off: its header promises {promised} bytes of sound, {present} are there. Copy it again."
        )


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
