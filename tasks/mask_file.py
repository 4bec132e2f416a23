"""One recording heard: its masks as a file. It needs no catalog, and serves single files and the step of a library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from catalog.errors import MaskFileError
from catalog.masks import FORMAT_VERSION, GROUPS_VERSION, Maker, MaskGroup, MaskHeader, write_masks
from tasks.queries import Query, query_vectors
from varemix.media.audio import AudioInfo, probe_audio
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.presence import Presence, PresenceMeter, measured

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

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
    audio_stream: int = 0,
    content_digest: str = "",
    checkpoint_id: str = "",
    watch: Watch | None = None,
) -> tuple[MaskHeader, Presence]:
    """Hear a recording, write its masks to `path`, and return what they are and how far each instrument plays.

    Groups of channels are heard each by itself. `watch` is shown what the file will hold as soon as it is heard: its
    header, and the next masks [N, R, T_b], of several groups [N, G, R, T_b]. Raises MediaError when the recording
    cannot be read to its end.
    """
    from varemix.remix.render import heard_blocks, num_heard_samples

    grid, info = separator.mask_grid, probe_audio(source, audio_stream=audio_stream)
    groups = _mask_groups(info)
    header = MaskHeader(
        content_digest=content_digest,
        num_frames=grid.num_frames(num_heard_samples(info)),
        bits=_BITS[separator.settings.masks],
        exponent=_EXPONENTS[separator.settings.masks],
        rate_hz=RATE_HZ,
        **asdict(grid),
        queries=tuple(query.name for query in queries),
        makers=(Maker(name=_MAKER, version=version(_MAKER), digest=checkpoint_id),) * len(queries),
        groups=groups,
        format_version=GROUPS_VERSION if groups else FORMAT_VERSION,
    )
    meters = [PresenceMeter(len(queries), grid) for _ in info.groups]
    vectors = query_vectors(separator, queries)
    mids = heard_blocks(source, audio_stream=audio_stream)
    blocks = _masks(separator, mids, vectors, meters, nothing_else=nothing_else)
    write_masks(path, header, _watched(header, blocks, watch) if watch else blocks)
    return header, measured(meters, header.queries, float(separator.presence_threshold_db))


def _mask_groups(info: AudioInfo) -> tuple[MaskGroup, ...]:
    """Return the groups of channels that have masks of their own; none where one mask serves all."""
    groups = info.groups
    return tuple(MaskGroup(name=group.name, channels=group.channels) for group in groups) if len(groups) > 1 else ()


def _masks(
    separator: Separator,
    mids: Iterator[np.ndarray],
    vectors: Tensor,
    meters: Sequence[PresenceMeter],
    *,
    nothing_else: bool,
) -> Iterator[np.ndarray]:
    """Yield the masks [N, R, T_b] of what is heard [G, S_b], of several groups of channels [N, G, R, T_b].

    A silent group is not heard. All are heard window by window, so that each is read once.
    """
    from varemix.signal.blocks import copies, part, stacked

    has_many = len(meters) > 1
    heard = [
        separator.mask_blocks(
            part(own, number), vectors, meter=meter, nothing_else=nothing_else, skips_silence=has_many
        )
        for number, (own, meter) in enumerate(zip(copies(mids, len(meters)), meters, strict=True))
    ]
    return stacked(heard) if has_many else heard[0]


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
