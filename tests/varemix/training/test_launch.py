"""Several processes: what they learn together is what one learns alone, and nobody is left behind."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.ports import free_port
from tests.solos import Solos
from tests.varemix.training.runs import with_frames
from tests.varemix.training.sounding import heard, packed, tone
from varemix.errors import TrainingError
from varemix.training import launch as launching
from varemix.training.launch import Order, carry_out, launch
from varemix.training.loop import train
from varemix.training.material import Material
from varemix.training.nodes import Nodes
from varemix.training.pace import Pace
from varemix.training.recipe import Augmentation, Recipe, Shares
from varemix.training.run import Progress
from varemix.training.state import History
from varemix.training.team import Team, joined_team

NUM_STEPS = 4


@pytest.fixture(scope="module")
def material(two_instruments: Solos, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Return one clip of each instrument in each split, each with one frame, and sounds of a harp and a bell."""
    heard_sounds = [
        heard(tone(1.0, hz), label=label, split=split)
        for split in ("train", "val")
        for label, hz in (("harp", 330), ("x_bell", 2_637))
    ]
    sounds = packed(tmp_path_factory.mktemp("sounds") / "pack.wav", heard_sounds)
    return replace(with_frames(Solos(train=two_instruments.train[::2], val=two_instruments.val), 1), sounds=sounds)


@pytest.fixture(scope="module")
def shared(recipe: Recipe) -> Recipe:
    """Return four steps of four examples with all that is drawn for them, and then three to validate with."""
    return replace(
        recipe,
        epochs=1,
        examples_per_clip=8,
        batch_size=4,
        optimiser="sgd",
        rate=0.005,  # higher ones blow up the last digits
        longest_gradient=5.0,
        augmentation=Augmentation(  # a room for all: a Fourier transform of one alone is rounded otherwise
            equaliser_db=3, room_share=1.0, noise_share=0.5, pitch_semitones=1
        ),
        num_validation_examples=7,  # one batch that two can share and one that they cannot
    )


def by_name(recipe: Recipe) -> Recipe:
    """Return the recipe by name, of all that sounds, with averaged weights; its end lies farther than tests go."""
    shares = Shares(kinds={"video": 0.5, "phrase": 0.5}, further=0.5)
    named = replace(recipe, asked="names", shares=shares, averaging=0.9, code_noise=0.5, source_odds=(0.2, 0.5, 0.3))
    return replace(named, epochs=2)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["instruments", "names"])
def test_two_processes_learn_what_one_learns(shared: Recipe, material: Material, tmp_path: Path, asked: str) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    if asked == "names":
        shared = by_name(shared)
    pace = Pace(save_every_steps=3, most_steps=NUM_STEPS)
    expected = train(shared, material, alone, device="cpu", pace=pace)
    together.mkdir()
    if asked == "instruments":
        (together / "features.safetensors").write_bytes((alone / "features.safetensors").read_bytes())
    reports: list[Progress] = []
    found = launch(
        shared,
        material,
        together,
        num_processes=2,
        device="cpu",
        pace=pace,
        report=reports.append,
    )
    assert found is not None
    assert found.num_steps == NUM_STEPS
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-5)
    [(step, loss)], [(expected_step, expected_loss)] = found.validation_losses, expected.validation_losses
    assert (step, loss) == (expected_step, pytest.approx(expected_loss, rel=1e-5))
    assert [(report.step, report.loss) for report in reports] == list(enumerate(found.losses, start=1))
    assert reports[-1].validation_loss == loss
    assert found.seconds > 0
    states = [torch.load(folder / "state.pt", weights_only=True)["model"] for folder in (together, alone)]
    for name, value in states[1].items():
        torch.testing.assert_close(states[0][name], value, rtol=1e-3, atol=1e-5, msg=name)
    assert (together / "checkpoint.safetensors").exists() == (asked == "instruments")


@pytest.mark.slow
def test_two_processes_end_together_when_the_minutes_are_over(
    shared: Recipe, material: Material, tmp_path: Path
) -> None:
    train(shared, material, tmp_path, device="cpu", pace=Pace(most_steps=0))  # looks at the few pictures of a test
    history = launch(shared, material, tmp_path, num_processes=2, device="cpu", pace=Pace(minutes=0.01))
    assert history is not None
    assert history.num_steps >= 1
    assert history.validation_losses[-1][0] == history.num_steps
    assert (tmp_path / "checkpoint.safetensors").exists()


@pytest.mark.slow
def test_two_hosts_learn_what_one_process_learns(shared: Recipe, material: Material, tmp_path: Path) -> None:
    alone, folders = tmp_path / "alone", [tmp_path / "first", tmp_path / "second"]
    expected = train(shared, material, alone, device="cpu")
    for folder in folders:
        folder.mkdir()
        (folder / "features.safetensors").write_bytes((alone / "features.safetensors").read_bytes())
    endpoint = f"127.0.0.1:{free_port()}"

    def node(rank: int) -> History | None:
        nodes = Nodes(count=2, rank=rank, endpoint=endpoint)
        return launch(shared, material, folders[rank], nodes=nodes, device="cpu")

    with ThreadPoolExecutor(2) as both:
        found, helped = both.map(node, range(2))
    assert helped is None
    assert found is not None
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-5)
    assert found.validation_losses[0] == pytest.approx(expected.validation_losses[0], rel=1e-5)
    assert [(folder / "checkpoint.safetensors").exists() for folder in folders] == [True, False]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"count": 2, "rank": 2, "endpoint": "a:1"}, "This is node 2 of 2; nodes are numbered from 0 to 1"),
        ({"count": 2, "rank": 0}, "cannot meet at ''; give HOST:PORT"),
        ({"count": 2, "rank": 0, "endpoint": "--help:1"}, "cannot meet at '--help:1'"),
    ],
)
def test_hosts_that_could_not_meet_are_refused(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(TrainingError, match=expected):
        Nodes(**values)


def test_hosts_that_would_train_different_things_do_not_meet(
    shared: Recipe, material: Material, tmp_path: Path
) -> None:
    def subject(recipe: Recipe, material: Material, folder: Path) -> str:
        return launching._subject(Order(recipe=recipe, material=material, folder=folder))

    own = subject(shared, material, tmp_path)
    assert own == subject(shared, material, tmp_path / "other")
    assert own != subject(replace(shared, seed=shared.seed + 1), material, tmp_path)
    assert own != subject(shared, replace(material, sounds=material.sounds[1:]), tmp_path)


def test_one_process_trains_here(
    shared: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: pytest.fail("a process was started"))
    reports: list[Progress] = []
    history = launch(shared, material, tmp_path, device="cpu", pace=Pace(most_steps=2), report=reports.append)
    assert history is not None
    assert [report.loss for report in reports] == history.losses
    assert history.num_steps == 2


@pytest.mark.parametrize("num_processes", [0, 3])
def test_processes_that_cannot_share_a_batch_are_refused(
    shared: Recipe, material: Material, tmp_path: Path, num_processes: int
) -> None:
    with pytest.raises(TrainingError, match=f"{num_processes} processes cannot share batches of 4 mixes evenly"):
        launch(shared, material, tmp_path, num_processes=num_processes)


# What is started is a stand-in from here on: it says what a training might say


@contextmanager
def standing_in(program: str) -> Iterator[None]:
    """Start this Python program instead of a training; its argument is the order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launching, "_command", lambda order, *others: [sys.executable, "-c", program, str(order)])
        yield


def launched(recipe: Recipe, material: Material, folder: Path, report=lambda progress: None):
    return launch(recipe, material, folder, num_processes=2, report=report)


def test_a_process_that_fails_is_told_by_its_last_lines(shared: Recipe, material: Material, tmp_path: Path) -> None:
    program = "import sys; print('\\n'.join(map(str, range(100))), flush=True); sys.exit('the GPU fell off the bus')"
    with standing_in(program), pytest.raises(TrainingError) as caught:
        launched(shared, material, tmp_path)
    assert "ended with code 1" in str(caught.value)
    assert "the GPU fell off the bus" in str(caught.value)
    assert "\n99\n" in str(caught.value)
    assert "\n50\n" not in str(caught.value)


def test_a_process_that_ends_without_a_result_is_told(shared: Recipe, material: Material, tmp_path: Path) -> None:
    with standing_in("print('bye')"), pytest.raises(TrainingError, match=r"(?s)ended with code 0.*bye"):
        launched(shared, material, tmp_path)


def test_an_error_of_the_training_comes_back_as_it_was(shared: Recipe, material: Material, tmp_path: Path) -> None:
    tubas = [clip for clip in material.clips["train"] if clip.instrument == "tuba"]
    poor = replace(material, clips={**material.clips, "train": tubas})
    order = Order(recipe=shared, material=poor, folder=tmp_path, reports=tmp_path)
    with pytest.raises(TrainingError):
        carry_out(order)
    reason = (tmp_path / "reason.txt").read_text()
    assert reason.startswith("The train split has usable clips of 1 instruments")
    program = "import sys, pathlib; pathlib.Path(sys.argv[1]).with_name('reason.txt').write_text('why'); sys.exit(1)"
    with standing_in(program), pytest.raises(TrainingError, match=r"^why$"):
        launched(shared, material, tmp_path)


TELLING = """
import sys
print('varemix-progress {"step": 1, "num_steps": 2, "loss": 0.5, "validation_loss": null, "rate": 0.1,'
      ' "examples_per_s": 3.0, "seconds_left": 4.0}', flush=True)
"""


def test_who_stops_listening_ends_the_processes(shared: Recipe, material: Material, tmp_path: Path) -> None:
    started = time.monotonic()

    def stop(progress: Progress) -> None:
        assert (progress.step, progress.validation_loss, progress.seconds_left) == (1, None, 4.0)
        raise KeyboardInterrupt

    for what_ends_it in ("sys.stdin.read()", "import time; time.sleep(600)"):  # an end of input, or a signal
        with standing_in(TELLING + what_ends_it), pytest.raises(KeyboardInterrupt):
            launched(shared, material, tmp_path, report=stop)
    assert time.monotonic() - started < 300


def test_a_process_ends_when_its_caller_is_killed() -> None:
    program = "import time; from varemix.training import launch; launch.end_with_caller(); print(1, flush=True)"
    command = [sys.executable, "-c", f"{program}; time.sleep(600)"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdin.close()  # as the kernel does it for a process that is killed
    assert process.wait(300) == 1
    process.stdout.close()


def test_an_order_comes_back_from_json_as_it_was(shared: Recipe, material: Material, tmp_path: Path) -> None:
    pictured = replace(material, photos={"tuba": [tmp_path / "tuba 1.jpg"]}, strangers=[tmp_path / "nobody.jpg"])
    order = Order(
        recipe=by_name(shared),
        material=pictured,
        folder=tmp_path,
        start=tmp_path / "start.safetensors",
        device="cuda",
        pace=Pace(save_every_steps=7, most_steps=3, minutes=1.5),
    )
    assert Order.from_json(order.as_json()) == order
    plain = Order(recipe=shared, material=replace(material, sounds=[], strangers=[]), folder=tmp_path)
    assert Order.from_json(plain.as_json()) == plain


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"recipe": {}}', "null"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(TrainingError, match=r"no recipe of this varemix|order to train cannot be read"):
        Order.from_json(text)


def test_an_order_with_a_word_too_many_is_refused(shared: Recipe, material: Material, tmp_path: Path) -> None:
    plain = Order(recipe=shared, material=material, folder=tmp_path)
    with pytest.raises(TrainingError, match=r"order to train cannot be read.*surprise"):
        Order.from_json(json.dumps(json.loads(plain.as_json()) | {"surprise": 1}))


# The team


def test_batches_are_parted_without_a_gap_or_are_everybodys() -> None:
    parts = [list(Team(rank, 3).part(12)) for rank in range(3)]
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [list(Team(rank, 3).part(4)) for rank in range(3)] == [[0, 1, 2, 3]] * 3


@pytest.mark.parametrize(
    ("device", "what"), [("cuda", "Process 3 .*finds only 2 GPUs"), ("cuda:0", "cannot share 'cuda:0'")]
)
def test_processes_without_a_gpu_of_their_own_are_told(monkeypatch: pytest.MonkeyPatch, device: str, what: str) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TrainingError, match=what), joined_team(torch.device(device)):
        pass
