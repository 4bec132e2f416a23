"""The mask files: the masks of one track, one Parquet file, read one instrument at a time.

Belongs here: the format, writing and reading. Stays out: where masks come from and what they are used for.

Masks lie on the rows they were made on, log-frequency rows or linear bins; the header says which, and of which
transform. A row of the file is a block of up to 512 frames of one instrument ("query"): `query`, `first_frame`,
`num_frames`, and `data`, the packed levels (`catalog.mask_packing`) of the block [R, T], one of the masks' rows after
the other: its frames lie side by side, which compresses better than frame after frame, as masks are steadier along
time. The rows of one instrument form a row group of their own (several, of 64 rows each, if the track is longer than
some six minutes), in the order of the header's queries. The header is JSON under the key `varemix.masks` of the file's
metadata. Format 1, whose masks lay on the linear bins of one transform, is read too.

A recording of more than one group of channels, each of which was heard by itself, has masks for each: format 3. The
header tells the `groups`, a row's column `group` the name of its own, and an instrument's row groups come group after
group. All else is as in format 2, which mono and stereo have.
"""

import json
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.errors import MaskFileError
from catalog.files import replacing
from catalog.mask_packing import BITS, levels_of, pack_levels, packed_bytes, unpack

FORMAT_VERSION = 2
GROUPS_VERSION = 3
"""The format of masks for several groups of channels."""

ROW_FRAMES = 512
"""Frames in a row; the last row of an instrument may have fewer."""

_GROUP_ROWS = 64
_HEADER_KEY = b"varemix.masks"
_MAX_ROWS = 2**16
_LINEAR_VERSION, _LINEAR_FLOOR = 1, 1e-10
_TOLERANCE = 1e-4  # smoothing may leave 0..1 by its rounding errors
_ZSTD_LEVEL = 9
_COLUMNS: dict[str, pa.DataType] = {
    "query": pa.string(),
    "first_frame": pa.int64(),
    "num_frames": pa.int32(),
    "data": pa.binary(),
}
_SCHEMA = pa.schema(_COLUMNS)
_GROUPS_SCHEMA = pa.schema({**_COLUMNS, "group": pa.string()})


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Who made masks: the separator's name, its version, and the digest of its weights or its checkpoint's id."""

    name: str
    version: str
    digest: str

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            _require(isinstance(value, str), f"{name} of a maker is {value!r}", "a text")


@dataclass(frozen=True, kw_only=True)
class MaskGroup:
    """Channels that were heard together and are served by one mask: a name such as 'FL+FR', and numbers from 0 on."""

    name: str
    channels: tuple[int, ...]

    def __post_init__(self) -> None:
        _require(isinstance(self.name, str) and bool(self.name), f"name of a group is {self.name!r}", "a text")
        are_numbers = bool(self.channels) and all(type(each) is int and each >= 0 for each in self.channels)
        _require(are_numbers, f"channels of a group are {self.channels!r}", "whole numbers from 0 on")


@dataclass(frozen=True, kw_only=True)
class MaskHeader:
    """What a mask file says of itself. Raises MaskFileError for values that cannot be.

    `content_digest` is that of the track's file, `bits` the depth of a level (1, 2, 4 or 8); a mask is its level, as a
    share of the highest, to the power `exponent`. The grid: a transform of
    `window_samples` at `rate_hz` with `hop_samples` between frames, read on `log_rows` log-frequency rows, None where
    the masks lie on its linear bins; `floor` is the magnitude that was added before the logarithm of what was heard.
    `queries` are the names of the instruments (N), `makers` who made the masks of each. `groups` are those of the
    channels (G) where they are several, none where one mask serves all.
    """

    content_digest: str
    num_frames: int
    bits: int
    window_samples: int
    hop_samples: int
    rate_hz: int
    log_rows: int | None
    floor: float
    queries: tuple[str, ...]
    makers: tuple[Maker, ...]
    exponent: float = 1.0
    groups: tuple[MaskGroup, ...] = ()
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        whole = ["num_frames", "window_samples", "hop_samples", "rate_hz", "bits", "format_version"]
        for name in whole if self.log_rows is None else [*whole, "log_rows"]:
            value = getattr(self, name)
            _require(type(value) is int and value > 0, f"{name} is {value!r}", "a whole number above 0")
        is_exponent = type(self.exponent) is float and self.exponent > 0
        _require(is_exponent, f"exponent is {self.exponent!r}", "a number above 0")
        _require(isinstance(self.content_digest, str), f"content_digest is {self.content_digest!r}", "a text")
        _require(type(self.floor) is float and self.floor > 0, f"floor is {self.floor!r}", "a number above 0")
        version = GROUPS_VERSION if self.groups else FORMAT_VERSION
        _require(self.format_version == version, f"the format is {self.format_version}", f"{version}")
        names = [group.name for group in self.groups]
        _require(len(names) != 1 and len(set(names)) == len(names), f"groups is {names!r}", "several, each name once")
        _require(self.bits in BITS, f"bits is {self.bits}", f"one of {BITS}")
        _require(self.num_rows <= _MAX_ROWS, f"the masks have {self.num_rows} rows", f"at most {_MAX_ROWS}")
        are_texts = all(isinstance(query, str) and query for query in self.queries)
        are_distinct = len(set(self.queries)) == len(self.queries)
        is_valid = bool(self.queries) and are_texts and are_distinct
        _require(is_valid, f"queries is {self.queries!r}", "at least one name, and each name once")
        are_makers = len(self.makers) == len(self.queries) and all(isinstance(one, Maker) for one in self.makers)
        _require(are_makers, f"makers is {self.makers!r}", "one maker for each query")

    @property
    def num_rows(self) -> int:
        """Rows that the masks lie on (R): log-frequency rows, or linear bins."""
        return self.window_samples // 2 + 1 if self.log_rows is None else self.log_rows

    @property
    def shape(self) -> tuple[int, ...]:
        """What a frame of all masks has: [N, R], of several groups of channels [N, G, R]."""
        return (len(self.queries), *([len(self.groups)] if self.groups else []), self.num_rows)

    @property
    def num_groups(self) -> int:
        """Groups of channels that have masks of their own (G)."""
        return max(1, len(self.groups))

    @property
    def rows_per_query(self) -> int:
        """Rows of the file that one instrument has in one group of channels."""
        return math.ceil(self.num_frames / ROW_FRAMES)

    @property
    def groups_per_query(self) -> int:
        """Row groups of one instrument in one group of channels."""
        return math.ceil(self.rows_per_query / _GROUP_ROWS)

    def frames_of_row(self, row: int) -> int:
        """Frames of an instrument's row `row`."""
        return min(ROW_FRAMES, self.num_frames - row * ROW_FRAMES)


def write_masks(path: Path, header: MaskHeader, blocks: Iterable[NDArray[np.float32]]) -> None:
    """Write the masks of a track to `path`, whole or not at all.

    `blocks` are arrays [N, R, T] in 0..1 that follow each other in time, of any T; their frames add up to the
    header's. Of several groups of channels they are [N, G, R, T]. The file does not depend on how the frames were cut
    into blocks. Memory holds a few rows per instrument and group, whatever the length of the track. Raises
    MaskFileError if the blocks do not fit the header.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        spools = [stack.enter_context(tempfile.TemporaryFile(dir=path.parent)) for _ in header.queries]
        places = _spool(header, blocks, spools)
        temporary = stack.enter_context(replacing(path))
        _write_parquet(temporary, header, spools, places)


class MaskReader:
    """An open mask file; a context manager.

    Raises MaskFileError if the file is not there, is no mask file, is damaged, or lacks an instrument.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _explained(path):
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
        try:
            self.header = _read_header(path, self._file)
        except MaskFileError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blocks(self, queries: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """The masks of `queries` as arrays [N, R, T] in 0..1, in the order of time, T at most ROW_FRAMES.

        Of several groups of channels they are [N, G, R, T]. Memory holds one row group of each of `queries` and groups,
        whatever the length of the track.
        """
        starts = [self._first_group(query) for query in queries]
        return self._blocks(queries, starts)

    def read(self, query: str) -> NDArray[np.float32]:
        """The whole masks [R, T] of `query` in 0..1; of several groups of channels [G, R, T]."""
        return np.concatenate([block[0] for block in self.blocks([query])], axis=-1)

    def _first_group(self, query: str) -> int:
        if query not in self.header.queries:
            raise MaskFileError(
                f"The mask file {str(self._path)!r} holds no masks of {query!r}; it holds "
                f"{', '.join(self.header.queries)}. Make masks of {query!r} first."
            )
        return self.header.queries.index(query) * self.header.num_groups * self.header.groups_per_query

    def _blocks(self, queries: Sequence[str], starts: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        header, row = self.header, 0
        group_names: list[str | None] = [group.name for group in header.groups] or [None]
        masks_of = [(query, name) for query in queries for name in group_names]
        firsts = [start + i * header.groups_per_query for start in starts for i in range(header.num_groups)]
        for group in range(header.groups_per_query):
            with _explained(self._path):
                tables = [self._file.read_row_group(first + group) for first in firsts]
            columns = [table.to_pylist() for table in tables]
            del tables
            for cells in zip(*columns, strict=True):
                named = zip(cells, masks_of, strict=True)
                masks = np.stack([self._unpacked(cell, *names, row) for cell, names in named])
                yield masks.reshape(len(queries), *header.shape[1:], -1)
                row += 1

    def _unpacked(self, cell: dict[str, object], query: str, group: str | None, row: int) -> NDArray[np.float32]:
        """The masks [R, T] of one row of the file, after a check that it is the row that should stand here."""
        named = [] if group is None else [group]
        expected = (query, *named, row * ROW_FRAMES, self.header.frames_of_row(row))
        found = (cell["query"], *(cell["group"] for _ in named), cell["first_frame"], cell["num_frames"])
        data = cell["data"]
        if found != expected or not isinstance(data, bytes):
            raise _damaged(self._path, f"row {found} found where {expected} was expected")
        shape = self.header.num_rows, self.header.frames_of_row(row)
        with _explained(self._path):
            return unpack(data, self.header.bits, shape, self.header.exponent)


def _rows(header: MaskHeader, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.uint8]]:
    """The levels of `blocks` cut anew into rows of the file [N, (G,) R, T], T = ROW_FRAMES for all but the last.

    What is given is overwritten by the next.
    """
    shape = header.shape
    buffer = np.empty((*shape, ROW_FRAMES), dtype=np.uint8)
    num_filled = num_seen = 0
    for block in blocks:
        _check_block(block, shape)
        num_seen += block.shape[-1]
        _require(num_seen <= header.num_frames, f"{num_seen} frames came", f"{header.num_frames} in all")
        first = 0
        while first < block.shape[-1]:
            num_taken = min(ROW_FRAMES - num_filled, block.shape[-1] - first)
            for levels, masks in zip(buffer, block, strict=True):
                taken = np.clip(masks[..., first : first + num_taken], 0, 1)
                levels[..., num_filled : num_filled + num_taken] = levels_of(taken, header.bits, header.exponent)
            first += num_taken
            num_filled += num_taken
            if num_filled == ROW_FRAMES:
                yield buffer
                num_filled = 0
    _require(num_seen == header.num_frames, f"{num_seen} frames came", f"{header.num_frames}")
    if num_filled:
        yield buffer[..., :num_filled]


def _check_block(block: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    axes = ", ".join(map(str, shape))
    _require(block.shape[:-1] == shape, f"a block is {block.shape}", f"({axes}, any number of frames)")
    if block.size:
        low, high = float(block.min()), float(block.max())
        is_inside = low >= -_TOLERANCE and high <= 1 + _TOLERANCE  # false for NaN too
        _require(is_inside, f"masks lie between {low:g} and {high:g}", "0 to 1")


_Places = list[list[tuple[int, int]]]


def _spool(header: MaskHeader, blocks: Iterable[NDArray[np.float32]], spools: Sequence[IO[bytes]]) -> list[_Places]:
    """Write each instrument's rows, packed and compressed, to its own spool.

    Returns where each row of each group of channels lies in it, and its size [N, G, rows]. The network hears all
    instruments of a moment at once, the file holds one instrument after the other; the spools turn one order into the
    other without the track in memory.
    """
    codec = pa.Codec("zstd", compression_level=1)
    places: list[_Places] = [[[] for _ in range(header.num_groups)] for _ in spools]
    for row in _rows(header, blocks):
        for levels, spool, places_of_groups in zip(row, spools, places, strict=True):
            of_groups = levels.reshape(header.num_groups, *levels.shape[-2:])
            for own, own_places in zip(of_groups, places_of_groups, strict=True):
                packed = codec.compress(pack_levels(own, header.bits), asbytes=True)
                own_places.append((spool.tell(), spool.write(packed)))
    return places


def _write_parquet(path: Path, header: MaskHeader, spools: Sequence[IO[bytes]], places: Sequence[_Places]) -> None:
    """Write what `_spool` wrote, one instrument after the other."""
    said = {name: value for name, value in asdict(header).items() if name != "groups" or value}
    kind = _GROUPS_SCHEMA if header.groups else _SCHEMA
    schema = kind.with_metadata({_HEADER_KEY: json.dumps(said).encode()})
    names: list[str | None] = [group.name for group in header.groups] or [None]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=False,
        write_statistics=["query", "first_frame"],
        write_page_checksum=True,
    ) as writer:
        for query, spool, places_of_groups in zip(header.queries, spools, places, strict=True):
            for name, own_places in zip(names, places_of_groups, strict=True):
                for first_row in range(0, len(own_places), _GROUP_ROWS):
                    rows = range(first_row, min(first_row + _GROUP_ROWS, len(own_places)))
                    cells = [_cell(header, query, row, _read_at(spool, *own_places[row])) for row in rows]
                    writer.write_table(_table(cells, schema, name))


def _read_at(spool: IO[bytes], position: int, num_bytes: int) -> bytes:
    spool.seek(position)
    return spool.read(num_bytes)


def _cell(header: MaskHeader, query: str, row: int, compressed: bytes) -> tuple[str, int, int, bytes]:
    num_frames = header.frames_of_row(row)
    size = packed_bytes(header.num_rows * num_frames, header.bits)
    data = pa.Codec("zstd").decompress(compressed, decompressed_size=size, asbytes=True)
    return query, row * ROW_FRAMES, num_frames, data


def _table(cells: Sequence[tuple[str, int, int, bytes]], schema: pa.Schema, group: str | None) -> pa.Table:
    """Return rows as a table. It is made of buffers: PyArrow loads pandas to look at any list."""
    query, first_frame, num_frames, data = zip(*cells, strict=True)
    columns = [
        _of_bytes([text.encode() for text in query], schema.field("query").type),
        _of_numbers(np.array(first_frame, np.int64), schema.field("first_frame").type),
        _of_numbers(np.array(num_frames, np.int32), schema.field("num_frames").type),
        _of_bytes(data, schema.field("data").type),
    ]
    if group is not None:
        columns.append(_of_bytes([group.encode()] * len(cells), schema.field("group").type))
    return pa.Table.from_arrays(columns, schema=schema)


def _of_bytes(values: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.Array.from_buffers(
        kind, len(values), [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(values))]
    )


def _of_numbers(values: NDArray[np.integer], kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values.tobytes())])


def _read_header(path: Path, file: pq.ParquetFile) -> MaskHeader:
    schema = file.schema_arrow
    text = (schema.metadata or {}).get(_HEADER_KEY)
    if text is None or schema.remove_metadata() not in (_SCHEMA, _GROUPS_SCHEMA):
        raise MaskFileError(
            f"{str(path)!r} is a Parquet file, but holds no masks; expected one that `write_masks` wrote."
        )
    try:
        content = json.loads(text)
        header = _header_of(content)
    except (ValueError, TypeError, KeyError, MaskFileError) as error:
        raise _damaged(path, f"its header is not valid: {error}") from error
    if ("group" in schema.names) != bool(header.groups):
        raise _damaged(path, "its rows and its header tell other groups of channels")
    _check_groups(path, file.metadata, header)
    return header


def _header_of(content: dict[str, Any]) -> MaskHeader:
    """Return the header that a file's JSON says, of any format."""
    content = {**content, "queries": tuple(content["queries"])}
    if content.get("format_version") == _LINEAR_VERSION:
        num_bins, checkpoint_id = content.pop("num_bins"), content.pop("checkpoint_id")
        maker = {"name": "varemix", "version": "", "digest": checkpoint_id}
        content |= {"window_samples": 2 * num_bins - 2, "log_rows": None, "floor": _LINEAR_FLOOR}
        content |= {"makers": [maker] * len(content["queries"]), "format_version": FORMAT_VERSION}
    groups = tuple(MaskGroup(name=own["name"], channels=tuple(own["channels"])) for own in content.get("groups", []))
    makers = tuple(Maker(**maker) for maker in content["makers"])
    return MaskHeader(**{**content, "makers": makers, "groups": groups})


def _check_groups(path: Path, metadata: pq.FileMetaData, header: MaskHeader) -> None:
    num_expected = len(header.queries) * header.num_groups * header.groups_per_query
    if metadata.num_row_groups != num_expected:
        raise _damaged(path, f"{metadata.num_row_groups} row groups found, {num_expected} expected")
    for group in range(num_expected):
        first_row = group % header.groups_per_query * _GROUP_ROWS
        num_rows = min(_GROUP_ROWS, header.rows_per_query - first_row)
        if metadata.row_group(group).num_rows != num_rows:
            raise _damaged(path, f"row group {group} has not the {num_rows} rows expected")


def _require(is_met: bool, found: str, expected: str) -> None:
    if not is_met:
        raise MaskFileError(f"Masks cannot be stored: {found}; expected {expected}.")


def _damaged(path: Path, found: str) -> MaskFileError:
    return MaskFileError(f"The mask file {str(path)!r} cannot be used: {found}. Remove it and make the masks again.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what reading a file raises into a MaskFileError."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError) as error:
        raise _damaged(path, str(error)) from error
