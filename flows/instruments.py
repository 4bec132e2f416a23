"""The instruments that a checkpoint knows by name and how well it hears them, for people and for programs."""

from collections.abc import Sequence
from typing import Any

from varemix.model.hearing_quality import HearingQuality
from varemix.wording import markdown

_EXPLAINED = (
    "NSDR: by how many dB a separated instrument is nearer to the truth than the mix was; a mean over validation mixes."
)
_NOT_MEASURED = "How well this model separates them was not measured."


def page(checkpoint_id: str, qualities: Sequence[HearingQuality]) -> str:
    """Return a table for people, as Markdown."""
    rows = [[quality.instrument, quality.words, _in_db(quality.nsdr_db)] for quality in qualities]
    is_measured = any(quality.nsdr_db is not None for quality in qualities)
    parts = [
        f"Model {checkpoint_id} knows {len(qualities)} instruments by name.",
        markdown([["instrument", "separated", "NSDR [dB]"], *rows]),
        _EXPLAINED if is_measured else _NOT_MEASURED,
    ]
    return "\n\n".join(parts)


def as_dicts(qualities: Sequence[HearingQuality]) -> list[dict[str, Any]]:
    """Return the same for programs; what was not measured is null."""
    return [
        {"name": quality.instrument, "heard": quality.words or None, "nsdr_db": quality.nsdr_db}
        for quality in qualities
    ]


def _in_db(nsdr_db: float | None) -> str:
    return "" if nsdr_db is None else f"{nsdr_db:.1f}"
