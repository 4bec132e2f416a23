"""Wishes as data: what shall become of a whole library, and of each recording in it.

A plan is filled in as a form or written as a file (`plan_yaml`). It holds wishes for all recordings and rules for
some; the first rule that is for a recording decides what is wished of it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from varemix.errors import UsageError
from varemix.remix.level_care import LOUDNESS_LIMITS_LUFS, MATCH, TRUE_PEAK_LIMITS_DB, UNCHANGED, LevelCare
from varemix.remix.mask_exponent import MASK_EXPONENT_LIMITS, PLAIN
from varemix.remix.plan_gains import GAINS_TEXT, MAX_GAINS, Gains, Target, choice, gain_of, wish_of
from varemix.remix.rules import Match
from varemix.remix.tuning import AS_RECORDED, TEMPO_LIMITS, TRANSPOSE_LIMITS, Tuning
from varemix.remix.wishes import GainWish, is_unity, parse_gains, ranges_fault
from varemix.signal.smoothing_time import DEFAULT_SMOOTHING_S, MOST_SMOOTHING_S, smoothing_of

OFF = "off"
SAME = "same"
MAX_RULES = 1_000
MAX_AUDIO_STREAMS = 99

_MAX_NAME = 200
_FORMER_NAMES = {"even_if_absent": "force", "nothing_else": "exclusive"}
_FORMER_UNCHANGED = "as_is"
_OURS = "varemix"  # what our own network is called


@dataclass(frozen=True, kw_only=True)
class TrackWishes:
    """What is wished of one recording.

    `dry_wet` is the share of the change that is made, 0 to 1; `smoothing_s` the time constant with which masks are
    smoothed along time; `mask_exponent` how unsure masks are read; `format` the name of another format, None for the
    recording's own; `rule` the name of the rule that decided, empty for none; `separator` names by instrument the
    separators that hear it, ours where none is named. `audio_stream` is the number, from 0 on, of the sound that is
    remixed of several, `tuning` another tempo or pitch. A recording that is skipped is left as it is.
    """

    gains: tuple[GainWish, ...] = ()
    dry_wet: float = 1.0
    smoothing_s: float = DEFAULT_SMOOTHING_S
    mask_exponent: float = PLAIN
    even_if_absent: bool = False
    even_if_unknown: bool = False
    nothing_else: bool = False
    care: LevelCare = field(default_factory=LevelCare)
    format: str | None = None
    audio_stream: int = 0
    tuning: Tuning = AS_RECORDED
    separator: tuple[tuple[str, str], ...] = ()
    is_skipped: bool = False
    rule: str = ""

    @property
    def is_unity(self) -> bool:
        """Whether no instrument gets louder or softer."""
        return self.is_skipped or self.dry_wet == 0 or is_unity(self.gains)

    @property
    def is_untouched(self) -> bool:
        """Whether the recording comes out as it went in, sound, level and format."""
        if self.is_skipped:
            return True
        has_same_level = self.care.true_peak_db is None and self.care.loudness in (UNCHANGED, MATCH)
        return self.is_unity and has_same_level and self.format is None and self.tuning.is_none

    def fault(self, duration_s: float) -> str:
        """Return what cannot be wished of a recording so long, and what to do; an empty text where all can be."""
        return "" if self.is_unity else ranges_fault(self.gains, duration_s)

    def as_dict(self) -> dict[str, Any]:
        """Return the wishes as plain values that decide the result, in one canonical form."""
        if self.is_skipped:
            return {"is_skipped": True}
        return {
            "gains": {wish.target: wish.value for wish in sorted(self.gains, key=lambda wish: wish.target)},
            "dry_wet": self.dry_wet,
            "smoothing_s": self.smoothing_s,
            **({"mask_exponent": self.mask_exponent} if self.mask_exponent != PLAIN else {}),
            "even_if_absent": self.even_if_absent,
            "nothing_else": self.nothing_else,
            "format": self.format,
            **({"audio_stream": self.audio_stream + 1} if self.audio_stream else {}),
            **({"separator": dict(self.separator)} if self.separator else {}),
            **({} if self.tuning.is_none else self.tuning.as_dict()),
            **self.care.as_dict(),
        }


def _read_format(value: object) -> object:
    """Return the name of a format as it is known."""
    return value.strip().lower().removeprefix(".") if isinstance(value, str) else value


def _in_words_of_today(values: Any) -> Any:
    """Return the values of a plan or a rule, words that they used to be given in read as those of today."""
    if not isinstance(values, Mapping):
        return values
    named = {name if (now := _FORMER_NAMES.get(name, name)) in values else now: value for name, value in values.items()}
    loudness = named.get("loudness")
    if isinstance(loudness, str) and loudness.strip().lower().replace(" ", "_").replace("-", "_") == _FORMER_UNCHANGED:
        named["loudness"] = UNCHANGED
    return _with_smoothing_s(named)


def _with_smoothing_s(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the values of a plan or a rule, the decay a frame that used to be given read as a time constant."""
    if "smoothing" not in values or "smoothing_s" in values:
        return values
    decay = values["smoothing"]
    is_decay = isinstance(decay, int | float) and not isinstance(decay, bool) and 0 <= decay < 1
    if not is_decay or smoothing_of(decay) > MOST_SMOOTHING_S:
        return values  # is refused as a key that is unknown
    others = {name: value for name, value in values.items() if name != "smoothing"}
    return {**others, "smoothing_s": smoothing_of(decay)}


def _read_percent(value: object) -> object:
    """Return the number of a text such as `80%`."""
    text = value.strip().removesuffix("%").strip() if isinstance(value, str) else ""
    return float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else value


Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Tempo = Annotated[
    float, Field(strict=True, ge=100 * TEMPO_LIMITS[0], le=100 * TEMPO_LIMITS[1]), BeforeValidator(_read_percent)
]
Transposition = Annotated[float, Field(strict=True, ge=TRANSPOSE_LIMITS[0], le=TRANSPOSE_LIMITS[1])]
Smoothing = Annotated[float, Field(strict=True, ge=0, le=MOST_SMOOTHING_S)]
MaskExponent = Annotated[float, Field(strict=True, ge=MASK_EXPONENT_LIMITS[0], le=MASK_EXPONENT_LIMITS[1])]
Loudness = Annotated[
    Literal["unchanged", "match"] | Annotated[float, Field(ge=LOUDNESS_LIMITS_LUFS[0], le=LOUDNESS_LIMITS_LUFS[1])],
    BeforeValidator(choice((UNCHANGED, MATCH), *LOUDNESS_LIMITS_LUFS)),
]
TruePeak = Annotated[
    Annotated[float, Field(ge=TRUE_PEAK_LIMITS_DB[0], le=TRUE_PEAK_LIMITS_DB[1])] | Literal["off"],
    BeforeValidator(choice((OFF,), *TRUE_PEAK_LIMITS_DB)),
]
AudioStream = Annotated[int, Field(strict=True, ge=1, le=MAX_AUDIO_STREAMS)]
Format = Annotated[
    Literal["wav", "aiff", "flac", "mp3", "ogg", "opus", "m4a", "alac", "wma", "same"], BeforeValidator(_read_format)
]
Separators = Annotated[
    dict[Target, Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_NAME)]],
    Field(max_length=MAX_GAINS),
]
_SEPARATOR_TEXT = (
    "What separates which instrument: names of separators that the host has, by instrument; varemix is our own."
)
_AS_THE_PLAN = "Nothing given: as the plan has it."


class Rule(BaseModel):
    """Wishes for the recordings that match; what is not given here is as the plan has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Rule")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_NAME)] = Field(
        title="Name", description="What the rule is called in reports."
    )
    match: Match = Field(title="Which recordings", description="All that is given must be true of a recording.")
    skip: Annotated[bool, Field(strict=True)] = Field(
        False, title="Leave unchanged", description="Leave these recordings as they are."
    )
    gains: Annotated[Gains, Field(min_length=1)] | None = Field(
        None, title="Gains (dB)", description=f"{GAINS_TEXT} These stand in the place of all the plan's gains."
    )
    dry_wet: Share | None = Field(None, title="Dry/wet", description=_AS_THE_PLAN)
    smoothing_s: Smoothing | None = Field(None, title="Smoothing (s)", description=_AS_THE_PLAN)
    mask_exponent: MaskExponent | None = Field(None, title="Mask exponent", description=_AS_THE_PLAN)
    force: Annotated[bool, Field(strict=True)] | None = Field(None, title="Force", description=_AS_THE_PLAN)
    even_if_unknown: Annotated[bool, Field(strict=True)] | None = Field(
        None, title="Even if unknown", description=_AS_THE_PLAN
    )
    exclusive: Annotated[bool, Field(strict=True)] | None = Field(None, title="Exclusive", description=_AS_THE_PLAN)
    loudness: Loudness | None = Field(None, title="Loudness (LUFS)", description=_AS_THE_PLAN)
    true_peak_db: TruePeak | None = Field(
        None, title="True peak (dBTP)", description=f"off: no limiter for these. {_AS_THE_PLAN}"
    )
    format: Format | None = Field(None, title="Format", description=f"same: the recording's own. {_AS_THE_PLAN}")
    audio_stream: AudioStream | None = Field(None, title="Audio stream", description=_AS_THE_PLAN)
    tempo: Tempo | None = Field(None, title="Tempo (%)", description=_AS_THE_PLAN)
    transpose: Transposition | None = Field(None, title="Transpose (semitones)", description=_AS_THE_PLAN)
    separator: Separators | None = Field(None, title="Separators", description=f"{_SEPARATOR_TEXT} {_AS_THE_PLAN}")

    _reads_former_words = model_validator(mode="before")(_in_words_of_today)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.skip and (given := sorted(self.overrides())):
            raise ValueError(f"skip is true, and {', '.join(given)} given, which has no effect; take one of them out.")
        return self

    def overrides(self) -> dict[str, Any]:
        """Return what is given in the place of the plan's."""
        fields = ((name, getattr(self, name)) for name in type(self).model_fields if name in RemixPlan.model_fields)
        return {name: value for name, value in fields if value is not None}


class RemixPlan(BaseModel):
    """What shall become of a library's recordings."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Remix plan")

    gains: Gains = Field(
        default_factory=dict,
        title="Gains (dB)",
        description=GAINS_TEXT,
        examples=[{"violin": -6, "photo.jpg": "mute"}],
    )
    dry_wet: Share = Field(1.0, title="Dry/wet", description="How much of the change is made: 0 nothing, 1 all of it.")
    smoothing_s: Smoothing = Field(
        DEFAULT_SMOOTHING_S,
        title="Smoothing (s)",
        description="Over how long masks are smoothed along time: 0 not at all; more is calmer and less sharp.",
    )
    mask_exponent: MaskExponent = Field(
        PLAIN,
        title="Mask exponent",
        description="Below 1 more of an instrument is removed, and of the rest; above 1 the rest is kept cleaner.",
    )
    force: Annotated[bool, Field(strict=True)] = Field(
        False, title="Force", description="Apply every gain, also of instruments that are not detected."
    )
    even_if_unknown: Annotated[bool, Field(strict=True)] = Field(
        False,
        title="Even if unknown",
        description="Use pictures too that show none of the known instruments, as what they are most like.",
    )
    exclusive: Annotated[bool, Field(strict=True)] = Field(
        False,
        title="Exclusive",
        description="Nothing but these instruments plays: they share the recording. Give 0 to those that shall stay.",
    )
    loudness: Loudness = Field(
        "unchanged",
        title="Loudness (LUFS)",
        description="unchanged, match (as loud as the original), or integrated LUFS (ITU-R BS.1770) such as -16.",
    )
    true_peak_db: TruePeak | None = Field(
        None, title="True peak (dBTP)", description="The ceiling of a limiter, such as -1; nothing or off for none."
    )
    format: Format | None = Field(
        None, title="Format", description="The format to write; nothing or same for each recording's own."
    )
    audio_stream: AudioStream = Field(
        1,
        title="Audio stream",
        description="Which of several audio streams of a video is remixed, from 1 on; the others stay as they are.",
    )
    tempo: Tempo = Field(
        100.0, title="Tempo (%)", description="100 is the recording's own, 80 is slower; the pitch stays."
    )
    transpose: Transposition = Field(
        0.0, title="Transpose (semitones)", description="So much higher; lower below 0. The tempo stays."
    )
    separator: Separators = Field(
        default_factory=dict, title="Separators", description=_SEPARATOR_TEXT, examples=[{"voice": "demucs"}]
    )
    rules: list[Rule] = Field(
        default_factory=list,
        max_length=MAX_RULES,
        title="Rules",
        description="Other settings for some recordings; the first rule that matches a recording decides.",
    )

    _reads_former_words = model_validator(mode="before")(_in_words_of_today)

    @field_validator("true_peak_db", "format")
    @classmethod
    def _is_none(cls, value: object) -> object:
        """Take the words of rules that say none for none."""
        return None if value in (OFF, SAME) else value

    @model_validator(mode="after")
    def _has_rules_of_different_names(self) -> Self:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"Two rules are called '{twice[0]}'; give each a name of its own.")
        return self

    def for_track(self, path_in_library: str | PurePath, tags: Mapping[str, str], duration_s: float) -> TrackWishes:
        """Return what is wished of one recording: by its path inside the library, its tags, and its length."""
        path = path_in_library.as_posix() if isinstance(path_in_library, PurePath) else path_in_library
        rules = (rule for rule in self.rules if rule.match.covers(path, tags, duration_s))
        return self._wishes(next(rules, None))

    @property
    def tuning(self) -> Tuning:
        """Tempo and pitch of the plan's own."""
        return Tuning(tempo=self.tempo / 100, transpose_semitones=self.transpose)

    def variants(self) -> list[TrackWishes]:
        """Return all that may be wished of a recording: by the plan alone, and by each of its rules."""
        return [self._wishes(None), *map(self._wishes, self.rules)]

    def targets(self) -> list[str]:
        """Return every instrument and picture that the plan names, each once, to be checked before anything starts."""
        return list(dict.fromkeys(wish.target for wishes in self.variants() for wish in wishes.gains))

    def left_to_others(self) -> set[str]:
        """Return the instruments that other separators than our network hear, in all recordings."""
        named = [
            {instrument for instrument, _ in wishes.separator} for wishes in self.variants() if not wishes.is_skipped
        ]
        return set.intersection(*named) if named else set()

    def _wishes(self, rule: Rule | None) -> TrackWishes:
        if rule is not None and rule.skip:
            return TrackWishes(is_skipped=True, rule=rule.name)
        wished = {name: getattr(self, name) for name in type(self).model_fields} | (rule.overrides() if rule else {})
        peak_db, file_format = wished["true_peak_db"], wished["format"]
        return TrackWishes(
            gains=tuple(wish_of(target, gain) for target, gain in wished["gains"].items()),
            dry_wet=wished["dry_wet"],
            smoothing_s=wished["smoothing_s"],
            mask_exponent=wished["mask_exponent"],
            even_if_absent=wished["force"],
            even_if_unknown=wished["even_if_unknown"],
            nothing_else=wished["exclusive"],
            care=LevelCare(loudness=wished["loudness"], true_peak_db=None if peak_db == OFF else peak_db),
            format=None if file_format == SAME else file_format,
            audio_stream=wished["audio_stream"] - 1,
            tuning=Tuning(tempo=wished["tempo"] / 100, transpose_semitones=wished["transpose"]),
            separator=_separators(wished["separator"]),
            rule=rule.name if rule else "",
        )


def plan_of(gains: Sequence[str] = (), *, base: RemixPlan | None = None, **settings: Any) -> RemixPlan:
    """Return a plan of gains written as NAME=DB and of settings by the plan's names, both in the place of the base's.

    Settings that are None are as the base has them. Raises UsageError for gains and settings that cannot be, and where
    nothing is wished at all.
    """
    values = base.model_dump() if base else {}
    own = {wish.target: gain_of(wish) for wish in parse_gains(gains)}
    places = {_comparable(target): target for target in own}
    gains_of_base = values.get("gains", {}).items()
    values |= {"gains": {places.get(_comparable(target), target): gain for target, gain in gains_of_base} | own}
    values |= _in_words_of_today({name: value for name, value in settings.items() if value is not None})
    try:
        plan = RemixPlan.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = " ".join(str(part) for part in first["loc"][:1]).replace("_", " ")
        reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError(f"For {name} '{first['input']}' was given: {reason}.") from error
    if not plan.targets() and all(wishes.is_untouched for wishes in plan.variants()):
        raise UsageError("No gain was given; say what shall change, for example --gain violin=-6.")
    return plan


def _comparable(target: str) -> str:
    """Return the same for two spellings of an instrument, and for two paths of a picture."""
    path = Path(target.strip())
    return str(path.absolute()) if path.suffix else str(path).lower().replace(" ", "_")


def _separators(named: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return who hears which instrument, in one canonical form; ours need not be named."""
    by_instrument = {instrument.lower().replace(" ", "_"): name for instrument, name in named.items()}
    return tuple(sorted((instrument, name) for instrument, name in by_instrument.items() if name != _OURS))
