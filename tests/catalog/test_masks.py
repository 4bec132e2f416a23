import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catalog.errors import MaskFileError
from catalog.mask_packing import BITS
from catalog.masks import ROW_FRAMES, Maker, MaskHeader, MaskReader, write_masks
from tests.old_masks import write_format_1

ROOT = Path(__file__).parents[2]
HEADER = MaskHeader(
    content_digest="d" * 64,
    num_frames=1200,
    bits=4,
    window_samples=4096,
    hop_samples=1024,
    rate_hz=44100,
    log_rows=6,
    floor=4e-3,
    queries=("violin", "photo of a tuba"),
    makers=(Maker(name="varemix", version="1.2", digest="c" * 20), Maker(name="other", version="", digest="e" * 64)),
)
MAKERS = [asdict(maker) for maker in HEADER.makers]


def levels(header: MaskHeader, seed: int = 0) -> NDArray[np.float32]:
    """Masks [N, R, T] that the file's levels hold exactly."""
    shape = (len(header.queries), header.num_rows, header.num_frames)
    top = 2**header.bits - 1
    return (np.random.default_rng(seed).integers(0, top + 1, shape) / np.float32(top)).astype(np.float32)


def rewrite_header(path: Path, change: dict[str, object]) -> None:
    """Change what a file's header says, its row groups staying as they are."""
    file = pq.ParquetFile(path)
    groups = [file.read_row_group(number) for number in range(file.num_row_groups)]
    content = json.loads((file.schema_arrow.metadata or {})[b"varemix.masks"])
    schema = file.schema_arrow.with_metadata({b"varemix.masks": json.dumps({**content, **change}).encode()})
    with pq.ParquetWriter(path, schema) as writer:
        for group in groups:
            writer.write_table(group.cast(schema))


def cut(masks: NDArray[np.float32], *ends: int) -> Iterator[NDArray[np.float32]]:
    yield from np.split(masks, ends, axis=-1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "masks.parquet"
    write_masks(path, HEADER, cut(levels(HEADER), 7, 700))
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    bits=st.sampled_from(BITS),
    num_rows=st.integers(1, 9),
    is_linear=st.booleans(),
    num_frames=st.integers(1, 1100),
    num_queries=st.integers(1, 4),
    ends=st.lists(st.integers(0, 1100), max_size=5),
)
def test_masks_come_back_whatever_their_size_and_cut(
    tmp_path: Path, bits: int, num_rows: int, is_linear: bool, num_frames: int, num_queries: int, ends: list[int]
) -> None:
    queries = tuple(f"q{number}" for number in range(num_queries))
    makers = tuple(Maker(name="m", version=query, digest="") for query in queries)
    rows = {"log_rows": None, "window_samples": 2 * num_rows} if is_linear else {"log_rows": num_rows}
    header = replace(HEADER, bits=bits, num_frames=num_frames, queries=queries, makers=makers, **rows)
    assert header.num_rows == num_rows + is_linear
    masks = levels(header, seed=num_frames)
    path = tmp_path / "masks.parquet"
    write_masks(path, header, cut(masks, *sorted(min(end, num_frames) for end in ends)))
    with MaskReader(path) as reader:
        assert reader.header == header
        blocks = list(reader.blocks(queries[::-1]))
        assert all(block.shape[-1] == ROW_FRAMES for block in blocks[:-1])
        np.testing.assert_array_equal(np.concatenate(blocks, axis=-1), masks[::-1])
        np.testing.assert_array_equal(reader.read(queries[-1]), masks[-1])


def test_the_file_does_not_depend_on_how_the_frames_were_cut(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    write_masks(other, HEADER, cut(levels(HEADER), *range(100, 1200, 100)))
    assert other.read_bytes() == path.read_bytes()


def test_every_instrument_has_a_row_group_that_other_readers_find_too(path: Path) -> None:
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 2
    for group, query in enumerate(HEADER.queries):
        rows = file.read_row_group(group).to_pydict()
        assert rows["query"] == [query] * 3
        assert rows["first_frame"] == [0, 512, 1024]
        assert rows["num_frames"] == [512, 512, 176]


def test_a_long_track_is_read_row_group_by_row_group(tmp_path: Path) -> None:
    header = replace(HEADER, log_rows=2, num_frames=150 * ROW_FRAMES - 5, bits=1)
    masks = levels(header)
    write_masks(tmp_path / "long.parquet", header, cut(masks, 50_000))
    assert pq.ParquetFile(tmp_path / "long.parquet").num_row_groups == 2 * 3
    with MaskReader(tmp_path / "long.parquet") as reader:
        np.testing.assert_array_equal(np.concatenate(list(reader.blocks(header.queries)), axis=-1), masks)
        np.testing.assert_array_equal(reader.read("photo of a tuba"), masks[1])


def test_rounding_errors_beyond_the_range_are_forgiven_and_no_more(tmp_path: Path) -> None:
    header = replace(HEADER, log_rows=1, num_frames=2, queries=("a",), makers=HEADER.makers[:1], bits=8)
    path = tmp_path / "a.parquet"
    write_masks(path, header, [np.array([[[-1e-6, 1 + 1e-6]]], dtype=np.float32)])
    with MaskReader(path) as reader:
        assert reader.read("a").tolist() == [[0, 1]]
    for wrong in (-0.01, 1.01, np.nan, np.inf):
        with pytest.raises(MaskFileError, match="expected 0 to 1"):
            write_masks(path, header, [np.array([[[0, wrong]]], dtype=np.float32)])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 6, 1199), "1199 frames came; expected 1200"),
        ((2, 6, 1201), "1201 frames came; expected 1200"),
        ((2, 5, 1200), r"a block is \(2, 5, 1200\); expected \(2, 6, "),
        ((1, 6, 1200), r"a block is \(1, 6, 1200\); expected \(2, 6, "),
        ((6, 1200), r"a block is \(6, 1200\)"),
    ],
)
def test_blocks_that_do_not_fit_the_header_leave_the_old_file_alone(
    path: Path, shape: tuple[int, ...], expected: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(MaskFileError, match=expected):
        write_masks(path, HEADER, [np.zeros(shape, dtype=np.float32)])
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["masks.parquet"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"bits": 3}, "bits is 3; expected one of"),
        ({"log_rows": 0}, "log_rows is 0; expected a whole number above 0"),
        ({"log_rows": 2**17}, "the masks have 131072 rows; expected at most 65536"),
        ({"log_rows": None, "window_samples": 2**17}, "the masks have 65537 rows; expected at most 65536"),
        ({"window_samples": -2}, "window_samples is -2"),
        ({"window_samples": 4096.0}, r"window_samples is 4096\.0; expected a whole number"),
        ({"hop_samples": True}, "hop_samples is True"),
        ({"floor": 0.0}, r"floor is 0\.0; expected a number above 0"),
        ({"floor": float("nan")}, "floor is nan"),
        ({"floor": "low"}, "floor is 'low'"),
        ({"num_frames": 1.0}, r"num_frames is 1\.0; expected a whole number"),
        ({"queries": ()}, "at least one name"),
        ({"queries": ("a", "a")}, "each name once"),
        ({"queries": ("a", "")}, "at least one name"),
        ({"makers": HEADER.makers[:1]}, "expected one maker for each query"),
        ({"makers": ("varemix", "varemix")}, "expected one maker for each query"),
        ({"content_digest": None}, "content_digest is None"),
        ({"format_version": 3}, "the format is 3; expected 2"),
    ],
)
def test_a_header_that_cannot_be_is_refused(change: dict[str, object], expected: str) -> None:
    with pytest.raises(MaskFileError, match=expected):
        replace(HEADER, **change)  # type: ignore[arg-type]


def test_an_unknown_instrument_is_named_beside_the_known_ones(path: Path) -> None:
    with MaskReader(path) as reader:
        with pytest.raises(MaskFileError, match="no masks of 'cello'; it holds violin, photo of a tuba"):
            reader.read("cello")
        with pytest.raises(MaskFileError, match="no masks of 'cello'"):
            reader.blocks(["violin", "cello"])


@pytest.mark.parametrize(("bits", "num_frames"), [(1, 3), (2, 512), (4, 513), (8, 700)])
def test_a_file_of_format_1_is_read_with_the_grid_it_was_made_on(tmp_path: Path, bits: int, num_frames: int) -> None:
    levels = np.random.default_rng(bits).integers(0, 2**bits, (2, 512, num_frames), dtype=np.uint8)
    names, path = ["violin", "photo of a tuba"], tmp_path / "old.parquet"
    write_format_1(path, levels, bits=bits, queries=names, content_digest="d" * 64, checkpoint_id="c" * 20)
    with MaskReader(path) as reader:
        assert reader.header == MaskHeader(
            content_digest="d" * 64,
            num_frames=num_frames,
            bits=bits,
            window_samples=1022,
            hop_samples=512,
            rate_hz=44_100,
            log_rows=None,
            floor=1e-10,
            queries=tuple(names),
            makers=(Maker(name="varemix", version="", digest="c" * 20),) * 2,
        )
        assert reader.header.num_rows == 512
        found = np.concatenate(list(reader.blocks(names[::-1])), axis=-1)
    np.testing.assert_array_equal(found, (levels[::-1] / np.float32(2**bits - 1)).astype(np.float32))


def test_a_long_file_of_format_1_has_its_row_groups_too(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 2, (2, 512, 65 * ROW_FRAMES), dtype=np.uint8)
    path, names = tmp_path / "old.parquet", ["violin", "tuba"]
    write_format_1(path, levels, bits=1, queries=names, content_digest="d", checkpoint_id="c")
    assert pq.ParquetFile(path).num_row_groups == 2 * 2
    with MaskReader(path) as reader:
        np.testing.assert_array_equal(reader.read("tuba"), levels[1])


@pytest.mark.parametrize(
    "change",
    [{"num_bins": None}, {"num_bins": "512"}, {"num_bins": 1}, {"checkpoint_id": 7}, {"log_rows": 4, "queries": []}],
)
def test_a_header_of_format_1_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path, levels = tmp_path / "old.parquet", np.zeros((1, 512, 3), dtype=np.uint8)
    write_format_1(path, levels, bits=1, queries=["a"], content_digest="d", checkpoint_id="c")
    rewrite_header(path, change)
    with pytest.raises(MaskFileError, match="header is not valid"):
        MaskReader(path)


def test_the_header_tells_other_programs_the_grid_and_who_made_the_masks_of_each_query(path: Path) -> None:
    content = json.loads((pq.read_schema(path).metadata or {})[b"varemix.masks"])
    assert content == {
        "content_digest": "d" * 64,
        "num_frames": 1200,
        "bits": 4,
        "exponent": 1.0,
        "window_samples": 4096,
        "hop_samples": 1024,
        "rate_hz": 44100,
        "log_rows": 6,
        "floor": 0.004,
        "queries": ["violin", "photo of a tuba"],
        "makers": MAKERS,
        "format_version": 2,
    }


@pytest.mark.parametrize(("log_rows", "exponent"), [(512, 1.0), (None, 1.0), (512, 1.5)])
@pytest.mark.parametrize("bits", BITS)
def test_the_program_that_is_written_down_reads_masks_as_we_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_rows: int | None, bits: int, exponent: float
) -> None:
    [program] = re.findall(r"```python\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.DOTALL)
    grid = {"window_samples": 2048, "hop_samples": 512, "log_rows": log_rows}
    header = replace(HEADER, **grid, bits=bits, num_frames=601, exponent=exponent)
    masks = levels(header) ** np.float32(exponent)
    write_masks(tmp_path / "masks.parquet", header, [masks])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(program, names)
    np.testing.assert_allclose(names["masks"], masks[0, :, :512], atol=1e-6)


def test_files_that_are_not_there_or_no_mask_files_are_explained(tmp_path: Path, path: Path) -> None:
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["data"]), foreign)
    (tmp_path / "text").write_text("not a Parquet file")
    (tmp_path / "empty").touch()
    for name in ("none", "text", "empty"):
        with pytest.raises(MaskFileError, match="cannot be used"):
            MaskReader(tmp_path / name)
    with pytest.raises(MaskFileError, match="holds no masks"):
        MaskReader(foreign)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"num_frames": 5000}, "row group 0 has not the 10 rows expected"),
        ({"num_frames": 10**18}, "2 row groups found"),
        ({"queries": ["violin"], "makers": MAKERS[:1]}, "2 row groups found, 1 expected"),
        ({"queries": ["violin"]}, "header is not valid.*one maker for each query"),
        ({"makers": MAKERS[:1]}, "header is not valid.*one maker for each query"),
        ({"makers": [MAKERS[0], MAKERS[1] | {"digest": None}]}, "header is not valid.*digest of a maker is None"),
        ({"makers": [MAKERS[0], {"name": "nobody"}]}, "header is not valid"),
        ({"makers": 7}, "header is not valid"),
        ({"bits": 5}, "header is not valid.*bits is 5"),
        ({"format_version": 3}, "header is not valid.*the format is 3"),
        ({"format_version": 1}, "header is not valid"),
        ({"log_rows": None}, "bytes found where 524544 were expected"),
        ({"log_rows": 7}, "bytes found where 1792 were expected"),
        ({"stranger": 1}, "header is not valid"),
        ({"queries": 7}, "header is not valid"),
        ({"queries": ["tuba", "violin"]}, r"row \('violin', 0, 512\) found where \('tuba', 0, 512\)"),
        ({"bits": 8}, "bytes found where 3072 were expected"),
    ],
)
def test_a_header_that_contradicts_the_rows_is_found_out(path: Path, change: dict[str, object], expected: str) -> None:
    rewrite_header(path, change)
    with pytest.raises(MaskFileError, match=expected), MaskReader(path) as reader:
        reader.read(reader.header.queries[0])


def test_no_damaged_byte_of_the_masks_goes_unnoticed(path: Path) -> None:
    whole = path.read_bytes()
    with MaskReader(path) as reader:
        expected = [reader.read(query) for query in HEADER.queries]
    for position in range(4, len(whole), 97):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            with MaskReader(path) as reader:
                found = [reader.read(query) for query in HEADER.queries if query in reader.header.queries]
        except MaskFileError:
            continue
        for one, other in zip(found, expected, strict=False):
            np.testing.assert_array_equal(one, other, err_msg=f"byte {position}")


LONG = """
import resource, sys
from pathlib import Path
import numpy as np
from catalog.masks import Maker, MaskHeader, MaskReader, write_masks

path, num_hours = Path(sys.argv[1]), float(sys.argv[2])
num_frames = int(num_hours * 3600 * 44100 / 512)
header = MaskHeader(content_digest="d", num_frames=num_frames, bits=4, window_samples=1022, hop_samples=512,
                    rate_hz=44100, log_rows=512, floor=1e-10, queries=("violin", "tuba"),
                    makers=(Maker(name="m", version="", digest="c"),) * 2)
block = np.random.default_rng(0).random((2, 512, 512), dtype=np.float32)
write_masks(path, header, (block[..., : num_frames - first] for first in range(0, num_frames, 512)))
with MaskReader(path) as reader:
    assert sum(found.shape[-1] for found in reader.blocks(header.queries)) == num_frames
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_track(tmp_path: Path) -> None:
    def peak_bytes(num_hours: float) -> int:
        command = [sys.executable, "-c", LONG, str(tmp_path / "long.parquet"), str(num_hours)]
        return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    # 0.15 h fill more than a row group; 0.75 h of incompressible masks would be 130 MB more if they were held
    assert peak_bytes(0.75) - peak_bytes(0.15) < 40 * 2**20
