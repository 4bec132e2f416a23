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
from varemix.signal.smoothing import zlbm
from varemix.signal.spectrogram import filter_samples


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """One way to smooth masks along time: ZLBM where a `decay` is given, CBM where its settings are."""

    decay: float = math.nan
    cepstral: CepstralSmoothing | None = None

    def __post_init__(self) -> None:
        assert math.isnan(self.decay) == (self.cepstral is not None), "a smoothing is either ZLBM or CBM"

    @property
    def method(self) -> str:
        """`zlbm` or `cbm`."""
        return "zlbm" if self.cepstral is None else "cbm"

    @property
    def settings_text(self) -> str:
        """The settings in words, such as `decay=0.8`."""
        settings = {"decay": self.decay} if self.cepstral is None else asdict(self.cepstral)
        return " ".join(f"{name}={value:g}" for name, value in settings.items())

    @property
    def name(self) -> str:
        """Method and settings, such as `zlbm decay=0.8`."""
        return f"{self.method} {self.settings_text}"

    def apply(self, masks: np.ndarray) -> np.ndarray:
        """Return the masks [..., F, T], smoothed; values stay within 0..1."""
        return zlbm(masks, self.decay) if self.cepstral is None else cbm(masks, self.cepstral)


_DECAYS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97)
_PITCH_AND_PEAK = ((0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.8))
_FLOORS = (0.003, 0.01, 0.05)
_ENVELOPES = (8, 32)

SEARCHED: tuple[Smoothing, ...] = (
    *(Smoothing(decay=decay) for decay in _DECAYS),
    *(
        Smoothing(
            cepstral=CepstralSmoothing(
                beta_pitch=beta_pitch, beta_peak=beta_peak, floor=floor, num_envelope=num_envelope
            )
        )
        for (beta_pitch, beta_peak), floor, num_envelope in product(_PITCH_AND_PEAK, _FLOORS, _ENVELOPES)
    ),
)
"""What is searched: twelve decays of ZLBM and twenty-four settings of CBM, the usual ones of each among them."""


def smoothing_gains_db(
    mix: np.ndarray, binary: np.ndarray, ratio: np.ndarray, smoothings: Sequence[Smoothing]
) -> np.ndarray:
    """Return how much nearer to the reference each smoothing brings each source, in dB [smoothings, N], float64.

    `mix` is [S], `binary` the masks [N, F, T] to be smoothed, `ratio` the ideal ratio masks [N, F, T] that make the
    reference. Above 0 the smoothed mask leaves less error than the binary one; +inf where it leaves none. NaN where
    the binary mask leaves none, and where the reference or what the binary mask lets through is silent.

    Raises EvaluationError when the masks differ in shape.
    """
    if binary.shape != ratio.shape:
        raise EvaluationError(
            f"The binary masks have shape {list(binary.shape)}, the ratio masks {list(ratio.shape)}; the same was "
            "expected. Make both of one mix."
        )
    before = _energies(mix, ratio - binary)
    is_defined = (before > 0) & (_energies(mix, ratio) > 0) & (_energies(mix, binary) > 0)
    after = [_energies(mix, ratio - smoothing.apply(binary)) for smoothing in smoothings]
    with np.errstate(divide="ignore", invalid="ignore"):
        gains_db = 10 * np.log10(before / np.reshape(after, (len(smoothings), len(binary))))
    return np.where(is_defined, gains_db, np.nan)


def _energies(mix: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the energies [N] of what masks [N, F, T], or differences of masks, make of the mix [S]."""
    made = filter_samples(torch.from_numpy(mix), torch.from_numpy(np.ascontiguousarray(masks)))
    return np.square(made.numpy(), dtype=np.float64).sum(axis=-1)
