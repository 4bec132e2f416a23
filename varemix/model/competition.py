"""Instruments compete for every bin: from logits to the shares that are their masks.

A bin is shared out among instruments and nobody, whose logit is 0, as by a softmax. Belongs here: who competes with
whom, and how the rule of the settings reads masks from shares. Stays out: where logits come from (`sound`,
`synthesizer`).
"""

import torch
from torch import Tensor

from varemix.model.settings import PLAIN_SHARES, ReadingRule

__all__ = [
    "PLAIN_SHARES",
    "ReadingRule",
    "claimed_among_rivals",
    "claimed_by_known",
    "read_masks",
    "read_masks_together",
]


def read_masks(logits: Tensor, places: Tensor, num_known: int, nearest: Tensor, rule: ReadingRule) -> Tensor:
    """Return the masks [N, L, T] of those asked for, which compete with all known instruments.

    `logits` [I + M, L, T], divided by the rule's temperature, are those of `num_known` known instruments, I, and then
    of M new queries, each of which takes the place of the known one `nearest` [M] to it; `places` [N] say which of the
    logits were asked for.
    """
    known, new = logits[:num_known], logits[num_known:]
    claimed = [claimed_among_rivals(new, known, nearest)] if len(new) else []
    every = torch.cat([claimed_by_known(known), *claimed]) if claimed else claimed_by_known(known)
    return _bolder(every[places], rule)


def read_masks_together(logits: Tensor, places: Tensor, num_known: int, nearest: Tensor, rule: ReadingRule) -> Tensor:
    """Return the masks [N, L, T] of those asked for when nothing else plays; arguments as for `read_masks`."""
    among_asked = claimed_by_known(logits[places])
    if rule.asked_weight < 1 and num_known:
        among_all = read_masks(logits, places, num_known, nearest, PLAIN_SHARES)
        among_asked = among_all.lerp_(among_asked, rule.asked_weight)
    return _bolder(among_asked, rule)


def _bolder(shares: Tensor, rule: ReadingRule) -> Tensor:
    return shares if rule.power == 1 else shares.pow_(rule.power)


def claimed_by_known(known: Tensor) -> Tensor:
    """Return the shares [I, L, T] of logits [I, L, T] among themselves and nobody; works in place."""
    highest = known.amax(dim=0).clamp_min_(0)
    claims = known.sub_(highest).exp_()
    return claims.div_(claims.sum(dim=0).add_(highest.neg_().exp_()))


def claimed_among_rivals(asked: Tensor, known: Tensor, own: Tensor) -> Tensor:
    """Return the shares [N, L, T] of asked logits when they compete with the known instruments' [I, L, T].

    Rivals are all known instruments but the asked one's own, `own` [N], whose place it takes.
    """
    highest = torch.maximum(asked.amax(dim=0), known.amax(dim=0)).clamp_min(0)
    claims = (asked - highest).exp_()
    rivals = _sums_of_others((known - highest).exp_())[own] + (-highest).exp_()
    return claims / (rivals + claims).clamp_min_(1e-30)


def _sums_of_others(values: Tensor) -> Tensor:
    """Return for each of the values [I, ...] the sum of the others; nothing is subtracted, so small sums stay exact."""
    sums = torch.zeros_like(values)
    before, after = torch.zeros_like(values[0]), torch.zeros_like(values[0])
    for place in range(1, len(values)):
        sums[place] += before.add_(values[place - 1])
        sums[-place - 1] += after.add_(values[-place])
    return sums
