"""The measure as a whole: two recordings in, one grade out. Checks what it is given."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from varemix.errors import EvaluationError
from varemix.evaluation.peaq.frames import RATE_HZ, SIXTEEN_BIT_SCALE, num_frames, sounding_part
from varemix.evaluation.peaq.movs import (
    DELAY_FRAMES,
    WINDOW_FRAMES,
    ModelOutputVariables,
    model_output_variables,
)
from varemix.evaluation.peaq.odg import distortion_index, objective_difference_grade
from varemix.evaluation.peaq.spectra import frame_spectra
from varemix.media.resampling import resample

FloatArray = NDArray[np.float64]

_LEAST_RATE_HZ = 8000
_HIGHEST_PEAK = 100.0
_LEAST_FRAMES = DELAY_FRAMES + WINDOW_FRAMES


@dataclass(frozen=True, kw_only=True)
class PeaqResult:
    """What PEAQ (basic version) says of a test signal.

    `odg` is the grade that listeners would give, on average: 0 imperceptible, -1 perceptible but not annoying, -2
    slightly annoying, -3 annoying, -4 very annoying. It lies between -3.98 and 0.22 and is about 0.21 for equal
    signals. `di` is the same before it is bent to that scale, and `movs` the eleven variables that it is made of.
    All are NaN if one of the signals is silent.
    """

    odg: float
    di: float
    movs: ModelOutputVariables


def peaq(reference: ArrayLike, test: ArrayLike, rate_hz: int) -> PeaqResult:
    """Return how audible the difference between a reference [C, S] and a test [C, S] is, C being 1 or 2.

    The signals start at the same sample, for nothing is aligned: 10 ms of delay are graded as a strong distortion.
    Full scale is 1.0 and taken to be played at 92 dB SPL; samples beyond are not clipped. A gain is a difference as
    well. One channel is graded like two equal ones. Signals are brought to the format that the Recommendation was
    written for: other rates than 48 kHz are resampled, and samples are rounded to 16 bits.

    What the grade means: it was trained on coding artifacts; of other changes it is an indication only. Bandwidths are
    measured against what lies above 21.6 kHz, where recordings of 44.1 kHz hold nothing: the same clipping is graded
    -0.54 at 48 kHz and -0.32 at 44.1 kHz. Compare grades of recordings of one rate only. References
    without anything above 8.1 kHz lie outside of what the network knows, and so do errors as loud as the music.

    A silent signal, in which nothing reaches the data boundaries (five samples that add up to 200 of 32768), gives NaN:
    the measure has nothing to say of it. One channel out of two may be silent.

    Raises EvaluationError for signals of other or different shapes, values that are no finite numbers, rates below
    8 kHz, peaks above 100 (samples that are not scaled to 1.0), and references that sound for less than 0.6 s (28
    frames, of which the averages skip 24).

    Source: Recommendation ITU-R BS.1387-1 (2001), Annex 2, basic version; where it is open, Kabal: An examination and
    interpretation of ITU-R BS.1387, McGill University, 2003.
    """
    if not rate_hz >= _LEAST_RATE_HZ:
        raise EvaluationError(
            f"The rate is {rate_hz} Hz; at least {_LEAST_RATE_HZ} Hz were expected. Pass that of the samples, in Hz."
        )
    reference_signal, test_signal = _as_samples(reference, name="reference"), _as_samples(test, name="test")
    _check_shapes(reference_signal.shape, test_signal.shape)
    reference_signal, test_signal = (_as_recording(signal, rate_hz) for signal in (reference_signal, test_signal))
    part = sounding_part(reference_signal)
    if part is None or sounding_part(test_signal) is None:
        return _undefined()
    _check_length(part.stop - part.start)
    variables = model_output_variables(frame_spectra(reference_signal[:, part], test_signal[:, part]))
    index = distortion_index(variables)
    return PeaqResult(odg=objective_difference_grade(index), di=index, movs=variables)


def _as_recording(signal: FloatArray, rate_hz: int) -> FloatArray:
    """Return a signal [C, S] at 48 kHz, rounded to 16 bits.

    Without the rounding, what a resampler leaves above the band (140 dB down) would be the floor that bandwidths are
    measured from, and every bandwidth would be full.
    """
    return np.round(resample(signal, rate_hz, RATE_HZ) * SIXTEEN_BIT_SCALE) / SIXTEEN_BIT_SCALE


def _undefined() -> PeaqResult:
    variables = ModelOutputVariables(**{field.name: np.nan for field in fields(ModelOutputVariables)})
    return PeaqResult(odg=np.nan, di=np.nan, movs=variables)


def _as_samples(signal: ArrayLike, *, name: str) -> FloatArray:
    values = np.asarray(signal, dtype=np.float64)
    num_broken = int(values.size - np.isfinite(values).sum())
    if num_broken:
        raise EvaluationError(
            f"The {name} holds {num_broken} of {values.size} values that are no finite numbers. Repair or replace them."
        )
    peak = float(np.abs(values).max(initial=0))
    if peak > _HIGHEST_PEAK:
        raise EvaluationError(
            f"The {name} peaks at {peak:.0f}; full scale is 1.0. If these are samples of 16 bits, divide them by 32768."
        )
    return values


def _check_shapes(reference: tuple[int, ...], test: tuple[int, ...]) -> None:
    if len(reference) != 2 or reference[0] not in {1, 2}:
        raise EvaluationError(
            f"The reference has shape {list(reference)}; [C, S] with one or two channels was expected. "
            "Pass samples [1, S] for a mono signal, and mix more channels down."
        )
    if test != reference:
        raise EvaluationError(
            f"The test has shape {list(test)}, the reference {list(reference)}; the same was expected. "
            "Align the signals and cut them to one length."
        )


def _check_length(num_samples: int) -> None:
    if num_frames(num_samples) < _LEAST_FRAMES:
        raise EvaluationError(
            f"The reference sounds for {num_samples / RATE_HZ:.2f} s; at least 0.6 s were expected. "
            "Pass a longer excerpt, best of 5 to 20 s."
        )
