"""One recording heard: its masks as a file. It needs no catalog, and serves single files and the step of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from catalog.errors import MaskFileError
from catalog.masks import Maker, MaskHeader, write_masks
from tasks.queries import Query, query_vectors
from varemix.media.audio import probe_audio
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.presence import Presence, PresenceMeter

if TYPE_CHECKING:
    import numpy as np

    from varemix.model.separator import Separator

Watch: TypeAlias = "Callable[[MaskHeader, np.ndarray], None]"
_MAKER = "varemix"
_BITS = {"binary": 1, "soft": 4}
_EXPONENTS = {"binary": 1.0, "soft": 1.5}  # with even steps, faint masks would become 0


def write_heard(
    path: Path,
    source: Path,
    separator: Separator,
    queries: Sequence[Query],
    *,
    nothing_else: bool = False,
    content_digest: str = "",
    checkpoint_id: str = "",
    watch: Watch | None = None,
) -> tuple[MaskHeader, Presence]:
    """Hear a recording, write its masks to `path`, and return what they are and how far each instrument plays.

    `watch` is shown what the file will hold as soon as it is heard: its header, and the next masks [N, R, T_b].
    Raises MediaError when the recording cannot be read to its end.
    """
    from varemix.remix.render import heard_blocks

    facts = {"content_digest": content_digest, "checkpoint_id": checkpoint_id}
    header, _ = mask_header(source, separator, queries, **facts)
    meter = PresenceMeter(len(queries), separator.mask_grid)
    vectors = query_vectors(separator, queries)
    blocks = separator.mask_blocks(heard_blocks(source), vectors, meter=meter, nothing_else=nothing_else)
    write_masks(path, header, _watched(header, blocks, watch) if watch else blocks)
    shares_db = dict(zip(header.queries, meter.shares_db().tolist(), strict=True))
    return header, Presence(shares_db=shares_db, threshold_db=float(separator.presence_threshold_db))


def mask_header(
    source: Path,
    separator: Separator,
    queries: Sequence[Query],
    *,
    content_digest: str = "",
    checkpoint_id: str = "",
) -> tuple[MaskHeader, int]:
    """Return the header of a recording's mask file, and how many samples of the recording are heard, at 44.1 kHz."""
    from varemix.remix.render import num_heard_samples

    grid, num_samples = separator.mask_grid, num_heard_samples(probe_audio(source))
    header = MaskHeader(
        content_digest=content_digest,
        num_frames=grid.num_frames(num_samples),
        bits=_BITS[separator.settings.masks],
        exponent=_EXPONENTS[separator.settings.masks],
        rate_hz=RATE_HZ,
        **asdict(grid),
        queries=tuple(query.name for query in queries),
        makers=(Maker(name=_MAKER, version=version(_MAKER), digest=checkpoint_id),) * len(queries),
    )
    return header, num_samples


def grid_of(header: MaskHeader) -> Grid:
    """Return the grid that the masks of a file lie on. Raises MaskFileError for a header of none that can be."""
    try:
        return Grid(
            window_samples=header.window_samples,
            hop_samples=header.hop_samples,
            log_rows=header.log_rows,
            floor=header.floor,
        )
    except ValueError as error:
        raise MaskFileError(f"The masks lie on no grid that can be: {error}. Make the masks again.") from error


def _watched(header: MaskHeader, blocks: Iterator[np.ndarray], watch: Watch) -> Iterator[np.ndarray]:
    for block in blocks:
        watch(header, block)
        yield block
