"""One recording heard: its masks as a file. It needs no catalog, and serves single files and the step of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from catalog.errors import MaskFileError
from catalog.masks import FORMAT_VERSION, GROUPS_VERSION, Maker, MaskGroup, MaskHeader, write_masks
from tasks.makers import recording_mixes
from varemix.media.audio import AudioInfo, probe_audio
from varemix.signal.blocks import cut_alike
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.presence import Presence, PresenceMeter, measured

if TYPE_CHECKING:
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
    audio_stream: int = 0,
    content_digest: str = "",
    watch: Watch | None = None,
) -> tuple[MaskHeader, Presence]:
    """Hear a recording, write its masks to `path`, and return what they are and how far each instrument plays.

    `names` are what the maker is asked for. Groups of channels are heard each by itself. `watch` is shown what the file
    will hold as soon as it is heard: its header, and the next masks [N, R, T_b], of several groups [N, G, R, T_b].
    Raises MediaError when the recording cannot be read to its end.
    """
    grid, info = maker.grid, probe_audio(source, audio_stream=audio_stream)
    groups, mixes = (
        _mask_groups(info),
        recording_mixes(source, info, audio_stream=audio_stream, in_step=maker.goes_in_step),
    )
    header = MaskHeader(
        content_digest=content_digest,
        num_frames=grid.num_frames(mixes[0].num_samples),
        **(_BINARY if maker.are_binary else _SOFT),
        rate_hz=RATE_HZ,
        **asdict(grid),
        queries=tuple(names),
        makers=tuple(Maker(**asdict(maker.identity_of(name))) for name in names),
        groups=groups,
        format_version=GROUPS_VERSION if groups else FORMAT_VERSION,
    )
    meters = [PresenceMeter(len(names), grid) for _ in mixes]
    heard = [maker.measured_blocks(mix, names, meter) for mix, meter in zip(mixes, meters, strict=True)]
    blocks = (np.stack(each, axis=1) for each in cut_alike(*heard)) if groups else heard[0]
    write_masks(path, header, _watched(header, blocks, watch) if watch else blocks)
    needed_db = {name: maker.threshold_db_of(name) for name in names}
    own = {name: value for name, value in needed_db.items() if value != maker.presence_threshold_db}
    return header, replace(measured(meters, header.queries, maker.presence_threshold_db), own_thresholds_db=own)


def _mask_groups(info: AudioInfo) -> tuple[MaskGroup, ...]:
    """Return the groups of channels that have masks of their own; none where one mask serves all."""
    groups = info.groups
    return tuple(MaskGroup(name=group.name, channels=group.channels) for group in groups) if len(groups) > 1 else ()


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
