"""Signals that come in blocks: several who take the same, several side by side. Stays out: what is done to them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

_SHORT_FRAMES = 64


def copies(blocks: Iterable[np.ndarray], number: int) -> list[Iterator[np.ndarray]]:
    """Return several iterators over the same blocks.

    As `itertools.tee`, which holds some fifty blocks that all have taken; of these only what one has still to take.
    """
    source = iter(blocks)
    waiting: list[deque[np.ndarray]] = [deque() for _ in range(number)]

    def copy(own: deque[np.ndarray]) -> Iterator[np.ndarray]:
        while True:
            if not own:
                block = next(source, None)
                if block is None:
                    return
                for queue in waiting:
                    queue.append(block)
                del block
            yield own.popleft()

    return [copy(queue) for queue in waiting]


def part(blocks: Iterable[np.ndarray], number: int) -> Iterator[np.ndarray]:
    """Yield one part [...] of blocks [P, ...]."""
    for block in blocks:
        yield block[number]


def side_by_side(*signals: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Yield signals [..., S] cut along their last axis into blocks of common lengths, as far as all of them go."""
    sources = [iter(signal) for signal in signals]
    held: list[np.ndarray | None] = [None] * len(sources)
    while True:
        for place, source in enumerate(sources):
            block = held[place]
            while block is None or not block.shape[-1]:
                block = next(source, None)
                if block is None:
                    return
            held[place] = block
        blocks = [block for block in held if block is not None]
        length = min(block.shape[-1] for block in blocks)
        yield [block[..., :length] for block in blocks]
        held = [block[..., length:] for block in blocks]


def joined(signals: Sequence[Iterable[np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield signals [N, P_i, ..., T] as one, [N, P, ..., T], in short blocks."""
    for blocks in side_by_side(*signals):
        for first in range(0, blocks[0].shape[-1], _SHORT_FRAMES):
            yield np.concatenate([block[..., first : first + _SHORT_FRAMES] for block in blocks], axis=1)


def paired(blocks: Iterable[np.ndarray], others: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pair each block with as many samples of another signal of the same length, which is gone through to its end."""
    held = np.zeros((1, 0), dtype=np.float32)
    for block in blocks:
        parts, length = [held] if held.size else [], held.shape[-1]
        while length < block.shape[-1]:
            parts.append(next(others))
            length += parts[-1].shape[-1]
        held = np.concatenate(parts, axis=-1)
        yield block, held[:, : block.shape[-1]]
        held = held[:, block.shape[-1] :]
    for _ in others:  # nothing is left but the checks at the end
        pass
