"""The grid that a spectrum and its masks lie on: window, hop and rows.

It is a setting of the checkpoint: made once, when that is loaded, and handed along from there. Whatever a person sets
in time is in seconds; whatever counts frames, bins or rows asks the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE_HZ = 44_100
"""The rate at which everything is analysed."""

_MOST_OVERLAP = 64  # frames at one place: more is a mistake, and would seem to hang


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A short-time Fourier transform at 44.1 kHz, and the rows that its bins are read on.

    `window_samples` is the length of the periodic Hann window, an even number, `hop_samples` the step between frames,
    at most half a window and at least a 64th of it. `log_rows` is the number of log-frequency rows, None where the
    linear bins themselves are the rows. A network hears log(magnitude + `floor`) on the rows. Raises ValueError for
    values that cannot be.
    """

    window_samples: int
    hop_samples: int
    log_rows: int | None
    floor: float

    def __post_init__(self) -> None:
        for name in ("window_samples", "hop_samples", "log_rows"):
            value = getattr(self, name)
            if not isinstance(value, int) and not (name == "log_rows" and value is None):
                raise ValueError(f"{name} {value!r} cannot be; give a whole number")
        if self.window_samples < 4 or self.window_samples % 2:
            raise ValueError(f"a window of {self.window_samples} samples cannot be; give an even number from 4 on")
        if not 0 < 2 * self.hop_samples <= self.window_samples + 2:
            raise ValueError(
                f"a hop of {self.hop_samples} samples does not fit a window of {self.window_samples}; "
                "give at most half a window"
            )
        if self.window_samples > _MOST_OVERLAP * self.hop_samples:
            raise ValueError(
                f"a hop of {self.hop_samples} samples is too short for a window of {self.window_samples}; "
                f"give at least a {_MOST_OVERLAP}th of it"
            )
        if self.log_rows is not None and self.log_rows < 2:
            raise ValueError(f"{self.log_rows} log-frequency rows cannot be; give 2 or more")
        if not 0 < self.floor < inf:
            raise ValueError(f"a floor of {self.floor} cannot be; give a finite magnitude above 0")

    @property
    def num_bins(self) -> int:
        """Linear bins of a frame (F)."""
        return self.window_samples // 2 + 1

    @property
    def num_rows(self) -> int:
        """Rows that values lie on (R): log-frequency rows, or the linear bins."""
        return self.num_bins if self.log_rows is None else self.log_rows

    @property
    def bins_hz(self) -> np.ndarray:
        """The frequency of each linear bin [F]."""
        import numpy as np  # all else that a checkpoint's header tells is told without arrays

        return np.arange(self.num_bins) * RATE_HZ / self.window_samples

    @property
    def hop_s(self) -> float:
        """Seconds between frames."""
        return self.hop_samples / RATE_HZ

    @property
    def reach_hops(self) -> int:
        """How many hops a frame reaches to either side of its centre, the last one begun counted whole."""
        return -(-self.window_samples // (2 * self.hop_samples))

    @property
    def applied(self) -> Grid:
        """The grid that masks on these log rows are applied on: the same frames and rows, windows of two hops.

        Nobody hears harmonics apart here, so half-overlapping frames will do: half the work, sharper in time, and on
        validation mixes 0.05 dB of SNR and 0.01 of a grade beside the long window. Masks on linear bins stay on theirs.
        """
        if self.log_rows is None or self.reach_hops == 1:
            return self
        return replace(self, window_samples=2 * self.hop_samples)

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames the spectrum of a signal has: one more than the whole hops in it."""
        return 1 + num_samples // self.hop_samples

    def frames_in(self, seconds: float) -> int:
        """Return how many frames that time takes, to the nearest, at least one."""
        return max(1, round(seconds / self.hop_s))

    def on_bins(self) -> Grid:
        """Return the same transform with its linear bins for rows."""
        return replace(self, log_rows=None)


PAPER_GRID = Grid(window_samples=1022, hop_samples=512, log_rows=256, floor=1e-10)
"""The paper's: 512 bins on 256 rows. What is no matter of a model, such as pictures of spectra, lies on it too.

Source: Yang, Wei, Lerch 2020, section III.
"""
