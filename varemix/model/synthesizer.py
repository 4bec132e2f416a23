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
