"""Gains as a plan has them: a number of dB, mute, solo, or a list of gains in time.

In such a list an entry with `from`, `to` or both is a range; one without is the base gain, which holds outside all of
them, and is 0 dB where none is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from varemix.errors import UsageError
from varemix.remix.automation import (
    DEFAULT_FADE_S,
    MAX_GAIN_DB,
    MOST_FADE_S,
    MUTE_DB,
    GainRange,
    in_order,
    seconds_of,
    time_text,
)
from varemix.remix.wishes import GainWish

MUTE = "mute"
SOLO = "solo"
MAX_GAINS = 100
GAINS_TEXT = (
    "How many dB louder or softer each is, by instrument or path of a picture: a number, mute, or solo; or a list of "
    "gains in time, such as [{db: -3}, {from: '1:20', to: '2:05', db: -6, fade: 0.5}]."
)

_MAX_TARGET = 2_000


def choice(words: tuple[str, ...], lowest: float, highest: float) -> Callable[[object], object]:
    """Return what reads a value that is one of a few words or a number, of a form or a file."""

    def read(value: object) -> object:
        if value is None:
            return None
        if isinstance(value, str):
            text = value.strip().lower()
            word = text.replace(" ", "_").replace("-", "_")
            if word in words:
                return word
            value = _number(text)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not lowest <= value <= highest:  # type: ignore[operator]
            raise ValueError(f"'{value}' is none; give {', '.join(words)}, or a number from {lowest:g} to {highest:g}.")
        return float(value) + 0.0  # type: ignore[arg-type]  # -0.0 becomes 0.0

    return read


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _read_time(value: object) -> float:
    try:
        return seconds_of(value)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _read_part_gain(value: object) -> object:
    read = choice((MUTE,), MUTE_DB, MAX_GAIN_DB)(value)
    if read is None:
        raise ValueError("has no gain; give a number of dB, or mute.")
    return MUTE if read == MUTE_DB else read


Time = Annotated[float | str, BeforeValidator(_read_time), PlainSerializer(time_text, return_type=str)]


class GainPart(BaseModel):
    """One gain in time: of a range, or the base gain, which has neither begin nor end."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Gain in time", serialize_by_alias=True)

    from_s: Time | None = Field(
        None, alias="from", title="From", description="A time such as 1:20, or seconds; nothing for the start."
    )
    to_s: Time | None = Field(
        None, alias="to", title="To", description="A time such as 2:05, or seconds; nothing for the end."
    )
    db: Annotated[Annotated[float, Field(le=MAX_GAIN_DB)] | Literal["mute"], BeforeValidator(_read_part_gain)] = Field(
        title="Gain (dB)", description="A number of dB, or mute."
    )
    fade: Annotated[float, Field(strict=True, ge=0, le=MOST_FADE_S)] | None = Field(
        None, title="Fade (s)", description="How long the fades into the range and out of it take; they lie inside it."
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.is_base and self.fade is not None:
            raise ValueError("fade belongs to a range; give from, to, or both, or take fade out.")
        if not self.is_base:
            try:
                self.range()
            except UsageError as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def is_base(self) -> bool:
        """Whether it is the gain outside all ranges."""
        return self.from_s is None and self.to_s is None

    @property
    def gain_db(self) -> float:
        """The gain, -inf for mute."""
        return MUTE_DB if self.db == MUTE else float(self.db)

    def range(self) -> GainRange:
        """Return the range. Raises UsageError for what cannot be."""
        fade_s = DEFAULT_FADE_S if self.fade is None else self.fade
        return GainRange(gain_db=self.gain_db, from_s=self.from_s, to_s=self.to_s, fade_s=fade_s)  # type: ignore[arg-type]


def _fits(parts: tuple[GainPart, ...]) -> tuple[GainPart, ...]:
    """Return the gains of one instrument when they can be had at once."""
    if not parts:
        raise ValueError("holds no gain; give at least one, such as {from: '1:20', to: '2:05', db: -6}.")
    if sum(part.is_base for part in parts) > 1:
        raise ValueError("two entries have neither from nor to, which is the gain outside all ranges; give it once.")
    try:
        in_order([part.range() for part in parts if not part.is_base])
    except UsageError as error:
        raise ValueError(str(error)) from error
    return parts


_PARTS = TypeAdapter(Annotated[tuple[GainPart, ...], AfterValidator(_fits)])


def _read_gain(value: object) -> object:
    """Return a gain; one of minus infinity is a mute."""
    if isinstance(value, list | tuple):
        return _PARTS.validate_python(value)
    read = choice((MUTE, SOLO), MUTE_DB, MAX_GAIN_DB)(value)
    if read is None:
        raise ValueError("has no gain; give a number of dB, mute, solo, or a list of gains in time.")
    return MUTE if read == MUTE_DB else read


Target = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_TARGET)]
Gain = Annotated[
    Annotated[float, Field(le=MAX_GAIN_DB)] | Literal["mute", "solo"] | tuple[GainPart, ...],
    BeforeValidator(_read_gain),
]
Gains = Annotated[dict[Target, Gain], Field(max_length=MAX_GAINS)]


def wish_of(target: str, gain: float | str | tuple[GainPart, ...]) -> GainWish:
    """Return the wish that a plan's gain is."""
    if isinstance(gain, tuple):
        base_db = next((part.gain_db for part in gain if part.is_base), 0.0)
        ranges = tuple(part.range() for part in gain if not part.is_base)
        return GainWish(target=target, gain_db=base_db, ranges=ranges)
    if isinstance(gain, str):
        return GainWish(target=target, is_solo=True) if gain == SOLO else GainWish(target=target, gain_db=MUTE_DB)
    return GainWish(target=target, gain_db=gain)


def gain_of(wish: GainWish) -> str | list[dict[str, Any]]:
    """Return a wish as a plan has it."""
    if not wish.ranges:
        return wish.value
    base = [{"db": wish.gain_db}] if wish.gain_db else []
    return [*base, *map(_entry, wish.ranges)]


def _entry(one: GainRange) -> dict[str, Any]:
    times = {"from": one.from_s, "to": one.to_s}
    fade = {} if one.fade_s == DEFAULT_FADE_S else {"fade": one.fade_s}
    return {name: time for name, time in times.items() if time is not None} | {"db": one.gain_db} | fade
