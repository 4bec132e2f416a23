"""MPEG audio frames, told by their headers: MP3 (ISO/IEC 11172-3, 13818-3) and AAC in ADTS (13818-7).

Belongs here: where the sound begins after tags, which of both it is, and what an MP3's first frame promises. Stays
out: decoding (`decoding`) and what tags say (`tags`).
"""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

MP3_FRAMES = "mp3"
ADTS_FRAMES = "adts"

_SEARCHED_BYTES = 1 << 16  # some files begin with zeros, or in the middle of a frame
_NUM_FRAMES_IN_A_ROW = 3  # so many headers in a row are no accident
_MAX_ID3_TAGS = 8
_LAME_BYTES = 24  # of its part of the tag, up to the delays
_DECODER_DELAY_SAMPLES = 529
_FRAME_SAMPLES = 1152
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True, kw_only=True)
class Mp3Promise:
    """What the first frame of an MP3 (Xing, Info or VBRI) says of the whole; None where it says nothing.

    `lead_samples` is how many samples come before the first one recorded, the delay of the encoder and of decoders;
    `num_samples` how many were recorded.
    """

    is_variable_rate: bool
    num_frames: int | None
    num_bytes: int | None
    lead_samples: int = 0
    num_samples: int | None = None


def sound_position(file: BinaryIO) -> int:
    """Return where what follows the ID3v2 tags at the start of a file begins."""
    position = 0
    for _ in range(_MAX_ID3_TAGS):
        file.seek(position)
        header = file.read(10)
        if len(header) < 10 or header[:3] != b"ID3" or max(header[6:10]) > 127:
            break
        size = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        has_footer = bool(header[5] & 0x10)
        position += 10 + size + 10 * has_footer
    return position


def first_frame(file: BinaryIO) -> tuple[str, int] | None:
    """Return 'mp3' or 'adts' and the position of the first frame; None when the file begins with neither."""
    start = sound_position(file)
    file.seek(start)
    content = file.read(_SEARCHED_BYTES)
    sync = content.find(b"\xff")
    while 0 <= sync < len(content) - 6:
        for kind, measure in ((MP3_FRAMES, _mp3_frame_bytes), (ADTS_FRAMES, _adts_frame_bytes)):
            if _begins_frames(content, sync, measure, is_all=len(content) < _SEARCHED_BYTES):
                return kind, start + sync
        sync = content.find(b"\xff", sync + 1)
    return None


def mp3_promise(file: BinaryIO) -> Mp3Promise:
    """Return what the first frame of an MP3 promises; nothing when it is a frame like all others."""
    found = first_frame(file)
    if found is None or found[0] != MP3_FRAMES:
        return Mp3Promise(is_variable_rate=False, num_frames=None, num_bytes=None)
    file.seek(found[1])
    frame = file.read(240)
    is_version_1, is_mono = frame[1] >> 3 & 3 == 3, frame[3] >> 6 == 3
    side_bytes = (17 if is_mono else 32) if is_version_1 else (9 if is_mono else 17)
    tag = frame[4 + side_bytes :]
    if tag[:4] not in (b"Xing", b"Info") or len(tag) < 16:
        return Mp3Promise(is_variable_rate=frame[36:40] == b"VBRI", num_frames=None, num_bytes=None)
    flags, first, second = struct.unpack(">III", tag[4:16])
    delays = _delays(tag, flags)
    coded_samples = first * (_FRAME_SAMPLES if is_version_1 else _FRAME_SAMPLES // 2)
    return Mp3Promise(
        is_variable_rate=tag[:4] == b"Xing",
        num_frames=first if flags & 1 else None,
        num_bytes=(second if flags & 1 else first) if flags & 2 else None,
        lead_samples=delays[0] + _DECODER_DELAY_SAMPLES if delays else 0,
        num_samples=coded_samples - sum(delays or ()) if flags & 1 else None,
    )


def num_mp3_frames(file: BinaryIO) -> int:
    """Return how many frames of sound an MP3 holds, the one that promises not counted; what lies between is skipped."""
    found = first_frame(file)
    if found is None or found[0] != MP3_FRAMES:
        return 0
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        position, number = found[1], 0
        while position + 4 <= len(content):
            num_bytes = _mp3_frame_bytes(content[position : position + 4])
            if num_bytes is None or position + num_bytes > len(content):
                position = _next_sync(content, position + 1)
                continue
            position += num_bytes
            number += 1
    promise = mp3_promise(file)
    return number - (promise.num_frames is not None or promise.num_bytes is not None)


def _next_sync(content: mmap.mmap, position: int) -> int:
    """Return where two frames follow each other again, or the end of the file."""
    while (position := content.find(b"\xff", position)) >= 0:
        num_bytes = _mp3_frame_bytes(content[position : position + 4])
        if num_bytes and _mp3_frame_bytes(content[position + num_bytes : position + num_bytes + 4]):
            return position
        position += 1
    return len(content)


def _delays(tag: bytes, flags: int) -> tuple[int, int] | None:
    """Return the samples before and after the recorded ones that LAME's part of the tag tells."""
    place = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 2) + 100 * bool(flags & 4) + 4 * bool(flags & 8)
    lame = tag[place : place + _LAME_BYTES]
    if len(lame) < _LAME_BYTES or lame[:4] not in (b"LAME", b"Lavf", b"Lavc"):
        return None
    both = int.from_bytes(lame[21:24], "big")
    return both >> 12, both & 0xFFF


def _begins_frames(content: bytes, position: int, measure: Callable[[bytes], int | None], *, is_all: bool) -> bool:
    """Tell whether frames follow each other from a position on; a short file may hold fewer than the others."""
    for number in range(_NUM_FRAMES_IN_A_ROW):
        num_bytes = measure(content[position : position + 7])
        if num_bytes is None:
            return is_all and number > 0 and position >= len(content) - 7
        position += num_bytes
        if position >= len(content):
            return is_all and position == len(content)
    return True


def _mp3_frame_bytes(header: bytes) -> int | None:
    """Return the length of a frame of layer III from its header; None when it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, kbps_index, rate_index = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or kbps_index in (0, 15) or rate_index == 3:
        return None
    kbps = (_KBPS_1 if version == 3 else _KBPS_2)[kbps_index]
    return (144_000 if version == 3 else 72_000) * kbps // _RATES_HZ[version][rate_index] + (header[2] >> 1 & 1)


def _adts_frame_bytes(header: bytes) -> int | None:
    """Return the length of an ADTS frame from its header; None when it is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return None
    num_bytes = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return num_bytes if num_bytes > 7 else None
