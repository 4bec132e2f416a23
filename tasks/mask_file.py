"""One recording heard: its masks as a file. It needs no catalog, and serves single files and the step of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from catalog.errors import MaskFileError
from catalog.masks import FORMAT_VERSION, GROUPS_VERSION, Maker, MaskGroup, MaskHeader, write_masks
from tasks.makers import group_mixes
from varemix.media.audio import AudioInfo, probe_audio
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.presence import Presence, PresenceMeter, measured

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
    audio_stream: int = 0,
    content_digest: str = "",
    watch: Watch | None = None,
    tell: Callable[[float], None] = lambda share: None,
) -> tuple[MaskHeader, Presence]:
    """Hear a recording, write its masks to `path`, and return what they are and how far each instrument plays.

    `names` are what the maker is asked for, of each group of channels by itself. `watch` is shown what the file will
    hold as soon as it is heard: its header, and the next masks [N, R, T_b], of several groups [N, G, R, T_b]. One that
    gives no masks before it is done may `tell` how far it is, 0 to 1, from any thread. Raises MediaError when the
    recording cannot be read to its end, SeparatorError where a separator fails.
    """
    from varemix.separators.interface import by_channel
    from varemix.signal.streams import joined

    info = probe_audio(source, audio_stream=audio_stream)
    header, mixes = mask_header(info, maker, names, content_digest), group_mixes(source, info, tell)
    meters = [[PresenceMeter(len(names), maker.grid) for _ in own] for own in _mask_groups(info, maker)]
    heard = [maker.measured_blocks(mix, names, own) for mix, own in zip(mixes, meters, strict=True)]
    each = [map(by_channel, blocks) for blocks in heard]
    blocks = joined(each) if header.groups else (masks[:, 0] for masks in each[0])
    write_masks(path, header, _watched(header, blocks, watch) if watch else blocks)
    return header, presence_by(maker, names, meters)


def mask_header(info: AudioInfo, maker: MaskMaker, names: Sequence[str], content_digest: str) -> MaskHeader:
    """Return the header of a recording's mask file."""
    from varemix.remix.heard import num_heard_samples

    groups = [group for own in _mask_groups(info, maker) for group in own]
    return MaskHeader(
        content_digest=content_digest,
        num_frames=maker.grid.num_frames(num_heard_samples(info)),
        **(_BINARY if maker.are_binary else _SOFT),
        rate_hz=RATE_HZ,
        **asdict(maker.grid),
        queries=tuple(names),
        makers=tuple(Maker(**asdict(maker.identity_of(name))) for name in names),
        groups=tuple(groups) if len(groups) > 1 else (),
        format_version=GROUPS_VERSION if len(groups) > 1 else FORMAT_VERSION,
    )


def presence_by(maker: MaskMaker, names: Sequence[str], meters: Sequence[Sequence[PresenceMeter]]) -> Presence:
    """Return how far each instrument plays, by the meters of the groups of channels and what the maker needs."""
    needed_db = {name: maker.threshold_db_of(name) for name in names}
    own = {name: value for name, value in needed_db.items() if value != maker.presence_threshold_db}
    return measured(meters, names, maker.presence_threshold_db, own)


def _mask_groups(info: AudioInfo, maker: MaskMaker) -> list[list[MaskGroup]]:
    """Return of each group of channels that is heard by itself what has masks of its own: it, or its channels."""
    return [
        [MaskGroup(name=own.name, channels=own.channels) for own in (group.apart if maker.per_channel else (group,))]
        for group in info.groups
    ]


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
