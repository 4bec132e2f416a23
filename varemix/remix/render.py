"""Rendering files: a recording and its masks in, a remix out, block by block.

The output keeps the recording's format, rate, depth and channels, unless another format is asked for. Only the delta is
made at 44.1 kHz and brought to the recording's own rate, so what lies above 22.05 kHz stays the original's. Memory is
bounded by a block. Of more than two channels each group is heard and remixed by itself (`varemix.media.layouts`); the
bass passes. Where a loudness is wished, the remix is made twice: once to be measured, once to be written.

Masks come as blocks [N, R, T_b] of a recording of one group of channels, else as [N, G, R, T_b]; masks of each channel
as [N, C, R, T_b], group after group, the bass left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from varemix.media.audio import AudioInfo, AudioReader
from varemix.remix.channels import remade_blocks, remade_channels
from varemix.remix.curves import automated, scaled_blocks
from varemix.remix.gains import claim_blocks, factor, gain_change_blocks
from varemix.remix.heard import recording_blocks
from varemix.remix.level_care import MATCH, UNCHANGED, LevelCare
from varemix.remix.levels import LoudnessMeter, loudness_gain_db
from varemix.remix.limiter import Limiter, limited_blocks
from varemix.remix.mask_exponent import PLAIN
from varemix.remix.rendered import Rendered, note_of, rendered_of, writer_like
from varemix.remix.spectral_loudness import SpectralLoudness
from varemix.remix.stretch import tuned_blocks
from varemix.remix.tuning import AS_RECORDED, Tuning
from varemix.remix.wishes import GainWish
from varemix.signal.grid import Grid
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S
from varemix.signal.spectrogram import Heed
from varemix.signal.streams import copies, paired, part

LEVELS_AS_THEY_ARE = LevelCare()

_STEREO = 2


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
    with opened as reader, writer_like(reader, target, source, format_name, tuning) as writer:
        info, note = reader.info, note_of(reader.info, format_name, is_heard=bool(wishes))
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
    rendered = replace(
        rendered_of(writer, note), gain_db=gain_db, before_lufs=ear.before_lufs, after_lufs=ear.after_lufs
    )
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
        yield from ((block, block) for block in recording_blocks(reader))
        return
    info, channels, places = reader.info, remade_channels(reader.info), automated(wishes)
    is_constant = not places or any(wish.gain_db for wish in wishes)
    num_deltas = is_constant + len(places)
    originals = copies(recording_blocks(reader), 2 * num_deltas)
    masks = copies(mask_blocks, is_constant + bool(places))
    deltas = []
    if is_constant:
        changes = gain_change_blocks(masks.pop(), wishes, grid, **settings)
        deltas.append(remade_blocks(originals.pop(), info, changes, grid, heed))
    if places:
        own = copies(claim_blocks(masks.pop(), wishes, places, grid, **settings), len(places))
        stems = [remade_blocks(originals.pop(), info, part(claimed, i), grid) for i, claimed in enumerate(own)]
        deltas += [scaled_blocks(s, wishes[place], info.rate_hz) for s, place in zip(stems, places, strict=True)]
    for pairs in zip(*map(paired, originals, deltas), strict=True):
        block = pairs[0][0]
        remixed = block.copy()
        for _, delta in pairs:
            remixed[channels] += delta if dry_wet == 1 else dry_wet * delta
        yield block, remixed


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
