"""Mix-and-separate examples: recordings of different instruments, mixed, so that the true sources are known.

Everything in an example follows from the generator it is drawn with, so a run that stops can go on as if it had not,
and several processes can draw their parts of one batch.
Source: Zhao et al. 2018; Yang, Wei, Lerch 2020 (always different instruments, no clipping).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varemix.errors import TrainingError
from varemix.media.clips import frames_around
from varemix.signal.grid import RATE_HZ
from varemix.training.recipe import Recipe, Shares
from varemix.training.soundbank import VIDEO, Recording

_SECOND_VOLUME = (0.3, 1.0)


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A part of a recording from `offset` samples on, `speed` times faster, and so higher; it repeats after `limit`."""

    recording: Recording
    offset: float
    limit: int
    speed: float
    volume: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """What one label plays in a mix; `frames` are shown for it where it is asked for by its own video."""

    label: str
    voices: tuple[Voice, ...]
    volume: float = 1.0
    is_levelled: bool = False
    frames: tuple[int, ...] = ()

    @property
    def recording(self) -> Recording:
        """The recording that it is of, the first where there are two."""
        return self.voices[0].recording


class Pool:
    """The recordings of a split that a recipe learns from, and with which odds each is drawn.

    Without shares these are the videos' clips, all with the same odds.
    """

    def __init__(self, recordings: Sequence[Recording], recipe: Recipe) -> None:
        shares = recipe.shares
        own = [one for one in recordings if _is_drawn(one, shares)]
        by_label: dict[str, list[Recording]] = {}
        for one in own:
            by_label.setdefault(one.label, []).append(one)
        self.labels = sorted(by_label)
        self.pieces = _pieces(own) if shares and shares.ensembles > 0 else []
        filmed = {one.label for one in recordings if one.kind == VIDEO}
        self.odds = _label_odds(by_label, filmed, shares)
        self._members = {
            label: (members, np.cumsum(_recording_odds(members, shares))) for label, members in by_label.items()
        }

    def draw_labels(self, count: int, draw: np.random.Generator) -> list[str]:
        """Return so many different labels."""
        odds, chosen = self.odds.copy(), []
        for _ in range(count):
            chosen.append(_drawn_place(np.cumsum(odds), draw))
            odds[chosen[-1]] = 0
        return [self.labels[place] for place in chosen]

    def draw_recording(self, label: str, draw: np.random.Generator) -> Recording:
        """Return one of a label's recordings."""
        members, odds = self._members[label]
        return members[_drawn_place(odds, draw)]


def check_recordings(recordings: Sequence[Recording], recipe: Recipe, split: str) -> None:
    """Raise TrainingError unless the recordings of a split can be mixed as the recipe wants."""
    num_labels = len(Pool([one for one in recordings if one.split == split], recipe).labels)
    if num_labels < min(recipe.num_sources, 2):
        raise TrainingError(
            f"The {split} split has usable clips of {num_labels} instruments; recipe '{recipe.name}' mixes "
            f"different ones. Refresh the catalog with videos of more instruments."
        )


def draw_sources(pool: Pool, recipe: Recipe, draw: np.random.Generator, *, is_changed: bool) -> list[Source]:
    """Return the sources of one example, no two of the same label, as many as the recipe's odds draw.

    `is_changed` says whether volume and augmentation are drawn too, as they are for learning, not for validation.
    """
    most = min(recipe.num_sources, len(pool.labels))
    count = min(most, 1 + _drawn_place(np.cumsum(recipe.source_odds), draw))
    if pool.pieces and recipe.shares and draw.random() < recipe.shares.ensembles:
        stems = pool.pieces[draw.integers(len(pool.pieces))]
        return _draw_together(stems, min(max(2, count), most), recipe, draw, is_changed=is_changed)
    return [_draw_source(label, pool, recipe, draw, is_changed=is_changed) for label in pool.draw_labels(count, draw)]


def _draw_together(
    stems: Sequence[Recording], count: int, recipe: Recipe, draw: np.random.Generator, *, is_changed: bool
) -> list[Source]:
    """Return sources that are stems of one piece, at the same moment and speed."""
    chosen: dict[str, Recording] = {}
    for place in draw.permutation(len(stems)):
        chosen.setdefault(stems[place].label, stems[place])
    members = list(chosen.values())[:count]
    limit = min(member.num_samples for member in members)
    speed = _draw_speed(recipe, draw) if is_changed else 1.0
    offset = _draw_offset(limit, speed, recipe, draw)
    return [
        _source((Voice(recording=member, offset=offset, limit=limit, speed=speed),), recipe, draw, is_changed)
        for member in members
    ]


def _draw_source(label: str, pool: Pool, recipe: Recipe, draw: np.random.Generator, *, is_changed: bool) -> Source:
    """Return a source: a stretch of a recording, and now and then of another one of its label too."""
    voices = [_draw_voice(pool.draw_recording(label, draw), recipe, draw, is_changed=is_changed)]
    if is_changed and draw.random() < recipe.augmentation.doubled_share:
        second, volume = pool.draw_recording(label, draw), float(draw.uniform(*_SECOND_VOLUME))
        voices.append(_draw_voice(second, recipe, draw, is_changed=True, volume=volume))
    return _source(tuple(voices), recipe, draw, is_changed)


def _source(voices: tuple[Voice, ...], recipe: Recipe, draw: np.random.Generator, is_changed: bool) -> Source:
    first, clip = voices[0], voices[0].recording.clip
    frames: tuple[int, ...] = ()
    if clip:
        middle_s = (first.offset + min(recipe.window_samples, first.limit) / 2) / RATE_HZ
        frames = frames_around(clip, middle_s, count=recipe.pictures_per_example, stride=recipe.picture_stride)
    if not is_changed:
        return Source(label=first.recording.label, voices=voices, frames=frames)
    spread_db = recipe.augmentation.volume_spread_db
    volume = 10 ** (draw.normal(0, spread_db) / 20) if spread_db else draw.uniform(*recipe.volume_range)
    return Source(
        label=first.recording.label,
        voices=voices,
        frames=frames,
        volume=float(volume),
        is_levelled=bool(draw.random() < recipe.augmentation.levelled_share),
    )


def _draw_voice(
    recording: Recording, recipe: Recipe, draw: np.random.Generator, *, is_changed: bool, volume: float = 1.0
) -> Voice:
    speed = _draw_speed(recipe, draw) if is_changed else 1.0
    limit = recording.num_samples
    offset = _draw_offset(limit, speed, recipe, draw)
    return Voice(recording=recording, offset=offset, limit=limit, speed=speed, volume=volume)


def _draw_offset(limit: int, speed: float, recipe: Recipe, draw: np.random.Generator) -> float:
    """Return the sample that an example begins with, so that what sounds until its end lies within the limit."""
    return float(draw.integers(max(1, int(limit - recipe.window_samples * speed) + 1)))


def _draw_speed(recipe: Recipe, draw: np.random.Generator) -> float:
    return float(2 ** (draw.uniform(-1, 1) * recipe.augmentation.pitch_semitones / 12))


def _drawn_place(odds_so_far: np.ndarray, draw: np.random.Generator) -> int:
    """Return a place by its odds, which are summed up; never one that has none."""
    return int(np.searchsorted(odds_so_far, draw.random() * odds_so_far[-1], side="right"))


def _is_drawn(recording: Recording, shares: Shares | None) -> bool:
    """Return whether a recording is ever drawn: its kind and its label have a share."""
    if shares is None:
        return recording.kind == VIDEO
    return shares.kinds.get(recording.kind, 0.0) > 0 and _own_odds(recording.label, shares) > 0


def _own_odds(label: str, shares: Shares) -> float:
    """Return the odds of a label among its own."""
    return shares.odds.get(label, shares.unnamed if label.startswith("x_") else 1.0)


def _pieces(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """Return the stems of each piece of which several labels are heard."""
    pieces: dict[str, list[Recording]] = {}
    for one in recordings:
        if one.piece:
            pieces.setdefault(one.piece, []).append(one)
    return [stems for _, stems in sorted(pieces.items()) if len({stem.label for stem in stems}) > 1]


def _label_odds(by_label: dict[str, list[Recording]], filmed: set[str], shares: Shares | None) -> np.ndarray:
    """Return the odds [L] of the labels in alphabetical order."""
    labels = sorted(by_label)
    if shares is None:
        return np.array([float(len(by_label[label])) for label in labels])
    odds = np.array([_own_odds(label, shares) for label in labels])
    is_filmed = np.array([label in filmed for label in labels], dtype=bool)
    if is_filmed.any() and not is_filmed.all():
        odds[is_filmed] *= (1 - shares.further) / odds[is_filmed].sum()
        odds[~is_filmed] *= shares.further / odds[~is_filmed].sum()
    return odds


def _recording_odds(members: Sequence[Recording], shares: Shares | None) -> np.ndarray:
    """Return the odds of a label's recordings: kinds by their shares, groups by the root of their seconds."""
    if shares is None:
        return np.ones(len(members))
    seconds: dict[tuple[str, str], float] = {}
    for one in members:
        seconds[one.kind, one.group] = seconds.get((one.kind, one.group), 0.0) + one.duration_s
    roots, totals = dict.fromkeys(shares.kinds, 0.0), dict.fromkeys(shares.kinds, 0.0)
    for (kind, _), total in seconds.items():
        roots[kind] += total**0.5
        totals[kind] += total
    return np.array(
        [
            shares.kinds[one.kind]
            * min(1.0, totals[one.kind] / shares.full_s)
            * seconds[one.kind, one.group] ** -0.5
            / roots[one.kind]
            * one.duration_s
            for one in members
        ]
    )
