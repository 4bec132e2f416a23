"""Which smoothing brings a binary mask nearest to the ideal ratio mask: the paper's search over ZLBM and CBM.

Convention: equation (2) as written is 20 log10(RMS(x_ref - x_smooth) / RMS(x_ref - x_bin)), which is negative when
smoothing helps. Here its negative is reported, as the paper does in its text: an improvement is a positive number of
dB. The reference x_ref is what the ideal ratio mask makes of the mix.
Source: Yang, Wei, Lerch 2020, section III-D and equation (2).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import torch

from varemix.errors import EvaluationError
from varemix.signal.cepstral_smoothing import CepstralSmoothing, cbm
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import decay_of, smoothing_of
from varemix.signal.spectrogram import filter_samples


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """One way to smooth masks along time: ZLBM where its time constant is given, CBM where its settings are."""

    smoothing_s: float = math.nan
    cepstral: CepstralSmoothing | None = None

    def __post_init__(self) -> None:
        assert math.isnan(self.smoothing_s) == (self.cepstral is not None), "a smoothing is either ZLBM or CBM"

    @property
    def method(self) -> str:
        """`zlbm` or `cbm`."""
        return "zlbm" if self.cepstral is None else "cbm"

    @property
    def settings_text(self) -> str:
        """The settings in words, such as `smoothing_s=0.052`."""
        settings = {"smoothing_s": self.smoothing_s} if self.cepstral is None else asdict(self.cepstral)
        return " ".join(f"{name}={value:.3g}" for name, value in settings.items())

    @property
    def name(self) -> str:
        """Method and settings, such as `zlbm smoothing_s=0.052`."""
        return f"{self.method} {self.settings_text}"

    def apply(self, masks: np.ndarray, grid: Grid) -> np.ndarray:
        """Return the masks [..., F, T] on a grid's linear bins, smoothed; values stay within 0..1."""
        if self.cepstral is not None:
            return cbm(masks, self.cepstral)
        return zlbm(masks, decay_of(self.smoothing_s, grid))


_DECAYS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97)
_PITCH_AND_PEAK = ((0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.8))
_FLOORS = (0.003, 0.01, 0.05)
_ENVELOPES = (8, 32)

SEARCHED: tuple[Smoothing, ...] = (
    *(Smoothing(smoothing_s=smoothing_of(decay)) for decay in _DECAYS),
    *(
        Smoothing(
            cepstral=CepstralSmoothing(
                beta_pitch=beta_pitch, beta_peak=beta_peak, floor=floor, num_envelope=num_envelope
            )
        )
        for (beta_pitch, beta_peak), floor, num_envelope in product(_PITCH_AND_PEAK, _FLOORS, _ENVELOPES)
    ),
)
"""What is searched: twelve time constants of ZLBM, which are 0.1 to 0.97 a frame on the paper's grid, and twenty-four
settings of CBM, the usual ones of each among them."""


def smoothing_gains_db(mix: np.ndarray, binary: Masks, ratio: Masks, smoothings: Sequence[Smoothing]) -> np.ndarray:
    """Return how much nearer to the reference each smoothing brings each source, in dB [smoothings, N], float64.

    `mix` is [S], `binary` the masks to be smoothed, `ratio` the ideal ratio masks that make the reference, all on the
    linear bins of one grid. Above 0 the smoothed mask leaves less error than the binary one; +inf where it leaves none.
    NaN where the binary mask leaves none, and where the reference or what the binary mask lets through is silent.

    Raises EvaluationError when the masks differ in shape or grid.
    """
    grid = ratio.grid
    if binary.values.shape != ratio.values.shape or binary.grid != grid or grid.log_rows is not None:
        raise EvaluationError(
            f"The binary masks have shape {list(binary.values.shape)} on {binary.grid}, the ratio masks "
            f"{list(ratio.values.shape)} on {grid}; the same linear bins were expected. Make both of one mix."
        )
    before = _energies(mix, ratio.values - binary.values, grid)
    heard = [_energies(mix, masks.values, grid) for masks in (ratio, binary)]
    is_defined = (before > 0) & (heard[0] > 0) & (heard[1] > 0)
    after = [_energies(mix, ratio.values - smoothing.apply(binary.values, grid), grid) for smoothing in smoothings]
    with np.errstate(divide="ignore", invalid="ignore"):
        gains_db = 10 * np.log10(before / np.reshape(after, (len(smoothings), len(binary))))
    return np.where(is_defined, gains_db, np.nan)


def _energies(mix: np.ndarray, masks: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the energies [N] of what masks [N, F, T], or differences of masks, make of the mix [S]."""
    made = filter_samples(torch.from_numpy(mix), torch.from_numpy(np.ascontiguousarray(masks)), grid)
    return np.square(made.numpy(), dtype=np.float64).sum(axis=-1)
