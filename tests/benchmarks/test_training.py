"""What training is compared with does the same work, and the real loop can be held."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.clips import Clips
from benchmarks.plain_loader import PlainExamples
from benchmarks.training import Learner, RealLoop, batch_size_of, measure, network_alone, options_of
from tests.grids import SMALL_GRID
from tests.solos import Solos
from tests.tasks.small_recipe import small
from varemix.errors import TrainingError
from varemix.media.clips import decoded_frames
from varemix.model.queries import picture_tensor
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.spectrogram import stft
from varemix.training.examples import Pool, draw_sources
from varemix.training.loop import opened_bank
from varemix.training.recipe import RECIPES, Recipe
from varemix.training.soundbank import recordings_of

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute in one thread: networks this small are faster so."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture
def clips(two_instruments: Solos, tmp_path: Path) -> Clips:
    """Return one clip of each instrument, each with one frame."""
    train, val = (
        [replace(clip, num_frames=1) for clip in split] for split in (two_instruments.train[::2], two_instruments.val)
    )
    (tmp_path / "run").mkdir()
    return Clips(train=train, val=val, folder=tmp_path)


def by_name() -> Recipe:
    """Return a recipe of clips that are asked for by name, of one source or two."""
    return replace(small(), asked="names", source_odds=(0.5, 0.5))


@pytest.mark.parametrize("grid", [PAPER_GRID, SMALL_GRID], ids=["paper", "small"])
def test_the_plain_loader_makes_the_spectra_and_pictures_that_ours_are_made_of(clips: Clips, grid: Grid) -> None:
    recipe = replace(small(), separator=replace(small().separator, grid=grid), source_odds=(0.5, 0.5))
    examples = PlainExamples(clips.train, recipe, "whole", 224, clips.folder / "frames")
    recordings = recordings_of(clips.material.clips, [])
    bank = opened_bank(recipe, clips.material, recordings, clips.folder, CPU)
    pool = Pool([one for one in recordings if one.split == "train"], recipe)
    counts = set()
    for number in range(4):
        spectra, pictures = examples[number]
        assert spectra.shape == (2, grid.num_bins, 32)
        sources = draw_sources(pool, recipe, np.random.default_rng(number), is_changed=False)
        counts.add(len(sources))
        for place, source in enumerate(sources):
            first = source.recording.first_sample + int(source.voices[0].offset)
            wave = (
                torch.from_numpy(np.load(clips.folder / "samples.npy")[first : first + recipe.window_samples]) / 2**15
            )
            torch.testing.assert_close(spectra[place], stft(wave / 2, grid), rtol=0, atol=1e-4)
            clip = source.recording.clip
            assert clip is not None
            [frame] = decoded_frames(clip, source.frames)
            torch.testing.assert_close(pictures[place, 0], picture_tensor(frame, "whole", 224))
        assert not spectra[len(sources) :].any()
    assert counts == {1, 2}
    assert bank.recordings == recordings


def test_the_real_loop_makes_a_step_when_asked_and_tells_why_it_cannot(clips: Clips) -> None:
    loop = RealLoop(replace(small(), examples_per_clip=1_000), clips, clips.folder / "run", CPU)
    for _ in range(3):
        loop.step()
    loop.stop()
    poor = replace(clips, train=clips.train[:1])
    with pytest.raises(TrainingError, match="train split has usable clips of 1 instruments"):
        RealLoop(small(), poor, clips.folder / "run", CPU).step()


@pytest.mark.parametrize("recipe", [small(), by_name()], ids=["by pictures", "by name"])
def test_the_network_alone_learns_from_the_batch_that_it_was_given(clips: Clips, recipe: Recipe) -> None:
    learner = Learner(recipe, CPU)
    step = network_alone(recipe, clips, clips.folder / "run", learner)
    before = learner.separator.sound.maps.weight.detach().clone()
    step()
    assert not torch.equal(learner.separator.sound.maps.weight, before)


@pytest.mark.parametrize("recipe", [small(), by_name()], ids=["by pictures", "by name"])
def test_all_ways_are_measured_in_mixes_a_second(
    clips: Clips, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES, "measured", lambda: recipe)
    (clips.folder / "run").rmdir()
    measure(
        options_of(["--recipe", "measured", "--device", "cpu", "--steps", "1", "--rounds", "1", "--workers", "0"]),
        clips,
    )
    told = capsys.readouterr().out
    assert "mixes/s" in told
    for way in ("our loop", "plain loader, 0 workers", "network alone"):
        assert f"\n{way}" in told


def test_on_a_processor_batches_are_small_unless_one_says_otherwise() -> None:
    large = replace(small(), batch_size=64)
    assert batch_size_of(large, CPU, None) <= 16
    assert batch_size_of(small(), CPU, None) == 2
    assert batch_size_of(large, torch.device("cuda"), None) == 64
    assert batch_size_of(large, CPU, 32) == 32
