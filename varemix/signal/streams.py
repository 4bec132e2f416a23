"""Several readers of one signal that comes in blocks, and several signals read side by side."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np


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
