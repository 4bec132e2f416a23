"""How far each weight moves: the optimiser, its groups of weights, and the schedule of their rates."""

import math

import torch
from torch import nn

from varemix.model.separator import Separator
from varemix.training.recipe import Recipe

_MOMENTUM = 0.9
_ADAM_BETAS = (0.9, 0.99)
_WARM_UP_STEPS = 300


def new_optimiser(
    recipe: Recipe, separator: Separator, codes: nn.Parameter | None = None, *, is_new: bool = True
) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over all weights that learn; a group's `full_rate` is its rate at its highest.

    `codes` are the instruments' where these are learnt by name, and the pictures are not. `is_new` says that no
    checkpoint was begun with. With AdamW only matrices and kernels decay, not offsets, scales and places.
    """
    rate = recipe.rate if is_new or recipe.start_rate is None else recipe.start_rate
    vision = separator.vision
    parts = [
        ([*separator.sound.named_parameters(), *separator.synthesizer.named_parameters()], rate),
        (list(vision.head.named_parameters()) if codes is None else [("codes", codes)], recipe.head_rate or rate),
        (list(vision.trunk.named_parameters()) if recipe.trunk_rate > 0 else [], recipe.trunk_rate),
    ]
    if recipe.optimiser == "sgd":
        groups = [_group([weights for _, weights in part], rate, recipe.weight_decay) for part, rate in parts if part]
        return torch.optim.SGD(groups, momentum=_MOMENTUM)
    groups = []
    for part, rate in parts:
        for decays in (True, False):
            members = [weights for name, weights in part if _is_kernel(name, weights) == decays]
            if members:
                groups.append(_group(members, rate, recipe.weight_decay if decays else 0.0))
    return torch.optim.AdamW(groups, betas=_ADAM_BETAS, fused=True)


def rate_factor(recipe: Recipe, step: int, num_steps: float) -> float:
    """Return what the learning rates are multiplied with at a step (from 0) of so many, a guess where time decides."""
    done = step / num_steps
    if recipe.schedule == "steps":
        return float(0.1 ** sum(step * recipe.epochs >= epoch * num_steps for epoch in recipe.rate_drops))
    warm_up = min(1.0, (step + 1) / min(_WARM_UP_STEPS, num_steps / 4))
    if recipe.schedule == "cosine":
        return warm_up * 0.5 * (1 + math.cos(math.pi * done))
    return min(warm_up, (1 - done) / recipe.fall_share)


def _group(parameters: list[nn.Parameter], rate: float, weight_decay: float) -> dict[str, object]:
    return {"params": parameters, "lr": rate, "full_rate": rate, "weight_decay": weight_decay}


def _is_kernel(name: str, weights: nn.Parameter) -> bool:
    return weights.ndim > 1 and not name.startswith("place.")
