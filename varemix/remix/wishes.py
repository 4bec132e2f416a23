"""Wishes in dB, one an instrument: as they are written, and which of them change anything.

Stays out: the gain of every row or bin that follows from them (`gains`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from varemix.errors import UsageError

MUTE_DB = -math.inf
MAX_GAIN_DB = 24.0


@dataclass(frozen=True, kw_only=True)
class GainWish:
    """How much louder or softer one instrument shall be.

    `target` is an instrument's name or the path of a picture; `gain_db` is -inf for mute. A solo is heard alone.
    """

    target: str
    gain_db: float = 0.0
    is_solo: bool = False

    def __post_init__(self) -> None:
        if math.isnan(self.gain_db) or self.gain_db > MAX_GAIN_DB:
            raise UsageError(
                f"Gain '{self.gain_db}' for '{self.target}' is out of range; give a number of dB up to "
                f"{MAX_GAIN_DB:g}, mute, or solo."
            )

    @property
    def value(self) -> str:
        """The gain as it is written on the command line, in one canonical form."""
        return "solo" if self.is_solo else "mute" if self.gain_db == MUTE_DB else repr(self.gain_db)

    @property
    def text(self) -> str:
        """The wish as it is written on the command line."""
        return f"{self.target}={self.value}"


def parse_gain(text: str) -> GainWish:
    """Return the wish written as NAME=DB, where DB is a number, `mute` or `solo`. Raises UsageError otherwise."""
    target, equals, value = text.rpartition("=")
    value = value.strip().lower().removesuffix("db").strip().replace(",", ".")
    if not equals or not target.strip():
        raise UsageError(f"Gain '{text}' has no NAME=DB form; write for example violin=-6 or photo.jpg=mute.")
    if value == "solo":
        return GainWish(target=target.strip(), is_solo=True)
    try:
        gain_db = MUTE_DB if value == "mute" else float(value)
    except ValueError as error:
        raise UsageError(f"Gain '{value}' for '{target}' is no number of dB; give a number, mute, or solo.") from error
    return GainWish(target=target.strip(), gain_db=gain_db)


def parse_gains(texts: Sequence[str]) -> list[GainWish]:
    """Return the wishes; UsageError when one target has two."""
    wishes = [parse_gain(text) for text in texts]
    targets = [wish.target for wish in wishes]
    twice = sorted({target for target in targets if targets.count(target) > 1})
    if twice:
        raise UsageError(f"'{twice[0]}' has more than one gain; give each instrument one.")
    return wishes


def audible(wishes: Sequence[GainWish]) -> list[GainWish]:
    """Return the wishes that change anything: the solos if there are any, else those that are not 0 dB."""
    return [wish for wish in wishes if wish.is_solo] or [wish for wish in wishes if wish.gain_db != 0]


def is_unity(wishes: Sequence[GainWish]) -> bool:
    """Return whether the wishes change nothing: no solo, and 0 dB for all."""
    return not audible(wishes)
