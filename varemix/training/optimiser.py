"""How far each weight moves: the optimiser, its groups of weights, and the schedule of their rates."""

import math

import torch
from torch import nn

from varemix.model.separator import Separator
from varemix.training.recipe import Recipe

_MOMENTUM = 0.9
_ADAM_BETAS = (0.9, 0.99)
_WARM_UP_STEPS = 200
_FALL_SHARE = 0.5  # of a run: the end of a plateau


def new_optimiser(recipe: Recipe, separator: Separator) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over all weights that learn; a group's `full_rate` is its rate at its highest.

    With AdamW only matrices and kernels decay, not offsets, scales and places.
    """
    vision = separator.vision
    parts = [
        ([*separator.sound.named_parameters(), *separator.synthesizer.named_parameters()], recipe.rate),
        (list(vision.head.named_parameters()), recipe.head_rate or recipe.rate),
        (list(vision.trunk.named_parameters()) if recipe.trunk_rate > 0 else [], recipe.trunk_rate),
    ]
    if recipe.optimiser == "sgd":
        groups = [_group([weights for _, weights in part], rate, recipe.weight_decay) for part, rate in parts if part]
        return torch.optim.SGD(groups, lr=recipe.rate, momentum=_MOMENTUM)
    groups = []
    for part, rate in parts:
        for decays in (True, False):
            members = [weights for name, weights in part if _is_kernel(name, weights) == decays]
            if members:
                groups.append(_group(members, rate, recipe.weight_decay if decays else 0.0))
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=_ADAM_BETAS, fused=True)


def rate_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return what the learning rates are multiplied with at a step (from 0)."""
    if recipe.schedule == "steps":
        return float(0.1 ** sum(step >= epoch * steps_per_epoch for epoch in recipe.rate_drops))
    num_steps = recipe.epochs * steps_per_epoch
    warm_up = min(1.0, (step + 1) / min(_WARM_UP_STEPS, num_steps / 4))
    if recipe.schedule == "cosine":
        return warm_up * 0.5 * (1 + math.cos(math.pi * step / num_steps))
    return min(warm_up, (num_steps - step) / (_FALL_SHARE * num_steps))


def _group(parameters: list[nn.Parameter], rate: float, weight_decay: float) -> dict[str, object]:
    return {"params": parameters, "full_rate": rate, "weight_decay": weight_decay}


def _is_kernel(name: str, weights: nn.Parameter) -> bool:
    return weights.ndim > 1 and not name.startswith("place.")
