"""How a run ends in words; that Prefect takes it so is seen in test_nightly.py."""

from typing import Any

import pytest
from prefect.states import State

from flows.ending import NothingDoneError, done_by, ended, in_words
from flows.summary import Summary
from tasks.shards import Outcome, Status


def summary(*ends: tuple[str, Status, str]) -> Summary:
    outcomes = tuple(Outcome(item=item, status=status, reason=reason) for item, status, reason in ends)
    return Summary(stage="remix", outcomes=outcomes, seconds=1.0)


GOOD = ("a.wav", "done", "")
BAD = ("b.wav", "failed", "holds no audio. Replace it.")


def state_of(found: Summary) -> Any:
    state: Any = ended(found)
    assert isinstance(state, State)
    return state


def test_a_run_that_did_all_is_completed_and_says_how_much() -> None:
    state = state_of(summary(GOOD))
    assert (state.is_completed(), state.message) == (True, "remix: 1 done, 1.0 s")


def test_a_run_that_lost_some_is_completed_and_says_what_failed_and_what_to_do() -> None:
    state = state_of(summary(GOOD, BAD))
    assert state.is_completed()
    assert state.message == "remix: 1 done, 1 failed, 1.0 s. b.wav: holds no audio. Replace it."


def test_a_run_that_lost_all_has_failed_and_its_caller_still_learns_what_happened() -> None:
    found = summary(BAD)
    state = state_of(found)
    assert state.is_failed()

    def run() -> Summary:
        raise state.data

    with pytest.raises(NothingDoneError, match=r"Replace it\."):
        run()
    assert done_by(run) is found


def test_of_many_failures_the_first_are_named_and_the_others_counted() -> None:
    text = in_words(summary(GOOD, *[(f"{i}.wav", "failed", "is empty") for i in range(9)]))
    assert text.endswith("0.wav: is empty. 1.wav: is empty. 2.wav: is empty. 6 more are listed under Artifacts.")


def test_a_stage_that_could_not_begin_says_why() -> None:
    found = in_words(summary(("remix", "failed", "There is no folder 'music'; give the path of one.")))
    assert found == "remix: There is no folder 'music'; give the path of one."


def test_where_every_video_is_gone_the_first_ones_are_named() -> None:
    text = in_words(summary(("x", "unavailable", "HTTP 404"), ("y", "unavailable", "private")))
    assert text == "remix: 2 unavailable, 1.0 s. x: HTTP 404. y: private."
