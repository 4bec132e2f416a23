"""Who hears what: our network, and for the instruments that a person says, other separators of this host."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from varemix.errors import SeparatorError, UsageError
from varemix.separators.installed import OURS, separator

if TYPE_CHECKING:
    from varemix.separators.interface import MaskMaker


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """An instrument that a separator of this host is there for, and who that is: see `Identity`, and `MaskMaker`."""

    instrument: str
    separator: str
    name: str
    version: str
    digest: str
    per_channel: bool = False

    @property
    def decides(self) -> list[str]:
        """What of it decides masks."""
        return [self.name, self.version, self.digest, *(["per channel"] if self.per_channel else [])]


@dataclass(frozen=True, kw_only=True)
class WhoHears:
    """The instruments that others than our network hear, ordered by name; all else is ours."""

    others: tuple[Assigned, ...] = ()

    @property
    def instruments(self) -> list[str]:
        """The instruments that others hear."""
        return [one.instrument for one in self.others]

    @property
    def named(self) -> dict[str, str]:
        """The names of the separators by instrument, as a plan has them."""
        return {one.instrument: one.separator for one in self.others}

    @property
    def heard_by(self) -> str | None:
        """What decides masks beside the checkpoint, as JSON: who hears which instrument. None where all is ours."""
        if not self.others:
            return None
        return json.dumps({one.instrument: one.decides for one in self.others})

    def makers(self) -> dict[str, MaskMaker]:
        """Return the separator of each instrument. Raises SeparatorError where this host has another than was meant."""
        found = {}
        for one in self.others:
            maker = _there(one.separator)
            own = _assigned(one.instrument, one.separator, maker)
            if own != one:
                raise SeparatorError(
                    f"The separator '{one.separator}' is {own.name} {own.version} here, with other weights or settings "
                    f"than the {one.name} {one.version} that was meant. Give all hosts the same, or run again."
                )
            found[one.instrument] = maker
        return found


OURS_ALONE = WhoHears()


def who_hears(wished: Mapping[str, str] | Sequence[tuple[str, str]]) -> WhoHears:
    """Return who hears what, by names of instruments and of separators; `varemix` is our network.

    Raises UsageError for a separator that this host does not have, or that does not know the instrument, and
    SeparatorError for one that cannot be set up.
    """
    assigned = []
    for instrument, name in sorted(dict(wished).items()):
        if name != OURS:
            maker = separator(name)
            if instrument not in maker.instruments:
                known = ", ".join(maker.instruments) or "none"
                raise UsageError(f"The separator '{name}' does not know '{instrument}'. It knows: {known}.")
            assigned.append(_assigned(instrument, name, maker))
    return WhoHears(others=tuple(assigned))


def parsed_separators(texts: Sequence[str]) -> dict[str, str]:
    """Return by instrument the separators written as INSTRUMENT=NAME. Raises UsageError for what cannot be read."""
    found: dict[str, str] = {}
    for text in texts:
        instrument, equals, name = (part.strip() for part in text.partition("="))
        if not (equals and instrument and name):
            raise UsageError(f"Separator '{text[:200]}' has no INSTRUMENT=NAME form; write for example voice=demucs.")
        own = instrument.lower().replace(" ", "_")
        if own in found:
            raise UsageError(f"'{own}' has two separators; give it one.")
        found[own] = name
    return found


def _assigned(instrument: str, separator_name: str, maker: MaskMaker) -> Assigned:
    who = asdict(maker.identity)
    return Assigned(instrument=instrument, separator=separator_name, per_channel=maker.per_channel, **who)


def _there(name: str) -> MaskMaker:
    try:
        return separator(name)
    except UsageError as error:
        raise SeparatorError(str(error)) from error
