"""How well a checkpoint hears each instrument that it knows by name: a figure from its header, and words for it.

The header's provenance may carry `nsdr_by_name_db`, by instrument the mean NSDR in dB of what was separated from
validation mixes when the instrument was asked for by its name.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WELL_FROM_DB, _FAIRLY_FROM_DB, _POORLY_FROM_DB = 6.0, 3.0, 0.0


@dataclass(frozen=True, kw_only=True)
class HearingQuality:
    """How well one instrument is heard: mean NSDR on validation mixes in dB, None where it was not measured."""

    instrument: str
    nsdr_db: float | None = None

    @property
    def words(self) -> str:
        """Return 'well', 'fairly', 'poorly' or 'hardly at all'; nothing where it was not measured."""
        if self.nsdr_db is None:
            return ""
        if self.nsdr_db >= _WELL_FROM_DB:
            return "well"
        if self.nsdr_db >= _FAIRLY_FROM_DB:
            return "fairly"
        return "poorly" if self.nsdr_db >= _POORLY_FROM_DB else "hardly at all"


def hearing_qualities(header: Mapping[str, Any]) -> tuple[HearingQuality, ...]:
    """Return how well each instrument of a checkpoint's header is heard, in the header's order.

    The provenance is not needed to hear, so what is no finite number in it counts as not measured.
    """
    provenance = header.get("provenance")
    figures = provenance.get("nsdr_by_name_db") if isinstance(provenance, Mapping) else None
    measured = figures if isinstance(figures, Mapping) else {}
    return tuple(
        HearingQuality(instrument=str(name), nsdr_db=_finite(measured.get(name))) for name in header["instruments"]
    )


def _finite(figure: object) -> float | None:
    is_number = isinstance(figure, int | float) and not isinstance(figure, bool) and math.isfinite(figure)
    return float(figure) if is_number else None  # type: ignore[arg-type]
