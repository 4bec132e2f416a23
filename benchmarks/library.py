"""What a remix of a large library costs beside the signal work: `make bench-library`.

Many short recordings, whose masks are stored, are remixed by the flow, and then once more without the flow: what the
second takes is the signal work, and the difference is catalog, orchestration, and ids. A second run of the flow, which
finds all done, is timed too, and the most memory that was held.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.rounds import say
from catalog.files import Home
from catalog.ids import file_digest
from catalog.masks import MaskHeader, write_masks
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row
from tasks.masks import mask_id_of
from tasks.queries import Query
from tasks.remix import write_remix
from tasks.wishes import wanted_of
from varemix.remix.plan import RemixPlan, plan_of
from varemix.signal.presence import Presence
from varemix.signal.spectrogram import HOP_SAMPLES, NUM_BINS, RATE_HZ, num_frames

_TARGET = "violin"
_THRESHOLD_DB = -20.0


def make_library(folder: Path, num_tracks: int, seconds: float) -> list[Path]:
    """Write short recordings of noise into subfolders of a hundred."""
    draw = np.random.default_rng(0)
    num_samples, paths = round(seconds * RATE_HZ), []
    for number in range(num_tracks):
        path = folder / f"{number // 100:03}" / f"{number:05}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, draw.normal(0, 0.1, (num_samples, 2)), RATE_HZ, subtype="PCM_16")
        paths.append(path)
    return paths


def store_masks(catalog: Catalog, paths: list[Path], checkpoint_id: str, num_samples: int) -> list[Path]:
    """Write a mask of one instrument for each recording; return their files."""
    levels = np.random.default_rng(1).random((1, NUM_BINS, num_frames(num_samples))).round().astype(np.float32)
    rows, files = [], []
    for path in paths:
        digest = file_digest(path)
        header = MaskHeader(
            content_digest=digest,
            checkpoint_id=checkpoint_id,
            num_bins=NUM_BINS,
            num_frames=levels.shape[-1],
            bits=4,
            hop_samples=HOP_SAMPLES,
            rate_hz=RATE_HZ,
            queries=(_TARGET,),
        )
        mask_id = mask_id_of(digest, checkpoint_id, [_TARGET])
        file = catalog.home.masks(mask_id)
        write_masks(file, header, [levels])
        files.append(file)
        rows.append(
            {
                "mask_id": mask_id,
                "track_id": digest,
                "content_digest": digest,
                "checkpoint_id": checkpoint_id,
                "queries": [_TARGET],
                "besides": "anything",
                "presences_db": [0.0],
                "presence_threshold_db": _THRESHOLD_DB,
                "path": catalog.home.relative(file),
                "digest": file_digest(file),
                "status": "ready",
            }
        )
    catalog.merge("masks", rows)
    return files


def signal_work_s(paths: list[Path], masks: list[Path], plan: RemixPlan, out: Path) -> float:
    """Return how long it takes to remix the recordings one after the other, without catalog and flow."""
    wanted = wanted_of(plan.variants()[0], {_TARGET: Query(name=_TARGET)})
    presence = Presence(shares_db={_TARGET: 0.0}, threshold_db=_THRESHOLD_DB)
    out.mkdir()
    started = time.perf_counter()
    for path, file in zip(paths, masks, strict=True):
        write_remix(path, out / path.name, file, presence, wanted)
    return time.perf_counter() - started


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Time the flow and the signal work, and print what is between them."""
    from flows.remix import remix

    library, home = folder / "library", folder / "home"
    num_samples = round(options.seconds * RATE_HZ)
    paths = make_library(library, options.tracks, options.seconds)
    catalog = Catalog(Home.open(home))
    masks = store_masks(catalog, paths, checkpoint_row(catalog, None)["checkpoint_id"], num_samples)
    plan = plan_of([f"{_TARGET}=-6"])
    alone_s = signal_work_s(paths, masks, plan, folder / "alone")
    say(f"signal work alone, one after the other: {1e3 * alone_s / len(paths):.2f} ms a track")
    for name in ("first run", "second run, all done"):
        before_mb = _peak_mb()
        started = time.perf_counter()
        made = remix(str(library), str(folder / "out"), plan, home=str(home))
        seconds = time.perf_counter() - started
        per_track_ms = 1e3 * seconds / len(paths)
        work_ms = 1e3 * alone_s / len(paths) / (os.cpu_count() or 1) if "first" in name else 0.0
        say(
            f"{name}: {seconds:.1f} s, {dict(made.counts)}, {per_track_ms:.2f} ms a track, of which "
            f"{per_track_ms - work_ms:.2f} ms are not signal work; most memory {_peak_mb():.0f} MB, before "
            f"{before_mb:.0f} MB"
        )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.library", description=__doc__.split("\n")[0])
    parser.add_argument("--tracks", type=int, default=10_000, help="how many recordings")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="varemix-") as name:
        measure(options, Path(name))


if __name__ == "__main__":
    main()
