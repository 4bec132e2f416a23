"""What grows with a library, measured: `make bench-scale`. The figures of docs/scale.md come from here.

    python -m benchmarks.scale tables --rows 10000 100000 1000000     merges and questions beside so many rows
    python -m benchmarks.scale runs --tasks 500                       task runs a second, and bytes of database each
    python -m benchmarks.scale storage                                bytes of masks a second and instrument

`runs` uses the server that PREFECT_API_URL names, else the embedded one on SQLite; `--database` is the URL of a
Postgres database, to see it grow.
"""

import argparse
import asyncio
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from benchmarks.library import Took, timed
from benchmarks.rounds import say
from catalog.files import Home
from catalog.parts import with_parts
from catalog.store import Catalog
from catalog.tables import TABLES

_PLANTED_AT_ONCE = 100_000
_ROUNDS = 5
_CHECKPOINT = "c" * 20


def mask_row(number: int) -> dict[str, Any]:
    """Return a row of `masks` such as the step writes."""
    digest, mask_id = _digest("content", number), _digest("masks", number)[:20]
    return {
        "mask_id": mask_id,
        "track_id": _digest("track", number)[:20],
        "content_digest": digest,
        "checkpoint_id": _CHECKPOINT,
        "settings_json": '{"masks": "soft", "bits": 4}',
        "queries": ["violin", "cello", "flute"],
        "besides": "anything",
        "presences_db": [-3.5 - number % 7, -20.25, -33.125 - number % 11],
        "presence_threshold_db": -18.0,
        "path": f"masks/{mask_id[:2]}/masks-{mask_id}.parquet",
        "bits": 4,
        "num_frames": 20_000 + number % 1000,
        "num_bytes": 3_000_000 + number,
        "digest": _digest("file", number),
        "status": "ready",
        "seconds": 12.5 + number % 10,
    }


def plant(catalog: Catalog, num_rows: int) -> None:
    """Fill the table `masks`; all but one of its rows by plain appends, which are quicker than merges."""
    table = TABLES["masks"]
    catalog.merge("masks", [mask_row(0)])
    now = datetime.now(UTC)
    for first in range(1, num_rows, _PLANTED_AT_ONCE):
        rows = [mask_row(n) | {"updated_at": now} for n in range(first, min(num_rows, first + _PLANTED_AT_ONCE))]
        plain = pa.Table.from_pylist(rows, schema=table.schema)
        write_deltalake(catalog.home.table("masks"), with_parts(table, plain), mode="append")
    catalog.compact("masks")


def measure_tables(num_rows: int, folder: Path) -> None:
    """Plant so many rows, and time what a shard, and a flow, ask of the table."""
    catalog = Catalog(Home.open(folder))
    plant(catalog, num_rows)
    files = list((folder / "tables" / "masks").rglob("*.parquet"))
    say(
        f"{num_rows} rows: {sum(file.stat().st_size for file in files) / num_rows:.0f} bytes a row, "
        f"{len(files)} files, {_peak_mb():.0f} MB of memory to plant them"
    )
    new = iter(range(10 * num_rows, 20 * num_rows))

    def known(count: int, start: int) -> list[int]:
        return [(start * count + n) * 7919 % num_rows for n in range(count)]

    ways: dict[str, Callable[[int], object]] = {
        "merge 8 new rows": lambda k: catalog.merge("masks", [mask_row(next(new)) for _ in range(8)]),
        "merge 64 new rows": lambda k: catalog.merge("masks", [mask_row(next(new)) for _ in range(64)]),
        "merge 8 known rows": lambda k: catalog.merge("masks", [mask_row(n) for n in known(8, k)]),
        "the masks of 8 sounds": lambda k: catalog.read_rows(
            "masks",
            where={"checkpoint_id": _CHECKPOINT, "content_digest": [_digest("content", n) for n in known(8, k)]},
        ),
        "one column of all": lambda k: catalog.read_arrow("masks", columns=["path"]),
        "all rows, as dicts": lambda k: catalog.read_rows("masks"),
    }
    for name, way in ways.items():
        took: list[Took] = []
        for k in range(1 if name.startswith("all") else _ROUNDS):
            with timed(took):
                way(k)
        wall_ms, cpu_ms = (
            1e3 * statistics.median(each) for each in zip(*((t.wall_s, t.cpu_s) for t in took), strict=True)
        )
        say(f"{num_rows:9}  {name:22}  {wall_ms:8.0f} ms (processor: {cpu_ms:.0f} ms); most memory {_peak_mb():.0f} MB")


def measure_runs(num_tasks: int, database: str | None) -> None:
    """Run a flow of so many tasks that do nothing, with the settings of shards."""
    from prefect import flow

    from tasks.runners import task_runner
    from tasks.shards import Outcome, run_shards, shard_task

    @shard_task("nothing")
    def nothing(*, items: list[int], shard: str) -> list[Outcome]:
        return [Outcome(item=str(item), status="done") for item in items]

    @flow(task_runner=task_runner(2))
    def shards(count: int) -> float:
        started = time.perf_counter()
        run_shards(nothing, range(count), [str(n) for n in range(count)], size=1)
        return time.perf_counter() - started

    shards(2)
    time.sleep(5)  # the server writes what it was told of a little later
    before = _database_bytes(database)
    seconds = shards(num_tasks)
    time.sleep(15)
    grown = _database_bytes(database) - before
    say(
        f"{num_tasks} shards that do nothing: {num_tasks / seconds:.0f} a second; "
        f"the database grew by {grown / num_tasks / 1e3:.1f} kB each"
    )


def _database_bytes(url: str | None) -> int:
    """Return the size of the database of runs and events."""
    if url is None:
        from prefect.settings import PREFECT_HOME

        return sum(path.stat().st_size for path in Path(PREFECT_HOME.value()).glob("prefect.db*"))
    import asyncpg

    async def asked() -> int:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return int(await connection.fetchval("select pg_database_size(current_database())"))
        finally:
            await connection.close()

    return asyncio.run(asked())


def measure_storage(library: Path, names: list[str]) -> None:
    """Hear each recording of a folder and say how many bytes its masks take."""
    from tasks.library_files import library_files
    from tasks.makers import maker_of
    from tasks.mask_file import write_heard
    from tasks.queries import Query
    from varemix.media.audio import probe_audio
    from varemix.model.separator import Separator
    from varemix.weights import shipped_checkpoint

    checkpoint = shipped_checkpoint()
    assert checkpoint is not None, "there is no built-in model"
    separator = Separator.load(checkpoint)
    wanted = list(names or separator.instruments)
    maker = maker_of(separator, [Query(name=name) for name in wanted])
    sound_s, num_bytes = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for path in library_files(library):
            masks = Path(folder, "masks.parquet")
            write_heard(masks, path, maker, wanted)
            sound_s += probe_audio(path).duration_s
            num_bytes += masks.stat().st_size
    each = num_bytes / sound_s / len(wanted)
    say(f"{sound_s:.0f} s of sound, {len(wanted)} instruments: {each:.0f} bytes a second and instrument")


def _digest(kind: str, number: int) -> str:
    return hashlib.sha256(f"{kind} {number}".encode()).hexdigest()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(*arguments: object, variables: Mapping[str, str] | None = None) -> None:
    """Measure in a process of its own, whose memory is then only that of this."""
    command = [sys.executable, "-m", "benchmarks.scale", *map(str, arguments)]
    subprocess.run(command, check=True, env={**os.environ, **(variables or {})})


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.split("\n")[0])
    what = parser.add_subparsers(dest="what", required=True)
    tables = what.add_parser("tables")
    tables.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    runs = what.add_parser("runs")
    runs.add_argument("--tasks", type=int, default=500)
    runs.add_argument("--database")
    storage = what.add_parser("storage")
    storage.add_argument("--library", type=Path, default=Path("demo/library"))
    storage.add_argument("--instrument", nargs="*", default=["violin", "flute", "accordion"])
    options = parser.parse_args()
    if options.what == "runs":
        measure_runs(options.tasks, options.database)
    elif options.what == "storage":
        measure_storage(options.library, options.instrument)
    elif len(options.rows) > 1:
        for num_rows in options.rows:
            _apart("tables", "--rows", num_rows)
    else:
        with tempfile.TemporaryDirectory(prefix="varemix-") as folder:
            measure_tables(options.rows[0], Path(folder))


if __name__ == "__main__":
    main()
