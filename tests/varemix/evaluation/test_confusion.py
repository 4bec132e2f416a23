"""What is taken for what: shares of power that masks claim, and their figure."""

import io

import numpy as np
from PIL import Image

from varemix.evaluation.confusion import NOBODY, claimed_shares, confusion_figure


def test_shares_are_of_the_power_and_the_rest_is_nobodys() -> None:
    power = np.array([[3.0, 1.0]])
    masks = np.array([[[0.5, 0.0]], [[0.25, 1.0]]])
    np.testing.assert_allclose(claimed_shares(masks, power), [1.5 / 4, 1.75 / 4, 0.75 / 4])


def test_masks_that_claim_more_than_there_is_count_as_parts_of_it() -> None:
    masks = np.array([[[0.9]], [[0.6]]])
    np.testing.assert_allclose(claimed_shares(masks, np.ones((1, 1))), [0.6, 0.4, 0.0], atol=1e-9)


def test_silence_is_claimed_by_nobody_and_by_no_instrument() -> None:
    np.testing.assert_array_equal(claimed_shares(np.ones((2, 3, 4)), np.zeros((3, 4))), [0, 0, 0])


def test_the_figure_has_a_row_for_each_that_played_and_a_column_for_each_that_claims() -> None:
    shares = np.array([[0.9, 0.06, 0.04], [0.3, 0.6, 0.1]])
    picture = Image.open(io.BytesIO(confusion_figure(shares, ["violin", "cello"], ["violin", "cello", NOBODY], 7)))
    pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert picture.format == "PNG"
    dark_blue = (pixels[..., 2] - pixels[..., 0] > 60).mean()  # the cell of nine tenths
    assert dark_blue > 0.02
