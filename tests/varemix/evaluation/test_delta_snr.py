"""Delta-SNR: what an error falls by, counted by hand."""

import math

import numpy as np
import pytest

from varemix.evaluation.delta_snr import MOST_DELTA_SNR_DB, delta_snr_db

REFERENCE = np.array([1.0, -2.0, 3.0], dtype=np.float32)


@pytest.mark.parametrize(("before", "after", "gained_db"), [(2.0, 1.0, 6.02), (1.0, 10.0, -20.0), (1.0, -1.0, 0.0)])
def test_it_is_how_far_the_error_fell(before: float, after: float, gained_db: float) -> None:
    found_db = delta_snr_db(REFERENCE, REFERENCE + before, REFERENCE + after)
    assert found_db == pytest.approx(gained_db, abs=0.01)


def test_a_remix_without_error_counts_as_the_most_there_is() -> None:
    assert delta_snr_db(REFERENCE, 0 * REFERENCE, REFERENCE) == MOST_DELTA_SNR_DB
    assert delta_snr_db(REFERENCE, REFERENCE + 1e-7, 1e9 * REFERENCE) == -MOST_DELTA_SNR_DB


def test_where_nothing_was_wished_there_is_nothing_to_gain() -> None:
    assert math.isnan(delta_snr_db(REFERENCE, REFERENCE, 0 * REFERENCE))
