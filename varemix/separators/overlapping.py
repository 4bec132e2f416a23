"""A long signal heard in segments of one length that overlap, and the answers faded into one another."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np


def overlapped(
    blocks: Iterable[np.ndarray], segment_samples: int, overlap: float, heard: Callable[[np.ndarray], np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield what is `heard` [..., S] of segments [C, S] of a signal that comes in blocks [C, S_b], as long as it is.

    Segments overlap by a share of at most a half, with weights that rise to a segment's middle and fall. One that
    would reach beyond the end is moved so far back that half of what lacks is before it.
    """
    stride = int((1 - overlap) * segment_samples)
    history = segment_samples // 2
    held: np.ndarray | None = None
    first = offset = 0  # where what is held begins, and the segment to be heard
    tail: tuple[np.ndarray, np.ndarray] | None = None
    weights = _weights(segment_samples)

    def faded(answer: np.ndarray, num_done: int) -> np.ndarray:
        """Return the next samples that no further segment has a part in."""
        nonlocal tail
        own = weights[: answer.shape[-1]]
        total, weight = answer * own, own.copy()
        if tail is not None:
            length = min(tail[1].size, weight.size)
            total[..., :length] += tail[0][..., :length]
            weight[:length] += tail[1][:length]
        tail = total[..., num_done:], weight[num_done:]
        return total[..., :num_done] / weight[:num_done]

    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=-1)
        while first + held.shape[-1] >= offset + segment_samples:
            start = offset - first
            yield faded(heard(held[..., start : start + segment_samples]), stride)
            offset += stride
            dropped = max(0, offset - history - first)
            held, first = held[..., dropped:], first + dropped
    num_samples = first + (0 if held is None else held.shape[-1])
    while held is not None and offset < num_samples:
        length = min(segment_samples, num_samples - offset)
        before = (segment_samples - length) // 2
        answer = heard(_cut(held, offset - before - first, segment_samples))[..., before : before + length]
        yield faded(answer, min(stride, length))
        offset += stride


def _weights(segment_samples: int) -> np.ndarray:
    """Return a triangle with its peak in the middle."""
    half = segment_samples // 2
    rise, fall = np.arange(1, half + 1), np.arange(segment_samples - half, 0, -1)
    return (np.concatenate([rise, fall]) / (segment_samples - half)).astype(np.float32)


def _cut(samples: np.ndarray, start: int, length: int) -> np.ndarray:
    """Return so many samples [C, S] from a place on, zeros beyond both ends."""
    before, after = max(0, -start), max(0, start + length - samples.shape[-1])
    return np.pad(samples[..., max(0, start) : start + length], ((0, 0), (before, after)))
