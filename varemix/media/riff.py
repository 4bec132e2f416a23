"""Chunks of WAV and AIFF files that are no sound: what studios note in them, and tags. Their bytes, not their meaning.

Serves RIFF, RF64 (EBU Tech 3306), BW64 (ITU-R BS.2088) and AIFF.
"""

import os
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from varemix.errors import MediaError
from varemix.media.containers import AIFF, UNKNOWN_32_BITS, WAV, aiff_chunks, riff_chunks, sound_bytes

ID3_CHUNKS = (b"id3 ", b"ID3 ")
# Notes of the broadcaster, the studio and the sampler; they speak of times and channels, which a remix keeps.
KEPT_CHUNKS: Mapping[str, tuple[bytes, ...]] = {
    WAV: (
        *(b"bext", b"iXML", b"axml", b"chna", b"cue ", b"plst", b"LIST", b"CSET", b"DISP"),
        *(b"smpl", b"inst", b"acid", b"cart", b"_PMX"),
    ),
    AIFF: (b"CHAN", b"MARK", b"INST", b"COMT", b"MIDI", b"AESD", b"NAME", b"AUTH", b"(c) ", b"ANNO"),
}
# The sound, what is written anew with it, room between, and text that goes with the tags.
_NO_NOTES = {
    *(
        b"fmt ",
        b"data",
        b"fact",
        b"PEAK",
        b"ds64",
        b"JUNK",
        b"junk",
        b"FLLR",
        b"PAD ",
        b"Fake",
        b"bgcl",
        b"CHAN",
        b"CSET",
        b"DISP",
    ),
    *(b"COMM", b"SSND", b"FVER", b"NAME", b"AUTH", b"(c) ", b"ANNO", *ID3_CHUNKS),
}
_ADM_LOUDNESS = re.compile(rb"\s*<((?:\w+:)?loudnessMetadata)\b(?:[^>]*/>|.*?</\1>)", re.DOTALL)
_CODE_PAGE_ID = b"CSET"
_BEXT_VERSION_AT, _BEXT_LOUDNESS_AT, _NUM_BEXT_LOUDNESSES = 346, 412, 5  # EBU Tech 3285, version 2
_BEXT_UNKNOWN = 0x7FFF
_RIFF_SIZE_IN_DS64_AT = 20
_BLOCK_BYTES_AT = 12  # in the chunk of the format
_EXTENSIBLE, _CHANNELS_AT, _CHANNEL_MASK_AT, _FORMAT_BYTES = 0xFFFE, 2, 20, 40  # of WAVE_FORMAT_EXTENSIBLE


def all_chunks(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield (id, position of the first content byte, bytes) of all chunks, those after the sound too."""
    with path.open("rb") as file:
        file_bytes = os.fstat(file.fileno()).st_size
        if file.read(4) == b"FORM":
            yield from ((name, start, min(size, file_bytes - start)) for name, start, size in aiff_chunks(file))
            return
        sound_end = file_bytes
        for chunk_id, position, num_bytes in riff_chunks(file):
            present = sound_bytes(file, position, num_bytes, file_bytes) if chunk_id == b"data" else num_bytes
            yield chunk_id, position, min(present, file_bytes - position)
            if chunk_id == b"data":
                sound_end = position + present + present % 2
        yield from _plain_chunks(file, sound_end, file_bytes)


def noted_chunks(path: Path) -> Iterator[tuple[str, bytes, int, int]]:
    """Yield (name for people, id, position, bytes) of each chunk that says more than the sound and its tags do."""
    for chunk_id, position, num_bytes in all_chunks(path):
        kind = read_chunk(path, position, 4) if chunk_id == b"LIST" else b""
        if chunk_id not in _NO_NOTES and kind != b"INFO":
            name = (chunk_id + b" " + kind if kind else chunk_id).decode("latin_1").strip()
            yield name, chunk_id, position, num_bytes


def code_page(path: Path) -> int:
    """Return the number of the code page of a WAV file's texts, 0 where it does not say it."""
    places = [
        position for chunk_id, position, num_bytes in all_chunks(path) if chunk_id == _CODE_PAGE_ID and num_bytes >= 2
    ]
    return int.from_bytes(read_chunk(path, places[0], 2), "little") if places else 0


def num_frames(path: Path) -> int:
    """Return how many samples a channel are in a WAV file of plain samples, by its block size and its true end."""
    found = {chunk_id: (position, num_bytes) for chunk_id, position, num_bytes in all_chunks(path)}
    block_bytes = int.from_bytes(read_chunk(path, found[b"fmt "][0] + _BLOCK_BYTES_AT, 2), "little")
    return found[b"data"][1] // max(1, block_bytes)


def read_chunk(path: Path, position: int, num_bytes: int) -> bytes:
    """Return the content of a chunk."""
    with path.open("rb") as file:
        file.seek(position)
        return file.read(num_bytes)


def without_loudness(bext: bytes) -> bytes:
    """Return a `bext` chunk that says its loudness is unknown; versions before 2 say nothing of it."""
    end = _BEXT_LOUDNESS_AT + 2 * _NUM_BEXT_LOUDNESSES
    if len(bext) < end or int.from_bytes(bext[_BEXT_VERSION_AT:][:2], "little") < 2:
        return bext
    unknown = struct.pack("<H", _BEXT_UNKNOWN) * _NUM_BEXT_LOUDNESSES
    return bext[:_BEXT_LOUDNESS_AT] + unknown + bext[end:]


def without_adm_loudness(axml: bytes) -> bytes:
    """Return what an audio definition model says (ITU-R BS.2076) without the loudness of its programmes."""
    return _ADM_LOUDNESS.sub(b"", axml)


def channel_mask(path: Path, num_channels: int) -> int | None:
    """Return which loudspeakers a WAV file says its channels are for; None where it does not say it of so many."""
    found = _extensible_format(path)
    if found is None or int.from_bytes(found[1][_CHANNELS_AT:][:2], "little") != num_channels:
        return None
    return int.from_bytes(found[1][_CHANNEL_MASK_AT:][:4], "little")


def set_channel_mask(path: Path, mask: int) -> None:
    """Say in a WAV file of extensible format which loudspeakers its channels are for; nothing happens in others."""
    found = _extensible_format(path)
    if found is not None:
        with path.open("r+b") as file:
            file.seek(found[0] + _CHANNEL_MASK_AT)
            file.write(struct.pack("<I", mask))


def append_chunks(path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    """Append (id, content) to a WAV or AIFF file and correct its size.

    Raises MediaError when the file would pass what a file with sizes of 32 bits holds.
    """
    with path.open("r+b") as file:
        kind = file.read(4)
        order = ">" if kind == b"FORM" else "<"
        addition = b"".join(
            struct.pack(f"{order}4sI", chunk_id, len(content)) + content + b"\0" * (len(content) % 2)
            for chunk_id, content in chunks
        )
        end = file.seek(0, os.SEEK_END)
        addition = b"\0" * (end % 2) + addition
        all_bytes = end + len(addition) - 8
        if kind in (b"RIFF", b"FORM") and all_bytes >= UNKNOWN_32_BITS:
            raise MediaError(f"'{path.name}' has no room for its tags: such a file ends at 4 GiB. Leave some out.")
        file.write(addition)
        if kind in (b"RF64", b"BW64"):
            file.seek(_RIFF_SIZE_IN_DS64_AT)
            file.write(struct.pack("<Q", all_bytes))
        else:
            file.seek(4)
            file.write(struct.pack(f"{order}I", all_bytes))


def _extensible_format(path: Path) -> tuple[int, bytes] | None:
    """Return the position and content of the `fmt ` chunk of extensible format, None when there is none."""
    with path.open("rb") as file:
        for chunk_id, position, _ in riff_chunks(file):
            if chunk_id == b"fmt ":
                file.seek(position)
                content = file.read(_FORMAT_BYTES)
                is_extensible = len(content) == _FORMAT_BYTES and content[:2] == struct.pack("<H", _EXTENSIBLE)
                return (position, content) if is_extensible else None
    return None


def _plain_chunks(file: BinaryIO, position: int, file_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    while position + 8 <= file_bytes:
        file.seek(position)
        chunk_id, num_bytes = struct.unpack("<4sI", file.read(8))
        yield chunk_id, position + 8, min(num_bytes, file_bytes - position - 8)
        position += 8 + num_bytes + num_bytes % 2
