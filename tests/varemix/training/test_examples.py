"""Mix-and-separate examples: what they are mixed from, and that they follow from the generator alone."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.solos import Solos, make_clip, write_wav
from varemix.errors import TrainingError
from varemix.media.audio import read_audio
from varemix.media.clips import Clip
from varemix.training.examples import Source, Voice, check_clips, draw_sources, wave_of
from varemix.training.recipe import Augmentation, Recipe, paper
from varemix.training.recordings import Recordings


def drawn(clips: Solos, recipe: Recipe, *, count: int, seed: int = 0, is_changed: bool = True) -> list[list[Source]]:
    draw = np.random.default_rng(seed)
    return [draw_sources(clips.train, recipe, draw, is_changed=is_changed) for _ in range(count)]


def mixing(recipe: Recipe, *odds: float, **augmentation: float) -> Recipe:
    return replace(recipe, source_odds=odds, augmentation=Augmentation(**augmentation))


def voices_of(examples: list[list[Source]]) -> list[Voice]:
    return [voice for sources in examples for source in sources for voice in source.voices]


def voice(clip: Clip, **changes: float) -> Voice:
    plain = Voice(clip=clip, first_sample=0, speed=1.0, volume=1.0, is_levelled=False)
    return replace(plain, **changes)


def source(*voices: Voice) -> Source:
    return Source(instrument="tuba", voices=voices, clip=voices[0].clip, frames=(0,))


def clip_of(folder: Path, samples: np.ndarray) -> Clip:
    """Return a clip that sounds so."""
    write_wav(folder / "planted.wav", samples)
    clip = make_clip(folder, "tuba", number=0, duration_s=0.1)
    return replace(clip, wav_path=folder / "planted.wav", num_samples=len(samples))


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_sources_are_always_of_different_instruments(four_instruments: Solos, recipe: Recipe, num_sources: int) -> None:
    for sources in drawn(four_instruments, mixing(recipe, *[1.0] * num_sources), count=100):
        assert len({source.instrument for source in sources}) == len(sources) == num_sources
        assert all(voice.clip.instrument == source.instrument for source in sources for voice in source.voices)


def test_the_sources_beyond_a_mixs_number_are_silent_and_numbers_come_as_often_as_the_odds_say(
    four_instruments: Solos, recipe: Recipe
) -> None:
    examples = drawn(four_instruments, mixing(recipe, 0.2, 0.0, 0.8), count=300)
    sounding = [[bool(source.voices) for source in sources] for sources in examples]
    counts = Counter(map(tuple, sounding))
    assert set(counts) == {(True, False, False), (True, True, True)}
    assert counts[True, False, False] == pytest.approx(60, abs=20)
    silent = next(source for sources in examples for source in sources if not source.voices)
    assert not wave_of(silent, Recordings(), 100).any()


def test_more_sources_than_instruments_are_never_drawn(two_instruments: Solos, recipe: Recipe) -> None:
    examples = drawn(two_instruments, mixing(recipe, 0.1, 0.5, 0.4), count=50)
    assert {len(sources) for sources in examples} == {2}


def test_the_same_generator_draws_the_same_examples_and_another_others(four_instruments: Solos, recipe: Recipe) -> None:
    once, again, other = (drawn(four_instruments, recipe, count=10, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_volumes_fill_the_recipes_range_in_learning_and_are_1_otherwise(
    four_instruments: Solos, recipe: Recipe
) -> None:
    volumes = [voice.volume for voice in voices_of(drawn(four_instruments, recipe, count=200))]
    assert 0.5 <= min(volumes) < 0.52
    assert 0.98 < max(volumes) <= 1.0
    plain = drawn(
        four_instruments, mixing(recipe, 0, 1, pitch_semitones=3, doubled_share=1, levelled_share=1), count=20
    )
    unchanged = drawn(
        four_instruments,
        mixing(recipe, 0, 1, pitch_semitones=3, doubled_share=1, levelled_share=1),
        count=20,
        is_changed=False,
    )
    assert {len(source.voices) for sources in plain for source in sources} == {2}
    assert {len(source.voices) for sources in unchanged for source in sources} == {1}
    assert {(v.volume, v.speed, v.is_levelled) for v in voices_of(unchanged)} == {(1.0, 1.0, False)}


def test_pitches_fill_the_recipes_range(four_instruments: Solos, recipe: Recipe) -> None:
    voices = voices_of(drawn(four_instruments, mixing(recipe, 0, 1, pitch_semitones=2), count=200))
    semitones = [12 * np.log2(voice.speed) for voice in voices]
    assert -2 <= min(semitones) < -1.9
    assert 1.9 < max(semitones) <= 2


def test_stretches_lie_within_their_clips_and_all_over_them(four_instruments: Solos, recipe: Recipe) -> None:
    examples = drawn(four_instruments, recipe, count=200)
    last = four_instruments.train[0].num_samples - recipe.window_samples
    firsts = [voice.first_sample for voice in voices_of(examples)]
    assert 0 <= min(firsts) < 0.05 * last
    assert 0.95 * last < max(firsts) <= last
    sources = [source for sources in examples for source in sources]
    assert all(0 <= frame < source.clip.num_frames for source in sources for frame in source.frames)


def test_frames_are_those_of_the_moment_that_is_heard(four_instruments: Solos, recipe: Recipe) -> None:
    for sources in drawn(four_instruments, replace(recipe, pictures_per_example=1), count=50):
        for source in sources:
            middle_s = (source.voices[0].first_sample + recipe.window_samples / 2) / 44_100
            frame_s = source.frames[0] / source.clip.frame_rate_hz
            nearest_s = min(middle_s, (source.clip.num_frames - 1) / source.clip.frame_rate_hz)
            assert abs(frame_s - nearest_s) <= 0.5 / source.clip.frame_rate_hz


def test_the_papers_examples_show_three_frames_24_apart(tmp_path: Path) -> None:
    clips = [
        replace(make_clip(tmp_path, name, number=1, duration_s=1.0), num_samples=60 * 44_100, num_frames=360)
        for name in ("flute", "tuba")
    ]
    clips = [replace(clip, frame_rate_hz=6.0) for clip in clips]
    draw = np.random.default_rng(0)
    examples = [draw_sources(clips, paper(), draw, is_changed=True) for _ in range(20)]
    gaps = {tuple(np.diff(source.frames)) for sources in examples for source in sources}
    assert (24, 24) in gaps
    assert all(gap <= 24 for pair in gaps for gap in pair)


def test_a_source_sounds_as_its_recording_at_its_volume(two_instruments: Solos) -> None:
    clip = two_instruments.train[0]
    whole = read_audio(clip.wav_path)[0][0]
    wave = wave_of(source(voice(clip, first_sample=30_000, volume=0.5)), Recordings(), 5_000)
    assert wave.dtype == torch.float32
    np.testing.assert_array_equal(wave.numpy(), (whole[30_000:35_000] / 2).astype(np.float32))


def test_two_voices_of_a_source_sound_together(two_instruments: Solos) -> None:
    first, second = (voice(clip, first_sample=1_000) for clip in two_instruments.train[:2])
    alone = [wave_of(source(one), Recordings(), 5_000) for one in (first, second)]
    torch.testing.assert_close(wave_of(source(first, second), Recordings(), 5_000), sum(alone))


@pytest.mark.parametrize("semitones", [-2, 0, 3])
def test_a_faster_voice_sounds_higher(tmp_path: Path, semitones: float) -> None:
    clip = clip_of(tmp_path, 0.5 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 44_100))
    wave = wave_of(source(voice(clip, speed=2 ** (semitones / 12))), Recordings(), 44_100)
    assert len(wave) == 44_100
    loudest_hz = int(torch.fft.rfft(wave).abs().argmax())
    assert loudest_hz == pytest.approx(440 * 2 ** (semitones / 12), abs=1)


@pytest.mark.parametrize(("amplitude", "rms"), [(0.5, 0.08), (0.05, 0.08), (0.01, 4 * 0.01), (0.0005, 0.0005)])
def test_levelled_voices_are_equally_loud_and_near_silence_stays(tmp_path: Path, amplitude: float, rms: float) -> None:
    clip = clip_of(tmp_path, amplitude * np.sign(np.sin(np.arange(20_000) / 7)))
    wave = wave_of(source(voice(clip, is_levelled=True)), Recordings(), 10_000)
    assert wave.square().mean().sqrt() == pytest.approx(rms, rel=0.05)


def test_a_clip_that_is_too_short_is_repeated(tmp_path: Path, recipe: Recipe) -> None:
    clips = [make_clip(tmp_path, name, number=1, duration_s=0.1) for name in ("flute", "tuba")]
    for one in draw_sources(clips, recipe, np.random.default_rng(0), is_changed=True):
        wave = wave_of(one, Recordings(), recipe.window_samples)
        assert one.voices[0].first_sample == 0
        torch.testing.assert_close(wave[4_410:8_820], wave[:4_410], rtol=0, atol=0)


@pytest.mark.parametrize(("num_clips", "found"), [(0, "0 instruments"), (2, "1 instruments")])
def test_too_few_instruments_are_told_with_the_split(
    two_instruments: Solos, recipe: Recipe, num_clips: int, found: str
) -> None:
    with pytest.raises(TrainingError, match=f"val split has usable clips of {found}.*'small' mixes different ones"):
        check_clips(two_instruments.train[:num_clips], recipe, "val")


def test_enough_instruments_pass(two_instruments: Solos, recipe: Recipe) -> None:
    check_clips(two_instruments.train, recipe, "train")
    check_clips(two_instruments.train, mixing(recipe, 0.1, 0.5, 0.4), "train")
