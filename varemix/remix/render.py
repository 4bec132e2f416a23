"""Rendering files: a recording and its masks in, a remix or stems out, block by block.

The output keeps the recording's format, rate, depth and channels, unless another format is asked for. Only the delta is
made at 44.1 kHz and brought to the recording's own rate, so what lies above 22.05 kHz stays the original's. Memory is
bounded by a block. Of more than two channels each group is heard and remixed by itself (`varemix.media.layouts`); the
bass passes. Where a loudness is wished, the remix is made twice: once to be measured, once to be written.

Masks come as blocks [N, R, T_b] of a recording of one group of channels, else as [N, G, R, T_b]; masks of each channel
as [N, C, R, T_b], group after group, the bass left out.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from varemix.errors import MediaError
from varemix.media.audio import AudioInfo, AudioReader, AudioWriter, as_written, stem_format
from varemix.media.layouts import ChannelGroup, guess_note, played, stereo_weights
from varemix.media.resampling import of_length, resampled_blocks
from varemix.remix.curves import automated, scaled_blocks
from varemix.remix.gains import claim_blocks, claims, factor, gain_change_blocks
from varemix.remix.level_care import MATCH, UNCHANGED, LevelCare
from varemix.remix.levels import LoudnessMeter, loudness_gain_db
from varemix.remix.limiter import Limiter, limited_blocks
from varemix.remix.mask_exponent import PLAIN
from varemix.remix.mixer import filtered_blocks
from varemix.remix.spectral_loudness import SpectralLoudness
from varemix.remix.stretch import tuned_blocks
from varemix.remix.tuning import AS_RECORDED, Tuning
from varemix.remix.wishes import GainWish
from varemix.signal.grid import RATE_HZ, Grid
from varemix.signal.smoothing import zlbm_blocks
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, decay_of
from varemix.signal.spectrogram import Heed
from varemix.signal.streams import copies, paired, part

LEVELS_AS_THEY_ARE = LevelCare()

_BLOCK_SAMPLES = 1 << 17
_SHORT_BLOCK_SAMPLES = 1 << 13
_STEREO = 2
_OF_ALL, _OF_GROUPS = 2, 4  # axes of gains [R, T], and of masks [N, G, R, T]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What was written: how many samples were clipped, and the highest peak in dBFS before clipping.

    The whole was made louder by `gain_db` for its loudness; the limiter changed `num_limited` samples, by
    `reduction_db` at most. `before_lufs` and `after_lufs` are the integrated loudness of the recording and of what was
    written: measured where levels are cared for, else estimated from the spectra; None where nothing was filtered, or
    less than 0.4 s. `note` says what became of the coding of a recording that nobody writes.
    """

    num_clipped: int
    peak_db: float
    gain_db: float = 0.0
    num_limited: int = 0
    reduction_db: float = 0.0
    before_lufs: float | None = None
    after_lufs: float | None = None
    note: str = ""

    @property
    def has_other_level(self) -> bool:
        """Whether care for the level changed any sample."""
        return self.gain_db != 0.0 or self.num_limited > 0


def heard_blocks(source: Path, *, audio_stream: int = 0, apart: bool = False) -> Iterator[np.ndarray]:
    """Yield what a network hears of a recording: the mid signal of each group [G, S_b] at 44.1 kHz, in blocks.

    With `apart` they are what masks of each channel are of: the channels [C, S_b], group after group.
    """
    with AudioReader(source, audio_stream=audio_stream) as reader:
        groups = [own for group in reader.info.groups for own in (group.apart if apart else (group,))]
        mids = (np.stack([_mid(block, group) for group in groups]) for block in _blocks(reader))
        yield from _at_model_rate(mids, reader.info)


def mid_blocks(source: Path, group: ChannelGroup, *, audio_stream: int = 0) -> Iterator[np.ndarray]:
    """Yield the mid signal of one group of channels [S_b] at 44.1 kHz, in blocks."""
    with AudioReader(source, audio_stream=audio_stream) as reader:
        mids = (_mid(block, group)[None] for block in _blocks(reader))
        yield from part(_at_model_rate(mids, reader.info), 0)


def pair_blocks(source: Path, group: ChannelGroup, *, audio_stream: int = 0) -> Iterator[np.ndarray]:
    """Yield the channels of one group [C, S_b] at 44.1 kHz that its mid signal is made of, one or two, in blocks."""
    with AudioReader(source, audio_stream=audio_stream) as reader:
        pairs = (block[list(group.heard)].astype(np.float32) for block in _blocks(reader))
        yield from _at_model_rate(pairs, reader.info)


def _mid(block: np.ndarray, group: ChannelGroup) -> np.ndarray:
    """Return the mid signal of a group [S] of samples [C, S]."""
    return block[list(group.heard)].mean(axis=0).astype(np.float32)


def _blocks(reader: AudioReader) -> Iterator[np.ndarray]:
    """Yield a recording in blocks [C, S_b]; those of many channels are shorter, so that none holds more than others."""
    return reader.blocks(_BLOCK_SAMPLES * _STEREO // max(_STEREO, reader.info.num_channels))


def num_heard_samples(info: AudioInfo) -> int:
    """Return how many samples of a recording are heard, at 44.1 kHz, the last one begun counted whole."""
    return -(-info.num_samples * RATE_HZ // info.rate_hz)


def render_remix(
    source: Path,
    target: Path,
    mask_blocks: Iterable[np.ndarray],
    wishes: Sequence[GainWish],
    grid: Grid,
    *,
    smoothing_s: float = DEFAULT_SMOOTHING_S,
    mask_exponent: float = PLAIN,
    dry_wet: float = 1.0,
    care: LevelCare = LEVELS_AS_THEY_ARE,
    format_name: str | None = None,
    audio_stream: int = 0,
    tuning: Tuning = AS_RECORDED,
) -> Rendered:
    """Write the remix of `source` to `target`; without wishes the sound as it was, but for its level and format.

    `mask_blocks` are on `grid`, one mask a wish, consecutive in time; they are gone through twice where `care` wishes a
    loudness. `mask_exponent` is how unsure masks are read, see `claims`, `dry_wet` the share of the change that is
    made. `format_name` is one of OUTPUT_FORMATS, the recording's own where it is None; the pictures and the other audio
    streams of a video stay as they are. `tuning` changes tempo and pitch, before a limiter. Raises MediaError when the
    recording cannot be read, the masks are not as long as it is, or the picture of a video would not keep pace.
    """

    def remixed(reader: AudioReader, heed: Heed | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        settings = {"smoothing_s": smoothing_s, "mask_exponent": mask_exponent}
        return _remixed_blocks(reader, mask_blocks, wishes, grid, settings, dry_wet, heed)

    gain_db = _loudness_gain_db(source, remixed, care.loudness, audio_stream, tuning)
    opened = AudioReader(source, audio_stream=audio_stream)
    with opened as reader, _writer_like(reader, target, source, format_name, tuning) as writer:
        info, note = reader.info, _note(reader.info, format_name, is_heard=bool(wishes))
        is_measured = not care.is_none or info.num_channels > _STEREO or bool(automated(wishes))
        measured, estimated = _Loudness(info) if is_measured else None, SpectralLoudness(grid.applied, dry_wet)
        limiter = None if care.true_peak_db is None else Limiter(info.rate_hz, info.num_channels, care.true_peak_db)
        pairs = remixed(reader, None if is_measured else estimated.add)
        if measured:
            pairs = measured.heeding(pairs)
        remade = (after * after.dtype.type(factor(gain_db) + 1) if gain_db else after for _, after in pairs)
        blocks = tuned_blocks(remade, tuning, info.rate_hz, info.num_samples)
        for block in limited_blocks(blocks, limiter) if limiter else blocks:
            if measured:
                measured.after.add(block)
            writer.write(block)
    ear = measured or estimated
    rendered = replace(_rendered(writer, note), gain_db=gain_db, before_lufs=ear.before_lufs, after_lufs=ear.after_lufs)
    if limiter is None:
        return rendered
    return replace(rendered, num_limited=limiter.num_changed, reduction_db=limiter.reduction_db)


def remix_loudness_lufs(
    source: Path,
    mask_blocks: Iterable[np.ndarray],
    wishes: Sequence[GainWish],
    grid: Grid,
    *,
    smoothing_s: float = DEFAULT_SMOOTHING_S,
    mask_exponent: float = PLAIN,
) -> tuple[float | None, float | None]:
    """Return the integrated loudness in LUFS of a recording, and of the remix that `render_remix` would write of it.

    None for less than 0.4 s, -inf for silence. Raises MediaError as `render_remix` does.
    """
    settings = {"smoothing_s": smoothing_s, "mask_exponent": mask_exponent}
    with AudioReader(source) as reader:
        loudness = _Loudness(reader.info)
        pairs = _remixed_blocks(reader, mask_blocks, wishes, grid, settings, dry_wet=1.0, heed=None)
        for _, after in loudness.heeding(pairs):
            loudness.after.add(after)
    return loudness.before_lufs, loudness.after_lufs


class _Loudness:
    """The loudness of a recording and of what becomes of it, measured sample by sample."""

    def __init__(self, info: AudioInfo) -> None:
        self.before, self.after = (_meter(info) for _ in range(2))

    def heeding(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the pairs of blocks, before and after, and measure those before."""
        for before, after in pairs:
            self.before.add(before)
            yield before, after

    @property
    def before_lufs(self) -> float | None:
        return self.before.integrated_lufs

    @property
    def after_lufs(self) -> float | None:
        return self.after.integrated_lufs


def _meter(info: AudioInfo) -> LoudnessMeter:
    return LoudnessMeter(info.rate_hz, info.num_channels, info.channel_layout)


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
        writers = [stack.enter_context(_writer_like(reader, target, source, format_name, tuning)) for target in targets]
        original, *heard = copies(_blocks(reader), len(targets) + 1)
        smoothed = copies(zlbm_blocks(mask_blocks, decay_of(smoothing_s, grid)), len(targets))
        stems = [
            _remade(blocks, reader.info, part(masks, i), grid)
            for i, (blocks, masks) in enumerate(zip(heard, smoothed, strict=True))
        ]
        channels = _remade_channels(reader.info)
        originals = copies(original, len(targets))
        cut = [paired(block, stem) for block, stem in zip(originals, stems, strict=True)]
        info = reader.info
        tuned = [tuned_blocks(_alone(each, channels), tuning, info.rate_hz, info.num_samples) for each in cut]
        for pieces in zip(*tuned, strict=True):
            for writer, block in zip(writers, pieces, strict=True):
                writer.write(block)
        note = _note(reader.info, format_name)
    return [_rendered(writer, note) for writer in writers]


def _alone(pairs: Iterable[tuple[np.ndarray, np.ndarray]], channels: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield what was cut out of each block of a recording in its channels, and silence in the others."""
    for block, stem in pairs:
        silent = np.zeros_like(block)
        silent[channels] = stem
        yield silent


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
        block[:, _mask_places(block.shape[1], info.groups)[number]] if block.ndim == _OF_GROUPS else block[:, None]
        for block in masks
    )
    return _filtered_at_own_rate(group, info, gains, grid)


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


def _remixed_blocks(
    reader: AudioReader,
    mask_blocks: Iterable[np.ndarray],
    wishes: Sequence[GainWish],
    grid: Grid,
    settings: Mapping[str, float],
    dry_wet: float,
    heed: Heed | None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each block of a recording, and what becomes of it: what its base gains change is added, then its ranges."""
    if not wishes:
        yield from ((block, block) for block in _blocks(reader))
        return
    info, channels, places = reader.info, _remade_channels(reader.info), automated(wishes)
    is_constant = not places or any(wish.gain_db for wish in wishes)
    num_deltas = is_constant + len(places)
    originals = copies(_blocks(reader), 2 * num_deltas)
    masks = copies(mask_blocks, is_constant + bool(places))
    deltas = []
    if is_constant:
        changes = gain_change_blocks(masks.pop(), wishes, grid, **settings)
        deltas.append(_remade(originals.pop(), info, changes, grid, heed))
    if places:
        own = copies(claim_blocks(masks.pop(), wishes, places, grid, **settings), len(places))
        stems = [_remade(originals.pop(), info, part(claimed, i), grid) for i, claimed in enumerate(own)]
        deltas += [scaled_blocks(s, wishes[place], info.rate_hz) for s, place in zip(stems, places, strict=True)]
    for pairs in zip(*map(paired, originals, deltas), strict=True):
        block = pairs[0][0]
        remixed = block.copy()
        for _, delta in pairs:
            remixed[channels] += delta if dry_wet == 1 else dry_wet * delta
        yield block, remixed


def _remade_channels(info: AudioInfo) -> list[int]:
    """Return the channels that any mask serves, group after group."""
    return [channel for group in info.groups for channel in group.channels]


def _remade(
    blocks: Iterable[np.ndarray],
    info: AudioInfo,
    gains: Iterable[np.ndarray],
    grid: Grid,
    heed: Heed | None = None,
) -> Iterator[np.ndarray]:
    """Yield those channels filtered, with gains [R, T_b] of all, or [G, R, T_b] of groups or of each channel."""
    channels, each = _remade_channels(info), _gains_of_channels(gains, info.groups)
    return _filtered_at_own_rate((block[channels] for block in blocks), info, each, grid, heed)


def _gains_of_channels(gains: Iterable[np.ndarray], groups: Sequence[ChannelGroup]) -> Iterator[np.ndarray]:
    for block in gains:
        if block.ndim == _OF_ALL and len(groups) == 1:
            yield block
            continue
        places = _mask_places(1 if block.ndim == _OF_ALL else len(block), groups)
        own = zip(places, groups, strict=True)
        yield block[[place for each, group in own for place in each * (len(group.channels) // len(each))]]


def _mask_places(num_masks: int, groups: Sequence[ChannelGroup]) -> list[list[int]]:
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


def _note(info: AudioInfo, format_name: str | None, *, is_heard: bool = True) -> str:
    """Return what is to be told of a recording's coding and channels."""
    guess = guess_note(info.channel_layout, info.num_channels) if is_heard else ""
    return "; ".join(filter(None, [as_written(info, format_name)[1], guess]))


def _loudness_gain_db(
    source: Path,
    remixed: Callable[[AudioReader], Iterator[tuple[np.ndarray, np.ndarray]]],
    loudness: Literal["unchanged", "match"] | float,
    audio_stream: int,
    tuning: Tuning,
) -> float:
    """Return the gain that brings a remix to the loudness wished for; another tempo and pitch have a part in it."""
    if loudness == UNCHANGED:
        return 0.0
    with AudioReader(source, audio_stream=audio_stream) as reader:
        measured = _Loudness(reader.info)
        pairs = remixed(reader)
        remade = (after for _, after in (measured.heeding(pairs) if loudness == MATCH else pairs))
        for block in tuned_blocks(remade, tuning, reader.info.rate_hz, reader.info.num_samples):
            measured.after.add(block)
    return loudness_gain_db(loudness, measured.before_lufs, measured.after_lufs)


def _writer_like(
    reader: AudioReader, target: Path, source: Path, format_name: str | None, tuning: Tuning
) -> AudioWriter:
    info, _ = as_written(reader.info, format_name)
    if tuning.tempo == 1:
        return AudioWriter(target, info, source=source)
    if info.has_picture:
        raise MediaError(
            f"'{source.name}' is a video, whose picture keeps its tempo. Choose a format of sound, such as flac."
        )
    return AudioWriter(target, replace(info, num_samples=tuning.length(info.num_samples)))  # its chapters lie elsewhere


def _filtered_at_own_rate(
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
    heard = filtered_blocks(_at_model_rate(narrow, info), gains, grid.applied, heed)
    filtered = (block.reshape(-1, block.shape[-1]) for block in heard)
    return of_length(resampled_blocks(filtered, RATE_HZ, info.rate_hz), info.num_samples)


def _at_model_rate(blocks: Iterable[np.ndarray], info: AudioInfo) -> Iterator[np.ndarray]:
    return of_length(resampled_blocks(blocks, info.rate_hz, RATE_HZ), num_heard_samples(info))


def _rendered(writer: AudioWriter, note: str) -> Rendered:
    return Rendered(
        note=note,
        num_clipped=writer.num_clipped,
        peak_db=20 * math.log10(writer.peak) if writer.peak > 0 else -math.inf,
    )
