"""The loop: it learns, survives every stop, keeps the best, and says why it cannot go on."""

import multiprocessing
import signal
import time
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.solos import Solos
from tests.varemix.training.killed_run import SAVE_EVERY_STEPS, train_until_killed
from varemix.errors import TrainingError
from varemix.evaluation.conditions import score_conditions
from varemix.evaluation.pairs import draw_pairs, read_sources
from varemix.media.clips import decoded_frames
from varemix.model.checkpoint import load_checkpoint, read_header
from varemix.model.separator import Separator
from varemix.training import loop
from varemix.training.loop import Progress, chosen_device, new_separator, rate_factor, train
from varemix.training.recipe import Recipe, named_recipe, paper, tiny
from varemix.training.state import History

NUM_STEPS = 8


@dataclass(frozen=True)
class Run:
    """What a run saw, told, and left in its folder."""

    history: History
    reports: list[Progress]
    folder: Path

    @property
    def steps(self) -> list[int]:
        """The steps that were made, counted from 1."""
        return [report.step for report in self.reports]

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"


def trained(recipe: Recipe, clips: Solos, folder: Path) -> Run:
    reports: list[Progress] = []
    history = train(
        recipe,
        clips.train,
        clips.val,
        folder,
        device="cpu",
        save_every_steps=SAVE_EVERY_STEPS,
        report=reports.append,
    )
    return Run(history, reports, folder)


def with_frames(clips: Solos, num_frames: int) -> Solos:
    """Return the clips as if they had so few frames, for looking at them is what takes longest."""
    train_clips, val_clips = (
        [replace(clip, num_frames=num_frames) for clip in split] for split in (clips.train, clips.val)
    )
    return Solos(train=train_clips, val=val_clips)


@pytest.fixture(scope="module")
def clips(two_instruments: Solos) -> Solos:
    """Return one clip of each instrument in each split, each with one frame."""
    return with_frames(Solos(train=two_instruments.train[::2], val=two_instruments.val), 1)


@pytest.fixture(scope="module")
def undisturbed(recipe: Recipe, clips: Solos, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that nobody stopped."""
    return trained(recipe, clips, tmp_path_factory.mktemp("undisturbed"))


def assert_same_end(run: Run, undisturbed: Run) -> None:
    assert run.history.losses == undisturbed.history.losses
    assert list(map(tuple, run.history.validation_losses)) == undisturbed.history.validation_losses
    assert run.checkpoint.read_bytes() == undisturbed.checkpoint.read_bytes()
    assert sorted(path.name for path in run.folder.iterdir()) == ["best.pt", "checkpoint.safetensors", "state.pt"]


@pytest.mark.slow
def test_training_learns_to_tell_two_instruments_apart(recipe: Recipe, two_instruments: Solos, tmp_path: Path) -> None:
    longer = replace(recipe, epochs=4, examples_per_clip=8, batch_size=4, rate=1e-2)
    run = trained(longer, with_frames(two_instruments, 2), tmp_path)
    history = run.history
    first, last = np.mean(history.losses[:4]), np.mean(history.losses[-4:])
    assert history.num_steps == 32
    assert last < 0.2 * first
    assert history.validation_losses[-1][1] < 0.2 * history.validation_losses[0][1]

    separator = load_checkpoint(run.checkpoint)
    pair = draw_pairs(two_instruments.val, 1, seed=0)[0]
    sources = read_sources(pair)[:, :60_000]
    queries = separator.queries([decoded_frames(source.clip, [0])[0] for source in pair.sources])
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
    assert provenance["num_clips"] == {"train": 2, "val": 2}


def test_a_frozen_trunk_stays_as_it_came(undisturbed: Run, recipe: Recipe) -> None:
    weights = load_file(undisturbed.checkpoint)
    start = new_separator(recipe).state_dict()
    moved = {name for name, value in start.items() if name in weights and not torch.equal(weights[name], value)}
    assert not [name for name in moved if name.startswith("vision.trunk.")]
    assert {"vision.head.weight", "synthesizer.bias", "sound.input_norm.running_mean"} <= moved


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
    recipe: Recipe, clips: Solos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[bool, list[bytes]] = {True: [], False: []}

    def note(separator: Separator, sources: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        heard[separator.training].append(sources.numpy().tobytes())
        return separator.synthesizer.bias.square().sum()

    monkeypatch.setattr(loop, "separation_loss", note)
    trained(recipe, clips, tmp_path)
    assert len(set(heard[True])) == NUM_STEPS
    first, second = heard[False][:2], heard[False][2:]  # three examples in batches of two, after each epoch
    assert len(set(first)) == 2
    assert first == second


def test_the_best_weights_are_kept_not_the_last(
    recipe: Recipe, clips: Solos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = replace(recipe, schedule="steps")  # rates that do not depend on the number of epochs
    short = trained(replace(steady, epochs=1), clips, tmp_path / "short")
    rising, true_loss = count(1.0), loop.separation_loss

    def worse_and_worse(separator: Separator, *args: torch.Tensor) -> torch.Tensor:
        return true_loss(separator, *args) if separator.training else torch.tensor(next(rising))

    monkeypatch.setattr(loop, "separation_loss", worse_and_worse)
    long = trained(replace(steady, epochs=2), clips, tmp_path / "long")
    assert long.history.num_steps == 2 * short.history.num_steps
    expected, kept = load_file(short.checkpoint), load_file(long.checkpoint)
    assert all(torch.equal(expected[name], kept[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "number", "saved_steps"),
    [
        pytest.param("before", 1, 0, id="in writing the first state"),
        pytest.param("after", 1, 3, id="within an epoch"),
        pytest.param("after", 2, 3, id="between the best weights and the state"),
        pytest.param("after", 4, 6, id="within the second epoch"),
        pytest.param("before", 7, 8, id="in writing the checkpoint"),
    ],
)
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    recipe: Recipe, clips: Solos, tmp_path: Path, undisturbed: Run, moment: str, number: int, saved_steps: int
) -> None:
    process = started(recipe, clips, tmp_path, moment, number)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    run = trained(recipe, clips, tmp_path)
    assert run.steps == list(range(saved_steps + 1, NUM_STEPS + 1))
    assert_same_end(run, undisturbed)


@pytest.mark.slow
def test_a_run_killed_from_outside_goes_on_as_if_it_had_not_been(
    recipe: Recipe, clips: Solos, tmp_path: Path, undisturbed: Run
) -> None:
    process = started(recipe, clips, tmp_path, "never", 0)
    deadline = time.monotonic() + 60
    while not (tmp_path / "state.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert_same_end(trained(recipe, clips, tmp_path), undisturbed)


def started(
    recipe: Recipe, clips: Solos, folder: Path, moment: str, number: int
) -> multiprocessing.process.BaseProcess:
    """Return a process that trains until it is killed; PyTorch is imported once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([train_until_killed.__module__])
    process = context.Process(target=train_until_killed, args=(recipe, clips, folder, moment, number), daemon=True)
    process.start()
    return process


def test_a_finished_run_that_is_started_again_changes_nothing(
    recipe: Recipe, clips: Solos, tmp_path: Path, undisturbed: Run
) -> None:
    (tmp_path / "state.pt").write_bytes((undisturbed.folder / "state.pt").read_bytes())
    (tmp_path / "best.pt").write_bytes((undisturbed.folder / "best.pt").read_bytes())
    run = trained(recipe, clips, tmp_path)
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


def test_a_device_that_is_missing_is_told(
    recipe: Recipe, clips: Solos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda:1"):
        with pytest.raises(TrainingError, match=f"'{name}' was asked for, but PyTorch finds no GPU"):
            train(recipe, clips.train, clips.val, tmp_path, device=name)
    assert chosen_device("auto") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto") == torch.device("cuda")
    assert chosen_device("cpu") == torch.device("cpu")


def test_a_device_that_does_not_exist_is_told() -> None:
    with pytest.raises(TrainingError, match="no device 'quantum'; give auto, cpu or cuda"):
        chosen_device("quantum")


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_of_one_instrument_cannot_be_trained_on(
    recipe: Recipe, clips: Solos, tmp_path: Path, split: str
) -> None:
    poor = replace(clips, **{split: clips.of("tuba").train})
    with pytest.raises(TrainingError, match=f"The {split} split has usable clips of 1 instruments"):
        trained(recipe, poor, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(
    recipe: Recipe,
    clips: Solos,
    tmp_path: Path,
    undisturbed: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true_loss = loop.separation_loss
    steps = count(1)

    def lost_at_step_six(separator: Separator, *args: torch.Tensor) -> torch.Tensor:
        loss = true_loss(separator, *args)
        return loss * torch.nan if separator.training and next(steps) == 6 else loss

    with monkeypatch.context() as patched:
        patched.setattr(loop, "separation_loss", lost_at_step_six)
        with pytest.raises(TrainingError, match=r"at step 6\..*state\.pt"):
            trained(recipe, clips, tmp_path)
    run = trained(recipe, clips, tmp_path)
    assert run.steps == [5, 6, 7, 8]
    assert_same_end(run, undisturbed)


def test_a_validation_loss_that_is_no_number_stops_the_run(
    recipe: Recipe, clips: Solos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_loss = loop.separation_loss
    monkeypatch.setattr(
        loop, "separation_loss", lambda model, *args: true_loss(model, *args) * (1 if model.training else torch.nan)
    )
    with pytest.raises(TrainingError, match=r"validation loss stopped being a number after step 4\..*state\.pt"):
        trained(recipe, clips, tmp_path)
    assert not (tmp_path / "best.pt").exists()


@pytest.mark.parametrize("change", [{"rate": 1e-3}, {"epochs": 3}, {"volume_range": (0.1, 0.2)}])
def test_a_state_of_another_recipe_is_refused(
    recipe: Recipe, clips: Solos, tmp_path: Path, undisturbed: Run, change: dict
) -> None:
    (tmp_path / "state.pt").write_bytes((undisturbed.folder / "state.pt").read_bytes())
    with pytest.raises(TrainingError, match=r"state\.pt' does not fit"):
        trained(replace(recipe, **change), clips, tmp_path)


def test_a_state_of_other_clips_is_refused(
    recipe: Recipe, two_instruments: Solos, tmp_path: Path, undisturbed: Run
) -> None:
    (tmp_path / "state.pt").write_bytes((undisturbed.folder / "state.pt").read_bytes())
    with pytest.raises(TrainingError, match=r"state\.pt' does not fit"):
        trained(recipe, two_instruments, tmp_path)


def test_the_papers_rates_fall_tenfold_at_their_epochs() -> None:
    factors = [rate_factor(paper(), epoch * 100, 100) for epoch in range(85)]
    assert factors[:40] == [1.0] * 40
    assert factors[40:80] == pytest.approx([0.1] * 40)
    assert factors[80:] == pytest.approx([0.01] * 5)
    assert rate_factor(paper(), 3_999, 100) == 1.0


@pytest.mark.parametrize("name", ["reference", "tiny"])
def test_the_cosine_rises_for_half_an_epoch_and_falls_to_nothing(name: str) -> None:
    recipe, steps_per_epoch = named_recipe(name), 20
    factors = [rate_factor(recipe, step, steps_per_epoch) for step in range(recipe.epochs * steps_per_epoch)]
    peak = int(np.argmax(factors))
    assert peak == 9
    assert factors[peak] == pytest.approx(1, abs=0.01)
    assert (np.diff(factors[: peak + 1]) > 0).all()
    assert (np.diff(factors[peak:]) < 0).all()
    assert 0 < factors[-1] < 1e-3


@pytest.mark.parametrize("steps_per_epoch", [1, 2, 3])
def test_rates_are_never_above_those_of_the_recipe(steps_per_epoch: int) -> None:
    factors = [rate_factor(tiny(), step, steps_per_epoch) for step in range(tiny().epochs * steps_per_epoch)]
    assert all(0 < factor <= 1 for factor in factors)
