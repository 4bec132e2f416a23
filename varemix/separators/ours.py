"""Our own network as a separator: asked by names, and by pictures that were looked at before."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from varemix.model.any_order import AnyOrder
from varemix.model.separator import Separator
from varemix.separators.interface import Identity, MaskMaker, Mix
from varemix.signal.presence import PresenceMeter


class OurNetwork(MaskMaker):
    """Makes masks of what it is asked for by `vectors`, a query [K] for each name.

    With `nothing_else` all that is asked for shares the mix. Raises UsageError then where instruments do not compete.
    """

    def __init__(
        self, network: Separator, vectors: Mapping[str, Tensor], identity: Identity, *, nothing_else: bool = False
    ) -> None:
        if nothing_else:
            network.settings.check_rivals()
        self.identity, self.instruments, self.grid = identity, tuple(vectors), network.mask_grid
        self.are_binary = network.settings.masks == "binary"
        self.presence_threshold_db = float(network.presence_threshold_db)
        self._network, self._vectors, self._nothing_else = network, vectors, nothing_else

    def mask_blocks(self, mix: Mix, instruments: Sequence[str]) -> Iterator[np.ndarray]:
        """Yield masks [N, R, T_b]; one pass of the network serves all instruments."""
        return self._blocks(mix, instruments, None)

    def measured_blocks(
        self, mix: Mix, instruments: Sequence[str], meters: Sequence[PresenceMeter]
    ) -> Iterator[np.ndarray]:
        """Yield the same, measured by the spectra that the network hears."""
        (meter,) = meters
        return self._blocks(mix, instruments, meter)

    def in_any_order(self, mix: Mix, instruments: Sequence[str]) -> AnyOrder | None:
        """Return what hears a mix in any order; nobody where only these instruments play."""
        if self._nothing_else:
            return None
        return AnyOrder(self._network, self._asked(instruments), mix.num_samples, skips_silence=mix.is_part)

    def _blocks(self, mix: Mix, instruments: Sequence[str], meter: PresenceMeter | None) -> Iterator[np.ndarray]:
        return self._network.mask_blocks(
            mix.mid(),
            self._asked(instruments),
            meter=meter,
            nothing_else=self._nothing_else,
            skips_silence=mix.is_part,
        )

    def _asked(self, instruments: Sequence[str]) -> Tensor:
        """Return the queries [N, K] of instruments."""
        self.check_knows(instruments)
        return torch.stack([self._vectors[name] for name in instruments])
