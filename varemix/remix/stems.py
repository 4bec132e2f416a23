"""Stems: what each mask cuts out of a recording, written to files, or as it is played.

Masks come as blocks [N, R, T_b] of a recording of one group of channels, else as [N, G, R, T_b], or of each channel as
[N, C, R, T_b], see `varemix.remix.channels`. Memory is bounded by a block.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from varemix.media.audio import AudioInfo, AudioReader, stem_format
from varemix.media.layouts import played, stereo_weights
from varemix.remix.channels import filtered_at_own_rate, mask_places, remade_blocks, remade_channels
from varemix.remix.gains import claims
from varemix.remix.heard import recording_blocks
from varemix.remix.mask_exponent import PLAIN
from varemix.remix.rendered import Rendered, note_of, rendered_of, writer_like
from varemix.remix.stretch import tuned_blocks
from varemix.remix.tuning import AS_RECORDED, Tuning
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.smoothing import zlbm_blocks
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, decay_of
from varemix.signal.streams import copies, paired, part

_SHORT_BLOCK_SAMPLES = 1 << 13
_STEREO = 2
_OF_GROUPS = 4  # axes of masks [N, G, R, T]


def render_stems(
    source: Path,
    targets: Sequence[Path],
    mask_blocks: Iterable[np.ndarray],
    grid: Grid,
    *,
    smoothing_s: float = 0.0,
    audio_stream: int = 0,
    format_name: str | None = None,
    tuning: Tuning = AS_RECORDED,
) -> list[Rendered]:
    """Write what each mask cuts out of `source` to the target of the same place; see `render_remix`.

    Unless a format is named, stems have the recording's, or that of `stem_format`. They have its channels; the bass is
    silent in them. `tuning` is as for a remix; with one, a piece of each stem is held, see `tuned_blocks`.
    """
    with AudioReader(source, audio_stream=audio_stream) as reader, ExitStack() as stack:
        format_name = format_name or stem_format(reader.info.container, reader.info.written_as)
        writers = [stack.enter_context(writer_like(reader, target, source, format_name, tuning)) for target in targets]
        original, *heard = copies(recording_blocks(reader), len(targets) + 1)
        smoothed = copies(zlbm_blocks(mask_blocks, decay_of(smoothing_s, grid)), len(targets))
        stems = [
            remade_blocks(blocks, reader.info, part(masks, i), grid)
            for i, (blocks, masks) in enumerate(zip(heard, smoothed, strict=True))
        ]
        channels = remade_channels(reader.info)
        originals = copies(original, len(targets))
        cut = [paired(block, stem) for block, stem in zip(originals, stems, strict=True)]
        info = reader.info
        tuned = [tuned_blocks(_alone(each, channels), tuning, info.rate_hz, info.num_samples) for each in cut]
        for pieces in zip(*tuned, strict=True):
            for writer, block in zip(writers, pieces, strict=True):
                writer.write(block)
        note = note_of(reader.info, format_name)
    return [rendered_of(writer, note) for writer in writers]


def share_blocks(
    source: Path,
    mask_blocks: Iterable[np.ndarray],
    grid: Grid,
    *,
    smoothing_s: float = DEFAULT_SMOOTHING_S,
    audio_stream: int = 0,
    mask_exponent: float = PLAIN,
    moved: Sequence[int] = (),
    first_frame: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of what is played of a recording [P, S_b], and of what falls to each mask of it [N, P, S_b].

    Mono and stereo are played as they are, more channels as `played` says. All is at the recording's own rate. The
    remix is the sum of the recording and of s_i times the i-th, s_i being the `factor` of its gain: the same that
    `render_remix` writes, but for rounding. Below an exponent of 1 that depends on which of them are `moved`, that is,
    have a gain; see `claims`. With a `first_frame`, one of those of `frame_before`, that is the first of the masks, and
    what is yielded begins there; its beginning is not yet as it would be. Raises MediaError as `render_remix` does.
    """
    with AudioReader(source, audio_stream=audio_stream) as reader:
        first_sample = first_frame * grid.hop_samples * reader.info.rate_hz // RATE_HZ
        info = replace(reader.info, num_samples=reader.info.num_samples - first_sample)
        original, *heard = copies(_blocks_from(reader, first_sample), 1 + len(info.groups))
        claimed = (claims(masks, mask_exponent, moved) for masks in mask_blocks)
        masks = copies(zlbm_blocks(claimed, decay_of(smoothing_s, grid)), len(info.groups))
        own = [_share(*each, info, grid) for each in zip(heard, masks, range(len(info.groups)), strict=True)]
        taken = (np.sum(each, axis=0) if len(each) > 1 else each[0] for each in zip(*own, strict=True))
        for front, block in paired((played(block, info.channel_layout) for block in original), taken):
            yield front, block.reshape(-1, *front.shape)


def _share(
    blocks: Iterable[np.ndarray], masks: Iterable[np.ndarray], number: int, info: AudioInfo, grid: Grid
) -> Iterator[np.ndarray]:
    """Yield what is played of a group of channels, filtered with each of the masks, one pair below the other."""
    channels = list(info.groups[number].channels)
    weights = stereo_weights(info.channel_layout, info.num_channels)[:, channels]
    group = (block[channels] if info.num_channels <= _STEREO else weights @ block[channels] for block in blocks)
    gains = (
        block[:, mask_places(block.shape[1], info.groups)[number]] if block.ndim == _OF_GROUPS else block[:, None]
        for block in masks
    )
    return filtered_at_own_rate(group, info, gains, grid)


def frame_before(sample: int, rate_hz: int, grid: Grid) -> int:
    """Return the last frame not after a sample at a rate that begins on a sample of its own at that rate, too."""
    cycle = RATE_HZ // math.gcd(rate_hz, RATE_HZ)  # so many samples at 44.1 kHz are a whole number of others
    frames = math.lcm(grid.hop_samples, cycle) // grid.hop_samples
    return sample * RATE_HZ // rate_hz // grid.hop_samples // frames * frames


def _blocks_from(reader: AudioReader, first_sample: int) -> Iterator[np.ndarray]:
    """Yield a recording from a sample on, in short blocks: who cuts it waits for no masks that are not needed."""
    while first_sample < reader.info.num_samples:
        yield (block := reader.read(first_sample, _SHORT_BLOCK_SAMPLES))
        first_sample += block.shape[-1]


def _alone(pairs: Iterable[tuple[np.ndarray, np.ndarray]], channels: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield what was cut out of each block of a recording in its channels, and silence in the others."""
    for block, stem in pairs:
        silent = np.zeros_like(block)
        silent[channels] = stem
        yield silent
