"""Mixes of sounds without pictures, asked for by name: further instruments, players in harmony, strangers alone.

Belongs here: what is mixed with what, drawn by seed. Stays out: mixes of clips (`mixtures`), reading (`media.sounds`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from varemix.errors import EvaluationError
from varemix.evaluation.mixtures import MIXTURE_SAMPLES
from varemix.media.sounds import Sound, read_sound
from varemix.signal.grid import RATE_HZ

Material = Literal["pair", "ensemble", "stranger"]
_PLAYED = ("phrase", "synth")
_DURATION_S = MIXTURE_SAMPLES / RATE_HZ
_RMS = 0.1
_LEAST_RMS = 1e-3  # what is softer is silence or noise, and is not brought up


@dataclass(frozen=True, kw_only=True)
class SoundPart:
    """A sound from `after_s` of it on."""

    sound: Sound
    after_s: float


@dataclass(frozen=True, kw_only=True)
class SoundMixture:
    """Stretches of 5.94 s, each of another label.

    `material` says what it is: a `pair` of a further instrument and an asked-for one, an `ensemble` of aligned stems
    of one piece, or a `stranger`, a sound of none of the asked-for instruments alone.
    """

    material: Material
    parts: tuple[SoundPart, ...]

    @property
    def instruments(self) -> tuple[str, ...]:
        """The labels, in the order of the parts."""
        return tuple(part.sound.label for part in self.parts)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.material} {' + '.join(self.instruments)}"

    def others(self, source: int) -> tuple[str, ...]:
        """Return the labels that one source is mixed with."""
        return self.instruments[:source] + self.instruments[source + 1 :]


def draw_sound_mixtures(
    sounds: Sequence[Sound], instruments: Collection[str], num_pairs: int, *, seed: int
) -> list[SoundMixture]:
    """Return pairs, ensembles and strangers of the sounds of one split; those that there are sounds for.

    `instruments` are those that count as asked for. Pairs take the further instruments in turn, each with one of
    `instruments` that is drawn; each pair depends only on the seed and its number. Every ensemble is cut into stretches
    of 5.94 s, every stranger gives one. Raises EvaluationError when there is nothing to mix.
    """
    strangers = [sound for sound in sounds if sound.kind in _PLAYED and sound.label not in instruments]
    mixtures = [
        *_pairs(sounds, strangers, instruments, num_pairs, seed),
        *_ensembles(sounds),
        *(_alone(sound, np.random.default_rng([seed, number, 2])) for number, sound in enumerate(strangers)),
    ]
    if not mixtures:
        raise EvaluationError(
            f"Of the {len(sounds)} sounds of this split none can be mixed: ensembles, or phrases of other instruments "
            f"than {', '.join(sorted(instruments)) or 'none'} are needed. Choose another split or folder."
        )
    return mixtures


def read_sound_sources(mixture: SoundMixture) -> np.ndarray:
    """Return the sources [N, S] as they stand in the mix, which is their sum: each divided by N.

    In pairs and alone sounds are brought to one RMS; the stems of an ensemble keep their levels. Raises MediaError as
    `read_sound` does.
    """
    sources = np.stack(
        [
            read_sound(part.sound, after_s=part.after_s, num_samples=MIXTURE_SAMPLES, rate_hz=RATE_HZ)
            for part in mixture.parts
        ]
    )
    if mixture.material != "ensemble":
        rms = np.sqrt(np.square(sources, dtype=np.float64).mean(axis=-1, keepdims=True))
        sources *= (_RMS / np.maximum(rms, _LEAST_RMS)).astype(np.float32)
    shared: np.ndarray = sources / np.float32(len(sources))
    return shared


def _pairs(
    sounds: Sequence[Sound], strangers: Sequence[Sound], instruments: Collection[str], num_pairs: int, seed: int
) -> Iterator[SoundMixture]:
    further = _by_label(sound for sound in strangers if sound.names_instrument)
    known = _by_label(sound for sound in sounds if sound.kind in _PLAYED and sound.label in instruments)
    if not further or not known:
        return
    for number in range(num_pairs):
        draw = np.random.default_rng([seed, number])
        own = further[sorted(further)[number % len(further)]]
        partners = known[sorted(known)[int(draw.integers(len(known)))]]
        chosen = (group[int(draw.integers(len(group)))] for group in (own, partners))
        yield SoundMixture(material="pair", parts=tuple(_drawn_part(sound, draw) for sound in chosen))


def _ensembles(sounds: Sequence[Sound]) -> Iterator[SoundMixture]:
    """Yield the stretches of each piece; of two stems of one label the first is heard."""
    stems: dict[str, dict[str, Sound]] = {}
    for sound in sounds:
        if sound.kind == "ensemble" and sound.piece:
            stems.setdefault(sound.piece, {}).setdefault(sound.label, sound)
    for piece in sorted(stems):
        own = stems[piece].values()
        num_stretches = int(min(sound.duration_s for sound in own) / _DURATION_S)
        for number in range(num_stretches if len(own) > 1 else 0):
            parts = (SoundPart(sound=sound, after_s=number * _DURATION_S) for sound in own)
            yield SoundMixture(material="ensemble", parts=tuple(parts))


def _alone(sound: Sound, draw: np.random.Generator) -> SoundMixture:
    return SoundMixture(material="stranger", parts=(_drawn_part(sound, draw),))


def _drawn_part(sound: Sound, draw: np.random.Generator) -> SoundPart:
    return SoundPart(sound=sound, after_s=draw.uniform(0, max(0.0, sound.duration_s - _DURATION_S)))


def _by_label(sounds: Iterator[Sound]) -> dict[str, list[Sound]]:
    by_label: dict[str, list[Sound]] = {}
    for sound in sounds:
        by_label.setdefault(sound.label, []).append(sound)
    return by_label
