"""Another tempo at the same pitch, another pitch at the same tempo, or both: samples in, samples out, block by block.

Signalsmith Stretch (the package python-stretch) does the work, on windows of 120 ms. It takes a recording in one piece,
so a long one is cut into pieces that overlap, and these are joined where two of them differ least: memory is bounded by
a piece. Stays out: files (`render`), what the page plays (`desk/page/mixer.js`).
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from python_stretch import Signalsmith

from varemix.remix.tuning import Tuning

_PIECE_S = 60.0  # of what comes out, at most
_PIECE_VALUES = 1 << 24  # at most of what goes in and of what comes out, in all channels: 64 MiB
_OVERLAP_S = 2.0  # in which pieces are joined
_EDGE_S = 0.5  # at which a piece is not yet, or no more, as it would be in the middle
_FADE_S = 0.05
_BLOCK_SAMPLES = 1 << 16  # that are handed on at a time
_SHIFT_S = 0.005  # by so much at most a piece is moved, so that it goes on in the phase of the one before it
_SEED = 1  # equal samples give equal samples


def tuned_blocks(blocks: Iterable[np.ndarray], tuning: Tuning, rate_hz: int, num_samples: int) -> Iterator[np.ndarray]:
    """Yield a recording of `num_samples`, blocks [C, S_b] at `rate_hz`, at another tempo and pitch.

    `tuning.length(num_samples)` samples come out, the first of them the recording's first; without a tuning the blocks
    themselves. A piece is at most some 65 s long at the tempo that comes out, one of many channels or samples shorter.
    """
    if tuning.is_none or num_samples == 0:
        yield from blocks
        return
    cut = _Cut(blocks, num_samples)
    length, overlap, edge = tuning.length(num_samples), round(_OVERLAP_S * rate_hz), round(_EDGE_S * rate_hz)
    values = len(cut.part(0, 1)) * max(1.0, tuning.tempo)  # a sample of what comes out
    step = max(overlap, min(round(_PIECE_S * rate_hz), int(_PIECE_VALUES / values)))
    tail: np.ndarray | None = None
    for begin in range(0, max(length - overlap, 1), step):
        is_last = begin + step >= length - overlap
        first = max(begin - edge, 0)
        end = min(begin + step + overlap + edge, length)
        source = cut.part(round(first * tuning.tempo), num_samples if end == length else round(end * tuning.tempo))
        piece = _tuned(source, tuning, rate_hz, end - first)
        if tail is not None:
            piece = _joined(tail, piece, begin - first, round(_FADE_S * rate_hz), round(_SHIFT_S * rate_hz))
        if not is_last:
            piece, tail = piece[:, :step], piece[:, step : step + overlap]
        yield from (piece[:, at : at + _BLOCK_SAMPLES] for at in range(0, piece.shape[1], _BLOCK_SAMPLES))


class _Cut:
    """Parts of a recording that comes in blocks, in the order of time; each may overlap the one before."""

    def __init__(self, blocks: Iterable[np.ndarray], num_samples: int) -> None:
        self._blocks = iter(blocks)
        self._num_samples = num_samples
        self._held: list[np.ndarray] = []
        self._first = 0  # of what is held

    def part(self, first: int, end: int) -> np.ndarray:
        """Return the samples [C, end - first]; none before `first` are asked for any more."""
        while self._end < min(end, self._num_samples):
            self._held.append(next(self._blocks).astype(np.float32))
        while self._held[1:] and self._first + self._held[0].shape[1] <= first:
            self._first += self._held.pop(0).shape[1]
        return np.concatenate(self._held, axis=1)[:, first - self._first : end - self._first]

    @property
    def _end(self) -> int:
        return self._first + sum(block.shape[1] for block in self._held)


def _tuned(source: np.ndarray, tuning: Tuning, rate_hz: int, length: int) -> np.ndarray:
    """Return one piece [C, length] of a source [C, S]; silence follows what is shorter than the windows it takes."""
    missing = max(0, math.ceil(rate_hz * tuning.tempo) - source.shape[1])
    whole = np.pad(source, ((0, 0), (0, missing)))
    made = length + round(missing / tuning.tempo)
    stretch = Signalsmith.Stretch(_SEED)
    stretch.preset(len(whole), rate_hz)
    stretch.setTransposeSemitones(tuning.transpose_semitones, 0.0)
    stretch.setTimeFactor(whole.shape[1] / made)
    return _of_length(np.asarray(stretch.process(np.ascontiguousarray(whole))), length)


def _of_length(samples: np.ndarray, length: int) -> np.ndarray:
    return np.pad(samples[:, :length], ((0, 0), (0, max(0, length - samples.shape[1]))))


def _joined(before: np.ndarray, made: np.ndarray, begin: int, fade: int, shift: int) -> np.ndarray:
    """Return a piece from `begin` on that begins as the one before it, and goes over into its own.

    It does so where the two differ least, and is moved by up to `shift` samples to where they differ least there.
    """
    overlap, length = before.shape[1], made.shape[1] - begin
    difference = np.cumsum(((before - made[:, begin : begin + overlap]) ** 2).sum(axis=0, dtype=np.float64))
    at = int(np.argmin(difference[fade:] - difference[:-fade])) + 1
    place = begin + at
    shifts = sorted(range(-shift, 1 + min(shift, made.shape[1] - place - fade)), key=abs)
    off = [((before[:, at : at + fade] - made[:, place + by : place + by + fade]) ** 2).sum() for by in shifts]
    joined = _of_length(made[:, begin + shifts[int(np.argmin(off))] :], length)
    share = np.clip((np.arange(overlap, dtype=np.float32) - at) / fade, 0, 1)
    joined[:, :overlap] = before * (1 - share) + joined[:, :overlap] * share
    return joined
