"""Gains that change in time: how they are written, what is refused, and the curve that follows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from varemix.errors import UsageError
from varemix.remix.automation import MUTE_DB, GainRange, breakpoints, end_fault, seconds_of, time_text
from varemix.remix.wishes import GainWish, audible, is_unity, parse_gains

RATE_HZ = 1000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("80.5", 80.5), (80, 80.0), ("1:20", 80.0), ("1:20,5", 80.5), ("1:02:45.25", 3765.25), ("90:00", 5400.0)],
)
def test_a_time_is_read_as_people_write_it(text: object, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1:75", "-3", "1:-3", "1.5:20", "1:2:3:4", "nan", "inf", "soon", True, None, "1e9"]
)
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(UsageError, match="is no time; give minutes and seconds"):
        seconds_of(text)


@given(st.floats(0, 999_999, allow_nan=False))
def test_a_time_comes_back_from_its_own_text(seconds: float) -> None:
    assert seconds_of(time_text(seconds)) == seconds


@given(
    st.floats(-80, 24),
    st.floats(0, 500, allow_nan=False),
    st.floats(2, 100),
    st.floats(0, 0.9, allow_nan=False),
    st.booleans(),
)
def test_a_wish_with_ranges_comes_back_from_its_own_text(
    gain_db: float, from_s: float, length_s: float, fade_s: float, is_mute: bool
) -> None:
    one = GainRange(gain_db=MUTE_DB if is_mute else gain_db, from_s=from_s, to_s=from_s + length_s, fade_s=fade_s)
    rest = GainRange(gain_db=2.0, from_s=from_s + length_s + 1)
    wish = GainWish(target="violin", gain_db=gain_db, ranges=(one, rest))
    assert parse_gains(wish.text.split()) == [wish]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["v=-6@2:05-1:20"], r"to 1:20 does not lie after from 2:05; give a later to, or swap them"),
        (["v=-6@1:00-1:00.005"], r"shorter than 0\.01 s"),
        (["v=-6@1:00-2:00", "v=-3@1:30-3:00"], r"The ranges 1:00-2:00 and 1:30-3:00 overlap"),
        (["v=-6@1:00-", "v=-3@1:30-3:00"], r"The ranges 1:00- and 1:30-3:00 overlap"),
        (["v=30@1:00-2:00"], r"'30\.0' is out of range; give a number of dB up to 24, or mute"),
        (["v=loud@1:00-2:00"], r"'loud' is no number of dB; give a number, or mute"),
        (["v=solo@1:00-2:00"], r"A solo is for the whole recording"),
        (["v=solo", "v=-3@1:00-2:00"], r"is a solo, which is for the whole recording"),
        (["v=-6@1:0x-2:00"], r"'1:0x' is no time"),
        (["v=-6@80"], r"'80' is no range; write for example -6@1:20-2:05"),
        (["v=-6@-"], r"needs a time at which it begins or ends"),
        (["v=-6@0:01-0:02~0.7"], r"too short for fades of 0\.7 s; give a fade of at most 0\.5 s"),
        (["v=-6@0:01-0:02~-1"], r"a fade of -1 s is none"),
        (["v=-6", "v=-3", "v=-3@1:00-2:00"], r"more than one gain"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_gains(texts)


def test_what_goes_beyond_the_end_is_told() -> None:
    [wish] = parse_gains(["v=-6@0:10-0:20", "v=-3@0:30-"])
    assert end_fault(wish.ranges, 40) == ""
    assert "0:30- goes beyond the recording's end at 0:25" in end_fault(wish.ranges, 25)
    assert "0:10-0:20 goes beyond the recording's end at 0:19.5" in end_fault(wish.ranges, 19.5)


def test_ranges_that_change_nothing_are_unity() -> None:
    assert is_unity(parse_gains(["v=0@0:10-0:20"]))
    assert not is_unity(parse_gains(["v=-1@0:10-0:20"]))
    [wish] = parse_gains(["v=-6", "v=0@0:10-0:20"])
    assert audible([wish]) == [wish]


def curve(base: float, ranges: list[tuple[GainRange, float]], num_samples: int) -> np.ndarray:
    samples, values = zip(*breakpoints(base, ranges, RATE_HZ), strict=True)
    return np.interp(np.arange(num_samples), samples, values)


def test_a_range_is_the_base_outside_full_inside_and_straight_between() -> None:
    one = GainRange(gain_db=-6, from_s=0.1, to_s=0.2, fade_s=0.02)
    found = curve(1.0, [(one, 0.5)], 300)
    assert (found[:100] == 1).all()
    assert (found[200:] == 1).all()
    assert (found[119:180] == 0.5).all()
    np.testing.assert_allclose(np.diff(found[99:120]), -0.5 / 20)
    np.testing.assert_allclose(np.diff(found[180:201]), 0.5 / 20)


def test_ranges_that_touch_lead_from_one_straight_to_the_other() -> None:
    one = GainRange(gain_db=-6, from_s=0.1, to_s=0.2, fade_s=0.02)
    other = GainRange(gain_db=-9, from_s=0.2, to_s=0.3, fade_s=0.04)
    found = curve(1.0, [(one, 0.5), (other, 0.25)], 400)
    assert found[119:].max() == 1
    assert found[119:261].max() == 0.5, "it does not come back between them"
    assert (found[239:260] == 0.25).all()
    assert (found[300:] == 1).all()


def test_at_the_start_and_the_end_of_a_recording_nothing_fades() -> None:
    ranges = [(GainRange(gain_db=-6, to_s=0.1), 0.5), (GainRange(gain_db=-9, from_s=0.3), 0.25)]
    found = curve(1.0, ranges, 500)
    assert (found[0], found[-1]) == (0.5, 0.25)


def test_without_a_fade_it_steps() -> None:
    one = GainRange(gain_db=-6, from_s=0.1, to_s=0.2, fade_s=0)
    assert curve(1.0, [(one, 0.5)], 300).tolist() == [1.0] * 100 + [0.5] * 100 + [1.0] * 100
