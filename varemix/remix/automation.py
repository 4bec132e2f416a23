"""Automation: gains that change in time, as ranges of a recording with a gain and fades of their own, and their times.

Outside its ranges an instrument has its base gain. Fades lie inside a range, are straight in amplitude, and lead from
the base gain to the range's and back; where one range ends as the next begins, from one straight to the other.
Belongs here: what a range may be, how it is written, its breakpoints. Stays out: what is done to samples (`curves`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from varemix.errors import UsageError

MUTE_DB = -math.inf
MAX_GAIN_DB = 24.0
DEFAULT_FADE_S = 0.05
MOST_FADE_S = 600.0
LEAST_RANGE_S = 0.01
MOST_S = 1_000_000.0
MAX_RANGES = 1_000

_PARTS_OF_TIME = 3  # hours, minutes, seconds
_SIXTY = 60
_ROUNDING_S = 1e-6


@dataclass(frozen=True, kw_only=True)
class GainRange:
    """A stretch of a recording, in seconds, with a gain of its own, -inf for mute; None is the start or the end.

    `fade_s` is how long each of its two fades takes; there is none at the recording's start and end. Raises UsageError
    for what cannot be.
    """

    gain_db: float
    from_s: float | None = None
    to_s: float | None = None
    fade_s: float = DEFAULT_FADE_S

    def __post_init__(self) -> None:
        if math.isnan(self.gain_db) or self.gain_db > MAX_GAIN_DB:
            raise UsageError(
                f"{self.span}: '{self.gain_db}' is out of range; give a number of dB up to {MAX_GAIN_DB:g}, or mute."
            )
        if self.from_s is None and self.to_s is None:
            raise UsageError("A range needs a time at which it begins or ends; give from, to, or both.")
        if not 0 <= self.fade_s <= MOST_FADE_S:
            raise UsageError(f"{self.span}: a fade of {self.fade_s:g} s is none; give 0 to {MOST_FADE_S:g} seconds.")
        if self.length_s <= 0:
            raise UsageError(
                f"{self.span}: to {time_text(self.to_s or 0)} does not lie after from {time_text(self.from_s or 0)}; "
                "give a later to, or swap them."
            )
        if self.length_s < LEAST_RANGE_S - _ROUNDING_S:
            raise UsageError(f"{self.span}: is shorter than {LEAST_RANGE_S:g} s; give a later to.")
        num_fades = (self.from_s is not None) + (self.to_s is not None)
        if num_fades * self.fade_s > self.length_s + _ROUNDING_S:
            raise UsageError(
                f"{self.span}: lasts {self.length_s:.3g} s, which is too short for fades of {self.fade_s:g} s; "
                f"give a fade of at most {self.length_s / num_fades:.3g} s, or a longer range."
            )

    @property
    def length_s(self) -> float:
        """How long it lasts; endless where it goes to the recording's end."""
        return math.inf if self.to_s is None else self.to_s - (self.from_s or 0.0)

    @property
    def span(self) -> str:
        """From when to when, as it is written: `1:20-2:05`, `-0:30`."""
        return "-".join("" if time is None else time_text(time) for time in (self.from_s, self.to_s))

    @property
    def text(self) -> str:
        """The range as it is written on the command line: `-6.0@1:20-2:05`, with `~0.5` for a fade of its own."""
        gain = "mute" if self.gain_db == MUTE_DB else repr(self.gain_db)
        return f"{gain}@{self.span}" + ("" if self.fade_s == DEFAULT_FADE_S else f"~{_plain(self.fade_s)}")


def seconds_of(value: object) -> float:
    """Return a time that is written as seconds (80.5), minutes (1:20.5) or hours (1:02:45). Raises UsageError."""
    parts = str(value).strip().replace(",", ".").split(":") if isinstance(value, str | int | float) else []
    try:
        *whole, rest = [Decimal(part) for part in parts]
    except (InvalidOperation, ValueError):
        raise _no_time(value) from None
    numbers = [*whole, rest]
    is_whole = all(part.isascii() and part.isdecimal() for part in parts[:-1]) and not isinstance(value, bool)
    is_clock = all(0 <= number < _SIXTY for number in numbers[1:])
    if not is_whole or not is_clock or len(parts) > _PARTS_OF_TIME or not rest.is_finite() or rest < 0:
        raise _no_time(value)
    seconds = sum((number * _SIXTY**place for place, number in enumerate(reversed(numbers))), Decimal(0))
    if seconds > Decimal(MOST_S):
        raise _no_time(value)
    return float(seconds)


def time_text(seconds: float) -> str:
    """Return a time as people write it, and as `seconds_of` reads it back: `1:20`, `1:20.5`, `1:02:45`."""
    exact = Decimal(repr(seconds))
    all_minutes, rest = divmod(exact, _SIXTY)
    hours, minutes = divmod(int(all_minutes), _SIXTY)
    whole, _, part = f"{rest:f}".partition(".")
    fraction = f".{part.rstrip('0')}" if part.rstrip("0") else ""
    return (f"{hours}:{minutes:02}" if hours else f"{minutes}") + f":{int(whole):02}{fraction}"


def parse_range(text: str) -> GainRange:
    """Return the range written as DB@FROM-TO or DB@FROM-TO~FADE. Raises UsageError otherwise."""
    gain, _, when = text.partition("@")
    span, tilde, fade = when.partition("~")
    start, dash, end = (part.strip() for part in span.partition("-"))
    if not dash:
        raise UsageError(f"'{when}' is no range; write for example -6@1:20-2:05, or -6@1:20- up to the end.")
    gain = gain.strip().lower().removesuffix("db").strip()
    if gain == "solo":
        raise UsageError("A solo is for the whole recording; give a number of dB or mute for a range.")
    return GainRange(
        gain_db=MUTE_DB if gain == "mute" else _number(gain, "number of dB; give a number, or mute"),
        from_s=seconds_of(start) if start else None,
        to_s=seconds_of(end) if end else None,
        fade_s=_number(fade, "fade; give seconds, such as ~0.5") if tilde else DEFAULT_FADE_S,
    )


def in_order(ranges: Sequence[GainRange]) -> tuple[GainRange, ...]:
    """Return the ranges of one instrument by time. Raises UsageError where two overlap, or there are too many."""
    ordered = tuple(sorted(ranges, key=lambda one: one.from_s or 0.0))
    for one, other in pairwise(ordered):
        if one.to_s is None or one.to_s > (other.from_s or 0.0):
            raise UsageError(
                f"The ranges {one.span} and {other.span} overlap; let one end before the other begins, or as it does."
            )
    if len(ordered) > MAX_RANGES:
        raise UsageError(f"One instrument has {len(ordered)} ranges; give at most {MAX_RANGES}.")
    return ordered


def end_fault(ranges: Sequence[GainRange], duration_s: float) -> str:
    """Return what is wrong with ranges that go beyond a recording's end; an empty text where none does."""
    late = next((one for one in ranges if max(one.from_s or 0.0, one.to_s or 0.0) > duration_s + _ROUNDING_S), None)
    if late is None:
        return ""
    return (
        f"The range {late.span} goes beyond the recording's end at {time_text(math.floor(duration_s * 1000) / 1000)}; "
        "end it there, or leave the end out."
    )


def breakpoints(base: float, ranges: Sequence[tuple[GainRange, float]], rate_hz: int) -> list[tuple[int, float]]:
    """Return samples and values between which a curve is straight: `base`, and in each range the value beside it.

    The first sample of a range is the first that differs, so that all outside is as without ranges. Before the first
    breakpoint the first value holds, after the last one the last.
    """
    points: list[tuple[int, float]] = []
    for place, (one, value) in enumerate(ranges):
        first, end = (None if time is None else round(time * rate_hz) for time in (one.from_s, one.to_s))
        num_fade = max(1, round(one.fade_s * rate_hz))
        if first is not None and end is not None:
            num_fade = min(num_fade, (end - first + 1) // 2)
        if first is None:
            points.append((0, value))
        else:
            before = ranges[place - 1][1] if place and ranges[place - 1][0].to_s == one.from_s else base
            points += [(first - 1, before), (first - 1 + num_fade, value)]
        goes_on = place + 1 < len(ranges) and ranges[place + 1][0].from_s == one.to_s
        if end is not None and not goes_on:
            points += [(end - num_fade, value), (end, base)]
    return points


def _number(text: str, what: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        raise UsageError(f"'{text.strip()}' is no {what}.") from error


def _plain(number: float) -> str:
    return repr(number).removesuffix(".0")


def _no_time(value: object) -> UsageError:
    return UsageError(f"'{value}' is no time; give minutes and seconds, such as 1:20, or seconds, such as 80.5.")
