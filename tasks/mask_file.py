"""One recording heard: its masks as a file. It needs no catalog, and serves single files and the step of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from catalog.errors import MaskFileError
from catalog.masks import Maker, MaskHeader, write_masks
from tasks.makers import recording_mix
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.presence import Presence, PresenceMeter

if TYPE_CHECKING:
    import numpy as np

    from varemix.separators.interface import MaskMaker

Watch: TypeAlias = "Callable[[MaskHeader, np.ndarray], None]"
_BINARY: dict[str, Any] = {"bits": 1, "exponent": 1.0}
_SOFT: dict[str, Any] = {"bits": 4, "exponent": 1.5}  # with even steps, faint masks would become 0


def write_heard(
    path: Path,
    source: Path,
    maker: MaskMaker,
    names: Sequence[str],
    *,
    content_digest: str = "",
    watch: Watch | None = None,
) -> tuple[MaskHeader, Presence]:
    """Hear a recording, write its masks to `path`, and return what they are and how far each instrument plays.

    `names` are what the maker is asked for. `watch` is shown what the file will hold as soon as it is heard: its
    header, and the next masks [N, R, T_b]. Raises MediaError when the recording cannot be read to its end.
    """
    mix, grid = recording_mix(source), maker.grid
    header = MaskHeader(
        content_digest=content_digest,
        num_frames=grid.num_frames(mix.num_samples),
        **(_BINARY if maker.are_binary else _SOFT),
        rate_hz=RATE_HZ,
        **asdict(grid),
        queries=tuple(names),
        makers=tuple(Maker(**asdict(maker.identity_of(name))) for name in names),
    )
    meter = PresenceMeter(len(names), grid)
    blocks = maker.measured_blocks(mix, names, meter)
    write_masks(path, header, _watched(header, blocks, watch) if watch else blocks)
    shares_db = dict(zip(header.queries, meter.shares_db().tolist(), strict=True))
    needed_db = {name: maker.threshold_db_of(name) for name in names}
    own = {name: value for name, value in needed_db.items() if value != maker.presence_threshold_db}
    return header, Presence(shares_db=shares_db, threshold_db=maker.presence_threshold_db, own_thresholds_db=own)


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
