"""The little library to remix: arrangements for two or three instruments, with names as a person gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from demo.erhu import RATE_HZ
from demo.sound import at_loudness, faded, fitted, in_a_room, play
from demo.tunes import CHORDS, TUNES, Note, read_chords, read_notes, repeated

SEED = 1
"""The demo's own: the same one makes the same sound and pictures."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One instrument's share in a mix: what it plays, how loud, and where it sits (-1 left to 1 right)."""

    instrument: str
    role: str
    gain_db: float
    pan: float


@dataclass(frozen=True, kw_only=True)
class Mix:
    """One file of the library."""

    file: str
    tune: str
    semitones: int
    beats_per_minute: float
    duration_s: float
    parts: tuple[Part, ...]
    rate_hz: int = RATE_HZ
    subtype: str = "PCM_16"
    is_mono: bool = False


def mix_seeds() -> list[int]:
    """A seed for each of the mixes."""
    return [9000 + 50 * k + SEED for k in range(len(MIXES))]


def _parts(*rows: tuple[str, str, float, float]) -> tuple[Part, ...]:
    return tuple(Part(instrument=i, role=r, gain_db=g, pan=p) for i, r, g, p in rows)


MIXES = (
    Mix(
        file="folk/Greensleeves (violin & accordion).flac",
        tune="greensleeves",
        semitones=-2,
        beats_per_minute=152,
        duration_s=10.5,
        parts=_parts(("violin", "melody", 0, -0.35), ("accordion", "chords", -4, 0.35)),
    ),
    Mix(
        file="folk/Scarborough Fair - flute + guitar (mono).flac",
        tune="scarborough_fair",
        semitones=2,
        beats_per_minute=148,
        duration_s=10.5,
        is_mono=True,
        parts=_parts(("flute", "melody", 0, 0), ("acoustic_guitar", "arpeggio", -2, 0)),
    ),
    Mix(
        file="kammermusik/Jasminblüte – erhu, flute.flac",
        tune="mo_li_hua",
        semitones=2,
        beats_per_minute=108,
        duration_s=10.0,
        subtype="PCM_24",
        parts=_parts(("erhu", "melody", 0, -0.4), ("flute", "descant", -3, 0.4)),
    ),
    Mix(
        file="kammermusik/Menuet en sol — cello, clarinette, guitare.flac",
        tune="minuet_in_g",
        semitones=-5,
        beats_per_minute=132,
        duration_s=10.5,
        parts=_parts(
            ("clarinet", "melody", 0, 0.3), ("cello", "bass", -1, -0.4), ("acoustic_guitar", "arpeggio", -5, 0)
        ),
    ),
    Mix(
        file="live/2019-06-21 Fête de la musique/03 When the Saints.flac",
        tune="when_the_saints",
        semitones=-2,
        beats_per_minute=192,
        duration_s=10.5,
        parts=_parts(("trumpet", "melody", 0, -0.25), ("tuba", "bass", -1, 0.1), ("saxophone", "descant", -5, 0.4)),
    ),
    Mix(
        file="live/2019-06-21 Fête de la musique/07 Коробейники.wav",
        tune="korobeiniki",
        semitones=3,
        beats_per_minute=148,
        duration_s=10.0,
        rate_hz=48000,
        is_mono=True,
        parts=_parts(("xylophone", "melody", -1, 0), ("accordion", "chords", -4, 0), ("tuba", "bass", -2, 0)),
    ),
)


def _arranged(mix: Mix, role: str, total_beats: float) -> list[Note]:
    """The notes of one role: the melody itself, or what the chords make of it."""
    melody = repeated(read_notes(TUNES[mix.tune]), total_beats)
    if role == "melody":
        return melody
    chords = [c for c in read_chords(CHORDS[mix.tune]) if c[1] < total_beats]
    if role == "descant":
        return _descant(melody, chords)
    notes: list[Note] = []
    for pitches, start, length in chords:
        if role == "chords":
            notes += [_note(p, start, length) for p in pitches]
            continue
        step = 0.5 if role == "arpeggio" else 1.0
        order = (pitches[0], pitches[2]) if role == "bass" else (*pitches, pitches[1] + 12, pitches[2], pitches[1])
        notes += [_note(order[k % len(order)], start + k * step, step) for k in range(int(length / step))]
    return notes


def _note(pitch: int, start_beats: float, length_beats: float) -> Note:
    return Note(pitch=pitch, start_beats=start_beats, length_beats=length_beats)


def _descant(melody: list[Note], chords: list[tuple[list[int], float, float]]) -> list[Note]:
    """A second voice: on every beat's note the nearest tone of the chord below it that is not the same tone."""
    out: list[Note] = []
    for pitches, start, length in chords:
        for beat in np.arange(start, start + length, 2.0):
            above = [
                n for n in melody if n.pitch is not None and n.start_beats <= beat < n.start_beats + n.length_beats
            ]
            top = (above[0].pitch or 0) if above else pitches[2] + 12
            tones = [p + 12 * octave for p in pitches for octave in (-1, 0, 1, 2) if p + 12 * octave < top - 2]
            out.append(_note(max(tones), float(beat), min(2.0, start + length - float(beat))))
    return out


def mix_sound(mix: Mix, seed: int) -> NDArray[np.float64]:
    """The mix [S, C] at 44.1 kHz, about -18 LUFS: every part in its place, in one light room."""
    return sum_of(part_sounds(mix, seed))


def part_sounds(mix: Mix, seed: int) -> dict[str, NDArray[np.float64]]:
    """What each instrument adds to the mix, [S, C] each."""
    parts = {part.instrument: faded(_placed(mix, k, seed), fade_s=0.6) for k, part in enumerate(mix.parts)}
    if mix.is_mono:
        parts = {name: sound.mean(axis=1, keepdims=True) for name, sound in parts.items()}
    total = sum_of(parts)
    gain = np.abs(at_loudness(total, -18.0)).max() / np.abs(total).max()
    return {name: gain * sound for name, sound in parts.items()}


def sum_of(parts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The sum [S, C] of what each instrument adds."""
    return np.sum(list(parts.values()), axis=0)


def _placed(mix: Mix, number: int, seed: int) -> NDArray[np.float64]:
    """One part [S, 2] at its level, in its place, in the room."""
    part, beat_s = mix.parts[number], 60 / mix.beats_per_minute
    notes = _arranged(mix, part.role, mix.duration_s / beat_s)
    notes = fitted(notes, part.instrument, semitones=mix.semitones)
    dry = play(part.instrument, notes, beat_s=beat_s, duration_s=mix.duration_s, seed=seed + 7 * number)
    level = at_loudness(dry[:, None], -24.0)[:, 0] * 10 ** (part.gain_db / 20)
    angle = (part.pan + 1) * np.pi / 4
    place = np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2)
    return in_a_room(level, share=0.12, decay_s=0.9, seed=seed + 100 + number) * place


def write_mix(mix: Mix, folder: Path, seed: int) -> None:
    """Write the mix below the folder under its own name."""
    to = folder / mix.file
    to.parent.mkdir(parents=True, exist_ok=True)
    sound = mix_sound(mix, seed)
    if mix.rate_hz != RATE_HZ:
        sound = soxr.resample(sound, RATE_HZ, mix.rate_hz, quality="VHQ")
    small = 1.0 if to.suffix == ".flac" else None
    soundfile.write(to, sound, mix.rate_hz, subtype=mix.subtype, compression_level=small)
