"""What asks for the instruments of a mix while it is learnt to hear them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

from varemix.training.examples import Source


class PictureBook(Protocol):
    """Shows the vision network pictures of sources, or of `instruments`: the first of its queries ask for these."""

    instruments: Sequence[str]

    def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> Tensor:
        """Return what is shown for the queries of one example, [Q, P, ...]."""

    def queries(self, shown: Tensor) -> Tensor:
        """Return the queries [B, Q, K] of what is shown for a batch, [B, Q, P, ...], on the separator's device."""

    def instrument_queries(self) -> dict[str, Tensor]:
        """Return each instrument's own query [K]."""
