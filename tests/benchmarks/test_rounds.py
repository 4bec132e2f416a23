"""Rounds: ways take turns, and what counts is counted."""

import time

import pytest
import torch

from benchmarks.rounds import Way, alternated, say_rates, seconds_of

CPU = torch.device("cpu")


def test_ways_take_turns_in_both_orders_and_the_first_round_does_not_count() -> None:
    done: list[str] = []
    ways = [Way(name=name, run=lambda name=name: done.append(name)) for name in "ab"]
    seconds = alternated(ways, 2, CPU)
    assert "".join(done) == "ba" + "ab" + "ba"
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


def test_a_way_may_say_itself_how_long_it_took() -> None:
    assert alternated([Way(name="a", run=lambda: 7.0)], 3, CPU) == {"a": [7.0, 7.0, 7.0]}
    [found] = alternated([Way(name="b", run=lambda: time.sleep(0.02))], 1, CPU)["b"]
    assert 0.02 <= found < 5
    assert seconds_of(lambda: time.sleep(0.02), CPU) >= 0.02


def test_rates_are_medians_beside_another_way(capsys: pytest.CaptureFixture[str]) -> None:
    rates = say_rates({"slow": [2.0, 4.0, 100.0], "quick": [1.0, 1.0, 2.0]}, 8, "things/s", beside="slow")
    assert rates == {"slow": 2.0, "quick": 8.0}
    quick = capsys.readouterr().out.splitlines()[-1].split()
    assert quick == ["quick", "8.0", "4.0", "-", "8.0", "4.00"]
