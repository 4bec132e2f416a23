"""The loop: it learns, survives every stop, keeps the best, and says why it cannot go on."""

import multiprocessing
import signal
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.grids import SMALL_GRID
from tests.solos import Solos
from tests.varemix.training.killed_run import train_until_killed
from tests.varemix.training.runs import Run, left_by, trained, with_frames
from tests.varemix.training.sounding import by_split
from varemix.errors import TrainingError
from varemix.evaluation.conditions import score_conditions
from varemix.evaluation.mixtures import draw_mixtures, read_sources
from varemix.media.clips import decoded_frames
from varemix.model.checkpoint import load_checkpoint, read_header
from varemix.model.separator import Separator
from varemix.training import run as running
from varemix.training.loop import new_separator, train
from varemix.training.material import Material
from varemix.training.recipe import Augmentation, Recipe

NUM_STEPS = 8
KEPT = ("samples.npy", "features.safetensors")
FILES = ["best.pt", "checkpoint.safetensors", "features.safetensors", "samples.npy", "state.pt"]


@pytest.fixture(scope="module")
def material(two_instruments: Solos) -> Material:
    """Return one clip of each instrument in each split, each with one frame."""
    return with_frames(Solos(train=two_instruments.train[::2], val=two_instruments.val), 1)


@pytest.fixture(scope="module")
def undisturbed(recipe: Recipe, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that nobody stopped."""
    return trained(recipe, material, tmp_path_factory.mktemp("undisturbed"))


def assert_same_end(run: Run, undisturbed: Run) -> None:
    assert run.history.losses == undisturbed.history.losses
    assert list(map(tuple, run.history.validation_losses)) == undisturbed.history.validation_losses
    assert run.checkpoint.read_bytes() == undisturbed.checkpoint.read_bytes()
    assert sorted(path.name for path in run.folder.iterdir()) == FILES


@pytest.mark.slow
def test_training_learns_to_tell_two_instruments_apart(recipe: Recipe, two_instruments: Solos, tmp_path: Path) -> None:
    longer = replace(recipe, epochs=4, examples_per_clip=8, batch_size=4, rate=1e-2, code_steps=60)
    run = trained(longer, with_frames(two_instruments, 2), tmp_path)
    history = run.history
    first, last = np.mean(history.losses[:4]), np.mean(history.losses[-4:])
    assert history.num_steps == 32
    assert last < first - 0.5
    assert history.validation_losses[-1][1] < history.validation_losses[0][1]

    separator = load_checkpoint(run.checkpoint)
    mixture = draw_mixtures(two_instruments.val, 1, seed=0)[0]
    sources = read_sources(mixture)[:, :60_000]
    queries = separator.queries([decoded_frames(source.clip, [0])[0] for source in mixture.sources])
    scores = score_conditions(sources, {"image": separator.masks(sources.sum(axis=0), queries)})
    assert min(score.nsdr_db for score in scores if score.condition == "image") > 6


def test_a_finished_checkpoint_loads_and_knows_its_instruments(undisturbed: Run, recipe: Recipe) -> None:
    separator = load_checkpoint(undisturbed.checkpoint)
    assert separator.settings == recipe.separator
    assert separator.instruments == ("flute", "tuba")
    flute, tuba = (separator.instrument_query(name) for name in separator.instruments)
    assert ((flute > 0) & (flute < 1)).all()
    assert not torch.allclose(flute, tuba)
    provenance = read_header(undisturbed.checkpoint)["provenance"]
    assert provenance["recipe"]["name"] == "small"
    assert provenance["num_steps"] == NUM_STEPS
    assert provenance["validation_loss"] == undisturbed.history.best_validation_loss
    assert provenance["num_recordings"] == {"train": 2, "val": 2}


def test_a_frozen_trunk_stays_as_it_came(undisturbed: Run, recipe: Recipe) -> None:
    weights = load_file(undisturbed.checkpoint)
    start = new_separator(recipe).state_dict()
    moved = {name for name, value in start.items() if name in weights and not torch.equal(weights[name], value)}
    assert not [name for name in moved if name.startswith("vision.trunk.")]
    assert {"vision.head.1.weight", "synthesizer.bias", "sound.input_norm.running_mean"} <= moved


def test_every_step_is_reported_and_validation_ends_every_epoch(undisturbed: Run) -> None:
    history, reports = undisturbed.history, undisturbed.reports
    assert undisturbed.steps == list(range(1, NUM_STEPS + 1))
    assert {report.num_steps for report in reports} == {NUM_STEPS}
    assert [report.loss for report in reports] == history.losses
    ends = [(report.step, report.validation_loss) for report in reports if report.validation_loss is not None]
    assert ends == history.validation_losses
    assert [step for step, _ in ends] == [4, 8]
    assert all(report.examples_per_s > 0 for report in reports)
    assert reports[-1].seconds_left == 0


def test_every_step_hears_new_mixes_and_every_validation_the_same_ones(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[bool, list[bytes]] = {True: [], False: []}

    def note(separator: Separator, recipe: Recipe, sources: torch.Tensor, *others: torch.Tensor | None) -> torch.Tensor:
        heard[separator.training].append(sources.numpy().tobytes())
        return separator.synthesizer.bias.square().sum()

    monkeypatch.setattr(running, "separation_loss", note)
    trained(recipe, material, tmp_path)
    assert len(set(heard[True])) == NUM_STEPS
    first, second = heard[False][:2], heard[False][2:]  # three examples in batches of two, after each epoch
    assert len(set(first)) == 2
    assert first == second


def test_the_best_weights_are_kept_not_the_last(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = replace(recipe, schedule="steps")  # rates that do not depend on the number of epochs
    short = trained(replace(steady, epochs=1), material, tmp_path / "short")
    rising, true_loss = count(1.0), running.separation_loss

    def worse_and_worse(separator: Separator, *args: Any) -> torch.Tensor:
        return true_loss(separator, *args) if separator.training else torch.tensor(next(rising))

    monkeypatch.setattr(running, "separation_loss", worse_and_worse)
    long = trained(replace(steady, epochs=2), material, tmp_path / "long")
    assert long.history.num_steps == 2 * short.history.num_steps
    expected, kept = load_file(short.checkpoint), load_file(long.checkpoint)
    assert all(torch.equal(expected[name], kept[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "number", "saved_steps"),
    [
        pytest.param("before", 1, 0, id="in writing the samples"),
        pytest.param("before", 2, 0, id="in writing the features"),
        pytest.param("before", 3, 0, id="in writing the first state"),
        pytest.param("after", 3, 3, id="within an epoch"),
        pytest.param("after", 4, 3, id="between the best weights and the state"),
        pytest.param("after", 6, 6, id="within the second epoch"),
        pytest.param("before", 9, 8, id="in writing the model"),
    ],
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run, moment: str, number: int, saved_steps: int
) -> None:
    process = started(recipe, material, tmp_path, moment, number)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    run = trained(recipe, material, tmp_path)
    assert run.steps == list(range(saved_steps + 1, NUM_STEPS + 1))
    assert_same_end(run, undisturbed)


@pytest.mark.slow
def test_a_run_killed_from_outside_goes_on_as_if_it_had_not_been(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    process = started(recipe, material, tmp_path, "held", 4)
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert_same_end(trained(recipe, material, tmp_path), undisturbed)


def started(
    recipe: Recipe, material: Material, folder: Path, moment: str, number: int
) -> multiprocessing.process.BaseProcess:
    """Return a process that trains until it is killed; PyTorch is imported once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([train_until_killed.__module__])
    process = context.Process(target=train_until_killed, args=(recipe, material, folder, moment, number), daemon=True)
    process.start()
    return process


def test_a_finished_run_that_is_started_again_changes_nothing(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    left_by(undisturbed, tmp_path, "state.pt", "best.pt", *KEPT)
    run = trained(recipe, material, tmp_path)
    assert not run.steps
    assert_same_end(run, undisturbed)


def test_the_same_seed_gives_the_same_start_and_another_seed_another(recipe: Recipe) -> None:
    once, again, other = (
        new_separator(changed).synthesizer.state_dict() | new_separator(changed).sound.state_dict()
        for changed in (recipe, recipe, replace(recipe, seed=1))
    )
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert any(not torch.equal(once[name], other[name]) for name in once)


def test_a_new_separator_leaves_the_callers_random_numbers_alone(recipe: Recipe) -> None:
    before = torch.get_rng_state()
    new_separator(recipe)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_device_that_is_missing_is_told_before_anything_is_done(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="'cuda' was asked for, but PyTorch finds no GPU"):
        train(recipe, material, tmp_path, device="cuda")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [MemoryError("too much"), torch.OutOfMemoryError("too much")])
def test_a_device_that_is_too_small_is_told_and_the_last_state_kept(
    recipe: Recipe,
    material: Material,
    tmp_path: Path,
    undisturbed: Run,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    left_by(undisturbed, tmp_path, *KEPT)
    true_loss, steps = running.separation_loss, count(1)

    def too_large_at_step_five(separator: Separator, *args: Any) -> torch.Tensor:
        if separator.training and next(steps) == 5:
            raise error
        return true_loss(separator, *args)

    with monkeypatch.context() as patched:
        patched.setattr(running, "separation_loss", too_large_at_step_five)
        with pytest.raises(TrainingError, match=r"batch of 2 mixes does not fit .*too much.*smaller batch"):
            trained(recipe, material, tmp_path)
    run = trained(recipe, material, tmp_path)
    assert run.steps == [5, 6, 7, 8]
    assert_same_end(run, undisturbed)


@pytest.mark.parametrize("slices", [(3, 3, 3), (4, 4), (1, 6, 1)])
def test_slices_of_a_run_end_as_one_run_does(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run, slices: tuple[int, ...]
) -> None:
    left_by(undisturbed, tmp_path, *KEPT)
    runs = [trained(recipe, material, tmp_path, most_steps=most_steps) for most_steps in slices]
    assert [step for run in runs for step in run.steps] == undisturbed.steps
    assert not runs[0].checkpoint.exists() or len(runs) == 1 or runs[-1].checkpoint.exists()
    assert_same_end(runs[-1], undisturbed)


def test_training_on_another_grid_goes_on_as_if_it_had_not_been_stopped(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    """With frequency blocks, on a grid whose frames reach two hops, and with all there is to change in sounds."""
    settings = replace(recipe.separator, grid=SMALL_GRID, frequency_blocks=True)
    change = Augmentation(equaliser_db=3.0, room_share=0.5, noise_share=0.5, hidden_share=0.5)
    other = replace(recipe, separator=settings, augmentation=change)
    runs = []
    for name, slices in (("whole", (8,)), ("sliced", (3, 5))):
        (tmp_path / name).mkdir()
        left_by(undisturbed, tmp_path / name, *KEPT)
        runs += [trained(other, material, tmp_path / name, most_steps=most_steps) for most_steps in slices]
    assert_same_end(runs[-1], runs[0])
    assert np.isfinite(runs[0].history.losses).all()
    assert runs[0].history.losses != undisturbed.history.losses
    separator = load_checkpoint(runs[0].checkpoint)
    assert separator.settings == settings
    before, after = (one.sound.encode[1].frequency.up.weight for one in (new_separator(other), separator))
    assert not torch.equal(before, after)  # it learns in the blocks too
    masks = separator.masks(np.random.default_rng(0).standard_normal(20_000), separator.instrument_queries)
    assert masks.values.shape == (2, 64, SMALL_GRID.num_frames(20_000))


def test_a_start_on_another_grid_is_refused(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    finer = replace(recipe, separator=replace(recipe.separator, grid=replace(recipe.separator.grid, hop_samples=256)))
    with pytest.raises(TrainingError, match="holds another separator than recipe 'small'"):
        trained(finer, material, tmp_path, start=undisturbed.checkpoint)


def test_a_slice_of_no_steps_changes_nothing(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    left_by(undisturbed, tmp_path, *KEPT)
    assert trained(recipe, material, tmp_path, most_steps=0).history.losses == []
    trained(recipe, material, tmp_path, most_steps=3)
    before = (tmp_path / "state.pt").read_bytes()
    run = trained(recipe, material, tmp_path, most_steps=0)
    assert run.history.losses == undisturbed.history.losses[:3]
    assert (tmp_path / "state.pt").read_bytes() == before
    assert not run.checkpoint.exists()


def test_a_start_is_begun_with_as_it_is(recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run) -> None:
    left_by(undisturbed, tmp_path, *KEPT)
    still = replace(recipe, rate=0.0, weight_decay=0.0, code_steps=50)
    run = trained(still, material, tmp_path, start=undisturbed.checkpoint)
    before, after = load_file(undisturbed.checkpoint), load_file(run.checkpoint)
    learnt = {name for name, _ in new_separator(recipe).named_parameters()}
    assert all(torch.equal(before[name], after[name]) for name in learnt)
    assert run.history.losses[0] < undisturbed.history.losses[0]


def test_a_run_from_a_start_that_is_stopped_goes_on(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    runs = []
    for name, slices in (("whole", (8,)), ("sliced", (3, 5))):
        (tmp_path / name).mkdir()
        left_by(undisturbed, tmp_path / name, *KEPT)
        runs += [trained(recipe, material, tmp_path / name, start=undisturbed.checkpoint, most_steps=n) for n in slices]
    assert_same_end(runs[-1], runs[0])


def test_a_start_of_another_separator_is_refused(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run
) -> None:
    wider = replace(recipe, separator=replace(recipe.separator, num_maps=16))
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors' holds another separator than recipe 'small'"):
        trained(wider, material, tmp_path, start=undisturbed.checkpoint)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_of_one_instrument_cannot_be_trained_on(
    recipe: Recipe, material: Material, tmp_path: Path, split: str
) -> None:
    tubas = [clip for clip in material.clips[split] if clip.instrument == "tuba"]
    poor = replace(material, clips={**material.clips, split: tubas})
    with pytest.raises(TrainingError, match=f"The {split} split has usable clips of 1 instruments"):
        trained(recipe, poor, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(
    recipe: Recipe,
    material: Material,
    tmp_path: Path,
    undisturbed: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true_loss = running.separation_loss
    steps = count(1)

    def lost_at_step_six(separator: Separator, *args: Any) -> torch.Tensor:
        loss = true_loss(separator, *args)
        return loss * torch.nan if separator.training and next(steps) == 6 else loss

    with monkeypatch.context() as patched:
        patched.setattr(running, "separation_loss", lost_at_step_six)
        with pytest.raises(TrainingError, match=r"at step 6\..*state\.pt"):
            trained(recipe, material, tmp_path)
    run = trained(recipe, material, tmp_path)
    assert run.steps == [5, 6, 7, 8]
    assert_same_end(run, undisturbed)


def test_a_validation_loss_that_is_no_number_stops_the_run(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_loss = running.separation_loss
    monkeypatch.setattr(
        running, "separation_loss", lambda model, *args: true_loss(model, *args) * (1 if model.training else torch.nan)
    )
    with pytest.raises(TrainingError, match=r"validation loss stopped being a number after step 4\..*state\.pt"):
        trained(recipe, material, tmp_path)
    assert not (tmp_path / "best.pt").exists()


@pytest.mark.parametrize("change", [{"rate": 1e-3}, {"epochs": 3}, {"volume_range": (0.1, 0.2)}])
def test_a_state_of_another_recipe_is_refused(
    recipe: Recipe, material: Material, tmp_path: Path, undisturbed: Run, change: dict
) -> None:
    left_by(undisturbed, tmp_path, "state.pt", *KEPT)
    with pytest.raises(TrainingError, match=r"state\.pt' does not fit"):
        trained(replace(recipe, **change), material, tmp_path)


def test_a_state_of_other_clips_is_refused(
    recipe: Recipe, two_instruments: Solos, tmp_path: Path, undisturbed: Run
) -> None:
    left_by(undisturbed, tmp_path, "state.pt", *KEPT)
    with pytest.raises(TrainingError, match=r"state\.pt' does not fit"):
        trained(recipe, Material(clips=by_split(two_instruments)), tmp_path)
