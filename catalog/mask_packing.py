"""Masks between 0 and 1 as whole levels of a few bits, packed into bytes.

Belongs here: arithmetic on arrays. Stays out: files (`catalog.masks`).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BITS = (1, 2, 4, 8)
"""The depths that masks can be stored at."""

_SIDE_BY_SIDE = {1: "V32", 2: "c16", 4: "u8", 8: "f4"}  # types of the size of all masks of a byte


def pack(masks: NDArray[np.float32], bits: int, exponent: float = 1.0) -> bytes:
    """`masks` [...] in 0..1 as packed levels of `bits` bits, in the array's order; the inverse of `unpack`."""
    return pack_levels(levels_of(masks, bits, exponent), bits)


def levels_of(masks: NDArray[np.float32], bits: int, exponent: float = 1.0) -> NDArray[np.uint8]:
    """The levels of `masks` [...] in 0..1.

    At 1 bit the level is 1 where a mask is above 0.5, else 0. At more bits it is round(mask ** (1 / exponent) *
    (2**bits - 1)), a half going to the even level: above 1, levels are finer where masks are faint, so that these do
    not become 0.
    """
    stretched = masks if exponent == 1 or bits == 1 else masks ** np.float32(1 / exponent)
    levels = stretched > 0.5 if bits == 1 else np.rint(stretched * np.float32(2**bits - 1))
    return levels.astype(np.uint8)


def pack_levels(levels: NDArray[np.uint8], bits: int) -> bytes:
    """Levels of `bits` bits packed into bytes, in the array's order.

    The first level of a byte lies in its lowest bits; the last byte is filled up with zeros.
    """
    per_byte = 8 // bits
    flat = np.zeros(-(-levels.size // per_byte) * per_byte, dtype=np.uint8)
    flat[: levels.size] = levels.ravel()
    shifts = np.arange(per_byte, dtype=np.uint8) * np.uint8(bits)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(flat.reshape(-1, per_byte) << shifts, axis=1)
    return packed.tobytes()


def unpack(packed: bytes, bits: int, shape: tuple[int, ...], exponent: float = 1.0) -> NDArray[np.float32]:
    """The masks [*shape] in 0..1 that `pack` put into `packed`.

    Raises ValueError if `packed` has not the length that `shape` and `bits` ask for.
    """
    num_levels = int(np.prod(shape))
    expected = packed_bytes(num_levels, bits)
    if len(packed) != expected:
        raise ValueError(f"{len(packed)} bytes found where {expected} were expected")
    found = np.take(_levels_of_bytes(bits, exponent), np.frombuffer(packed, dtype=np.uint8))
    masks: NDArray[np.float32] = found.view(np.float32)[:num_levels].reshape(shape)
    return masks


@lru_cache(maxsize=2 * len(BITS))
def _levels_of_bytes(bits: int, exponent: float) -> NDArray[np.generic]:
    """The masks that each of the 256 bytes stands for, those of a byte side by side as one value."""
    shifts = np.arange(8 // bits, dtype=np.uint8) * np.uint8(bits)
    levels = (np.arange(256, dtype=np.uint8)[:, None] >> shifts) & np.uint8(2**bits - 1)
    masks = (levels.astype(np.float32) / np.float32(2**bits - 1)) ** np.float32(exponent)
    return masks.view(_SIDE_BY_SIDE[bits])[:, 0]


def packed_bytes(num_levels: int, bits: int) -> int:
    """How many bytes `num_levels` levels of `bits` bits fill."""
    return -(-num_levels * bits // 8)
