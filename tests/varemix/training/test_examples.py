"""Mix-and-separate examples: what they are mixed from, and that they follow from the generator alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.solos import Solos, make_clip
from varemix.errors import TrainingError
from varemix.media.audio import read_audio
from varemix.media.clips import Stretch
from varemix.training.examples import check_clips, draw_sources, waves
from varemix.training.recipe import Recipe, paper


def drawn(clips: Solos, recipe: Recipe, *, count: int, seed: int = 0) -> list[list[Stretch]]:
    draw = np.random.default_rng(seed)
    return [draw_sources(clips.train, recipe, draw) for _ in range(count)]


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_sources_are_always_of_different_instruments(four_instruments: Solos, recipe: Recipe, num_sources: int) -> None:
    for sources in drawn(four_instruments, replace(recipe, num_sources=num_sources), count=100):
        assert len({source.clip.instrument for source in sources}) == num_sources


def test_the_same_generator_draws_the_same_examples_and_another_others(four_instruments: Solos, recipe: Recipe) -> None:
    once, again, other = (drawn(four_instruments, recipe, count=10, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_volumes_fill_the_recipes_range(four_instruments: Solos, recipe: Recipe) -> None:
    volumes = [source.volume for sources in drawn(four_instruments, recipe, count=200) for source in sources]
    assert 0.5 <= min(volumes) < 0.52
    assert 0.98 < max(volumes) <= 1.0


def test_stretches_lie_within_their_clips_and_all_over_them(four_instruments: Solos, recipe: Recipe) -> None:
    sources = [source for sources in drawn(four_instruments, recipe, count=200) for source in sources]
    last = four_instruments.train[0].num_samples - recipe.window_samples
    firsts = [source.first_sample for source in sources]
    assert 0 <= min(firsts) < 0.05 * last
    assert 0.95 * last < max(firsts) <= last
    assert all(0 <= frame < source.clip.num_frames for source in sources for frame in source.frames)


def test_frames_are_those_of_the_moment_that_is_heard(four_instruments: Solos, recipe: Recipe) -> None:
    for sources in drawn(four_instruments, replace(recipe, pictures_per_example=1), count=50):
        for source in sources:
            middle_s = (source.first_sample + recipe.window_samples / 2) / 44_100
            frame_s = source.frames[0] / source.clip.frame_rate_hz
            nearest_s = min(middle_s, (source.clip.num_frames - 1) / source.clip.frame_rate_hz)
            assert abs(frame_s - nearest_s) <= 0.5 / source.clip.frame_rate_hz


def test_the_papers_examples_show_three_frames_24_apart(tmp_path: Path) -> None:
    clips = [
        replace(make_clip(tmp_path, name, number=1, duration_s=1.0), num_samples=60 * 44_100, num_frames=360)
        for name in ("flute", "tuba")
    ]
    draw = np.random.default_rng(0)
    examples = [draw_sources([replace(clip, frame_rate_hz=6.0) for clip in clips], paper(), draw) for _ in range(20)]
    gaps = {tuple(np.diff(source.frames)) for sources in examples for source in sources}
    assert (24, 24) in gaps
    assert all(gap <= 24 for pair in gaps for gap in pair)


def test_sources_are_divided_by_their_number_so_that_the_mix_does_not_clip(
    four_instruments: Solos, recipe: Recipe
) -> None:
    examples = drawn(four_instruments, replace(recipe, num_sources=3), count=4)
    sources = waves(examples, recipe.window_samples)
    assert sources.shape == (4, 3, recipe.window_samples)
    assert sources.dtype == torch.float32
    assert sources.sum(dim=1).abs().max() <= 1
    stretch = examples[1][2]
    whole = read_audio(stretch.clip.wav_path)[0][0]
    part = whole[stretch.first_sample :][: recipe.window_samples]
    np.testing.assert_allclose(sources[1, 2].numpy(), stretch.volume * part / 3, atol=1e-6)


def test_a_clip_that_is_too_short_is_repeated(tmp_path: Path, recipe: Recipe) -> None:
    clips = [make_clip(tmp_path, name, number=1, duration_s=0.1) for name in ("flute", "tuba")]
    example = draw_sources(clips, recipe, np.random.default_rng(0))
    sources = waves([example], recipe.window_samples)
    torch.testing.assert_close(sources[..., 4_410:8_820], sources[..., :4_410], rtol=0, atol=0)
    assert [source.first_sample for source in example] == [0, 0]


@pytest.mark.parametrize(("num_clips", "found"), [(0, "0 instruments"), (2, "1 instruments")])
def test_too_few_instruments_are_told_with_the_split(
    two_instruments: Solos, recipe: Recipe, num_clips: int, found: str
) -> None:
    with pytest.raises(TrainingError, match=f"val split has usable clips of {found}.*'small' mixes 2"):
        check_clips(two_instruments.train[:num_clips], recipe, "val")


def test_enough_instruments_pass(two_instruments: Solos, recipe: Recipe) -> None:
    check_clips(two_instruments.train, recipe, "train")
