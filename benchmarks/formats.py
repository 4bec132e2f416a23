"""What becomes of each kind of file: `python -m benchmarks.formats` writes docs/formats.md from what really happens.

Each row's file is made, given tags, a cover, chapters and loop points as far as it holds them, read, and written
again as a remix is. To add a format, add a row to KINDS.
"""

import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import soundfile
from mutagen import flac
from PIL import Image

from varemix.errors import MediaError
from varemix.media import riff
from varemix.media.audio import OUTPUT_FORMATS, PCM_BITS, AudioInfo, AudioWriter, as_written, read_audio
from varemix.media.formats import CODECS
from varemix.media.programs import find_ffmpeg, run_program
from varemix.media.tags import copy_tags, read_tags

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
RATE_HZ, NUM_SAMPLES = 44_100, 44_100
_HEAD = """# What becomes of your files

Made by `python -m benchmarks.formats` from what really happens, and compared with it by a test. Of a recording that is
left as it is every byte is kept, whatever its format. What is remixed is written as the table says; *bit for bit* means
that samples written again without a change are the same. Not served, but counted and told in a library's summary: DSD,
RealAudio, MIDI, tracker music, protected sound, and the videos and telephone codings in `tasks/library_files.py`.
Monkey's Audio, TAK, Musepack and WMA Lossless are read, and become FLAC; no row shows them, as nothing here writes
them.

"""
_CHANNELS = """
## More than two channels

Every channel is remixed. Each left and right pair is analysed as its mid signal and has masks of its own (FL+FR, BL+BR,
SL+SR and so on), the centre and whatever else stands alone has its own, ambisonic channels have those of the one that
hears all around. The bass (LFE) is unchanged, bit for bit where the coding loses nothing. A group of channels costs as
much time and room for masks as a stereo recording, a silent one next to none. Mono and stereo are one group.

What loudspeakers the channels are for is read from the file: 2.1, 3.0, quad, 5.0, 5.1, 5.1(side), 6.1, 7.1 and what
else ffmpeg has a name for. Where a file names none (plain WAV, TTA, PCM in Matroska), six channels are taken for 5.1
and eight for 7.1, in the order of WAV; of any other number each is analysed by itself. Both is told. At most 16 groups
are remixed. WAV, FLAC and all that ffmpeg writes name the loudspeakers again; AIFF keeps what it said; W64 becomes
silent on it, the samples in their order.

Of a video with several audio streams the first is remixed, or the one of `--audio-stream N`; the others, pictures and
subtitles are copied. What a coding does not keep apart is refused for another format; a recording's own that nobody
writes so becomes FLAC, in MP4 ALAC or FLAC.

"""
_COLUMNS = (
    *("file", "coding", "written as", "samples", "length", "rate, channels"),
    *("tags", "cover", "chapters", "loop points", "loudness tags"),
)
_CHAPTERS = """;FFMETADATA1
title=Title
artist=Björk
REPLAYGAIN_TRACK_GAIN=-3.1 dB
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=first
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1000
title=second
"""
_SHOWN = ("-f", "lavfi", "-i", "testsrc2=size=64x36:duration=1:rate=25")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file: its suffix and how ffmpeg is told to make one; a video has a picture."""

    suffix: str
    args: Sequence[str] = ()
    has_picture: bool = False


def _kinds(suffix: str, *codings: Sequence[str], has_picture: bool = False) -> Iterator[Kind]:
    return (Kind(suffix=suffix, args=args, has_picture=has_picture) for args in codings)


KINDS = (
    *_kinds(".wav", ["-c:a", "pcm_u8"], ["-c:a", "pcm_s16le"], ["-c:a", "pcm_s24le"], ["-c:a", "pcm_s32le"]),
    *_kinds(".wav", ["-c:a", "pcm_f32le"], ["-c:a", "pcm_f64le"], ["-c:a", "pcm_mulaw"], ["-c:a", "adpcm_ms"]),
    *_kinds(".aiff", ["-c:a", "pcm_s16be"], ["-c:a", "pcm_s24be"], ["-c:a", "pcm_f32be"]),
    *_kinds(".caf", ["-c:a", "pcm_s16be"], ["-c:a", "pcm_f32be"], ["-c:a", "alac"]),
    *_kinds(".w64", ["-c:a", "pcm_s24le"]),
    *_kinds(".au", ["-c:a", "pcm_s16be"]),
    *_kinds(".flac", ["-sample_fmt", "s16"], ["-sample_fmt", "s32"]),
    *_kinds(".wv", ["-sample_fmt", "s16p"], ["-sample_fmt", "s32p"], ["-sample_fmt", "fltp"]),
    *_kinds(".tta", ["-sample_fmt", "s16"]),
    *_kinds(".mp3", ["-b:a", "192k"], ["-q:a", "2"]),
    *_kinds(".ogg", ["-c:a", "libvorbis"], ["-c:a", "flac"]),
    *_kinds(".opus", ["-c:a", "libopus"]),
    *_kinds(".m4a", ["-c:a", "aac"], ["-c:a", "alac"]),
    *_kinds(".aac", ["-c:a", "aac"]),
    *_kinds(".wma", ["-c:a", "wmav2"]),
    *_kinds(".mka", ["-c:a", "libopus"], ["-c:a", "flac"], ["-c:a", "mp2"]),
    *_kinds(".mp4", ["-c:v", "mpeg4", "-c:a", "aac"], has_picture=True),
    *_kinds(
        ".mov", ["-c:v", "mpeg4", "-c:a", "pcm_s24le"], ["-c:v", "mpeg4", "-c:a", "adpcm_ima_qt"], has_picture=True
    ),
    *_kinds(".mkv", ["-c:v", "mpeg4", "-c:a", "ac3"], ["-c:v", "mpeg4", "-c:a", "libvorbis"], has_picture=True),
    *_kinds(".webm", ["-c:v", "libvpx", "-c:a", "libopus"], has_picture=True),
)


def page() -> str:
    """Return the page as it would be today."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        samples = np.random.default_rng(1).uniform(-0.4, 0.4, (NUM_SAMPLES, 2))
        soundfile.write(folder / "sound.wav", samples, RATE_HZ, subtype="PCM_16")
        (folder / "chapters.txt").write_text(_CHAPTERS)
        _write_tagged(folder / "tagged.flac", samples)
        rows = [_COLUMNS, *(_row(kind, folder) for kind in KINDS)]
    return _HEAD + _table(rows) + _CHANNELS + _table([("coding", "layouts of more than two channels"), *_layouts()])


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    lines = [head, ("---",) * len(head), *others]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _layouts() -> Iterator[tuple[str, str]]:
    """Return which layouts each coding that is written keeps."""
    for codec in {codec.label: codec for codec in CODECS.values() if codec.encoder}.values():
        most = f"any, up to {codec.max_channels} channels" if codec.max_channels > 2 else "none"
        yield codec.label, ", ".join(codec.layouts) or most


def _write_tagged(path: Path, samples: np.ndarray) -> None:
    soundfile.write(path, samples, RATE_HZ)
    file, picture, content = flac.FLAC(path), flac.Picture(), BytesIO()
    Image.new("RGB", (40, 40), "navy").save(content, "JPEG")
    picture.type, picture.mime, picture.data = 3, "image/jpeg", content.getvalue()
    file["title"], file["artist"], file["mood"], file["replaygain_track_gain"] = "Title", "Björk", "calm", "-3.1 dB"
    file.add_picture(picture)
    file.save()


def _row(kind: Kind, folder: Path) -> tuple[str, ...]:
    """Return what becomes of a file of a kind."""
    source = folder / f"source{kind.suffix}"
    picture = _SHOWN if kind.has_picture else ()
    inputs = ["-i", str(folder / "sound.wav"), "-i", str(folder / "chapters.txt"), *picture]
    maps = ["-map", "0:a", "-map_metadata", "1", "-map_chapters", "1", *(["-map", "2:v"] if kind.has_picture else [])]
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-y", *inputs, *maps, *kind.args, f"file:{source}"]
    run_program(command, timeout_s=60)
    if not kind.has_picture:
        copy_tags(folder / "tagged.flac", source, provenance="before", is_changed=False)
    _add_loop(source)
    try:
        samples, info = read_audio(source)
    except MediaError as error:
        return (kind.suffix, "not read", str(error), *("",) * (len(_COLUMNS) - 3))
    wanted, note = as_written(info)
    suffix = OUTPUT_FORMATS[info.written_as].suffix if info.written_as else kind.suffix
    target = folder / f"target{suffix}"
    with AudioWriter(target, wanted, source=source) as writer:
        writer.write(samples)
    copy_tags(source, target, provenance="after")
    again, found = read_audio(target)
    return (
        kind.suffix,
        info.coded_as or _coding(info),
        ("itself" if not note else _coding(found)) + (f" in {suffix}" if suffix != kind.suffix else ""),
        _samples(samples, again),
        _length(info.num_samples, found.num_samples),
        _kept(*((each.rate_hz, each.num_channels) for each in (info, found))),
        _kept(
            *({read_tags(path).get(name) for name in ("title", "artist", "mood")} - {None} for path in (source, target))
        ),
        _kept(*map(_num_covers, (source, target))),
        _kept(*map(_num_chapters, (source, target))),
        _kept(*map(_loop, (source, target))),
        _dropped(*("replaygain_track_gain" in read_tags(path) for path in (source, target))),
    )


def _texts(path: Path) -> set[str]:
    said = read_tags(path)
    return {said[name] for name in ("title", "artist", "mood") if name in said}


def _coding(info: AudioInfo) -> str:
    label, bits = CODECS[info.codec].label, PCM_BITS.get(info.subtype)
    if info.is_lossy:
        return label
    return f"{label}, {bits} bits" if bits else f"{label}, {'32' if info.subtype == 'FLOAT' else '64'} bits float"


def _samples(before: np.ndarray, after: np.ndarray) -> str:
    if before.shape != after.shape:
        return "others"
    if np.array_equal(before, after):
        return "bit for bit"
    return "to 24 bits" if np.abs(before - after).max() < 2**-22 else "coded anew"


def _length(before: int, after: int) -> str:
    return "the same" if before == after else f"{after - before:+d} samples"


def _kept(before: object, after: object) -> str:
    if not before:
        return "–"
    return "kept" if before == after else f"{after} of {before}" if isinstance(before, int) else "told"


def _dropped(before: bool, after: bool) -> str:
    return "–" if not before else "kept" if after else "dropped"


def _num_covers(path: Path) -> int:
    with av.open(str(path)) as file:
        attached = [s for s in file.streams.video if s.disposition & av.stream.Disposition.attached_pic]
        return len(attached) + len(file.streams.attachments)


def _num_chapters(path: Path) -> int:
    with av.open(str(path)) as file:
        return len(file.chapters())


def _add_loop(path: Path) -> None:
    smpl = struct.pack("<9I", 0, 0, 0, 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, 100, 900, 0, 0)
    if path.suffix == ".wav":
        riff.append_chunks(path, [(b"smpl", smpl)])
    if path.suffix == ".aiff":
        riff.append_chunks(path, [(b"MARK", struct.pack(">HHI", 1, 1, 700) + b"\5loop1")])


def _loop(path: Path) -> bytes:
    if path.suffix not in (".wav", ".aiff"):
        return b""
    return b"".join(
        riff.read_chunk(path, place, size) for name, place, size in riff.all_chunks(path) if name in (b"smpl", b"MARK")
    )


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE}\n")
