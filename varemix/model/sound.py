"""The sound networks: U-Nets that turn the mix's spectrogram into K feature maps.

`pixels` is the paper's, from Zhao et al. 2018, "The Sound of Pixels": with widths 64, 128, 256 and four times 512
and K = 32 it has 30.3 million parameters. `residual` is ours: it knows at which pitch it listens, deepens each level by
residual blocks (He et al. 2016), adds skips instead of concatenating them, and makes the full resolution only at its
very end (Shi et al. 2016), where the original spends nearly half of its work. It may have frequency blocks, which look
along all rows at once and so see the harmonics of a note whole (Choi et al. 2020). Several of a kind may listen side by
side: what each learnt by chance is then outvoted.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from varemix.model.settings import SoundName

_NARROWING, _LEAST_NARROW_ROWS = 4, 8


def build_sound(
    name: SoundName,
    *,
    num_maps: int,
    widths: Sequence[int],
    num_rows: int,
    frequency_blocks: bool = False,
    num_networks: int = 1,
) -> nn.Module:
    """Return the named network, from log magnitudes [B, 1, L, T] to feature maps [B, K, L, T].

    `widths` are the channels of each level; L and T must be multiples of 2 ** len(widths). `frequency_blocks` are for
    `residual` alone. Of several networks each makes its share of the maps.
    """
    if num_networks > 1:
        share = num_maps // num_networks
        networks = [
            build_sound(name, num_maps=share, widths=widths, num_rows=num_rows, frequency_blocks=frequency_blocks)
            for _ in range(num_networks)
        ]
        return SideBySide(networks)
    if name == "pixels":
        return PixelsUNet(num_maps=num_maps, widths=widths)
    return ResidualUNet(num_maps=num_maps, widths=widths, num_rows=num_rows, frequency_blocks=frequency_blocks)


class SideBySide(nn.Module):
    """Networks that hear the same and whose maps are put together."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, log_magnitude: Tensor, mixing: Tensor | None = None) -> Tensor:
        """Return the feature maps [B, K, L, T] of log magnitudes [B, 1, L, T], the first network's first.

        With `mixing` [N, K] return the N mixtures of the maps.
        """
        if mixing is None:
            return torch.cat([network(log_magnitude) for network in self.networks], dim=1)
        shares = mixing.chunk(len(self.networks), dim=1)
        mixtures = [network(log_magnitude, share) for network, share in zip(self.networks, shares, strict=True)]
        return torch.stack(mixtures).sum(dim=0)


class PixelsUNet(nn.Module):
    """The U-Net of the Sound of Pixels.

    Down: convolution 4x4 with stride 2, after a leaky ReLU (0.2) but at the first, batch-normalised but at the
    ends. Up: ReLU, twofold bilinear upsampling, convolution 3x3, batch normalisation but at the end. Skips concatenate
    the rectified input of each level, as the original's in-place rectifier does.
    """

    def __init__(self, *, num_maps: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(1)
        self.down = nn.ModuleList(
            nn.Conv2d(below, above, 4, stride=2, padding=1, bias=False) for below, above in pairwise([1, *widths])
        )
        self.down_norm = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:-1])
        outputs = [num_maps, *widths[:-1]]
        inputs = [2 * width for width in widths[:-1]] + [widths[-1]]
        self.up = nn.ModuleList(
            nn.Conv2d(wide, narrow, 3, padding=1, bias=level == 0)
            for level, (wide, narrow) in enumerate(zip(inputs, outputs, strict=True))
        )
        self.up_norm = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[:-1])

    def forward(self, log_magnitude: Tensor, mixing: Tensor | None = None) -> Tensor:
        """Return feature maps [B, K, L, T] of log magnitudes [B, 1, L, T]; with `mixing` [N, K] N mixtures of them."""
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
        return maps if mixing is None else torch.einsum("nk,bklt->bnlt", mixing, maps)

    def _raise(self, features: Tensor, level: int) -> Tensor:
        finer = functional.interpolate(functional.relu(features), scale_factor=2, mode="bilinear", align_corners=True)
        raised: Tensor = self.up[level](finer)
        return raised


class ResidualUNet(nn.Module):
    """A U-Net of residual blocks that knows where on the frequency axis it is.

    Down: convolution 4x4 with stride 2, batch normalisation, a learnt offset for each channel and row, ReLU, and a
    residual block but at the first level. Up: convolution 1x1, batch normalisation, nearest-neighbour upsampling,
    the skip added, ReLU, and a residual block but at the last level. The maps come out of a 3x3 convolution at half
    the resolution that makes four values for each place. With `frequency_blocks` one follows each residual block.
    """

    def __init__(self, *, num_maps: int, widths: Sequence[int], num_rows: int, frequency_blocks: bool = False) -> None:
        super().__init__()
        level_rows = [num_rows >> (level + 1) for level in range(len(widths))]
        self.input_norm = nn.BatchNorm2d(1)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(below, above, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(above))
            for below, above in pairwise([1, *widths])
        )
        self.place = nn.ParameterList(
            torch.zeros(width, rows, 1) for width, rows in zip(widths, level_rows, strict=True)
        )
        self.encode = nn.ModuleList(_blocks(widths, level_rows, frequency_blocks))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(above, below, 1, bias=False), nn.BatchNorm2d(below))
            for below, above in pairwise(widths)
        )
        self.decode = nn.ModuleList(_blocks(widths[:-1], level_rows[:-1], frequency_blocks))
        self.maps = nn.Conv2d(widths[0], 4 * num_maps, 3, padding=1)

    def forward(self, log_magnitude: Tensor, mixing: Tensor | None = None) -> Tensor:
        """Return feature maps [B, K, L, T] of log magnitudes [B, 1, L, T].

        With `mixing` [N, K] return N mixtures of the maps, made by a convolution that mixes at once: fewer values.
        """
        features = self.input_norm(log_magnitude)
        skips = []
        for down, place, encode in zip(self.down, self.place, self.encode, strict=True):
            features = encode(down(features).add_(place).relu_())
            skips.append(features)
        for level in reversed(range(len(self.up))):
            finer = functional.interpolate(self.up[level](features), scale_factor=2, mode="nearest")
            features = self.decode[level](finer.add_(skips[level]).relu_())
        maps = self.maps(features) if mixing is None else self._mixtures(features, mixing)
        return functional.pixel_shuffle(maps, 2)

    def _mixtures(self, features: Tensor, mixing: Tensor) -> Tensor:
        """Return what the maps' convolution and the mixing [N, K] of its K maps make of features, four values each."""
        weight, bias = self.maps.weight, self.maps.bias
        assert bias is not None
        with torch.autocast(features.device.type, enabled=False):
            mixed_weight = torch.tensordot(mixing, weight.unflatten(0, (-1, 4)), dims=1).flatten(0, 1)
            mixed_bias = (mixing @ bias.unflatten(0, (-1, 4))).flatten()
        return functional.conv2d(features, mixed_weight, mixed_bias, padding=1)


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose result is added to what went in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, features: Tensor) -> Tensor:
        change: Tensor = self.second(self.first(features).relu_())
        return change.add_(features).relu_()


class _FrequencyBlock(nn.Module):
    """Two linear maps along the rows, narrow in between, whose result is added to what went in.

    They are the same for every channel and frame, so that a row may hear all others: a note's harmonics, say.
    Source: Choi et al. 2020, time-distributed fully connected layers.
    """

    def __init__(self, width: int, num_rows: int) -> None:
        super().__init__()
        num_narrow = max(_LEAST_NARROW_ROWS, num_rows // _NARROWING)
        self.down = nn.Linear(num_rows, num_narrow, bias=False)
        self.down_norm = nn.BatchNorm2d(width)
        self.up = nn.Linear(num_narrow, num_rows, bias=False)
        self.up_norm = nn.BatchNorm2d(width)

    def forward(self, features: Tensor) -> Tensor:
        narrow = self.down_norm(_along_rows(self.down.weight, features)).relu_()
        change: Tensor = self.up_norm(_along_rows(self.up.weight, narrow))
        return features + change.relu_()  # not in place: learning needs what was rectified


def _along_rows(weight: Tensor, features: Tensor) -> Tensor:
    """Return features [B, C, L, T] mapped along the rows by a matrix [M, L]: [B, C, M, T].

    In channels-last memory nothing is moved: a row's frames and channels lie side by side.
    """
    rows = features.permute(0, 2, 3, 1)
    mapped = weight @ rows.flatten(2)
    return mapped.unflatten(2, rows.shape[2:]).permute(0, 3, 1, 2)


class _HarmonicBlock(nn.Module):
    """A residual block and a frequency block, one after the other."""

    def __init__(self, width: int, num_rows: int) -> None:
        super().__init__()
        self.time_frequency = _ResidualBlock(width)
        self.frequency = _FrequencyBlock(width, num_rows)

    def forward(self, features: Tensor) -> Tensor:
        harmonic: Tensor = self.frequency(self.time_frequency(features))
        return harmonic


def _blocks(widths: Sequence[int], level_rows: Sequence[int], frequency_blocks: bool) -> list[nn.Module]:
    """Return a block for each level; the finest has none, where it would cost most and give least."""
    coarser = list(zip(widths, level_rows, strict=True))[1:]
    blocks = [_HarmonicBlock(*sizes) if frequency_blocks else _ResidualBlock(sizes[0]) for sizes in coarser]
    return [nn.Identity(), *blocks]
