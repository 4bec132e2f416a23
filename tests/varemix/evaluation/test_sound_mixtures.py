"""Mixes of sounds: who is mixed with whom, and that each source is the sound it stands for."""

from collections import Counter

import numpy as np
import pytest

from tests.sounds import make_sounds
from varemix.errors import EvaluationError
from varemix.evaluation.mixtures import MIXTURE_SAMPLES
from varemix.evaluation.sound_mixtures import SoundMixture, draw_sound_mixtures, read_sound_sources
from varemix.media.sounds import Sound, listed_sounds

ASKED_FOR = ("flute", "tuba")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Sound]:
    return listed_sounds(make_sounds(tmp_path_factory.mktemp("sounds")))


@pytest.fixture(scope="module")
def mixtures(sounds: list[Sound]) -> list[SoundMixture]:
    return draw_sound_mixtures(sounds, ASKED_FOR, 4, seed=1)


def of(mixtures: list[SoundMixture], material: str) -> list[SoundMixture]:
    return [mixture for mixture in mixtures if mixture.material == material]


def test_pairs_take_every_further_instrument_in_turn_with_one_that_is_asked_for(mixtures: list[SoundMixture]) -> None:
    pairs = of(mixtures, "pair")
    assert [pair.instruments[0] for pair in pairs] == ["drums", "piano", "drums", "piano"]  # bells have no name
    assert all(pair.instruments[1] in ASKED_FOR for pair in pairs)
    assert {part.sound.kind for pair in pairs for part in pair.parts} == {"phrase"}


def test_more_pairs_leave_the_first_ones_as_they_are(sounds: list[Sound], mixtures: list[SoundMixture]) -> None:
    assert of(draw_sound_mixtures(sounds, ASKED_FOR, 7, seed=1), "pair")[:4] == of(mixtures, "pair")
    assert of(draw_sound_mixtures(sounds, ASKED_FOR, 4, seed=2), "pair") != of(mixtures, "pair")


def test_stems_of_one_piece_are_cut_at_the_same_moments(mixtures: list[SoundMixture]) -> None:
    ensembles = of(mixtures, "ensemble")
    assert [mixture.instruments for mixture in ensembles] == [("flute", "tuba")] * 2
    assert [{part.sound.piece for part in mixture.parts} for mixture in ensembles] == [{"bwv1"}, {"bwv2"}]
    assert {part.after_s for mixture in ensembles for part in mixture.parts} == {0.0}


def test_every_sound_of_no_asked_for_instrument_is_a_stranger_alone(mixtures: list[SoundMixture]) -> None:
    assert Counter(of(mixtures, "stranger")[n].instruments for n in range(6)) == {
        ("piano",): 2,
        ("drums",): 2,
        ("x_bells",): 2,
    }


def test_sources_of_pairs_are_equally_loud_and_those_of_ensembles_as_they_were_played(
    mixtures: list[SoundMixture],
) -> None:
    sources = read_sound_sources(of(mixtures, "pair")[0])
    assert (sources.shape, sources.dtype) == ((2, MIXTURE_SAMPLES), np.float32)
    np.testing.assert_allclose(sources.std(axis=-1), 0.05, rtol=1e-3)
    first, second = (read_sound_sources(mixture) for mixture in of(mixtures, "ensemble"))
    np.testing.assert_allclose(second, first / 2, atol=1e-4)


def test_silence_stays_silence(
    sounds: list[Sound], monkeypatch: pytest.MonkeyPatch, mixtures: list[SoundMixture]
) -> None:
    monkeypatch.setattr(
        "varemix.evaluation.sound_mixtures.read_sound", lambda *_, num_samples, **__: np.zeros(num_samples, np.float32)
    )
    assert not read_sound_sources(of(mixtures, "pair")[0]).any()


def test_without_strangers_there_are_ensembles_only_and_without_anything_it_is_told(sounds: list[Sound]) -> None:
    stems = [sound for sound in sounds if sound.kind == "ensemble"]
    assert {mixture.material for mixture in draw_sound_mixtures(stems, ASKED_FOR, 4, seed=1)} == {"ensemble"}
    with pytest.raises(EvaluationError, match=r"Of the 0 sounds of this split none can be mixed"):
        draw_sound_mixtures([], ASKED_FOR, 4, seed=1)
