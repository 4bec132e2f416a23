"""What a person may wish of a recording's tempo and pitch. Stays out: how it is done (`stretch`)."""

from dataclasses import asdict, dataclass
from typing import Any

from varemix.errors import UsageError

TEMPO_LIMITS = (0.25, 2.0)
TRANSPOSE_LIMITS = (-12.0, 12.0)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a recording shall be played: its tempo, 1 as it is, and so many semitones higher.

    Raises UsageError for others than TEMPO_LIMITS and TRANSPOSE_LIMITS.
    """

    tempo: float = 1.0
    transpose_semitones: float = 0.0

    def __post_init__(self) -> None:
        if not TEMPO_LIMITS[0] <= self.tempo <= TEMPO_LIMITS[1]:
            raise UsageError(
                f"A tempo of {100 * self.tempo:g} % is out of range; give one from {100 * TEMPO_LIMITS[0]:g} % to "
                f"{100 * TEMPO_LIMITS[1]:g} %, such as 80%."
            )
        if not TRANSPOSE_LIMITS[0] <= self.transpose_semitones <= TRANSPOSE_LIMITS[1]:
            raise UsageError(
                f"A transposition by {self.transpose_semitones:g} semitones is out of range; give a number from "
                f"{TRANSPOSE_LIMITS[0]:g} to {TRANSPOSE_LIMITS[1]:g}, such as -2."
            )

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return self == Tuning()

    @property
    def text(self) -> str:
        """The tuning in words, such as `80 %, -2 semitones`; empty where nothing changes."""
        semitones = self.transpose_semitones
        unit = "semitone" if abs(semitones) == 1 else "semitones"
        said = [f"{100 * self.tempo:.4g} %"] if self.tempo != 1 else []
        return ", ".join(said + ([f"{semitones:+.4g} {unit}"] if semitones else []))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that decide the result."""
        return asdict(self)

    def length(self, num_samples: int) -> int:
        """Return how many samples become of so many; of one at least one, for no file is empty."""
        return max(min(1, num_samples), round(num_samples / self.tempo))


AS_RECORDED = Tuning()
