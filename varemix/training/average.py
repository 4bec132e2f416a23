"""The weights averaged over the steps: what is validated and kept, for it hears better than the last step's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_STEPS_TO_TRUST = 20  # the first ones are hardly worth remembering


class Average:
    """The moving average of a module's floating-point weights and statistics; `share` is what it keeps each step."""

    def __init__(self, module: nn.Module, share: float) -> None:
        self._share = share
        self._module = module
        self._own = {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
        self._mean = {name: value.clone() for name, value in self._own.items()}

    @torch.no_grad()
    def follow(self, num_steps: int) -> None:
        """Take in the weights as they are after so many steps."""
        share = min(self._share, (1 + num_steps) / (_STEPS_TO_TRUST + num_steps))
        torch._foreach_lerp_(list(self._mean.values()), list(self._own.values()), 1 - share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the module the average for as long as the block lasts."""
        before = {name: value.clone() for name, value in self._own.items()}
        self._module.load_state_dict(self._mean, strict=False)
        try:
            yield
        finally:
            self._module.load_state_dict(before, strict=False)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average."""
        return dict(self._mean)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from an average that was kept; the very same weights must be averaged. Raises KeyError otherwise."""
        for name, value in self._mean.items():
            value.copy_(state[name])
