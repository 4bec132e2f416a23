import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from varemix.errors import UsageError
from varemix.remix.automation import MUTE_DB
from varemix.remix.gains import claims, factor, gain_change, gain_change_blocks, shares
from varemix.remix.wishes import GainWish, audible, is_unity, parse_gain, parse_gains
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import decay_of


def masks_of(values: list[float] | np.ndarray, grid: Grid = PAPER_GRID) -> Masks:
    """Return masks [N, R, T] that are the same on all rows, given their values [N] or [N, T]."""
    each = np.asarray(values, dtype=np.float32).reshape(len(values), 1, -1)
    return Masks(values=np.repeat(each, grid.num_rows, axis=1), grid=grid)


def change_of(*pairs: tuple[float, float]) -> float:
    """The change at a single place of (mask value, gain in dB) pairs."""
    masks = masks_of([mask for mask, _ in pairs])
    wishes = [GainWish(target=str(i), gain_db=gain_db) for i, (_, gain_db) in enumerate(pairs)]
    return float(gain_change(masks, wishes)[0, 0])


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
    masks = masks_of(np.array([[1.0, 0.25, 0.0], [0.0, 1.0, 1.0]]))
    wishes = [GainWish(target="a", is_solo=True), GainWish(target="b", gain_db=6)]
    np.testing.assert_allclose(gain_change(masks, wishes)[7], [0, 0.25 / 1.25 - 1, -1], atol=1e-6)


def drawn_masks(num_masks: int, grid: Grid) -> Masks:
    values = np.random.default_rng(2).random((num_masks, grid.num_rows, 90), dtype=np.float32)
    return Masks(values=values, grid=grid)


WISHES = [GainWish(target="a", gain_db=-6), GainWish(target="b", gain_db=MUTE_DB), GainWish(target="c", gain_db=9)]


def test_the_change_lies_on_the_rows_of_the_masks(grid: Grid):
    for masks in (drawn_masks(3, grid), drawn_masks(3, grid.on_bins())):
        assert gain_change(masks, WISHES).shape == (masks.grid.num_rows, 90)


def test_the_change_is_smoothed_as_its_masks_over_seconds(grid: Grid):
    masks = drawn_masks(3, grid)
    masks = Masks(values=masks.values / 3, grid=grid)  # which never claim a place twice
    smooth = Masks(values=zlbm(masks.values, decay_of(0.05, grid)), grid=grid)
    found = gain_change(masks, WISHES, smoothing_s=0.05)
    np.testing.assert_allclose(found, gain_change(smooth, WISHES), atol=1e-6)
    assert np.abs(found - gain_change(masks, WISHES)).max() > 0.1


@pytest.mark.parametrize("smoothing_s", [0.0, 0.017, 0.2])
@pytest.mark.parametrize("block_frames", [1, 13, 90])
def test_the_change_of_long_masks_is_made_in_blocks(grid: Grid, smoothing_s: float, block_frames: int):
    masks = drawn_masks(3, grid)
    blocks = (masks.values[..., first : first + block_frames] for first in range(0, 90, block_frames))
    found = np.concatenate(list(gain_change_blocks(blocks, WISHES, grid, smoothing_s=smoothing_s)), axis=-1)
    np.testing.assert_allclose(found, gain_change(masks, WISHES, smoothing_s=smoothing_s), rtol=0, atol=1e-5)


def test_smoothing_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="from 0 to 10 seconds"):
        gain_change(drawn_masks(3, PAPER_GRID), WISHES, smoothing_s=11)


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


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_what_is_changed_is_linear_in_the_factors_whatever_the_exponent(exponent: float):
    masks, moved = drawn_masks(3, PAPER_GRID), [0, 2]
    wishes = [GainWish(target="a", gain_db=MUTE_DB), GainWish(target="b"), GainWish(target="c", gain_db=-4)]
    taken = claims(masks.values, exponent, moved)
    expected = factor(MUTE_DB) * taken[0] + factor(-4) * taken[2]
    found = gain_change(masks, wishes, mask_exponent=exponent)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert found.min() >= -1


def test_a_lower_exponent_removes_more_and_a_higher_one_leaves_more_of_the_rest():
    masks = masks_of([0.6, 0.3])
    mute = [GainWish(target="a", gain_db=MUTE_DB), GainWish(target="b")]
    changes = [float(gain_change(masks, mute, mask_exponent=e)[0, 0]) for e in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert changes == sorted(changes)
    assert changes[2] == pytest.approx(-0.6)
    assert changes[1] == pytest.approx(-(0.6**0.5)), "the other one, which keeps its gain, does not hold it up"


def test_two_that_are_muted_take_no_more_than_a_bin_holds():
    masks = masks_of([0.6, 0.3])
    both = [GainWish(target="a", gain_db=MUTE_DB), GainWish(target="b", gain_db=MUTE_DB)]
    assert float(gain_change(masks, both, mask_exponent=0.25)[0, 0]) == pytest.approx(-1)
