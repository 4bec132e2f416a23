"""Tunes in the public domain as lists of notes, and the small notation they are written in.

A note is a name with its octave (`C4` is middle C), then its length in beats after a colon (one beat if left out);
`R` is a rest. Chords are written alike: `Am:3` is three beats of A minor. Bars are for the eye only.
"""

import re
from dataclasses import dataclass

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NOTE = re.compile(r"([A-GR])([#b]?)(-?\d?)(m?)$")


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note of a tune: MIDI number (None for a rest), start and length in beats."""

    pitch: int | None
    start_beats: float
    length_beats: float


def _pitch(name: str) -> int | None:
    match = _NOTE.match(name)
    if match is None:
        raise ValueError(f"Note {name!r} is not a letter A-G or R, an accidental and an octave. Write it like F#4.")
    letter, accidental, octave, _ = match.groups()
    if letter == "R":
        return None
    return _STEPS[letter] + {"#": 1, "b": -1, "": 0}[accidental] + 12 * (int(octave or 3) + 1)


def read_notes(text: str) -> list[Note]:
    """The notes of a tune in this module's notation."""
    notes, at = [], 0.0
    for word in text.replace("|", " ").split():
        name, _, beats = word.partition(":")
        length = float(beats or 1)
        notes.append(Note(pitch=_pitch(name), start_beats=at, length_beats=length))
        at += length
    return notes


def read_chords(text: str) -> list[tuple[list[int], float, float]]:
    """The triads of a tune's accompaniment: (pitches near middle C, start, length in beats)."""
    chords, at = [], 0.0
    for word in text.replace("|", " ").split():
        name, _, beats = word.partition(":")
        root = _pitch(name)
        assert root is not None
        third = 3 if name.endswith("m") else 4
        chords.append(([root, root + third, root + 7], at, float(beats or 1)))
        at += float(beats or 1)
    return chords


def repeated(notes: list[Note], total_beats: float, from_beats: float = 0.0) -> list[Note]:
    """The tune from a beat on, over and over, until `total_beats` are filled; the last note is cut off."""
    period = max(n.start_beats + n.length_beats for n in notes)
    out, lap = [], 0
    while lap * period < total_beats + from_beats:
        for n in notes:
            start = n.start_beats + lap * period - from_beats
            if 0 <= start < total_beats:
                out.append(
                    Note(pitch=n.pitch, start_beats=start, length_beats=min(n.length_beats, total_beats - start))
                )
        lap += 1
    return out


def transposed(notes: list[Note], semitones: int) -> list[Note]:
    """The same tune higher (or lower)."""
    return [
        Note(
            pitch=None if n.pitch is None else n.pitch + semitones,
            start_beats=n.start_beats,
            length_beats=n.length_beats,
        )
        for n in notes
    ]


_ODE = "E4 E4 F4 G4 | G4 F4 E4 D4 | C4 C4 D4 E4"
_TWINKLE = "C4 C4 G4 G4 | A4 A4 G4:2 | F4 F4 E4 E4 | D4 D4 C4:2"
_MAGGIE = "E4 B4:.5 E4:.5 D5:.5 E4:.5 B4:.5 E4:.5"
_WASHER = "B4:.5 G4:.5 G4:.5 D4:.5 G4:.5 G4:.5 | B4:.5 G4:.5 B4:.5 D5:.5 C5:.5 B4:.5"

TUNES: dict[str, str] = {
    "ode_to_joy": f"{_ODE} | E4:1.5 D4:.5 D4:2 | {_ODE} | D4:1.5 C4:.5 C4:2",
    "frere_jacques": (
        "C4 D4 E4 C4 | C4 D4 E4 C4 | E4 F4 G4:2 | E4 F4 G4:2 | G4:.5 A4:.5 G4:.5 F4:.5 E4 C4 | "
        "G4:.5 A4:.5 G4:.5 F4:.5 E4 C4 | C4 G3 C4:2 | C4 G3 C4:2"
    ),
    "twinkle": f"{_TWINKLE} | G4 G4 F4 F4 | E4 E4 D4:2 | G4 G4 F4 F4 | E4 E4 D4:2 | {_TWINKLE}",
    "greensleeves": (
        "A4 | C5:2 D5 | E5:1.5 F5:.5 E5 | D5:2 B4 | G4:1.5 A4:.5 B4 | C5:2 A4 | A4:1.5 G#4:.5 A4 | B4:2 G#4 | E4:2 "
        "A4 | C5:2 D5 | E5:1.5 F5:.5 E5 | D5:2 B4 | G4:1.5 A4:.5 B4 | C5:1.5 B4:.5 A4 | G#4:1.5 F#4:.5 G#4 | A4:3"
    ),
    "mo_li_hua": (
        "E4 E4:.5 G4:.5 A4:.5 C5:.5 C5:.5 A4:.5 | G4 G4:.5 A4:.5 G4:2 | E4 E4:.5 G4:.5 A4:.5 C5:.5 C5:.5 A4:.5 | "
        "G4 G4:.5 A4:.5 G4:2 | G4 G4 G4 E4:.5 G4:.5 | A4 A4 G4:2 | E4 D4:.5 E4:.5 G4 E4:.5 D4:.5 | "
        "C4 C4:.5 D4:.5 C4:2 | E4:.5 D4:.5 C4:.5 E4:.5 D4:1.5 E4:.5 | G4 A4:.5 C5:.5 G4:2"
    ),
    "scarborough_fair": (
        "D4:2 D4 | A4:2 A4 | E4:1.5 F4:.5 E4 | D4:3 | R A4 C5 | D5:2 C5 | A4 B4 G4 | A4:3 | R:2 D5 | D5:2 D5 | "
        "C5:2 A4 | A4 G4 F4 | E4 C4:2 | D4:2 A4 | G4:2 F4 | E4 D4 C4 | D4:3"
    ),
    "au_clair_de_la_lune": (
        "C4 C4 C4 D4 | E4:2 D4:2 | C4 E4 D4 D4 | C4:4 | D4 D4 D4 D4 | A3:2 A3:2 | D4 C4 B3 A3 | G3:4"
    ),
    "amazing_grace": (
        "D4 | G4:2 B4:.5 G4:.5 | B4:2 A4 | G4:2 E4 | D4:2 D4 | G4:2 B4:.5 G4:.5 | B4:2 A4 | D5:5 | B4 | "
        "D5:1.5 B4:.5 D5:.5 B4:.5 | G4:2 D4 | E4:1.5 G4:.5 G4:.5 E4:.5 | D4:2 D4 | G4:2 B4:.5 G4:.5 | B4:2 A4 | G4:5"
    ),
    "drowsy_maggie": (
        f"{_MAGGIE} | E4 B4:.5 E4:.5 A4:.5 F#4:.5 D4:.5 F#4:.5 | {_MAGGIE} | "
        "B4:.5 C#5:.5 D5:.5 B4:.5 A4:.5 F#4:.5 D4:.5 F#4:.5 | D5 F#5:.5 D5:.5 C#5 E5:.5 C#5:.5 | "
        "D5:.5 E5:.5 F#5:.5 G5:.5 A5:.5 F#5:.5 G5:.5 E5:.5 | D5 F#5:.5 D5:.5 C#5 E5:.5 C#5:.5 | "
        "B4:.5 A4:.5 B4:.5 C#5:.5 D5:.5 B4:.5 A4:.5 F#4:.5"
    ),
    "irish_washerwoman": (
        f"{_WASHER} | C5:.5 A4:.5 A4:.5 E4:.5 A4:.5 A4:.5 | C5:.5 A4:.5 C5:.5 E5:.5 D5:.5 C5:.5 | {_WASHER} | "
        "C5:.5 B4:.5 C5:.5 A4:.5 D5:.5 C5:.5 | B4:.5 G4:.5 G4:.5 G4:1.5"
    ),
    "korobeiniki": (
        "E5 B4:.5 C5:.5 D5 C5:.5 B4:.5 | A4 A4:.5 C5:.5 E5 D5:.5 C5:.5 | B4:1.5 C5:.5 D5 E5 | C5 A4 A4:2 | "
        "R:.5 D5 F5:.5 A5 G5:.5 F5:.5 | E5:1.5 C5:.5 E5 D5:.5 C5:.5 | B4 B4:.5 C5:.5 D5 E5 | C5 A4 A4:2"
    ),
    "when_the_saints": (
        "R C4 E4 F4 | G4:4 | R C4 E4 F4 | G4:4 | R C4 E4 F4 | G4:2 E4:2 | C4:2 E4:2 | D4:4 | E4 E4 D4 C4:3 C4 | "
        "E4:2 G4 G4 | F4:4 | E4 F4 G4:2 | E4:2 C4:2 | D4:2 C4:4"
    ),
    "auld_lang_syne": (
        "C4 | F4:1.5 F4:.5 F4 A4 | G4:1.5 F4:.5 G4 A4 | F4:1.5 F4:.5 A4 C5 | D5:3 D5 | C5:1.5 A4:.5 A4 F4 | "
        "G4:1.5 F4:.5 G4 A4 | F4:1.5 D4:.5 D4 C4 | F4:3"
    ),
    "wiegenlied": (
        "E4:.5 E4:.5 | G4:1.5 E4:.5 E4 | G4:2 E4:.5 G4:.5 | C5 B4:1.5 A4:.5 | A4 G4 D4:.5 E4:.5 | F4 D4 D4:.5 E4:.5 | "
        "F4:2 D4:.5 F4:.5 | B4:.5 A4:.5 G4 B4 | C5:2"
    ),
    "minuet_in_g": (
        "D5 G4:.5 A4:.5 B4:.5 C5:.5 | D5 G4 G4 | E5 C5:.5 D5:.5 E5:.5 F#5:.5 | G5 G4 G4 | C5 D5:.5 C5:.5 B4:.5 A4:.5 | "
        "B4 C5:.5 B4:.5 A4:.5 G4:.5 | F#4 G4:.5 A4:.5 B4:.5 G4:.5 | A4:3"
    ),
}

CHORDS: dict[str, str] = {
    "greensleeves": "Am:1 Am:3 Am:3 G:3 G:3 Am:3 Am:3 E:3 E:3 Am:3 Am:3 G:3 G:3 Am:3 E:3 Am:3",
    "mo_li_hua": "C:4 C:4 C:4 C:4 C:4 F:2 C:2 Am:2 G:2 C:4 G:4 C:4",
    "scarborough_fair": "Dm:6 C:3 Dm:6 F:3 G:3 Dm:6 Dm:3 C:3 F:3 C:3 Dm:3 G:3 C:3 Dm:3",
    "korobeiniki": "E:4 Am:4 E:4 Am:4 Dm:4 C:4 E:4 Am:4",
    "when_the_saints": "C:4 C:4 C:4 C:4 C:4 C:4 C:4 G:4 C:7 C:4 F:4 C:4 C:4 G:2 C:4",
    "minuet_in_g": "G:3 G:3 C:3 G:3 C:3 G:3 D:3 D:3",
}

SOURCES: dict[str, str] = {
    "ode_to_joy": "Ludwig van Beethoven, 1824",
    "frere_jacques": "traditional, France",
    "twinkle": "traditional, France (Ah! vous dirai-je, maman)",
    "greensleeves": "traditional, England",
    "mo_li_hua": "traditional, China (Jasmine Flower)",
    "scarborough_fair": "traditional, England",
    "au_clair_de_la_lune": "traditional, France",
    "amazing_grace": "traditional, United States (New Britain, 1829)",
    "drowsy_maggie": "traditional, Ireland",
    "irish_washerwoman": "traditional, Ireland",
    "korobeiniki": "traditional, Russia",
    "when_the_saints": "traditional, United States",
    "auld_lang_syne": "traditional, Scotland",
    "wiegenlied": "Johannes Brahms, 1868",
    "minuet_in_g": "Christian Petzold, 1725",
}
