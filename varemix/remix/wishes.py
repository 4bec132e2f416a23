"""Wishes in dB, one an instrument: as they are written, and which of them change anything.

Stays out: what a range of time may be (`automation`), the gain of every row or bin that follows from wishes (`gains`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from varemix.errors import UsageError
from varemix.remix.automation import MAX_GAIN_DB, MUTE_DB, GainRange, end_fault, in_order, parse_range


@dataclass(frozen=True, kw_only=True)
class GainWish:
    """How much louder or softer one instrument shall be.

    `target` is an instrument's name or the path of a picture; `gain_db` is -inf for mute. A solo is heard alone. In the
    `ranges`, which are kept by time, the gain is theirs, and `gain_db` everywhere else; a solo has none.
    """

    target: str
    gain_db: float = 0.0
    is_solo: bool = False
    ranges: tuple[GainRange, ...] = ()

    def __post_init__(self) -> None:
        if math.isnan(self.gain_db) or self.gain_db > MAX_GAIN_DB:
            raise UsageError(
                f"Gain '{self.gain_db}' for '{self.target}' is out of range; give a number of dB up to "
                f"{MAX_GAIN_DB:g}, mute, or solo."
            )
        try:
            object.__setattr__(self, "ranges", in_order(self.ranges))
        except UsageError as error:
            raise UsageError(f"For '{self.target}': {error}") from error

    @property
    def is_automated(self) -> bool:
        """Whether its gain changes in time."""
        return any(one.gain_db != self.gain_db for one in self.ranges)

    @property
    def value(self) -> str:
        """The gain as it is written on the command line, in one canonical form; each range after a space."""
        return " ".join(self._values)

    @property
    def text(self) -> str:
        """The wish as it is written on the command line."""
        return " ".join(f"{self.target}={value}" for value in self._values)

    @property
    def _values(self) -> list[str]:
        base = "solo" if self.is_solo else "mute" if self.gain_db == MUTE_DB else repr(self.gain_db)
        return [*([base] if self.gain_db != 0 or not self.ranges else []), *(one.text for one in self.ranges)]


def parse_gain(text: str) -> GainWish:
    """Return the wish written as NAME=DB, where DB is a number, `mute` or `solo`. Raises UsageError otherwise.

    NAME=DB@FROM-TO is for that range only, NAME=DB@FROM-TO~FADE with fades of so many seconds.
    """
    target, equals, value = text.rpartition("=")
    if not equals or not target.strip():
        raise UsageError(f"Gain '{text}' has no NAME=DB form; write for example violin=-6 or photo.jpg=mute.")
    if "@" in value:
        try:
            return GainWish(target=target.strip(), ranges=(parse_range(value),))
        except UsageError as error:
            raise UsageError(f"Gain '{text}': {error}") from error
    value = value.strip().lower().removesuffix("db").strip().replace(",", ".")
    if value == "solo":
        return GainWish(target=target.strip(), is_solo=True)
    try:
        gain_db = MUTE_DB if value == "mute" else float(value)
    except ValueError as error:
        raise UsageError(f"Gain '{value}' for '{target}' is no number of dB; give a number, mute, or solo.") from error
    return GainWish(target=target.strip(), gain_db=gain_db)


def parse_gains(texts: Sequence[str]) -> list[GainWish]:
    """Return the wishes, one a target: what is given for the whole recording, and for ranges of it.

    Raises UsageError when one target has two gains at once.
    """
    parts: dict[str, list[GainWish]] = {}
    for wish in map(parse_gain, texts):
        parts.setdefault(wish.target, []).append(wish)
    return [_joined(target, wishes) for target, wishes in parts.items()]


def _joined(target: str, wishes: Sequence[GainWish]) -> GainWish:
    """Return the wishes of one target as one."""
    bases = [wish for wish in wishes if not wish.ranges]
    ranges = [one for wish in wishes for one in wish.ranges]
    if len(bases) > 1:
        raise UsageError(f"'{target}' has more than one gain; give each instrument one.")
    base = bases[0] if bases else GainWish(target=target)
    if base.is_solo and ranges:
        raise UsageError(f"'{target}' is a solo, which is for the whole recording; take it or the ranges out.")
    return GainWish(target=target, gain_db=base.gain_db, is_solo=base.is_solo, ranges=tuple(ranges))


def ranges_fault(wishes: Sequence[GainWish], duration_s: float) -> str:
    """Return which ranges go beyond the end of a recording so long, and what to do; an empty text where none does."""
    faults = ((wish.target, end_fault(wish.ranges, duration_s)) for wish in wishes)
    return next((f"For '{target}': {fault}" for target, fault in faults if fault), "")


def audible(wishes: Sequence[GainWish]) -> list[GainWish]:
    """Return the wishes that change anything: the solos if there are any, else those that are not always 0 dB."""
    moved = (wish for wish in wishes if wish.gain_db != 0 or wish.is_automated)
    return [wish for wish in wishes if wish.is_solo] or list(moved)


def is_unity(wishes: Sequence[GainWish]) -> bool:
    """Return whether the wishes change nothing: no solo, and 0 dB for all."""
    return not audible(wishes)
