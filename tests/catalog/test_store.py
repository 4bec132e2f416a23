import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from catalog.errors import TableError
from catalog.files import Home
from catalog.store import NO_VERSION, Catalog
from catalog.tables import TABLES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(Home.open(tmp_path))


def video(video_id: str, **changes: object) -> dict[str, object]:
    return {"video_id": video_id, "instrument": "violin", "split": "train", "status": "ready", **changes}


def ids(frame: pd.DataFrame) -> list[str]:
    return list(frame["video_id"])


def test_rows_on_a_disk_are_read_by_threads_that_need_no_python(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a command that ends once it has read is aborted where such a thread comes late."""
    catalog.merge("videos", [video("a")])
    monkeypatch.setattr("deltalake.fs.DeltaStorageHandler.from_table", lambda *_: pytest.fail("it needs Python"))
    assert ids(catalog.read("videos")) == ["a"]


def test_a_table_that_was_never_written_is_empty_and_has_its_columns(catalog: Catalog) -> None:
    assert catalog.version("videos") == NO_VERSION
    assert catalog.read_arrow("videos").schema.equals(TABLES["videos"].schema, check_metadata=True)
    assert list(catalog.read("videos").columns) == TABLES["videos"].schema.names
    assert catalog.read_rows("videos", version=NO_VERSION) == []
    catalog.compact("videos")
    assert catalog.vacuum("videos") == []
    assert catalog.merge("videos", []) == 0
    assert not catalog.home.tables.joinpath("videos").exists()


def test_merged_rows_come_back_ordered_by_key(catalog: Catalog) -> None:
    assert catalog.merge("videos", [video("b", num_bytes=5), video("-a"), video("c", reason="ünusual")]) == 3
    found = catalog.read("videos")
    assert ids(found) == ["-a", "b", "c"]
    assert found["num_bytes"].to_list() == [pd.NA, 5, pd.NA]
    assert found["reason"].to_list() == [None, None, "ünusual"]


def test_a_row_replaces_the_one_with_its_key_entirely(catalog: Catalog) -> None:
    catalog.merge("videos", [video("a", reason="first", num_bytes=1), video("b", reason="stays")])
    assert catalog.merge("videos", [video("a", status="failed"), video("a", path="p"), video("c")]) == 2
    rows = {row["video_id"]: row for row in catalog.read_rows("videos")}
    assert set(rows) == {"a", "b", "c"}
    assert (rows["a"]["path"], rows["a"]["reason"], rows["a"]["num_bytes"]) == ("p", None, None)
    assert rows["b"]["reason"] == "stays"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_takes_back_what_it_gave(catalog: Catalog, name: str) -> None:
    samples: dict[str, object] = {
        "string": "x",
        "int64": 1,
        "double": 0.5,
        "list<item: string>": ["x", "y"],
        "list<item: double>": [-1.5],
    }
    samples |= {"timestamp[us, tz=UTC]": datetime(2026, 1, 1, tzinfo=UTC)}
    table = TABLES[name]
    full: dict[str, object] = {
        field.name: (table.choices(field.name) or (samples[str(field.type)],))[0]
        for field in table.schema
        if field.name != "updated_at"
    }
    bare = {column: full[column] for column in table.required - {"updated_at"}}
    catalog.merge(name, [full, {**bare, table.key: "z"}])
    before = catalog.read_arrow(name)
    catalog.merge(name, catalog.read_rows(name))
    records: list[Any] = catalog.read(name).to_dict("records")
    catalog.merge(name, records)
    assert catalog.read_arrow(name).equals(before)
    assert before.num_rows == 2


def test_units_survive_merges_and_compaction_in_the_table_itself(catalog: Catalog) -> None:
    clip = {"video_id": "a", "clip_id": "c", "instrument": "violin", "split": "val", "status": "ready"}
    for duration_s in (1.0, 2.0):
        catalog.merge("clips", [{**clip, "duration_s": duration_s}])
    catalog.compact("clips")
    schema = json.loads(DeltaTable(catalog.home.tables / "clips").schema().to_json())
    units = {field["name"]: field["metadata"]["unit"] for field in schema["fields"]}
    assert units["duration_s"] == "s"
    assert units["loudness_lufs"] == "LUFS"
    assert catalog.read_arrow("clips").schema.equals(TABLES["clips"].schema, check_metadata=True)


def test_pandas_and_arrow_agree(catalog: Catalog) -> None:
    catalog.merge("videos", [video("a", num_bytes=2**60 + 1), video("b", url="http://x.org/b"), video("c")])
    frame, rows = catalog.read("videos"), catalog.read_arrow("videos").to_pylist()
    assert frame.astype(object).where(frame.notna(), None).to_dict("records") == rows


def test_rows_are_chosen_by_value_by_list_and_by_absence(catalog: Catalog) -> None:
    catalog.merge(
        "videos",
        [
            video("a", split="val", num_bytes=1),
            video("b", instrument="cello", num_bytes=2),
            video("c", reason="late", num_bytes=3),
        ],
    )
    assert ids(catalog.read("videos", where={"split": "val"})) == ["a"]
    assert ids(catalog.read("videos", where={"num_bytes": [1, 3]})) == ["a", "c"]
    assert ids(catalog.read("videos", where={"reason": None})) == ["a", "b"]
    assert ids(catalog.read("videos", where={"reason": [None, "late"]})) == ["a", "b", "c"]
    assert ids(catalog.read("videos", where={"video_id": []})) == []
    assert ids(catalog.read("videos", where={"split": "train", "instrument": "cello"})) == ["b"]


def test_chosen_columns_come_in_the_order_asked_for(catalog: Catalog) -> None:
    catalog.merge("videos", [video("b"), video("a", num_bytes=7)])
    found = catalog.read("videos", columns=["num_bytes", "split"], where={"status": "ready"})
    assert list(found.columns) == ["num_bytes", "split"]
    assert found["num_bytes"].to_list() == [7, pd.NA]


def test_old_versions_stay_readable(catalog: Catalog) -> None:
    versions = []
    for number in range(40):
        catalog.merge("videos", [video("a", num_bytes=number), video(f"b{number:02}")])
        versions.append(catalog.version("videos"))
    assert versions == sorted(set(versions))
    for number in (0, 15, 16, 31, 39):
        then = catalog.read("videos", version=versions[number])
        assert len(then) == number + 2
        assert then["num_bytes"][0] == number
    assert catalog.vacuum("videos") == [], "nothing is older than thirty days"
    assert catalog.vacuum("videos", keep_days=0)
    assert len(catalog.read("videos")) == 41


def test_many_merges_leave_few_files(catalog: Catalog) -> None:
    for number in range(40):
        catalog.merge("videos", [video(f"a{number}")])
    assert len(DeltaTable(catalog.home.tables / "videos").file_uris()) < 20


def test_nothing_of_a_refused_call_is_written(catalog: Catalog) -> None:
    with pytest.raises(TableError, match="row 1"):
        catalog.merge("videos", [video("a"), video("b", split="later")])
    assert catalog.version("videos") == NO_VERSION


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "video"}, "no table 'video'; expected one of videos, clips"),
        ({"name": "videos", "columns": ["id"]}, "no column 'id'; expected some of video_id"),
        ({"name": "videos", "where": {"id": 1}}, "no column 'id'"),
        ({"name": "videos", "where": {"num_bytes": "many"}}, r"'many' \(str\); expected an int"),
        ({"name": "videos", "version": 99}, "could not be read at version 99"),
    ],
)
def test_wrong_questions_are_explained(catalog: Catalog, arguments: dict[str, object], expected: str) -> None:
    catalog.merge("videos", [video("a")])
    with pytest.raises(TableError, match=expected):
        catalog.read(**arguments)  # type: ignore[arg-type]


def test_a_damaged_table_is_explained(catalog: Catalog) -> None:
    catalog.merge("videos", [video("a")])
    for path in catalog.home.tables.joinpath("videos").glob("*.parquet"):
        path.write_bytes(b"damaged")
    with pytest.raises(TableError, match=r"Table 'videos' could not be read: .* restore"):
        catalog.read("videos")
    with pytest.raises(TableError, match="Table 'videos' could not be written"):
        catalog.merge("videos", [video("a")])


def test_a_table_with_other_columns_is_explained(catalog: Catalog) -> None:
    schema = pa.schema([pa.field("video_id", pa.string(), nullable=False)])
    DeltaTable.create(catalog.home.tables / "videos", schema)
    with pytest.raises(TableError, match="could not be written"):
        catalog.merge("videos", [video("a")])
    with pytest.raises(TableError, match="could not be read"):
        catalog.read("videos")


def test_a_table_of_a_newer_version_is_told_by_what_is_new_in_it(catalog: Catalog) -> None:
    newer = [*TABLES["videos"].schema, pa.field("colour", pa.string())]
    DeltaTable.create(catalog.home.tables / "videos", pa.schema(newer))
    with pytest.raises(
        TableError, match=r"it has colour, which this version .* does not know\. A newer version made it"
    ):
        catalog.merge("videos", [video("a")])
    assert catalog.read_rows("videos") == []


def test_a_table_from_before_a_column_was_thought_of_is_read_and_gains_it(catalog: Catalog) -> None:
    whole = TABLES["videos"].schema
    names = [name for name in whole.names if name not in {"num_bytes", "digest"}]
    older = pa.schema([whole.field(name) for name in names])
    old = {**dict.fromkeys(names), **video("old"), "updated_at": datetime(2020, 1, 1, tzinfo=UTC)}
    path = catalog.home.tables / "videos"
    write_deltalake(path, pa.Table.from_pylist([{name: old[name] for name in names}], schema=older))
    assert catalog.read_rows("videos", where={"num_bytes": None})[0]["video_id"] == "old"
    assert catalog.read_rows("videos", columns=["num_bytes", "video_id"]) == [{"num_bytes": None, "video_id": "old"}]
    catalog.merge("videos", [video("new") | {"num_bytes": 7}])
    columns = ["video_id", "num_bytes", "digest"]
    assert catalog.read_arrow("videos", columns=columns).to_pydict() == {
        "video_id": ["new", "old"],
        "num_bytes": [7, None],
        "digest": [None, None],
    }
    assert catalog.read_rows("videos", version=0, columns=columns)[0]["digest"] is None


def test_threads_that_share_a_catalog_lose_nothing(catalog: Catalog) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: catalog.merge("videos", [video(f"a{number}")]), range(24)))
    assert len(catalog.read("videos")) == 24


WRITER = """
import contextlib, sys
from catalog.files import Home
from catalog.store import Catalog

home, writer, num_merges, queue = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
catalog = Catalog(Home.open(home))
if queue == "apart":  # as on machines that do not share the lock
    catalog._turn = lambda table: contextlib.nullcontext()
print("ready", flush=True)
sys.stdin.readline()
for merge in range(num_merges):
    row = {"instrument": "violin", "split": "train", "status": "ready", "num_bytes": merge}
    own, shared = f"{writer}-{merge}", f"shared-{merge}"
    catalog.merge("videos", [{"video_id": own, **row}, {"video_id": shared, "source": writer, **row}])
"""


def write_at_once(home: Home, num_writers: int, num_merges: int, queue: str) -> None:
    """Start the writers, and let them begin together, with the race for creating the table."""
    arguments = [home.address, str(num_merges), queue]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, arguments[0], str(writer), *arguments[1:]],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for writer in range(num_writers)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0


def assert_nothing_was_lost(catalog: Catalog, num_writers: int, num_merges: int) -> None:
    owners = [*map(str, range(num_writers)), "shared"]
    expected = {f"{owner}-{merge}": merge for owner in owners for merge in range(num_merges)}
    rows = catalog.read_rows("videos", columns=["video_id", "num_bytes"])
    assert len(rows) == len(expected)
    assert {row["video_id"]: row["num_bytes"] for row in rows} == expected


@pytest.mark.slow
def test_eight_processes_with_twenty_merges_each_lose_nothing(catalog: Catalog) -> None:
    """Ten times as often as files are joined."""
    write_at_once(catalog.home, num_writers=8, num_merges=20, queue="together")
    assert_nothing_was_lost(catalog, num_writers=8, num_merges=20)


@pytest.mark.slow
def test_writers_that_share_no_lock_lose_nothing(catalog: Catalog) -> None:
    write_at_once(catalog.home, num_writers=4, num_merges=12, queue="apart")
    assert_nothing_was_lost(catalog, num_writers=4, num_merges=12)
