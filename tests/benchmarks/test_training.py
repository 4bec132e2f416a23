"""What training is compared with does the same work, and the real loop can be held."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.clips import Clips
from benchmarks.plain_loader import PlainExamples
from benchmarks.training import Learner, RealLoop, network_alone
from tests.grids import SMALL_GRID
from tests.solos import Solos
from tests.tasks.small_recipe import small
from varemix.errors import TrainingError
from varemix.media.clips import decoded_frames
from varemix.model.queries import picture_tensor
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.spectrogram import stft
from varemix.training.examples import draw_sources, wave_of
from varemix.training.recordings import Recordings

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


@pytest.mark.parametrize("grid", [PAPER_GRID, SMALL_GRID], ids=["paper", "small"])
def test_the_plain_loader_makes_the_spectra_and_pictures_that_ours_are_made_of(clips: Clips, grid: Grid) -> None:
    recipe = replace(small(), separator=replace(small().separator, grid=grid))
    examples = PlainExamples(clips.train, recipe, "whole", 224, clips.folder / "frames")
    spectra, pictures = examples[3]
    sources = draw_sources(clips.train, recipe, np.random.default_rng(3), is_changed=False)
    for place, source in enumerate(sources):
        ours = stft(wave_of(source, Recordings(), recipe.window_samples) / len(sources), grid)
        torch.testing.assert_close(spectra[place], ours, rtol=0, atol=1e-4)
        [frame] = decoded_frames(source.clip, source.frames)
        torch.testing.assert_close(pictures[place, 0], picture_tensor(frame, "whole", 224))


def test_the_real_loop_makes_a_step_when_asked_and_tells_why_it_cannot(clips: Clips) -> None:
    loop = RealLoop(replace(small(), examples_per_clip=1_000), clips, clips.folder / "run", CPU)
    for _ in range(3):
        loop.step()
    loop.stop()
    poor = replace(clips, train=clips.train[:1])
    with pytest.raises(TrainingError, match="train split has usable clips of 1 instruments"):
        RealLoop(small(), poor, clips.folder / "run", CPU).step()


def test_the_network_alone_learns_from_the_batch_that_it_was_given(clips: Clips) -> None:
    learner = Learner(small(), CPU)
    step = network_alone(small(), clips, clips.folder / "run", learner)
    before = learner.separator.sound.maps.weight.detach().clone()
    step()
    assert not torch.equal(learner.separator.sound.maps.weight, before)
