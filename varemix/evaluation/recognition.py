"""Whether pictures are taken for what they show, and those of nothing that is known for strangers.

Belongs here: which kept query is nearest to a picture's, and what is counted. Stays out: making queries (`model`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """A picture, what it shows, the instrument whose kept query is nearest to its own, and whether it was refused.

    A stranger shows none of the instruments that are known; it is right to refuse it.
    """

    picture: str
    instrument: str
    taken_for: str
    is_stranger: bool = False
    is_refused: bool = False

    @property
    def is_right(self) -> bool:
        """Whether the picture is taken for what it shows."""
        return self.taken_for == self.instrument


def nearest(queries: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return for each of the queries [N, K] which of the kept ones [I, K] is nearest (Euclidean), as indices [N]."""
    distances = np.linalg.norm(queries[:, None].astype(np.float64) - kept[None], axis=-1)
    return np.asarray(distances.argmin(axis=1))


def of_instruments(recognitions: Sequence[Recognition]) -> list[Recognition]:
    """Return those of pictures that show a known instrument."""
    return [found for found in recognitions if not found.is_stranger]


def num_recognised(recognitions: Sequence[Recognition]) -> int:
    """Return how many pictures are taken for what they show."""
    return sum(recognition.is_right for recognition in recognitions)


def refusals(recognitions: Sequence[Recognition]) -> dict[str, dict[str, int | float]]:
    """Return how many pictures were refused: of those taken for what they show, and of strangers, where there are any.

    Each is {"refused", "of", "share"}, the share rounded to three digits.
    """
    groups = {
        "right": [found for found in of_instruments(recognitions) if found.is_right],
        "strangers": [found for found in recognitions if found.is_stranger],
    }
    return {name: _refused(group) for name, group in groups.items() if group}


def _refused(group: Sequence[Recognition]) -> dict[str, int | float]:
    refused = sum(found.is_refused for found in group)
    return {"refused": refused, "of": len(group), "share": round(refused / len(group), 3)}
