"""What became of recordings, as a table for people: in a run's artifact, and in `varemix status`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from varemix.wording import markdown

_ALWAYS = ("remix", "status", "clipped samples")


def tracks_table(rows: Sequence[Mapping[str, Any]], out: Path | None = None) -> str:
    """Return rows of `remixes` as a Markdown table; columns that say nothing of any of them are left out."""
    told = [_told(row, out) for row in rows]
    names = [name for name in (told[0] if told else {}) if name in _ALWAYS or any(line[name] for line in told)]
    return markdown([names, *([line[name] for name in names] for line in told)])


def _told(row: Mapping[str, Any], out: Path | None) -> dict[str, str]:
    place = Path(row["out_path"])
    return {
        "remix": str(place.relative_to(out) if out and place.is_relative_to(out) else place),
        "status": row["status"],
        "why": (row["reason"] or "") if row["status"] != "remixed" else "",
        "rule": row["rule"] or "",
        "before [LUFS]": _number(row["before_lufs"]),
        "after [LUFS]": _number(row["after_lufs"]),
        "level change [dB]": _number(row["gain_db"] or None),
        "peak [dBFS]": _number(row["peak_db"]),
        "limited": str(row["limited_samples"] or ""),
        "clipped samples": str(row["clipped_samples"] or 0),
        "seconds": _number(row["seconds"] or None),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
