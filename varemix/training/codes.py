"""A head start for the pictures: before anything is heard, the head learns to give each instrument a code of its own.

Sound alone would have to teach the head which pictures belong together and the U-Net what to answer, both at once; few
pictures a step make that slow. The codes are rows of a Hadamard matrix, far apart from each other; a picture of nothing
has the code 0. Training goes on from there.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from varemix.model.separator import Separator
from varemix.training.kept_features import KeptFeatures
from varemix.training.recipe import Recipe

_RATE, _DECAY = 2e-3, 1.0
_PICTURES_A_STEP = 24  # of each instrument
_LOWEST, _HIGHEST = 0.05, 0.95


def teach_codes(separator: Separator, book: KeptFeatures, recipe: Recipe) -> None:
    """Train the head alone, for the recipe's `code_steps`, to answer pictures with their instruments' codes."""
    codes = instrument_codes(len(book.instruments), recipe.separator.num_maps).to(separator.device)
    draw = np.random.default_rng([recipe.seed, len(book.instruments)])
    head = separator.vision.head
    optimiser = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=_DECAY)
    for step in range(recipe.code_steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * (1 - step / recipe.code_steps)
        features = torch.stack([book.show([], draw, is_learning=True) for _ in range(_PICTURES_A_STEP)])
        queries = book.queries(features.to(separator.device))
        loss = functional.binary_cross_entropy(queries, codes.expand_as(queries))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def instrument_codes(num_instruments: int, num_maps: int) -> Tensor:
    """Return the codes [I + 1, K] in 0..1 of so many instruments and of nothing, which is last."""
    from scipy.linalg import hadamard

    size = 2 ** int(np.ceil(np.log2(max(num_maps, num_instruments + 1))))
    columns = np.sort(np.random.default_rng(0).permutation(size)[:num_maps])  # the first ones alone repeat themselves
    rows = torch.from_numpy(hadamard(size)[1 : num_instruments + 1, columns].astype(np.float32))
    signs = torch.cat([rows, -torch.ones(1, num_maps)])
    return torch.where(signs > 0, _HIGHEST, _LOWEST)
