"""Plain samples to the mid signal and to another rate, whole or in blocks. Stays out: files (`audio`)."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def mono(samples: Samples) -> Samples:
    """Return the mid signal [S] of samples [C, S]: the mean of the channels, at most of the front pair."""
    return np.asarray(samples[:2].mean(axis=0), dtype=np.float64)


def resample(samples: Samples, from_hz: int, to_hz: int, *, quality: str = "VHQ") -> Samples:
    """Return samples [C, S] or [S] at another rate; round(S * to_hz / from_hz) of them, aligned to the input.

    `quality` is a recipe of libsoxr: 'HQ' (20 bits) or 'VHQ' (28 bits). Equal rates give an unchanged copy.
    """
    if from_hz == to_hz:
        return samples.copy()
    resampled = soxr.resample(np.ascontiguousarray(samples.T), from_hz, to_hz, quality=quality)
    return np.ascontiguousarray(resampled.T)


class StreamResampler:
    """Resample blocks as they come; together they equal what `resample` gives for the whole.

    Blocks [C, S] are of the `dtype` given, float32 or float64. The output lags behind the input until
    `flush`.
    """

    def __init__(self, from_hz: int, to_hz: int, num_channels: int, *, dtype: type = np.float64, quality: str = "VHQ"):
        self._num_channels = num_channels
        self._dtype = dtype
        is_same = from_hz == to_hz
        self._stream = None if is_same else soxr.ResampleStream(from_hz, to_hz, num_channels, dtype, quality)

    def process(self, block: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the samples [C, S'] that are ready; S' may be 0."""
        return self._resample(block, is_last=False)

    def flush(self) -> NDArray[np.floating]:
        """Return the rest [C, S'] after the last block; nothing may be processed afterwards."""
        return self._resample(np.zeros((self._num_channels, 0), dtype=self._dtype), is_last=True)

    def _resample(self, block: NDArray[np.floating], *, is_last: bool) -> NDArray[np.floating]:
        assert block.shape[0] == self._num_channels
        if self._stream is None:
            return block.copy()
        resampled = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=is_last)
        return np.ascontiguousarray(resampled.T)


def resampled_blocks(
    blocks: Iterable[NDArray[np.floating]], from_hz: int, to_hz: int, *, quality: str = "VHQ"
) -> Iterator[NDArray[np.floating]]:
    """Yield a signal that comes in blocks [C, S_b] at another rate; equal rates pass the blocks on."""
    if from_hz == to_hz:
        yield from blocks
        return
    stream: StreamResampler | None = None
    for block in blocks:
        stream = stream or StreamResampler(from_hz, to_hz, len(block), dtype=block.dtype.type, quality=quality)
        yield stream.process(block)
    if stream is not None:
        yield stream.flush()


def of_length(blocks: Iterable[NDArray[np.floating]], num_samples: int) -> Iterator[NDArray[np.floating]]:
    """Yield a signal that comes in blocks [C, S_b], cut or filled up with zeros to exactly `num_samples`.

    A resampler rounds the length of what it gives either way; this makes it one that can be known beforehand.
    """
    missing = num_samples
    silence: NDArray[np.floating] = np.zeros((1, 0))
    for block in blocks:
        yield block[:, :missing]
        missing -= min(missing, block.shape[-1])
        silence = block[:, :0]
    if missing:
        yield np.pad(silence, ((0, 0), (0, missing)))
