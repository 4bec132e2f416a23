"""Stems of one recording: what they are called, and what is told of them."""

from pathlib import Path

from tasks.presence import absent, measured
from tasks.queries import Query, doubts_told
from varemix.media.formats import OUTPUT_FORMATS, stem_format
from varemix.signal.presence import Presence


def told_of_stem(presence: Presence, query: Query) -> str:
    """Return what is to be told of a stem, an empty text where it is nothing."""
    is_missing = bool(absent(presence, [query]))
    missing = [f"does not seem to play: {measured(presence, [query])}"] if is_missing else []
    return "; ".join([*doubts_told([query]), *missing])


def stem_name(source: Path, name: str, container: str) -> str:
    """Return how the file with the stem of an instrument is called."""
    format_name = stem_format(container)
    return f"{source.stem} - {name}{OUTPUT_FORMATS[format_name].suffix if format_name else source.suffix}"
