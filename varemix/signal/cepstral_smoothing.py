"""Smoothing of binary masks in the cepstral domain (CBM), which the paper compares its own smoothing with.

The logarithm of a frame's mask is split by a Fourier transform along frequency: low lags describe its broad shape, one
lag the comb of harmonics of a pitch, the others what flickers from bin to bin. The last are smoothed most along time,
so that lone bins fade while onsets and harmonics stay sharp.

The F bins of a frame are one half of an even sequence of 2 F - 2 values, so its cepstrum is real and even as well, and
lags 0..F-1 are all of it. A lag is a time in samples, whatever the number of bins: at 44.1 kHz a pitch of 500 Hz has
lag 88, one of 86 Hz lag 511.

Source: Madhu, Breithaupt, Martin 2008: Temporal smoothing of spectral masks in the cepstral domain for speech
separation, ICASSP.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct

from varemix.errors import UsageError

_SHORTEST_PITCH_LAG = 88


@dataclass(frozen=True, kw_only=True)
class CepstralSmoothing:
    """How strongly each lag is smoothed: betas in [0, 1), of which 0 leaves a lag as it is.

    `beta_envelope` serves lag 0, which is the level, and the `num_envelope` lags after it; `beta_pitch` the highest
    peak from lag 88 on, frame by frame; `beta_peak` all others. A mask is held at `floor` at least, for 0 has
    no logarithm: the lower it is, the less a closed bin lets through, and the longer one takes to open.
    Raises UsageError for values outside their ranges. The betas are the source's, the floor is our choice.
    """

    beta_envelope: float = 0.0
    beta_pitch: float = 0.4
    beta_peak: float = 0.8
    num_envelope: int = 8
    floor: float = 0.05

    def __post_init__(self) -> None:
        for name in ("beta_envelope", "beta_pitch", "beta_peak"):
            beta = getattr(self, name)
            if not 0 <= beta < 1:
                raise UsageError(f"Smoothing {name} {beta} is outside [0, 1); give a number such as 0.4.")
        if not 0 < self.floor <= 1:
            raise UsageError(f"Mask floor {self.floor} is outside (0, 1]; give a number such as 0.05.")
        if not 0 <= self.num_envelope < _SHORTEST_PITCH_LAG:
            raise UsageError(
                f"{self.num_envelope} lags of envelope were asked for; pitches begin at lag {_SHORTEST_PITCH_LAG}. "
                "Give a number from 0 to 87, such as 8."
            )


def cbm(mask: np.ndarray, settings: CepstralSmoothing) -> np.ndarray:
    """Return the mask [..., F, T] smoothed along time lag by lag, in float32; values stay within 0..1.

    F is any number of linear bins that has lags of a pitch. Every lag of the cepstrum runs through S_t = beta S_(t-1) +
    (1 - beta) C_t from S_0 = C_0. With all betas 0 the mask comes out as it is, but for the floor. Raises UsageError
    for fewer bins.
    """
    if mask.ndim < 2 or mask.shape[-2] <= _SHORTEST_PITCH_LAG:
        raise UsageError(
            f"The mask has shape {list(mask.shape)}; [..., F, T] with more than {_SHORTEST_PITCH_LAG} bins was "
            "expected. Pass linear bins."
        )
    if mask.shape[-1] == 0:
        return mask.astype(np.float32)
    mask_log = np.log(np.maximum(mask, settings.floor), dtype=np.float32)
    cepstra = np.moveaxis(dct(mask_log, type=1, axis=-2, norm="forward"), -1, 0)
    smooth = _low_pass(cepstra, _betas(cepstra, settings))
    smooth_log = dct(np.moveaxis(smooth, 0, -1), type=1, axis=-2)
    return np.asarray(np.exp(np.minimum(smooth_log, 0)))


def _betas(cepstra: np.ndarray, settings: CepstralSmoothing) -> np.ndarray:
    """Return the beta of every frame and lag of cepstra [T, ..., F]."""
    betas = np.full_like(cepstra, settings.beta_peak, order="C")
    betas[..., : settings.num_envelope + 1] = settings.beta_envelope
    pitch_lags = _SHORTEST_PITCH_LAG + cepstra[..., _SHORTEST_PITCH_LAG:].argmax(axis=-1, keepdims=True)
    np.put_along_axis(betas, pitch_lags, settings.beta_pitch, axis=-1)
    return betas


def _low_pass(cepstra: np.ndarray, betas: np.ndarray) -> np.ndarray:
    smooth = cepstra.copy(order="C")
    for frame in range(1, len(smooth)):
        smooth[frame] += betas[frame] * (smooth[frame - 1] - smooth[frame])
    return smooth
