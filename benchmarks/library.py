"""What a remix of a large library costs beside the signal work: `make bench-library`.

Many short recordings, whose masks are stored, are remixed without the flow, in as many threads as the flow has, and
then by the flow: what the first takes is the signal work, and the difference is catalog, orchestration, and ids. The
start of Prefect, which an empty flow shows, is told apart. A second run of the flow, which finds all done, is timed
too, and the most memory that was held. Time is told as it passed, and as this process's processor time.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.rounds import say
from catalog.files import Home
from catalog.ids import file_digest
from catalog.masks import Maker, MaskHeader, write_masks
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row
from tasks.queries import Query
from tasks.remix_file import write_remix
from tasks.stored_masks import mask_id_of
from tasks.wishes import wanted_of
from varemix.remix.plan import RemixPlan, plan_of
from varemix.signal.grid import RATE_HZ
from varemix.signal.presence import Presence
from varemix.training.recipe import reference

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
    grid = reference().separator.mask_grid
    shape = (1, grid.num_rows, grid.num_frames(num_samples))
    levels = np.random.default_rng(1).random(shape).round().astype(np.float32)
    rows, files = [], []
    for path in paths:
        digest = file_digest(path)
        header = MaskHeader(
            content_digest=digest,
            num_frames=levels.shape[-1],
            bits=4,
            rate_hz=RATE_HZ,
            **asdict(grid),
            queries=(_TARGET,),
            makers=(Maker(name="noise", version="1", digest=checkpoint_id),),
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


def remix_alone(paths: list[Path], masks: list[Path], plan: RemixPlan, out: Path, num_threads: int) -> None:
    """Remix the recordings without catalog and flow."""
    wanted = wanted_of(plan.variants()[0], {_TARGET: Query(name=_TARGET)})
    presence = Presence(shares_db={_TARGET: 0.0}, threshold_db=_THRESHOLD_DB)
    out.mkdir()
    with ThreadPoolExecutor(num_threads) as pool:
        outs = [out / path.name for path in paths]
        list(pool.map(write_remix, paths, outs, masks, repeat(presence), repeat(wanted)))


@dataclass(frozen=True, kw_only=True)
class Took:
    """How long something took: as it passed, and of the processor."""

    wall_s: float
    cpu_s: float

    def __add__(self, other: "Took") -> "Took":
        return Took(wall_s=self.wall_s + other.wall_s, cpu_s=self.cpu_s + other.cpu_s)

    def __sub__(self, other: "Took") -> "Took":
        return Took(wall_s=self.wall_s - other.wall_s, cpu_s=self.cpu_s - other.cpu_s)

    def per_track(self, num_tracks: int) -> str:
        """Return what this is for one of so many tracks."""
        return f"{1e3 * self.wall_s / num_tracks:.2f} ms a track (processor: {1e3 * self.cpu_s / num_tracks:.2f} ms)"


@contextmanager
def timed(took: list[Took]) -> Iterator[None]:
    """Append how long the block took."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    took.append(Took(wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Time the flow and the signal work, and print what is between them."""
    from prefect import flow

    from flows.remix import remix
    from flows.settings import NUM_WORKERS

    @flow
    def nothing() -> None:
        """Do nothing: what is left is the start of Prefect."""

    library, home = folder / "library", folder / "home"
    paths = make_library(library, options.tracks, options.seconds)
    catalog = Catalog(Home.open(home))
    checkpoint_id = checkpoint_row(catalog, None)["checkpoint_id"]
    masks = store_masks(catalog, paths, checkpoint_id, round(options.seconds * RATE_HZ))
    plan = plan_of([f"{_TARGET}=-6"])
    took: list[Took] = []
    with timed(took):
        remix_alone(paths, masks, plan, folder / "alone", NUM_WORKERS)
    say(f"signal work alone, in {NUM_WORKERS} threads: {took[0].per_track(len(paths))}")
    for name, signal in (("first run", took[0]), ("second run, all done", Took(wall_s=0, cpu_s=0))):
        before_mb = _peak_mb()
        with timed(took):
            nothing()
        with timed(took):
            made = remix(str(library), str(folder / "out"), plan, home=str(home))
        start, run = took[-2:]
        say(
            f"{name}: {run.wall_s:.1f} s, {dict(made.counts)}, besides {start.wall_s:.1f} s until Prefect had started; "
            f"not signal work: {(run - signal).per_track(len(paths))}, "
            f"with the start {(run + start - signal).per_track(len(paths))}; "
            f"most memory {_peak_mb():.0f} MB, before {before_mb:.0f} MB"
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
