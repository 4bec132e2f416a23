"""Single notes of one player, put together into tunes, so that they teach what phrases would.

A tune goes by steps and leaps as melodies do, in beats of one tempo, legato or apart, with rests; instruments that play
chords play some. Notes of unknown pitch follow each other in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varemix.media.sounds import Sound
from varemix.signal.grid import RATE_HZ

TUNE_S = 15.0
"""How long a tune is."""

_FEWEST_NOTES, _MOST_NOTES = 4, 120
_FEWEST_TUNES, _MOST_TUNES = 4, 24
_INTERVALS = np.array([-12, -7, -5, -4, -3, -2, -2, -1, 0, 1, 2, 2, 3, 4, 5, 7, 12])  # semitones, steps more often
_BEATS = np.array([1, 1, 1, 2, 2, 3, 4])
_BEAT_S = (0.12, 0.5)
_LOUDEST = 20_000  # of 32,768
_FADE_OUT_S, _FADE_IN_S = 0.034, 0.009


@dataclass(frozen=True, kw_only=True)
class TunePlan:
    """A tune that is to be made: of which notes of which player."""

    label: str
    group: str
    notes: tuple[Sound, ...]


def planned_tunes(notes: Sequence[Sound]) -> list[TunePlan]:
    """Return the tunes to be made of notes: a few of every player's, more where he has more notes."""
    players: dict[tuple[str, str], list[Sound]] = {}
    for note in notes:
        players.setdefault((note.label, note.group), []).append(note)
    plans = []
    for (label, group), own in sorted(players.items()):
        if len(own) < _FEWEST_NOTES:
            continue
        for number in range(int(np.clip(len(own) / 4, _FEWEST_TUNES, _MOST_TUNES))):
            chosen = np.random.default_rng(number).permutation(len(own))[:_MOST_NOTES]
            plans.append(TunePlan(label=label, group=group, notes=tuple(own[place] for place in chosen)))
    return plans


def tune(notes: Sequence[tuple[np.ndarray, float]], chord_share: float, draw: np.random.Generator) -> np.ndarray:
    """Return 16-bit samples [S] of a tune of `TUNE_S`.

    Each note is 16-bit samples [S] at 44.1 kHz and its pitch in Hz, 0 where it is not known. Of what is struck at once,
    the share `chord_share` are two to four notes.
    """
    total = np.zeros(round(TUNE_S * RATE_HZ), np.float32)
    pitches = np.array([pitch for _, pitch in notes])
    semitones = 12 * np.log2(np.where(pitches > 0, pitches, np.nan) / 440)
    beat_s, is_legato = draw.uniform(*_BEAT_S), draw.random() < 0.6
    place, moment_s = int(draw.integers(len(notes))), 0.0
    while moment_s < TUNE_S - 0.1:
        length_s = beat_s * draw.choice(_BEATS)
        count = 1 if draw.random() >= chord_share else int(draw.integers(2, 5))
        for _ in range(count):
            place = _next(place, semitones, draw)
            heard_s = length_s * _held(chord_share, draw, is_legato=is_legato)
            spread_s = draw.uniform(0, 0.03) if count > 1 else 0.0
            _strike(total, _played(notes[place][0], heard_s, draw), moment_s + spread_s)
        moment_s += length_s
        if draw.random() < 0.06:
            moment_s += beat_s * draw.integers(1, 4)
    peak = float(np.abs(total).max())
    return (total * min(1.0, _LOUDEST / max(peak, 1.0))).astype(np.int16)


def _next(place: int, semitones: np.ndarray, draw: np.random.Generator) -> int:
    """Return the note that follows: near a plausible interval from this one, and now and then any."""
    known = ~np.isnan(semitones)
    if not known[place] or known.sum() <= 4 or draw.random() < 0.03:
        return int(draw.integers(len(semitones)))
    distances = np.where(known, np.abs(semitones - semitones[place] - draw.choice(_INTERVALS)), np.inf)
    return int(draw.choice(np.flatnonzero(distances <= distances.min() + 0.6)))


def _held(chord_share: float, draw: np.random.Generator, *, is_legato: bool) -> float:
    """Return how long a note sounds, in parts of its time: those of chords are left to ring."""
    if chord_share >= 0.2:
        return float(draw.uniform(1, 4))
    return float(draw.uniform(1.0, 1.3) if is_legato else draw.uniform(0.4, 1.0))


def _played(note: np.ndarray, heard_s: float, draw: np.random.Generator) -> np.ndarray:
    """Return so much of a note as is heard, at some level; a few begin within it, as after another."""
    first = int(draw.integers(round(0.03 * RATE_HZ))) if draw.random() < 0.3 else 0
    level = 9_000 * 10 ** (draw.uniform(-9, 3) / 20) / max(1.0, float(np.abs(note.astype(np.float32)).max()))
    samples = level * note[first : first + round(heard_s * RATE_HZ)].astype(np.float32)
    fade = min(len(samples), round(_FADE_OUT_S * RATE_HZ))
    samples[len(samples) - fade :] *= np.linspace(1, 0, fade)
    if first:
        fade = min(len(samples), round(_FADE_IN_S * RATE_HZ))
        samples[:fade] *= np.linspace(0, 1, fade)
    return samples


def _strike(total: np.ndarray, note: np.ndarray, moment_s: float) -> None:
    first = round(moment_s * RATE_HZ)
    part = total[first : first + len(note)]
    part += note[: len(part)]
