"""Asking for instruments by name alone: the queries themselves are learnt, and no picture is looked at.

What pictures ask for is learnt apart from it (`varemix.training.heads`), for the trunk that looks at them stays frozen.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from varemix.model.separator import Separator
from varemix.training.examples import Source
from varemix.training.recipe import Recipe
from varemix.training.soundbank import Recording

_SPREAD = 2.0  # of a code that nothing is known of, so that most of its numbers are clearly on or off
_CERTAIN = 1e-4


class NamedCodes(nn.Module):
    """A code for each instrument, whose sigmoid is its query. Those that the separator keeps are begun with."""

    def __init__(self, recipe: Recipe, separator: Separator, instruments: Sequence[str]) -> None:
        super().__init__()
        new = sorted(set(instruments) - set(separator.instruments))
        self.instruments: Sequence[str] = [*separator.instruments, *new]
        self._noise = recipe.code_noise
        generator = torch.Generator().manual_seed(recipe.seed)
        drawn = _SPREAD * torch.randn(len(new), recipe.separator.num_maps, generator=generator)
        kept = torch.logit(separator.instrument_queries.float(), eps=_CERTAIN)
        self.codes = nn.Parameter(torch.cat([kept, drawn.to(kept.device)]))

    def show(self, sources: Sequence[Source], draw: np.random.Generator, *, is_learning: bool) -> Tensor:
        """Return the noise [Q, 1, K] on the codes, so that what is near a code asks for its instrument too."""
        noise = self._noise * draw.standard_normal(tuple(self.codes.shape)) * is_learning
        return torch.from_numpy(noise.astype(np.float32)).unsqueeze(1)

    def queries(self, shown: Tensor) -> Tensor:
        """Return the queries [B, Q, K] with noise [B, Q, 1, K] on their codes."""
        return torch.sigmoid(self.codes + shown[:, :, 0])

    @torch.no_grad()
    def instrument_queries(self) -> dict[str, Tensor]:
        """Return each instrument's query [K]."""
        return dict(zip(self.instruments, torch.sigmoid(self.codes).unbind(), strict=True))


def named_codes(recipe: Recipe, separator: Separator, recordings: Sequence[Recording]) -> NamedCodes:
    """Return the codes of the separator's instruments and of those that recordings to learn from are of.

    The separator's vision network learns nothing then.
    """
    separator.vision.requires_grad_(False)
    names = {one.label for one in recordings if one.split == "train" and one.names_instrument}
    return NamedCodes(recipe, separator, sorted(names)).to(separator.device)
