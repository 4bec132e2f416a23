"""Who separates what at the desk: those that a mix names, why some of them cannot, and what can be chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.who_hears import OURS_ALONE, WhoHears, who_hears
from varemix.errors import SeparatorError, UsageError
from varemix.separators.installed import OURS, described_separators, installed_separators


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who separates what here; `faults` say by instrument why the one that is named is not used, and ours is."""

    who: WhoHears = OURS_ALONE
    faults: Mapping[str, str] = field(default_factory=dict)


def chosen(named: Mapping[str, str]) -> Chosen:
    """Return who separates what by the separators that are named by instrument."""
    try:
        return Chosen(who=who_hears(named))
    except (UsageError, SeparatorError):
        faults = {instrument: why for instrument, name in named.items() if (why := _fault(instrument, name))}
    return Chosen(who=who_hears({one: name for one, name in named.items() if one not in faults}), faults=faults)


def _fault(instrument: str, name: str) -> str:
    """Return why a separator cannot separate an instrument, an empty text where it can."""
    try:
        there = installed_separators()
        if name not in (OURS, *there):
            return (
                f"There is no separator '{name}' on this computer; there is {', '.join(there) or 'none'}. "
                "Choose another under Separators, or set it up (docs/separators.md)."
            )
        who_hears({instrument: name})
    except (UsageError, SeparatorError) as error:
        return str(error)
    return ""


def has_others() -> bool:
    """Return whether this host has others than our network, or settings of some that cannot be read; none is loaded."""
    try:
        return bool(installed_separators())
    except SeparatorError:
        return True


def choices(ours: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the page offers: each separator with its program, version, and instruments, or why it is not there.

    `ours` are the instruments that our network knows. Raises SeparatorError for settings that cannot be.
    """
    return [
        {name: one[name] for name in ("name", "program", "version", "reason")}
        | {
            "instruments": [
                {"target": target, "title": _title(target), "is_ours": target in ours} for target in one["hears"]
            ]
        }
        for one in described_separators()
    ]


def _title(target: str) -> str:
    return target.replace("_", " ")
