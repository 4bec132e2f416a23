"""How far a call goes: so many steps, or until the time is over, with rates that fall to nothing by then."""

from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import pytest

from varemix.errors import TrainingError
from varemix.training import pace
from varemix.training.optimiser import rate_factor
from varemix.training.pace import FULL_PACE, Clock, Pace
from varemix.training.recipe import Recipe, reference, tiny
from varemix.training.team import Team

ALONE = Team(0, 1)


class Hands:
    """A clock's hands, which stand where they are set."""

    def __init__(self) -> None:
        self.at_s = 1_000.0


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: hands.at_s))
    return hands


def factors(hands: Hands, recipe: Recipe, clock: Clock, step_s: float) -> list[float]:
    """Return the rates of steps that take so long each, until the time is over."""
    found = []
    for step in clock.steps:
        hands.at_s += step_s
        found.append(clock.rate_factor(recipe, step, ALONE))
        if clock.is_over(ALONE):
            return found
    raise AssertionError("the steps came to an end")


@pytest.mark.parametrize(
    ("first", "most_steps", "expected"),
    [(0, None, range(10)), (4, None, range(4, 10)), (4, 3, range(4, 7)), (8, 5, range(8, 10)), (10, 5, range(0))],
)
def test_steps_go_to_the_recipes_end_or_so_many_further(first: int, most_steps: int | None, expected: range) -> None:
    clock = Clock(first, 10, Pace(most_steps=most_steps))
    assert list(clock.steps) == list(expected)
    assert not clock.is_over(ALONE)


def test_what_has_gone_beyond_the_recipe_makes_no_step_and_is_at_its_end() -> None:
    clock = Clock(14, 10, FULL_PACE)
    assert list(clock.steps) == []
    assert clock.last == 10


def test_rates_of_steps_are_the_recipes_whatever_the_time() -> None:
    clock = Clock(3, 100, Pace(most_steps=5))
    assert [clock.rate_factor(reference(), step, ALONE) for step in clock.steps] == [
        rate_factor(reference(), step, 100) for step in range(3, 8)
    ]


def test_minutes_have_as_many_steps_as_can_be_made(hands: Hands) -> None:
    clock = Clock(7, 10, Pace(minutes=2.0))
    assert list(islice(clock.steps, 20)) == list(range(7, 27))
    hands.at_s += 119.9
    assert not clock.is_over(ALONE)
    hands.at_s += 0.2
    assert clock.is_over(ALONE)


@pytest.mark.parametrize("recipe", [tiny(), reference()], ids=["cosine", "plateau"])
@pytest.mark.parametrize("first", [0, 5_000])
def test_in_minutes_the_rate_rises_and_falls_to_nothing_whatever_came_before(
    hands: Hands, recipe: Recipe, first: int
) -> None:
    found = factors(hands, recipe, Clock(first, 10, Pace(minutes=10.0)), step_s=0.6)
    assert len(found) in (1_000, 1_001)
    assert found[0] < 0.02
    assert max(found) > 0.8
    assert found[-1] < 0.01
    peak = found.index(max(found))
    assert found[:peak] == sorted(found[:peak])
    assert all(later <= earlier + 1e-9 for earlier, later in zip(found[peak:], found[peak + 1 :], strict=False))
    assert all(0 < factor <= 1 for factor in found)


def test_a_single_step_that_takes_all_the_time_has_a_rate(hands: Hands) -> None:
    [factor] = factors(hands, reference(), Clock(0, 10, Pace(minutes=1.0)), step_s=300)
    assert 0 < factor <= 1


@pytest.mark.parametrize("minutes", [0, -1.0])
def test_minutes_that_are_none_are_refused(minutes: float) -> None:
    with pytest.raises(TrainingError, match="minutes nothing is trained"):
        Pace(minutes=minutes)


def test_what_is_left_is_told_in_steps_and_in_time(hands: Hands) -> None:
    by_steps, by_time = Clock(10, 100, FULL_PACE), Clock(10, 100, Pace(minutes=1.0))
    hands.at_s += 20.0
    assert by_steps.steps_per_s(20) == by_time.steps_per_s(20) == 0.5
    assert (by_steps.num_steps_at(20), by_steps.seconds_left(20)) == (100, 160.0)
    assert (by_time.num_steps_at(20), by_time.seconds_left(20)) == (40, 40.0)
    hands.at_s += 100.0
    assert by_time.seconds_left(20) == 0.0
    assert by_steps.seconds == 120.0


def test_a_team_goes_by_the_mean_of_its_clocks(hands: Hands) -> None:
    class Slow(Team):
        def mean(self, value):  # type: ignore[no-untyped-def]
            return value / 2

    clock = Clock(0, 10, Pace(minutes=1.0))
    hands.at_s += 90.0
    assert clock.is_over(ALONE)
    assert not clock.is_over(Slow(0, 2))
    recipe = replace(reference(), fall_share=0.9)
    assert clock.rate_factor(recipe, 50, Slow(0, 2)) > clock.rate_factor(recipe, 50, ALONE)
