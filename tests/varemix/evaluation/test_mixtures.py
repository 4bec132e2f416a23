"""Mixtures for the evaluation: drawn by seed, always of different instruments."""

from pathlib import Path

import numpy as np
import pytest

from tests.solos import Solos, make_clip
from varemix.errors import EvaluationError
from varemix.evaluation.mixtures import MIXTURE_SAMPLES, Mixture, draw_mixtures, read_sources
from varemix.media.audio import read_audio
from varemix.media.clips import Stretch


def test_a_mixture_is_of_two_different_instruments_unless_more_are_asked_for(four_instruments: Solos) -> None:
    mixtures = draw_mixtures(four_instruments.train, 100, seed=0)
    assert len(mixtures) == 100
    assert all(len(set(mixture.instruments)) == 2 for mixture in mixtures)


def test_a_mixture_can_be_of_any_number_of_instruments_and_begins_like_that_of_fewer(four_instruments: Solos) -> None:
    clips = four_instruments.train
    pairs, threes = (draw_mixtures(clips, 30, num_sources=count, seed=0) for count in (2, 3))
    assert all(len(set(mixture.instruments)) == 3 for mixture in threes)
    assert [mixture.instruments[:2] for mixture in threes] == [mixture.instruments for mixture in pairs]
    with pytest.raises(EvaluationError, match="Mixes of 5 sources need clips of 5 instruments"):
        draw_mixtures(clips, 1, num_sources=5, seed=0)


def test_all_instruments_meet_each_other(four_instruments: Solos) -> None:
    mixtures = draw_mixtures(four_instruments.train, 200, seed=0)
    assert len({frozenset(mixture.instruments) for mixture in mixtures}) == 6


def test_the_same_seed_draws_the_same_mixtures_and_another_seed_others(four_instruments: Solos) -> None:
    clips = four_instruments.val
    assert draw_mixtures(clips, 20, seed=3) == draw_mixtures(clips, 20, seed=3)
    assert draw_mixtures(clips, 20, seed=3) != draw_mixtures(clips, 20, seed=4)


def test_asking_for_more_mixtures_keeps_the_first_ones(four_instruments: Solos) -> None:
    clips = four_instruments.val
    assert draw_mixtures(clips, 20, seed=3)[:5] == draw_mixtures(clips, 5, seed=3)


def test_stretches_and_their_frames_lie_within_their_clips(four_instruments: Solos) -> None:
    for mixture in draw_mixtures(four_instruments.train, 50, seed=0):
        for source in mixture.sources:
            assert 0 <= source.first_sample <= source.clip.num_samples - MIXTURE_SAMPLES
            assert all(0 <= frame < source.clip.num_frames for frame in source.frames)
            assert source.volume == 1


@pytest.mark.parametrize(("instruments", "found"), [(["flute"], "has flute"), ([], "has none")])
def test_fewer_than_two_instruments_make_no_mixture(two_instruments: Solos, instruments: list[str], found: str) -> None:
    with pytest.raises(EvaluationError, match=f"clips of 2 instruments; this split {found}"):
        draw_mixtures(two_instruments.of(*instruments).train, 3, seed=0)


def test_sources_are_halves_of_their_recordings_so_that_the_mix_does_not_clip(two_instruments: Solos) -> None:
    mixture = draw_mixtures(two_instruments.val, 1, seed=0)[0]
    sources = read_sources(mixture)
    assert sources.shape == (2, 262_140)
    assert sources.dtype == np.float32
    assert np.abs(sources.sum(axis=0)).max() <= 1
    for samples, stretch in zip(sources, mixture.sources, strict=True):
        whole = read_audio(stretch.clip.wav_path)[0][0]
        part = whole[stretch.first_sample : stretch.first_sample + MIXTURE_SAMPLES]
        np.testing.assert_array_equal(samples, part / 2)


def test_a_clip_shorter_than_a_mixture_is_repeated(tmp_path: Path) -> None:
    clips = [make_clip(tmp_path, name, number=1, duration_s=1.0) for name in ("flute", "tuba")]
    sources = read_sources(draw_mixtures(clips, 1, seed=0)[0])
    np.testing.assert_array_equal(sources[:, 44_100:88_200], sources[:, :44_100])


def test_a_mixture_tells_its_instruments_in_the_order_of_its_sources(two_instruments: Solos) -> None:
    flute, tuba = two_instruments.val
    stretches = [Stretch(clip=clip, first_sample=0, volume=1.0, frames=()) for clip in (tuba, flute)]
    mixture = Mixture(sources=tuple(stretches))
    assert (mixture.instruments, mixture.name) == (("tuba", "flute"), "tuba + flute")
    assert (mixture.others(0), mixture.others(1)) == (("flute",), ("tuba",))


def test_three_sources_are_thirds_of_their_recordings(four_instruments: Solos) -> None:
    mixture = draw_mixtures(four_instruments.val, 1, num_sources=3, seed=0)[0]
    sources = read_sources(mixture)
    whole = read_audio(mixture.sources[2].clip.wav_path)[0][0]
    first = mixture.sources[2].first_sample
    np.testing.assert_allclose(sources[2], whole[first : first + MIXTURE_SAMPLES] / 3, rtol=1e-6)
