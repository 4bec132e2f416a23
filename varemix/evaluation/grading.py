"""PEAQ's grade of a remix, where it has one.

PEAQ was made for coding artifacts: its grades of remixes are an indication only.
"""

import logging
import math

import numpy as np

from varemix.errors import EvaluationError
from varemix.evaluation.peaq import peaq
from varemix.signal.grid import RATE_HZ

_log = logging.getLogger(__name__)


def grade(reference: np.ndarray, test: np.ndarray) -> float:
    """Return PEAQ's grade of a test [S] beside a reference [S] at 44.1 kHz; NaN where it has none."""
    try:
        return peaq(reference[None], test[None], RATE_HZ).odg
    except EvaluationError as error:
        _log.info("A remix has no grade: %s", error)
        return math.nan
