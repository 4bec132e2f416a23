"""Tunes: they follow from their generator, sound as melodies do, and are made of one player's notes."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.varemix.training.sounding import tone
from varemix.media.sounds import Sound
from varemix.training import tunes
from varemix.training.tunes import TUNE_S, planned_tunes, tune

SCALE_HZ = tuple(220 * 2 ** (step / 12) for step in range(25))
Note = tuple[np.ndarray, float]


def scale(*, is_known: bool = True) -> list[Note]:
    """Return two octaves of notes of half a second."""
    return [((32_768 * tone(0.5, hz)).astype(np.int16), hz if is_known else 0.0) for hz in SCALE_HZ]


def of_seed(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def note(number: int, *, group: str = "ann", label: str = "flute") -> Sound:
    return Sound(
        path=Path("pack.wav"),
        first_s=float(number),
        duration_s=1.0,
        label=label,
        kind="notes",
        group=group,
        split="train",
    )


class Struck:
    """The notes that tunes strike: when, how long, and which partial is loudest."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moments_s: list[float] = []
        self.lengths_s: list[float] = []
        self.hz: list[float] = []
        strike = tunes._strike

        def noted(total: np.ndarray, samples: np.ndarray, moment_s: float) -> None:
            self.moments_s.append(moment_s)
            self.lengths_s.append(len(samples) / 44_100)
            self.hz.append(float(np.abs(np.fft.rfft(samples, 44_100)).argmax()))
            strike(total, samples, moment_s)

        monkeypatch.setattr(tunes, "_strike", noted)


@pytest.fixture
def struck(monkeypatch: pytest.MonkeyPatch) -> Struck:
    return Struck(monkeypatch)


def test_the_same_generator_makes_the_same_tune_and_another_another() -> None:
    once, again, other = (tune(scale(), 0.3, of_seed(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize("chord_share", [0.0, 0.5])
@pytest.mark.parametrize("is_known", [True, False])
def test_tunes_are_as_long_as_they_say_loud_enough_and_never_clipped(chord_share: float, is_known: bool) -> None:
    for seed in range(6):
        samples = tune(scale(is_known=is_known), chord_share, of_seed(seed))
        assert samples.dtype == np.int16
        assert len(samples) == round(TUNE_S * 44_100)
        assert 5_000 < np.abs(samples.astype(int)).max() <= 20_000
        sounding = np.abs(samples[: 15 * 44_100].reshape(15, -1).astype(int)).max(axis=1) > 500
        assert sounding.sum() >= 11  # of 15 seconds


def test_melodies_go_by_steps_and_leaps_within_an_octave(struck: Struck) -> None:
    for seed in range(6):
        tune(scale(), 0.0, of_seed(seed))
    semitones = 12 * np.log2(np.array(struck.hz) / 220)
    leaps = np.abs(np.diff(semitones))
    assert (leaps < 12.6).mean() > 0.9  # now and then comes any note
    assert (leaps < 2.6).mean() > 0.35
    assert len(set(semitones.round())) > 10


def test_notes_of_unknown_pitch_follow_each_other_in_any_order(struck: Struck) -> None:
    for seed in range(4):
        tune(scale(is_known=False), 0.0, of_seed(seed))
    leaps = np.abs(np.diff(12 * np.log2(np.array(struck.hz) / 220)))
    assert (leaps > 12.6).mean() > 0.1
    assert len({round(hz) for hz in struck.hz}) == len(SCALE_HZ)


def test_notes_of_known_pitch_are_followed_by_such(struck: Struck) -> None:
    drums = [((32_768 * tone(0.5, 3_000)).astype(np.int16), 0.0)]
    for seed in range(4):
        tune(scale() + drums, 0.0, of_seed(seed))
    assert np.mean(np.array(struck.hz) > 2_900) < 0.05


def test_beats_are_of_one_tempo_and_there_are_rests(struck: Struck) -> None:
    tune(scale(), 0.0, of_seed(3))
    gaps_s = np.diff(struck.moments_s)
    beats = gaps_s / gaps_s.min()
    np.testing.assert_allclose(beats, beats.round(), atol=1e-6)
    assert 0.12 <= gaps_s.min() <= 0.5
    silences = []
    for seed in range(8):
        samples = tune(scale(), 0.0, of_seed(seed))
        silences.append((np.abs(samples.reshape(-1, 441).astype(int)).max(axis=1) == 0).mean())
    assert max(silences) > 0.1
    assert min(silences) < 0.1


def test_chords_are_as_many_as_wished_and_of_two_to_four_notes(struck: Struck) -> None:
    for seed in range(6):
        tune(scale(), 0.5, of_seed(seed))
    starts = np.array(struck.moments_s)
    is_together = np.abs(np.diff(starts)) < 0.05
    sizes = [run.count(True) + 1 for run in _runs(is_together.tolist())]
    assert max(sizes) <= 4
    assert 0.35 < np.mean(np.array(sizes) > 1) < 0.65


def _runs(flags: list[bool]) -> list[list[bool]]:
    """Return what is struck at once: a list of the notes that follow each first one."""
    runs: list[list[bool]] = [[]]
    for flag in flags:
        if flag:
            runs[-1].append(True)
        else:
            runs.append([])
    return runs


def test_without_chords_notes_follow_one_another(struck: Struck) -> None:
    tune(scale(), 0.0, of_seed(0))
    assert all(later - earlier > 0.1 for earlier, later in pairwise(struck.moments_s))


@pytest.mark.parametrize("num_samples", [1, 100])
def test_notes_that_hardly_sound_do_no_harm(num_samples: int) -> None:
    samples = tune([(np.full(num_samples, 9_000, np.int16), 0.0)] * 4, 0.3, of_seed(0))
    assert len(samples) == round(TUNE_S * 44_100)


def test_more_notes_of_a_player_make_more_tunes_and_too_few_none() -> None:
    def count(num_notes: int) -> int:
        return len(planned_tunes([note(number) for number in range(num_notes)]))

    assert [count(number) for number in (0, 3, 4, 16, 40, 96, 400)] == [0, 0, 4, 4, 10, 24, 24]
    assert max(len(plan.notes) for plan in planned_tunes([note(number) for number in range(400)])) == 120


def test_a_tune_is_of_one_players_notes_on_one_instrument() -> None:
    notes = [note(n, group=group, label=label) for n in range(4) for group in "ab" for label in ("flute", "tuba")]
    plans = planned_tunes(notes)
    assert [(plan.label, plan.group) for plan in plans[::4]] == [
        *(("flute", "a"), ("flute", "b"), ("tuba", "a"), ("tuba", "b")),
    ]
    assert all({(one.label, one.group) for one in plan.notes} == {(plan.label, plan.group)} for plan in plans)
    assert planned_tunes(notes) == plans
