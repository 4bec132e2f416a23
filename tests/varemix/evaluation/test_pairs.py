"""Pairs for the evaluation: drawn by seed, always of two instruments."""

from pathlib import Path

import numpy as np
import pytest

from tests.solos import Solos, make_clip
from varemix.errors import EvaluationError
from varemix.evaluation.pairs import PAIR_SAMPLES, Pair, draw_pairs, read_sources
from varemix.media.audio import read_audio
from varemix.media.clips import Stretch


def test_a_pair_is_always_of_two_instruments(four_instruments: Solos) -> None:
    pairs = draw_pairs(four_instruments.train, 100, seed=0)
    assert len(pairs) == 100
    assert all(len(set(pair.instruments)) == 2 for pair in pairs)


def test_all_instruments_meet_each_other(four_instruments: Solos) -> None:
    pairs = draw_pairs(four_instruments.train, 200, seed=0)
    assert len({frozenset(pair.instruments) for pair in pairs}) == 6


def test_the_same_seed_draws_the_same_pairs_and_another_seed_others(four_instruments: Solos) -> None:
    clips = four_instruments.val
    assert draw_pairs(clips, 20, seed=3) == draw_pairs(clips, 20, seed=3)
    assert draw_pairs(clips, 20, seed=3) != draw_pairs(clips, 20, seed=4)


def test_asking_for_more_pairs_keeps_the_first_ones(four_instruments: Solos) -> None:
    clips = four_instruments.val
    assert draw_pairs(clips, 20, seed=3)[:5] == draw_pairs(clips, 5, seed=3)


def test_stretches_and_their_frames_lie_within_their_clips(four_instruments: Solos) -> None:
    for pair in draw_pairs(four_instruments.train, 50, seed=0):
        for source in pair.sources:
            assert 0 <= source.first_sample <= source.clip.num_samples - PAIR_SAMPLES
            assert all(0 <= frame < source.clip.num_frames for frame in source.frames)
            assert source.volume == 1


@pytest.mark.parametrize(("instruments", "found"), [(["flute"], "has flute"), ([], "has none")])
def test_fewer_than_two_instruments_make_no_pair(two_instruments: Solos, instruments: list[str], found: str) -> None:
    with pytest.raises(EvaluationError, match=f"two instruments; this split {found}"):
        draw_pairs(two_instruments.of(*instruments).train, 3, seed=0)


def test_sources_are_halves_of_their_recordings_so_that_the_mix_does_not_clip(two_instruments: Solos) -> None:
    pair = draw_pairs(two_instruments.val, 1, seed=0)[0]
    sources = read_sources(pair)
    assert sources.shape == (2, 262_140)
    assert sources.dtype == np.float32
    assert np.abs(sources.sum(axis=0)).max() <= 1
    for samples, stretch in zip(sources, pair.sources, strict=True):
        whole = read_audio(stretch.clip.wav_path)[0][0]
        part = whole[stretch.first_sample : stretch.first_sample + PAIR_SAMPLES]
        np.testing.assert_array_equal(samples, part / 2)


def test_a_clip_shorter_than_a_pair_is_repeated(tmp_path: Path) -> None:
    clips = [make_clip(tmp_path, name, number=1, duration_s=1.0) for name in ("flute", "tuba")]
    sources = read_sources(draw_pairs(clips, 1, seed=0)[0])
    np.testing.assert_array_equal(sources[:, 44_100:88_200], sources[:, :44_100])


def test_a_pair_tells_its_instruments_in_the_order_of_its_sources(two_instruments: Solos) -> None:
    flute, tuba = two_instruments.val
    stretches = [Stretch(clip=clip, first_sample=0, volume=1.0, frames=()) for clip in (tuba, flute)]
    assert Pair(sources=(stretches[0], stretches[1])).instruments == ("tuba", "flute")
