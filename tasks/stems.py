"""Stems of one recording: what they are called, and what is told of them."""

from pathlib import Path

from catalog.files import cut_note, fitting_name
from tasks.presence import absent, measured
from tasks.queries import Query, doubts_told
from varemix.media.formats import OUTPUT_FORMATS
from varemix.signal.presence import Presence

_MAX_INSTRUMENT_BYTES = 120  # a picture's name, too, leaves room for the recording's


def told_of_stem(presence: Presence, query: Query, source: Path, stem: Path) -> str:
    """Return what is to be told of a stem of a recording, an empty text where it is nothing."""
    is_missing = bool(absent(presence, [query]))
    missing = [f"is not detected: {measured(presence, [query])}"] if is_missing else []
    shortened = [note] if (note := cut_note(stem.name, of=source.name)) else []
    return "; ".join([*doubts_told([query]), *missing, *shortened])


def stem_name(source: Path, name: str, format_name: str | None) -> str:
    """Return how the file with the stem of an instrument is called; of long names the beginnings."""
    suffix = OUTPUT_FORMATS[format_name].suffix if format_name else source.suffix
    return fitting_name(source.stem, f" - {fitting_name(name, most_bytes=_MAX_INSTRUMENT_BYTES)}{suffix}")
