"""What a person may wish of the level of a remix: its loudness, and a ceiling for its peaks.

Stays out: measuring and changing levels (`levels`, `limiter`).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from varemix.errors import UsageError

UNCHANGED = "unchanged"
MATCH = "match"
LOUDNESS_LIMITS_LUFS = (-50.0, -5.0)
TRUE_PEAK_LIMITS_DB = (-20.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class LevelCare:
    """What shall become of a remix's level.

    `loudness` is 'unchanged', 'match' (the remix is brought to the original's integrated loudness), or a number of
    LUFS. `true_peak_db` is the ceiling in dBTP that a limiter holds; None leaves peaks alone. Raises UsageError for
    others.
    """

    loudness: Literal["unchanged", "match"] | float = "unchanged"
    true_peak_db: float | None = None

    def __post_init__(self) -> None:
        if self.loudness not in (UNCHANGED, MATCH) and not _is_within(self.loudness, LOUDNESS_LIMITS_LUFS):
            raise UsageError(
                f"Loudness '{self.loudness}' is none; give unchanged, match, or a number of LUFS from "
                f"{LOUDNESS_LIMITS_LUFS[0]:g} to {LOUDNESS_LIMITS_LUFS[1]:g}."
            )
        if self.true_peak_db is not None and not _is_within(self.true_peak_db, TRUE_PEAK_LIMITS_DB):
            raise UsageError(
                f"True peak '{self.true_peak_db}' is out of range; give a number of dBTP from "
                f"{TRUE_PEAK_LIMITS_DB[0]:g} to {TRUE_PEAK_LIMITS_DB[1]:g}, such as -1."
            )

    @property
    def is_none(self) -> bool:
        """Whether levels are left alone."""
        return self == LevelCare()

    def as_dict(self) -> dict[str, Any]:
        """Return the wishes as plain values that decide the result, as digests of results have always had them."""
        return asdict(self) | ({"loudness": "as_is"} if self.loudness == UNCHANGED else {})


def _is_within(value: object, limits: tuple[float, float]) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and limits[0] <= value <= limits[1]  # type: ignore[operator]
