"""Masks that follow from known sources, and the random one they are compared with.

A mask says how much of each bin of the mix belongs to a source: 0 nothing, 1 all. Linear masks are [..., F, T].
"""

import numpy as np
import torch
from torch import Tensor

THRESHOLD = 0.5


def ideal_binary(magnitudes: Tensor, mix_magnitude: Tensor) -> Tensor:
    """Return 1 where a source [..., N, F, T] holds more than half of the mix [..., F, T], else 0 (Zhao et al. 2018)."""
    return (magnitudes > 0.5 * mix_magnitude.unsqueeze(-3)).to(magnitudes.dtype)


def ideal_ratio(magnitudes: Tensor) -> Tensor:
    """Return each source's share [..., N, F, T] of the summed magnitudes; 0 where all are silent."""
    return magnitudes / magnitudes.sum(dim=-3, keepdim=True).clamp_min(1e-10)


def random_binary(shape: tuple[int, ...], *, seed: int) -> Tensor:
    """Return a mask of that shape, each bin 0 or 1 with equal chance."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 2, shape).astype(np.float32))


def binarise(masks: np.ndarray) -> np.ndarray:
    """Return 1 where a mask passes 0.5, else 0."""
    return (masks > THRESHOLD).astype(masks.dtype)
