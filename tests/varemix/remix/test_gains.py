import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from varemix.errors import UsageError
from varemix.remix.gains import (
    MUTE_DB,
    GainWish,
    audible,
    bin_change,
    factor,
    is_unity,
    parse_gain,
    parse_gains,
    shares,
)


def change_of(*pairs: tuple[float, float]) -> float:
    """The change at a single bin of (mask value, gain in dB) pairs."""
    masks = np.array([[[mask]] for mask, _ in pairs], dtype=np.float32)
    wishes = [GainWish(target=str(i), gain_db=gain_db) for i, (_, gain_db) in enumerate(pairs)]
    return float(bin_change(masks, wishes)[0, 0])


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("violin=-6", GainWish(target="violin", gain_db=-6)),
        ("violin=+3.5", GainWish(target="violin", gain_db=3.5)),
        ("photo of a=b.jpg=mute", GainWish(target="photo of a=b.jpg", gain_db=MUTE_DB)),
        ("cello=SOLO", GainWish(target="cello", is_solo=True)),
        (" tuba = 0 ", GainWish(target="tuba", gain_db=0)),
    ],
)
def test_gains_are_read_as_people_write_them(text, wish):
    assert parse_gain(text) == wish


@pytest.mark.parametrize("text", ["violin", "violin=", "=3", "violin=loud", "violin=nan", "violin=inf", "violin=600"])
def test_a_gain_that_is_none_is_explained(text):
    with pytest.raises(UsageError, match=r"[Gg]ive|write"):
        parse_gain(text)


@given(st.floats(-80, 24))
def test_a_wish_comes_back_from_its_own_text(gain_db):
    wish = parse_gain(f"violin={gain_db}")
    assert parse_gain(wish.text) == wish


def test_two_gains_for_one_instrument_are_refused():
    with pytest.raises(UsageError, match="more than one gain"):
        parse_gains(["violin=3", "violin=-3"])


def test_six_db_double_and_mute_removes():
    assert factor(20 * math.log10(2)) == pytest.approx(1)
    assert factor(MUTE_DB) == -1
    assert factor(0) == 0


def test_equation_one_adds_what_each_mask_claims():
    assert change_of((0.5, 20 * math.log10(2)), (0.25, 20 * math.log10(3))) == pytest.approx(0.5 + 0.5)


def test_masks_that_claim_a_bin_more_than_once_share_it():
    assert change_of((1.0, MUTE_DB), (1.0, MUTE_DB)) == -1
    assert change_of((0.9, MUTE_DB), (0.6, 0.0)) == pytest.approx(-0.6)
    assert change_of((1.0, 20 * math.log10(2)), (1.0, 20 * math.log10(2))) == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(-60, 6)), min_size=1, max_size=5))
def test_the_change_is_linear_in_the_factors_and_never_below_minus_one(pairs):
    masks = np.array([[[mask]] for mask, _ in pairs], dtype=np.float32)
    expected = sum(factor(gain_db) * share for (_, gain_db), share in zip(pairs, shares(masks)[:, 0, 0], strict=True))
    assert change_of(*pairs) == pytest.approx(expected, abs=1e-5)
    assert change_of(*pairs) >= -1
    assert shares(masks).sum() <= 1 + 1e-6


def test_a_solo_mutes_what_it_does_not_claim_and_overrides_other_gains():
    masks = np.array([[[1.0, 0.25, 0.0]], [[0.0, 1.0, 1.0]]], dtype=np.float32)
    wishes = [GainWish(target="a", is_solo=True), GainWish(target="b", gain_db=6)]
    np.testing.assert_allclose(bin_change(masks, wishes), [[0, 0.25 / 1.25 - 1, -1]], atol=1e-6)


def test_only_solos_are_heard_and_without_one_whatever_is_not_zero_db():
    louder, same, alone = GainWish(target="a", gain_db=3), GainWish(target="b"), GainWish(target="c", is_solo=True)
    assert audible([louder, same, alone]) == [alone]
    assert audible([louder, same]) == [louder]
    assert audible([same]) == []


def test_zero_db_is_unity_and_a_solo_is_not():
    assert is_unity([GainWish(target="a"), GainWish(target="b", gain_db=0.0)])
    assert not is_unity([GainWish(target="a", is_solo=True)])
    assert not is_unity([GainWish(target="a", gain_db=-0.1)])


@pytest.mark.parametrize("text", ["violin=-2.5", "violin=-2.5dB", "violin=-2.5 DB", "violin=-2,5", "violin = -2,5 dB"])
def test_a_gain_may_be_written_as_people_do(text):
    assert parse_gain(text) == GainWish(target="violin", gain_db=-2.5)
