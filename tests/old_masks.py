"""Mask files of format 1, written with pyarrow by what was written down of them, as another program would."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

_BLOCK_FRAMES, _GROUP_ROWS = 512, 64


def write_format_1(
    path: Path, levels: NDArray[np.uint8], *, bits: int, queries: Sequence[str], content_digest: str, checkpoint_id: str
) -> None:
    """Write masks, levels [N, F, T] of so many bits, as the software wrote them that knew one transform only."""
    num_bins, num_frames = levels.shape[1:]
    header = {
        "content_digest": content_digest,
        "checkpoint_id": checkpoint_id,
        "num_bins": num_bins,
        "num_frames": num_frames,
        "bits": bits,
        "hop_samples": 512,
        "rate_hz": 44_100,
        "queries": list(queries),
        "format_version": 1,
    }
    columns = {"query": pa.string(), "first_frame": pa.int64(), "num_frames": pa.int32(), "data": pa.binary()}
    schema = pa.schema(columns, metadata={b"varemix.masks": json.dumps(header).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
        for query, own in zip(queries, levels, strict=True):
            rows = [
                {"query": query, "first_frame": first, "num_frames": block.shape[1], "data": _packed(block, bits)}
                for first in range(0, num_frames, _BLOCK_FRAMES)
                for block in [own[:, first : first + _BLOCK_FRAMES]]
            ]
            for first in range(0, len(rows), _GROUP_ROWS):
                writer.write_table(pa.Table.from_pylist(rows[first : first + _GROUP_ROWS], schema=schema))


def _packed(block: NDArray[np.uint8], bits: int) -> bytes:
    """Return levels [F, T], bin after bin, as bytes that are filled from their lowest bits on."""
    each = np.unpackbits(block.ravel()[:, None], axis=1, count=bits, bitorder="little")
    return np.packbits(each, bitorder="little").tobytes()
