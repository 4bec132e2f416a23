"""What the networks of a separator are, as it travels in a checkpoint: settings alone, without the networks.

Belongs here: what can be said of a checkpoint without loading PyTorch. Stays out: networks and weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

from varemix.errors import UsageError
from varemix.signal.grid import Grid

VisionName = Literal[
    "resnet18_dilated",
    "efficientnet_lite0",
    "efficientnet_lite2",
    "efficientnet_lite2_multiscale",
    "efficientnet_lite0_head",
    "efficientnet_lite2_head",
    "efficientnet_lite2_multiscale_head",
]
NO_TRUNK = "_head"
"""Ends the name of a vision network without its trunk, which takes features that come ready made."""

SoundName = Literal["pixels", "residual"]


@dataclass(frozen=True, kw_only=True)
class ReadingRule:
    """How masks are read from shares; shares alone are too timid.

    A mask is the share, of logits divided by `temperature`, to the power `power`, below 1 the bolder. Where nothing
    else is said to play, the share is the mean of that among all known instruments and of that among those asked for,
    the latter weighing `asked_weight`, 0 to 1: a little doubt remains, for what plays and was not asked for. Raises
    ValueError for values outside their ranges.
    """

    power: float = 1.0
    temperature: float = 1.0
    asked_weight: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.power <= 1 and 0 < self.temperature < inf and 0 <= self.asked_weight <= 1):
            raise ValueError(
                f"{self} cannot be; the power lies above 0 and up to 1, the temperature above 0, the weight from 0 to 1"
            )


PLAIN_SHARES = ReadingRule()
"""Masks are the shares themselves; where nothing else plays, those among the asked."""


@dataclass(frozen=True, kw_only=True)
class SeparatorSettings:
    """What the networks are; it travels in the checkpoint and decides which weights fit.

    `grid` is what it hears on, `window_frames` how many frames of it at once. `widths` are the channels of the sound
    network's levels, and `frequency_blocks` says whether these also look along all rows. `masks` says whether the masks
    that come out are hard decisions at 0.5 on the linear bins, as in the paper, or the network's soft ones on the
    grid's rows. `has_rivals` says whether a pictured instrument competes for every bin with the other instruments that
    the separator knows, and with none of them, instead of being judged alone. Of `num_sound_networks` each makes its
    share of the maps. `recognises` says whether pictures are compared with the instruments that it knows, so that a
    picture of something else is told as such.
    """

    vision: VisionName
    sound: SoundName
    num_maps: int
    widths: tuple[int, ...]
    window_frames: int
    masks: Literal["binary", "soft"]
    has_rivals: bool
    grid: Grid
    frequency_blocks: bool = False
    num_sound_networks: int = 1
    reading: ReadingRule = PLAIN_SHARES
    recognises: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # a list where it was read from JSON
        if isinstance(self.grid, Mapping):
            object.__setattr__(self, "grid", Grid(**self.grid))
        if isinstance(self.reading, Mapping):
            object.__setattr__(self, "reading", ReadingRule(**self.reading))
        if not isinstance(self.grid, Grid):
            raise ValueError(f"{self.grid!r} is no grid; give its window, hop, rows and floor.")
        if not isinstance(self.reading, ReadingRule):
            raise ValueError(f"{self.reading!r} is no rule of reading masks; give its powers and weight.")
        if not self.widths:
            raise ValueError("a sound network has no widths; give the channels of one level or more.")
        step = 2 ** len(self.widths)
        if self.grid.num_rows % step or self.window_frames % step or self.window_frames < step:
            raise ValueError(
                f"{self.grid.num_rows} rows x {self.window_frames} frames cannot be halved {len(self.widths)} times; "
                f"both must be multiples of {step}."
            )
        if self.frequency_blocks and self.sound != "residual":
            raise ValueError(f"the sound network {self.sound} has no frequency blocks; ask for residual, or for none.")
        if self.num_sound_networks < 1 or self.num_maps % self.num_sound_networks:
            raise ValueError(
                f"{self.num_maps} maps cannot be shared by {self.num_sound_networks} sound networks; "
                "the number of maps must be a multiple of theirs."
            )

    @property
    def mask_grid(self) -> Grid:
        """The grid that the masks lie on: decisions fall on the linear bins, soft masks stay on the rows."""
        return self.grid.on_bins() if self.masks == "binary" else self.grid

    def check_rivals(self) -> None:
        """Raise UsageError unless instruments compete, and so can share a recording among themselves."""
        if not self.has_rivals:
            raise UsageError(
                "This model separates every instrument by itself; it cannot share a recording out among those asked "
                "for. Ask without `exclusive`, or use a model with rivals, such as one of the recipe reference."
            )
