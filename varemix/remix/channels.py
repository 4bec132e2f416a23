"""Masks of groups of channels, or of each channel, brought to the channels of a recording, and these filtered.

Gains come as blocks [R, T_b] of a recording of one group, else as [G, R, T_b], group after group, or of each channel
[C, R, T_b], the bass left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from varemix.errors import MediaError
from varemix.media.audio import AudioInfo
from varemix.media.layouts import ChannelGroup
from varemix.media.resampling import of_length, resampled_blocks
from varemix.remix.heard import at_model_rate
from varemix.remix.mixer import filtered_blocks
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.spectrogram import Heed

_OF_ALL = 2  # axes of gains [R, T]


def remade_channels(info: AudioInfo) -> list[int]:
    """Return the channels that any mask serves, group after group."""
    return [channel for group in info.groups for channel in group.channels]


def remade_blocks(
    blocks: Iterable[np.ndarray],
    info: AudioInfo,
    gains: Iterable[np.ndarray],
    grid: Grid,
    heed: Heed | None = None,
) -> Iterator[np.ndarray]:
    """Yield those channels filtered, with gains [R, T_b] of all, or [G, R, T_b] of groups or of each channel."""
    channels, each = remade_channels(info), _gains_of_channels(gains, info.groups)
    return filtered_at_own_rate((block[channels] for block in blocks), info, each, grid, heed)


def _gains_of_channels(gains: Iterable[np.ndarray], groups: Sequence[ChannelGroup]) -> Iterator[np.ndarray]:
    for block in gains:
        if block.ndim == _OF_ALL and len(groups) == 1:
            yield block
            continue
        places = mask_places(1 if block.ndim == _OF_ALL else len(block), groups)
        own = zip(places, groups, strict=True)
        yield block[[place for each, group in own for place in each * (len(group.channels) // len(each))]]


def mask_places(num_masks: int, groups: Sequence[ChannelGroup]) -> list[list[int]]:
    """Return which of a recording's masks are of each group of channels: one for all of it, or one for each channel.

    Raises MediaError for a number that neither makes.
    """
    for sizes in ([1] * len(groups), [len(group.apart) for group in groups]):
        if sum(sizes) == num_masks:
            places = iter(range(num_masks))
            return [list(islice(places, size)) for size in sizes]
    raise MediaError(
        f"The masks are of other groups of channels than the recording's {len(groups)}: "
        f"{', '.join(group.name for group in groups)}. Make the masks of this recording again."
    )


def filtered_at_own_rate(
    blocks: Iterable[np.ndarray],
    info: AudioInfo,
    gains: Iterable[np.ndarray],
    grid: Grid,
    heed: Heed | None = None,
) -> Iterator[np.ndarray]:
    """Yield channels filtered at 44.1 kHz and brought back to their own rate and length.

    Gains are [R, T_b] for all channels or [C, R, T_b] for each; of N gains [N, 1, R, T_b] come all channels N times,
    one below the other.
    """
    narrow = (block.astype(np.float32) for block in blocks)
    heard = filtered_blocks(at_model_rate(narrow, info), gains, grid.applied, heed)
    filtered = (block.reshape(-1, block.shape[-1]) for block in heard)
    return of_length(resampled_blocks(filtered, RATE_HZ, info.rate_hz), info.num_samples)
