"""The measure as a whole: two recordings in, one grade out. Checks what it is given."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from varemix.errors import EvaluationError
from varemix.evaluation.peaq.frames import RATE_HZ, num_frames, sounding_part
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

_LEAST_FRAMES = DELAY_FRAMES + WINDOW_FRAMES


@dataclass(frozen=True, kw_only=True)
class PeaqResult:
    """What PEAQ (basic version) says of a test signal.

    `odg` is the grade that listeners would give, on average: 0 imperceptible, -1 perceptible but not annoying, -2
    slightly annoying, -3 annoying, -4 very annoying. It lies between -3.98 and 0.22 and is about 0.21 for equal
    signals. `di` is the same before it is bent to that scale, and `movs` the eleven variables that it is made of.
    All are NaN if the reference is silent.
    """

    odg: float
    di: float
    movs: ModelOutputVariables


def peaq(reference: ArrayLike, test: ArrayLike, rate_hz: int) -> PeaqResult:
    """Return how audible the difference between a reference [C, S] and a test [C, S] is, C being 1 or 2.

    The signals start at the same sample, for nothing is aligned: 10 ms of delay are graded as a strong distortion.
    Full scale is 1.0 and taken to be played at 92 dB SPL; samples beyond are not clipped. A gain is a difference as
    well. Other rates than 48 kHz are resampled. One channel is graded like two equal ones.

    What the grade means: it was trained on coding artifacts; of other changes it is an indication only. A silent
    reference, in which nothing reaches the data boundary (five samples that add up to 200 of 32768), gives NaN; a
    silent test is graded.

    Raises EvaluationError for signals of other or different shapes, values that are no finite numbers, rates that are
    no positive numbers, and references that sound for less than 0.6 s (28 frames, of which the averages skip 24).

    Source: Recommendation ITU-R BS.1387-1 (2001), Annex 2, basic version; where it is open, Kabal: An examination and
    interpretation of ITU-R BS.1387, McGill University, 2003.
    """
    if not rate_hz > 0:
        raise EvaluationError(f"The rate is {rate_hz} Hz; a positive number was expected. Pass that of the samples.")
    reference_signal, test_signal = _as_finite(reference, name="reference"), _as_finite(test, name="test")
    _check_shapes(reference_signal.shape, test_signal.shape)
    reference_signal, test_signal = (resample(signal, rate_hz, RATE_HZ) for signal in (reference_signal, test_signal))
    part = sounding_part(reference_signal)
    if part is None:
        return _undefined()
    _check_length(part.stop - part.start)
    variables = model_output_variables(frame_spectra(reference_signal[:, part], test_signal[:, part]))
    index = distortion_index(variables)
    return PeaqResult(odg=objective_difference_grade(index), di=index, movs=variables)


def _undefined() -> PeaqResult:
    variables = ModelOutputVariables(**{field.name: np.nan for field in fields(ModelOutputVariables)})
    return PeaqResult(odg=np.nan, di=np.nan, movs=variables)


def _as_finite(signal: ArrayLike, *, name: str) -> FloatArray:
    values = np.asarray(signal, dtype=np.float64)
    num_broken = int(values.size - np.isfinite(values).sum())
    if num_broken:
        raise EvaluationError(
            f"The {name} holds {num_broken} of {values.size} values that are no finite numbers. Repair or replace them."
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
