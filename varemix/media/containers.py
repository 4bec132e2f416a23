"""What a file is, told by its content.

Belongs here: the first bytes and the chunks of files. Stays out: whether a file is whole (`wholeness`), decoding.
"""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from varemix.errors import MediaError
from varemix.media.mpeg import ADTS_FRAMES, MP3_FRAMES, first_frame, sound_position

WAV = "WAV"
AIFF = "AIFF"
FLAC = "FLAC"
MP3 = "MP3"
OGG = "OGG"
ADTS = "ADTS"
ASF = "ASF"
MP4 = "MP4"
MATROSKA = "MATROSKA"
CAF = "CAF"
W64 = "W64"
AU = "AU"
WAVPACK = "WAVPACK"
TTA = "TTA"
APE = "APE"
MUSEPACK = "MUSEPACK"
MUSEPACK8 = "MUSEPACK8"
TAK = "TAK"

ASF_HEADER_ID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
EBML_HEADER_ID = b"\x1a\x45\xdf\xa3"
_LAST_CHUNKS = re.compile(rb"LIST|id3 |ID3 |bext|iXML|axml|chna|cue |smpl|inst|acid|_PMX|DISP|fact|afsp")
_SEARCHED_BYTES = 1 << 20
UNKNOWN_32_BITS = 0xFFFFFFFF
_GUESSES, _GUESS_BYTES = (2**31, 2**32, 0x7F000000), 1 << 16
_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_FRAMES = {MP3_FRAMES: MP3, ADTS_FRAMES: ADTS}
_RIFF_IDS = (b"RIFF", b"RF64", b"BW64")
_FIRST_BYTES = {
    b"fLaC": FLAC,
    b"OggS": OGG,
    EBML_HEADER_ID: MATROSKA,
    ASF_HEADER_ID[:4]: ASF,
    b"caff": CAF,
    b"riff": W64,
    b".snd": AU,
    b"wvpk": WAVPACK,
    b"TTA1": TTA,
    b"MAC ": APE,
    b"MPCK": MUSEPACK8,
    b"tBaK": TAK,
}
_AFTER_TAGS = (FLAC, WAVPACK, TTA, APE, MUSEPACK, MUSEPACK8, TAK)  # many a program writes ID3v2 before these


def container_of(path: Path) -> str | None:
    """Return 'WAV' (also RF64 and BW64), 'AIFF' (also AIFF-C), 'FLAC', 'MP3', 'OGG', 'ADTS' (bare AAC), 'ASF' (WMA),
    'MP4' (also M4A and MOV), 'MATROSKA' (also WebM), 'CAF', 'W64', 'AU', 'WAVPACK', 'TTA', 'APE', 'MUSEPACK' (of stream
    version 7), 'MUSEPACK8' or 'TAK'; None for anything else.

    Raises MediaError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
            known = _container_of_head(head)
            return known if known or not head else _container_of_frames(file)
    except OSError as error:
        raise MediaError(f"'{path.name}' cannot be read: {error.strerror}. Check its path and permissions.") from error


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
            is_long = num_bytes == UNKNOWN_32_BITS and data_bytes_64 is not None
            yield (
                chunk_id,
                position + 8,
                data_bytes_64 if is_long and data_bytes_64 is not None else num_bytes,
            )
            return
        yield chunk_id, position + 8, num_bytes
        position += 8 + num_bytes + num_bytes % 2


def sound_bytes(file: BinaryIO, position: int, promised: int, file_bytes: int) -> int:
    """Return how many bytes of sound a WAV file holds from a position on: what is promised, if it is there.

    Else all up to the file's end, but for chunks behind the sound, of a kind that programs write there.
    """
    present = file_bytes - position
    if 0 < promised <= present:
        return promised
    searched_from = max(position, file_bytes - _SEARCHED_BYTES)
    file.seek(searched_from)
    content = file.read()
    for found in _LAST_CHUNKS.finditer(content):
        if _is_chain(content, found.start()):
            return searched_from + found.start() - position
    return present


def _is_chain(content: bytes, position: int) -> bool:
    """Tell whether chunks follow each other from a position to the end; the last pad byte may lack."""
    while position + 8 <= len(content):
        num_bytes = struct.unpack_from("<I", content, position + 4)[0]
        position += 8 + num_bytes + num_bytes % 2
    return position in (len(content), len(content) + 1)


def caf_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield (id, position of the first content byte, bytes promised) of each chunk of a CAF file.

    Sound that does not know its length, -1, is the last.
    """
    position = 8
    while True:
        file.seek(position)
        header = file.read(12)
        if len(header) < 12:
            return
        chunk_id, num_bytes = struct.unpack(">4sq", header)
        yield chunk_id, position + 12, num_bytes
        if num_bytes < 0:
            return
        position += 12 + num_bytes


def caf_promise(path: Path) -> tuple[int, int] | None:
    """Return how many samples of a CAF file go before the first valid one, and how many are valid.

    Its packet table says it, which only coded sound has (Apple Core Audio Format, packet table); None without one.
    """
    with path.open("rb") as file:
        for chunk_id, position, _ in caf_chunks(file):
            if chunk_id == b"pakt":
                file.seek(position + 8)
                said = file.read(16)
                num_valid, num_before = struct.unpack(">qi4x", said) if len(said) == 16 else (0, 0)
                return (num_before, num_valid) if num_valid > 0 and num_before >= 0 else None
    return None


def aiff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield (id, position of the first content byte, bytes promised) of each chunk of an AIFF file."""
    position = 12
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        chunk_id, num_bytes = struct.unpack(">4sI", header)
        yield chunk_id, position + 8, num_bytes
        position += 8 + num_bytes + num_bytes % 2


def is_guess(promised_bytes: int) -> bool:
    """Tell whether a length is one of the numbers that programs write into a pipe, as long as they do not know it.

    They are the largest of 31 or 32 bits, with or without the header, rounded in many a way; SoX has one of its own.
    """
    return any(abs(promised_bytes - most) < _GUESS_BYTES for most in _GUESSES)


def is_chained_ogg(path: Path) -> bool:
    """Return whether in an Ogg file another stream begins after the data of the first (RFC 3533, section 4)."""
    with path.open("rb") as file:
        has_data = False
        while len(page := file.read(27)) == 27 and page[:4] == b"OggS":
            begins_stream = bool(page[5] & 2)
            if begins_stream and has_data:
                return True
            has_data = not begins_stream
            file.seek(sum(file.read(page[26])), os.SEEK_CUR)
    return False


def _container_of_head(head: bytes) -> str | None:
    if head[:4] in _RIFF_IDS and head[8:12] == b"WAVE":
        return WAV
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    if head[4:8] in _MP4_FIRST_BOXES:
        return MP4
    if head[:3] == b"MP+":
        return MUSEPACK
    return _FIRST_BYTES.get(head[:4])


def _container_of_frames(file: BinaryIO) -> str | None:
    """Tell what has no head of its own, or a tag before it."""
    file.seek(sound_position(file))
    known = _container_of_head(file.read(16))
    if known in _AFTER_TAGS:
        return known
    found = first_frame(file)
    return _FRAMES[found[0]] if found else None
