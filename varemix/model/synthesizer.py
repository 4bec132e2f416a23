"""The synthesizer: where a query meets the feature maps and becomes a mask.

Source: Zhao et al. 2018: a weighted inner product over the K maps, and a bias.
"""

import torch
from torch import Tensor, nn


class Synthesizer(nn.Module):
    """Linear synthesizer: logits = sum over k of scale_k * query_k * map_k, plus bias."""

    def __init__(self, num_maps: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_maps))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, queries: Tensor, maps: Tensor) -> Tensor:
        """Return mask logits [B, N, L, T] of queries [B, N, K] and feature maps [B, K, L, T]."""
        return torch.einsum("bnk,bklt->bnlt", self.mixing(queries), maps) + self.bias

    def mixing(self, queries: Tensor) -> Tensor:
        """Return by how much each map counts for queries [..., K]: [..., K]."""
        return queries * self.scale


def claimed_by_known(known: Tensor) -> Tensor:
    """Return the masks [I, L, T] of the known instruments' logits [I, L, T]: their shares among themselves and nobody.

    A bin is shared out as by a softmax, nobody's logit being 0. Works in place.
    """
    highest = known.amax(dim=0).clamp_min_(0)
    claims = known.sub_(highest).exp_()
    return claims.div_(claims.sum(dim=0).add_(highest.neg_().exp_()))


def claimed_among_rivals(asked: Tensor, known: Tensor, own: Tensor) -> Tensor:
    """Return the masks [N, L, T] of asked logits when they compete with the known instruments' [I, L, T].

    A bin is shared out among the asked instrument, its rivals and nobody, whose logit is 0, as by a softmax. Rivals are
    all known instruments but the asked one's own, `own` [N].
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
