"""Recipes: everything that decides what training yields, as one frozen record each.

A recipe is a function; a variant edits another recipe with `dataclasses.replace`. What only decides how fast or
where training runs (device, threads, how often to save) is no part of it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from varemix.errors import UsageError
from varemix.model.separator import SeparatorSettings
from varemix.signal.spectrogram import HOP_SAMPLES


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a separator is trained.

    An epoch draws `examples_per_clip` examples for each training clip. Learning rates are for the vision network's
    trunk and for everything else; a trunk rate of 0 freezes the trunk, and then its features are computed once for
    `pictures_per_clip` frames of each clip. `rate_drops` are the epochs at which rates fall tenfold ("steps").
    """

    name: str
    separator: SeparatorSettings
    epochs: int
    examples_per_clip: int
    batch_size: int
    optimiser: Literal["sgd", "adamw"]
    trunk_rate: float
    rate: float
    weight_decay: float
    schedule: Literal["steps", "cosine"]
    rate_drops: tuple[int, ...] = ()
    initialisation: Literal["sound_of_pixels", "default"] = "default"
    num_sources: int = 2
    volume_range: tuple[float, float] = (0.5, 1.0)
    pictures_per_example: int = 3
    picture_stride: int = 24
    pictures_per_clip: int | None = None
    num_validation_examples: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.trunk_rate == 0) != (self.pictures_per_clip is not None):
            raise ValueError("A frozen trunk (trunk_rate 0) and pictures_per_clip go together: set both or neither.")

    @property
    def window_samples(self) -> int:
        """Samples of one example: the most that give exactly the network's frames, and 5.94 s for 512 of them."""
        return self.separator.window_frames * HOP_SAMPLES - 4

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain JSON-like values."""
        return asdict(self)


def paper() -> Recipe:
    """Return what the paper does: dilated ResNet-18, the 7-level U-Net, binary masks, 85 epochs of SGD.

    Source: Yang, Wei, Lerch 2020, on the recipe of Zhao et al. 2018 (100 examples a clip and epoch, rates falling
    at epochs 40 and 80).
    """
    return Recipe(
        name="paper",
        separator=SeparatorSettings(
            vision="resnet18_dilated",
            num_maps=32,
            base_channels=64,
            levels=7,
            upsampling="bilinear",
            window_frames=512,
            masks="binary",
        ),
        epochs=85,
        examples_per_clip=100,
        batch_size=16,
        optimiser="sgd",
        trunk_rate=1e-4,
        rate=1e-3,
        weight_decay=1e-4,
        schedule="steps",
        rate_drops=(40, 80),
        initialisation="sound_of_pixels",
        num_validation_examples=256,
    )


def reference() -> Recipe:
    """Return a smaller, quicker separator: frozen EfficientNet-Lite0, a narrow U-Net, soft masks, AdamW."""
    return Recipe(
        name="reference",
        separator=SeparatorSettings(
            vision="efficientnet_lite0",
            num_maps=32,
            base_channels=24,
            levels=6,
            upsampling="nearest",
            window_frames=256,
            masks="soft",
        ),
        epochs=60,
        examples_per_clip=10,
        batch_size=8,
        optimiser="adamw",
        trunk_rate=0.0,
        rate=2e-3,
        weight_decay=1e-2,
        schedule="cosine",
        pictures_per_example=1,
        pictures_per_clip=12,
        num_validation_examples=64,
    )


def tiny() -> Recipe:
    """Return the recipe of demonstrations and tests: minutes on two cores, and masks that show what it is about."""
    return Recipe(
        name="tiny",
        separator=SeparatorSettings(
            vision="efficientnet_lite0",
            num_maps=16,
            base_channels=12,
            levels=5,
            upsampling="nearest",
            window_frames=128,
            masks="soft",
        ),
        epochs=10,
        examples_per_clip=16,
        batch_size=8,
        optimiser="adamw",
        trunk_rate=0.0,
        rate=4e-3,
        weight_decay=1e-2,
        schedule="cosine",
        pictures_per_example=1,
        pictures_per_clip=4,
        num_validation_examples=32,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {"paper": paper, "reference": reference, "tiny": tiny}


def named_recipe(name: str) -> Recipe:
    """Return the recipe of that name; UsageError with the names there are for another."""
    if name not in RECIPES:
        raise UsageError(f"There is no recipe '{name}'; the recipes are {', '.join(RECIPES)}.")
    return RECIPES[name]()
