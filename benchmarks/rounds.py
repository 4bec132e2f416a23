"""Ways to do the same, timed in rounds that alternate, so that what else the machine does hits all alike."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to do something: `run` does it once; what it returns is the seconds that count, None for all of them."""

    name: str
    run: Callable[[], float | None]


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def finish(device: torch.device) -> None:
    """Wait until the device has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Return how long the work takes."""
    finish(device)
    started = time.perf_counter()
    work()
    finish(device)
    return time.perf_counter() - started


def alternated(ways: Sequence[Way], num_rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Return the seconds of each way in each round; every other round runs backwards, and one before is not counted."""
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(num_rounds + 1):
        for way in ways if number % 2 else reversed(ways):
            inner: list[float | None] = []
            outer = seconds_of(lambda way=way, inner=inner: inner.append(way.run()), device)  # type: ignore[misc]
            if number:
                seconds[way.name].append(outer if inner[0] is None else inner[0])
        say(f"round {number} of {num_rounds}" + ("" if number else ", to warm up"))
    return seconds


def say_rates(seconds: Mapping[str, Sequence[float]], amount: float, unit: str, *, beside: str) -> dict[str, float]:
    """Print each way's `amount` a second as a median with its range, and beside another way's; return the medians."""
    medians = {name: amount / statistics.median(each) for name, each in seconds.items()}
    width = max(map(len, seconds))
    say(f"\n{'':{width}}  {unit:>12}  {'range':>17}  beside '{beside}'")
    for name, each in seconds.items():
        span = f"{amount / max(each):.1f} - {amount / min(each):.1f}"
        say(f"{name:{width}}  {medians[name]:12.1f}  {span:>17}  {medians[name] / medians[beside]:.2f}")
    return medians
