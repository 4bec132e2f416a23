"""What a mix is: which instruments are in it, by name or photo, their gains, and how unsure masks are read.

It comes from a page and goes to pages and plans, so that it is checked whole: its form is a pydantic model.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from desk.errors import DeskError
from varemix.errors import UsageError
from varemix.remix.automation import DEFAULT_FADE_S, MAX_GAIN_DB, MAX_RANGES, MOST_FADE_S, MUTE_DB, GainRange, in_order
from varemix.remix.mask_exponent import MASK_EXPONENT_LIMITS, PLAIN
from varemix.remix.tuning import TEMPO_LIMITS, TRANSPOSE_LIMITS

LOWEST_GAIN_DB = -60.0
MAX_TITLE = 120
LAST_S = 1e6  # no recording is that long
_MAX_INSTRUMENTS = 50
_MAX_MARKERS = 500

Target = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)]
Seconds = Annotated[float, Field(ge=0, le=LAST_S, allow_inf_nan=False)]
GainDb = Annotated[float, Field(ge=LOWEST_GAIN_DB, le=MAX_GAIN_DB, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MixedRange(_Part):
    """A stretch of time in which an instrument has another gain, with its fades; nothing is the start or the end."""

    from_s: Seconds | None = None
    to_s: Seconds | None = None
    gain_db: GainDb = 0.0
    is_muted: bool = False
    fade_s: Annotated[float, Field(ge=0, le=MOST_FADE_S)] = DEFAULT_FADE_S

    def range(self) -> GainRange:
        """Return the range. Raises UsageError for what cannot be."""
        gain_db = MUTE_DB if self.is_muted else self.gain_db
        return GainRange(gain_db=gain_db, from_s=self.from_s, to_s=self.to_s, fade_s=self.fade_s)


class MixedInstrument(_Part):
    """One instrument of a mix; `picture` is the photo that it is shown by, where somebody said what a photo shows.

    Outside its `ranges` its gain is `gain_db`.
    """

    target: Target
    title: Title | None = None
    picture: Target | None = None
    gain_db: GainDb = 0.0
    is_muted: bool = False
    is_solo: bool = False
    ranges: Annotated[tuple[MixedRange, ...], Field(max_length=MAX_RANGES)] = ()

    @model_validator(mode="after")
    def _has_ranges_that_can_be(self) -> Self:
        try:
            in_order([one.range() for one in self.ranges])
        except UsageError as error:
            raise ValueError(str(error)) from error
        return self


def _each_once(instruments: tuple[MixedInstrument, ...]) -> tuple[MixedInstrument, ...]:
    if len({instrument.target for instrument in instruments}) < len(instruments):
        raise ValueError("an instrument is in it twice")
    return instruments


Instruments = Annotated[tuple[MixedInstrument, ...], Field(max_length=_MAX_INSTRUMENTS), AfterValidator(_each_once)]
MaskExponent = Annotated[float, Field(ge=MASK_EXPONENT_LIMITS[0], le=MASK_EXPONENT_LIMITS[1])]


class Marker(_Part):
    """A place in the recording that has a name."""

    at_s: Seconds
    name: Title


class Setting(_Part):
    """One of the two settings of a mix that are compared."""

    instruments: Instruments = ()
    mask_exponent: MaskExponent = PLAIN


class Click(_Part):
    """A metronome in the recording's own time; the first beat of a bar lies on `first_beat_s`, of 0 beats none does."""

    is_on: bool = False
    bpm: Annotated[float, Field(ge=30, le=300)] = 100.0
    beats_a_bar: Annotated[int, Field(ge=0, le=16)] = 4
    first_beat_s: Seconds = 0.0
    gain_db: Annotated[float, Field(ge=-40, le=6)] = 0.0


class Mix(_Part):
    """All that changes what one hears, and the places that one goes back to.

    Of two settings, A and B, `setting` is the one that stands here and `other` the one that it is compared with.
    `tempo` is 1 as the recording has it, `my_instrument` the one that somebody practises. `separator` names by
    instrument who separates it besides our network; a new one has what the desk was opened with.
    """

    instruments: Instruments = ()
    mask_exponent: MaskExponent = PLAIN
    setting: Literal["A", "B"] = "A"
    other: Setting | None = None
    equal_loudness: bool = False
    markers: Annotated[tuple[Marker, ...], Field(max_length=_MAX_MARKERS)] = ()
    loop: tuple[Seconds, Seconds] | None = None
    count_in_bpm: Annotated[float, Field(ge=30, le=300)] | None = None
    tempo: Annotated[float, Field(ge=TEMPO_LIMITS[0], le=TEMPO_LIMITS[1])] = 1.0
    transpose_semitones: Annotated[float, Field(ge=TRANSPOSE_LIMITS[0], le=TRANSPOSE_LIMITS[1])] = 0.0
    click: Click = Click()
    my_instrument: Target | None = None
    separator: Annotated[dict[Target, Title], Field(max_length=_MAX_INSTRUMENTS)] = {}

    @model_validator(mode="after")
    def _has_a_loop_that_can_be(self) -> Self:
        if self.loop and self.loop[0] >= self.loop[1]:
            raise ValueError("its loop ends before it begins")
        return self


def mix_of(value: object) -> Mix:
    """Return the mix that a page gave. Raises DeskError, which says what is wrong where, for what is none."""
    try:
        return Mix.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise DeskError(422, f"This is no mix: {place}: {first['msg']}. Load the page again.") from error
