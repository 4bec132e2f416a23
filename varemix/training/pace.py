"""How far a call of training goes, in steps or in time, and how fast it is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import torch

from varemix.errors import TrainingError
from varemix.training.optimiser import rate_factor
from varemix.training.recipe import Recipe
from varemix.training.team import Team


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How far a call trains: to the end of the recipe, or `most_steps` of it; or for `minutes`.

    In minutes the recipe's schedule is run through as a whole, so that a finished network comes of them, whatever came
    before. Every `save_every_steps` the state is saved. Raises TrainingError for minutes that are none.
    """

    save_every_steps: int = 50
    most_steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.minutes is not None and self.minutes <= 0:
            raise TrainingError(f"In {self.minutes:g} minutes nothing is trained. Give more than 0.")


FULL_PACE = Pace()
"""To the end of the recipe."""


class Clock:
    """How far a call has come, in steps or in time."""

    def __init__(self, first: int, num_steps: int, pace: Pace) -> None:
        self.first, self._num_steps = first, num_steps
        self._limit_s = None if pace.minutes is None else 60 * pace.minutes
        self._started = time.monotonic()
        wanted = num_steps if pace.most_steps is None else min(num_steps, first + pace.most_steps)
        self.last = wanted if self._limit_s is None else None

    @property
    def steps(self) -> Iterator[int]:
        """The steps that are made, endless where time decides."""
        return iter(range(self.first, self.last)) if self.last is not None else count(self.first)

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return time.monotonic() - self._started

    def rate_factor(self, recipe: Recipe, step: int, team: Team) -> float:
        """Return what the rates are multiplied with at a step, the same for all processes."""
        if self._limit_s is None:
            return rate_factor(recipe, step, self._num_steps)
        own = step - self.first
        share = team.mean(torch.tensor(min(1.0, self.seconds / self._limit_s), dtype=torch.float64)).item()
        return rate_factor(recipe, own, max(max(own, 1) / share, own + 1))

    def is_over(self, team: Team) -> bool:
        """Return whether the time is over, for all processes at once."""
        if self._limit_s is None:
            return False
        return team.mean(torch.tensor(self.seconds / self._limit_s, dtype=torch.float64)).item() >= 1

    def num_steps_at(self, num_done: int) -> int:
        """Return how many steps there will be, a guess where time decides."""
        if self._limit_s is None:
            return self._num_steps
        return num_done + round(self.seconds_left(num_done) * self.steps_per_s(num_done))

    def steps_per_s(self, num_done: int) -> float:
        """Return how fast steps were made in this call."""
        return (num_done - self.first) / self.seconds

    def seconds_left(self, num_done: int) -> float:
        """Return how long it will take at this speed, or how much time is left."""
        if self._limit_s is not None:
            return max(0.0, self._limit_s - self.seconds)
        return (self._num_steps - num_done) / self.steps_per_s(num_done)
