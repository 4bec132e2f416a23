"""How fast recordings are remixed from stored masks, and how small masks are: `make bench-remix`.

A stereo recording of 44.1 kHz, 16 bit, WAV to WAV, on one processor core, by ways that take turns:
    one             one instrument 6 dB softer, from stored masks
    eleven          eleven instruments, each with a gain of its own
    afftfilt        FFmpeg's STFT filter, 1024 points, overlap 0.5, that halves every bin
    floor           what no remix can do without: decode, transform, transform back, encode
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from benchmarks.clips import clips_of
from benchmarks.hearing import mixed
from benchmarks.rounds import Way, alternated, say, say_rates
from catalog.masks import MaskHeader, MaskReader, write_masks
from tasks.makers import maker_of
from tasks.mask_file import write_heard
from tasks.queries import Query
from tasks.remix_file import write_remix
from tasks.wishes import Wanted
from varemix.media.audio import AudioReader, AudioWriter, probe_audio, read_audio
from varemix.media.programs import find_ffmpeg
from varemix.model.separator import Separator
from varemix.remix.mixer import filtered_blocks
from varemix.remix.plan import plan_of
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.presence import Presence
from varemix.weights import shipped_checkpoint

_BLOCK_SAMPLES = 1 << 17
_CPU = torch.device("cpu")


def recording(folder: Path, seconds: float) -> Path:
    """Write a stereo mix of the demonstration's clips whose channels differ a little; return its path."""
    with clips_of(None) as clips:
        mid = mixed(clips, seconds)
    stereo = np.stack([mid, np.roll(mid, 30)])
    stereo *= 0.5 / np.abs(stereo).max()
    path = folder / "recording.wav"
    _write(path, stereo.astype(np.float64), folder)
    return path


def _write(path: Path, samples: np.ndarray, folder: Path) -> None:
    import soundfile

    soundfile.write(folder / "first.wav", samples.T, RATE_HZ, subtype="PCM_16")
    (folder / "first.wav").rename(path)


def remixing(source: Path, masks: Path, gains: dict[str, float], folder: Path) -> Callable[[], None]:
    """Return what remixes a recording once, as a library's is."""
    wishes = plan_of([f"{name}={gain_db}" for name, gain_db in gains.items()], force=True).variants()[0]
    wanted = Wanted(wishes=wishes, queries=tuple(Query(name=name) for name in gains))
    presence = Presence(shares_db=dict.fromkeys(gains, 0.0), threshold_db=-20.0)

    def run() -> None:
        write_remix(source, folder / "remix.wav", masks, presence, wanted)

    return run


def filtering(source: Path, folder: Path) -> Callable[[], None]:
    """Return what filters a recording once with FFmpeg."""
    filters = "afftfilt=real='re*0.5':imag='im*0.5':win_size=1024:overlap=0.5"
    command: list[str | Path] = [
        find_ffmpeg(),
        "-nostdin",
        "-loglevel",
        "error",
        "-y",
        "-threads",
        "1",
        "-filter_threads",
        "1",
    ]
    command += ["-i", source, "-af", filters, "-c:a", "pcm_s16le", folder / "filtered.wav"]

    def run() -> None:
        subprocess.run(command, check=True)

    return run


def floor(source: Path, folder: Path, grid: Grid) -> Callable[[], None]:
    """Return what decodes, transforms there and back, and encodes a recording once."""

    def run() -> None:
        with AudioReader(source) as reader, AudioWriter(folder / "floor.wav", reader.info) as writer:
            blocks = (block.astype(np.float32) for block in reader.blocks(_BLOCK_SAMPLES))
            left = grid.num_frames(reader.info.num_samples)
            gains = (np.ones((grid.num_bins, min(256, left - first)), np.float32) for first in range(0, left, 256))
            for block in filtered_blocks(blocks, gains, grid.on_bins()):
                writer.write(block)

    return run


def say_sizes(masks: Path, folder: Path, seconds: float) -> None:
    """Print how many bytes a second and instrument masks take at 1 and at 4 bits."""
    with MaskReader(masks) as reader:
        header, levels = reader.header, np.concatenate(list(reader.blocks(reader.header.queries)), axis=-1)
    for bits in (1, 4):
        values = {name: getattr(header, name) for name in MaskHeader.__dataclass_fields__} | {"bits": bits}
        path = folder / f"{bits}.parquet"
        write_masks(path, MaskHeader(**values), [levels])
        rate = path.stat().st_size / seconds / len(header.queries)
        say(f"masks of {bits} bit{'s' if bits > 1 else ''}: {rate / 1000:.2f} kB a second and instrument")
    groups = pq.ParquetFile(folder / "4.parquet").metadata.num_row_groups
    say(f"({len(header.queries)} instruments, {groups} row groups)")


def measure(options: argparse.Namespace) -> None:
    """Time the ways and print the table."""
    if not options.all_cores:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        torch.set_num_threads(1)
    path = options.checkpoint or shipped_checkpoint()
    if path is None:
        raise SystemExit("No model was shipped; give one with --model.")
    separator = Separator.load(path, _CPU)
    names = list(separator.instruments)
    with tempfile.TemporaryDirectory(prefix="varemix-") as name:
        folder = Path(name)
        source, masks = options.recording or recording(folder, options.seconds), folder / "masks.parquet"
        seconds_long = probe_audio(source).duration_s
        write_heard(masks, source, maker_of(separator, [Query(name=one) for one in names]), names)
        say(f"{seconds_long:.0f} s, {len(names)} instruments, {torch.get_num_threads()} thread.")
        say_sizes(masks, folder, seconds_long)
        eleven = {one: -6.0 + number for number, one in enumerate(names[:11])} | {names[6]: 0.5}
        ways = {
            "one": remixing(source, masks, {names[0]: -6.0}, folder),
            "eleven": remixing(source, masks, eleven, folder),
            "afftfilt": filtering(source, folder),
            "floor": floor(source, folder, separator.settings.grid.applied),
        }
        seconds = alternated([Way(name=way, run=run) for way, run in ways.items()], options.rounds, _CPU)
        rates = say_rates(seconds, seconds_long, "x real time", beside="afftfilt")
        say(f"\nEleven instruments take {rates['one'] / rates['eleven']:.2f} times as long as one.")
        largest = np.abs(read_audio(folder / "floor.wav")[0] - read_audio(source)[0]).max()
        say(f"Transformed there and back, a sample differs by {largest:.1e} at most.")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remixing", description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, help="a .safetensors file; else what is shipped")
    parser.add_argument("--recording", type=Path, help="a WAV file; else the demonstration's clips, mixed")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the recording is")
    parser.add_argument("--rounds", type=int, default=5, help="so many count, after one that does not")
    parser.add_argument("--all-cores", action="store_true", help="do not keep to one core")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
