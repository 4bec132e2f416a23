"""The sound network: a U-Net that turns the mix's spectrogram into K feature maps.

Source: Zhao et al. 2018, "The Sound of Pixels": 7 levels of 64, 128, 256 and then 512 channels, 30.3 million
parameters with K = 32. Fewer channels and levels make the small recipes.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Upsampling = Literal["bilinear", "nearest"]


class SoundNetwork(nn.Module):
    """U-Net from log magnitudes [B, 1, L, T] to feature maps [B, K, L, T].

    Down: convolution 4x4 with stride 2, after a leaky ReLU (0.2) but at the first, batch-normalised but at the
    ends. Up: ReLU, twofold upsampling, convolution 3x3, batch normalisation but at the end. Skips concatenate the
    rectified input of each level, as the original's in-place rectifier does. L and T must be multiples of 2^levels.
    """

    def __init__(self, *, num_maps: int, base_channels: int, levels: int, upsampling: Upsampling) -> None:
        super().__init__()
        widths = [base_channels * min(2**level, 8) for level in range(levels)]
        self.upsampling = upsampling
        self.input_norm = nn.BatchNorm2d(1)
        self.down = nn.ModuleList(
            nn.Conv2d(below, above, 4, stride=2, padding=1, bias=False)
            for below, above in zip([1, *widths[:-1]], widths, strict=True)
        )
        self.down_norm = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:-1])
        outputs = [num_maps, *widths[:-1]]
        inputs = [2 * width for width in widths[:-1]] + [widths[-1]]
        self.up = nn.ModuleList(
            nn.Conv2d(wide, narrow, 3, padding=1, bias=level == 0)
            for level, (wide, narrow) in enumerate(zip(inputs, outputs, strict=True))
        )
        self.up_norm = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[:-1])

    def forward(self, log_magnitude: Tensor) -> Tensor:
        """Return feature maps [B, K, L, T] of log magnitudes [B, 1, L, T]."""
        deepest = len(self.down) - 1
        features = self.down[0](self.input_norm(log_magnitude))
        skips = []
        for level in range(1, deepest + 1):
            skips.append(functional.leaky_relu(features, 0.2))
            features = self.down[level](skips[-1])
            if level < deepest:
                features = self.down_norm[level - 1](features)
        for level in range(deepest, 0, -1):
            features = self.up_norm[level - 1](self._raise(features, level))
            features = torch.cat([skips[level - 1], features], dim=1)
        maps: Tensor = self._raise(features, 0)
        return maps

    def _raise(self, features: Tensor, level: int) -> Tensor:
        corners = True if self.upsampling == "bilinear" else None
        finer = functional.interpolate(
            functional.relu(features), scale_factor=2, mode=self.upsampling, align_corners=corners
        )
        raised: Tensor = self.up[level](finer)
        return raised
