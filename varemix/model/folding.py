"""Batch normalisation folded into the convolutions before it, for networks that only listen.

A normalisation that no longer learns is a scale and an offset for each channel; the convolution can do both at no cost.
Belongs here: that change. Stays out: the networks, and files: a folded network holds other weights than it learnt.
"""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


@torch.no_grad()
def fold_norms(network: nn.Module) -> None:
    """Put a plain convolution in the place of every convolution that a batch normalisation directly follows."""
    network.eval()
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Sequential) and len(child) == 2:
                convolution, norm = child
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(module, name, fuse_conv_bn_eval(convolution, norm))
