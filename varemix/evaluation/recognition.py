"""Whether pictures are taken for what they show.

Belongs here: which kept query is nearest to a picture's. Stays out: making queries (`model`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """A picture, the instrument that it shows, and the one whose kept query is nearest to its own."""

    picture: str
    instrument: str
    taken_for: str

    @property
    def is_right(self) -> bool:
        """Whether the picture is taken for what it shows."""
        return self.taken_for == self.instrument


def nearest(queries: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return for each of the queries [N, K] which of the kept ones [I, K] is nearest (Euclidean), as indices [N]."""
    distances = np.linalg.norm(queries[:, None].astype(np.float64) - kept[None], axis=-1)
    return np.asarray(distances.argmin(axis=1))


def num_recognised(recognitions: Sequence[Recognition]) -> int:
    """Return how many pictures are taken for what they show."""
    return sum(recognition.is_right for recognition in recognitions)
