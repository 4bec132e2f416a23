"""What is heard of a recording, at 44.1 kHz: of each group of its channels the mid signal, or the channels.

Memory is bounded by a block. Groups: `varemix.media.layouts`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from varemix.media.audio import AudioInfo, AudioReader
from varemix.media.layouts import ChannelGroup
from varemix.media.resampling import of_length, resampled_blocks
from varemix.signal.grid import RATE_HZ
from varemix.signal.streams import part

_BLOCK_SAMPLES = 1 << 17
_STEREO = 2


def heard_blocks(source: Path, *, audio_stream: int = 0, apart: bool = False) -> Iterator[np.ndarray]:
    """Yield what a network hears of a recording: the mid signal of each group [G, S_b] at 44.1 kHz, in blocks.

    With `apart` they are what masks of each channel are of: the channels [C, S_b], group after group.
    """
    with AudioReader(source, audio_stream=audio_stream) as reader:
        groups = [own for group in reader.info.groups for own in (group.apart if apart else (group,))]
        mids = (np.stack([_mid(block, group) for group in groups]) for block in recording_blocks(reader))
        yield from at_model_rate(mids, reader.info)


def mid_blocks(source: Path, group: ChannelGroup, *, audio_stream: int = 0) -> Iterator[np.ndarray]:
    """Yield the mid signal of one group of channels [S_b] at 44.1 kHz, in blocks."""
    with AudioReader(source, audio_stream=audio_stream) as reader:
        mids = (_mid(block, group)[None] for block in recording_blocks(reader))
        yield from part(at_model_rate(mids, reader.info), 0)


def pair_blocks(source: Path, group: ChannelGroup, *, audio_stream: int = 0) -> Iterator[np.ndarray]:
    """Yield the channels of one group [C, S_b] at 44.1 kHz that its mid signal is made of, one or two, in blocks."""
    with AudioReader(source, audio_stream=audio_stream) as reader:
        pairs = (block[list(group.heard)].astype(np.float32) for block in recording_blocks(reader))
        yield from at_model_rate(pairs, reader.info)


def _mid(block: np.ndarray, group: ChannelGroup) -> np.ndarray:
    """Return the mid signal of a group [S] of samples [C, S]."""
    return block[list(group.heard)].mean(axis=0).astype(np.float32)


def num_heard_samples(info: AudioInfo) -> int:
    """Return how many samples of a recording are heard, at 44.1 kHz, the last one begun counted whole."""
    return -(-info.num_samples * RATE_HZ // info.rate_hz)


def at_model_rate(blocks: Iterable[np.ndarray], info: AudioInfo) -> Iterator[np.ndarray]:
    """Yield the samples [C, S_b] of a recording brought to 44.1 kHz, as long as what is heard of it."""
    return of_length(resampled_blocks(blocks, info.rate_hz, RATE_HZ), num_heard_samples(info))


def recording_blocks(reader: AudioReader) -> Iterator[np.ndarray]:
    """Yield a recording in blocks [C, S_b]; those of many channels are shorter, so that none holds more than others."""
    return reader.blocks(_BLOCK_SAMPLES * _STEREO // max(_STEREO, reader.info.num_channels))
