"""Shards in the processes of a Dask cluster make what threads make."""

from pathlib import Path
from typing import Any

import pytest

from catalog.store import Catalog
from flows.remix import remix
from tasks.runners import task_runner
from tests.outcomes import without_times
from tests.tasks.planted import open_catalog, register_checkpoint, write_tones
from varemix.remix.plan import plan_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_url"),
    pytest.mark.filterwarnings("default"),  # other people's warnings are theirs
]


def results(catalog: Catalog, out: Path) -> tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]:
    """Return the rows without times, and the contents of mask files and remixes."""
    tables = {name: catalog.read_rows(name) for name in ("tracks", "masks", "remixes")}
    rows = {name: without_times(found) for name, found in tables.items()}
    files = {row["path"]: catalog.home.absolute(row["path"]).read_bytes() for row in tables["masks"]}
    return rows, files | {path.name: path.read_bytes() for path in out.rglob("*.flac")}


def test_dask_makes_what_threads_make(checkpoint_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("prefect_dask", reason="pip install 'varemix[dask]'")
    library, out = tmp_path / "library", tmp_path / "out"
    for number in range(10):
        write_tones(library / f"{number}.flac", seconds=1 + number / 10, num_channels=2)
    plan = plan_of(["tuba=mute"])

    catalogs = {name: open_catalog(tmp_path / name) for name in ("threads", "dask")}
    for catalog in catalogs.values():
        register_checkpoint(catalog, checkpoint_file, "small", "champion")
    assert remix(str(library), str(out), plan, home=str(tmp_path / "threads")).counts == {"done": 10}
    expected = results(catalogs["threads"], out)
    assert len(expected[1]) == 20
    out.rename(tmp_path / "out of threads")

    monkeypatch.setenv("VAREMIX_RUNNER", "dask")
    on_dask = remix.with_options(task_runner=task_runner(2))
    assert on_dask(str(library), str(out), plan, home=str(tmp_path / "dask")).counts == {"done": 10}
    assert results(catalogs["dask"], out) == expected
