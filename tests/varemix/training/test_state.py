"""The state of a run on disk: all comes back, and what is not this run's is refused."""

import math
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from varemix.errors import TrainingError
from varemix.training.average import Average
from varemix.training.state import History, load_state, save_state

RUN = {"recipe": {"name": "small", "volume_range": (0.5, 1.0)}, "clips": [["a"], ["b"]]}


def new_pair(width: int = 3, *, seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a model and its optimiser after one step, so that both have something to keep."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
        model(torch.randn(4, 2)).square().sum().backward()
    optimiser.step()
    return model, optimiser


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "state.pt"
    save_state(path, *new_pair(), None, History(losses=[2.0, 1.5], validation_losses=[(2, 1.25)], seconds=3.5), RUN)
    return path


def test_the_history_comes_back(saved: Path) -> None:
    history = load_state(saved, *new_pair(seed=1), None, RUN)
    assert history.losses == [2.0, 1.5]
    assert history.num_steps == 2
    assert [tuple(entry) for entry in history.validation_losses] == [(2, 1.25)]
    assert history.best_validation_loss == 1.25
    assert history.seconds == 3.5


def test_model_and_optimiser_go_on_where_they_stood(saved: Path) -> None:
    (model, optimiser), (other, other_optimiser) = new_pair(), new_pair(seed=1)
    load_state(saved, other, other_optimiser, None, RUN)
    for member, optimiser_of_member in ((model, optimiser), (other, other_optimiser)):
        member.zero_grad()
        member(torch.ones(4, 2) * torch.arange(4)[:, None]).cos().sum().backward()
        optimiser_of_member.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)


def test_the_average_goes_on_where_it_stood(tmp_path: Path) -> None:
    model, optimiser = new_pair()
    average = Average(model, 0.9)
    model.load_state_dict(new_pair(seed=2)[0].state_dict())
    average.follow(1_000)
    save_state(tmp_path / "state.pt", model, optimiser, average, History(), RUN)
    other, other_optimiser = new_pair(seed=1)
    again = Average(other, 0.9)
    load_state(tmp_path / "state.pt", other, other_optimiser, again, RUN)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in average.state_dict().items())
    assert not torch.equal(again.state_dict()["0.weight"], other.state_dict()["0.weight"])


def test_a_state_without_an_average_is_refused_where_there_is_one(saved: Path) -> None:
    model, optimiser = new_pair()
    with pytest.raises(TrainingError, match=r"state\.pt.*does not fit"):
        load_state(saved, model, optimiser, Average(model, 0.9), RUN)


def test_only_the_state_itself_is_left_in_the_folder(saved: Path) -> None:
    save_state(saved, *new_pair(seed=2), None, History(losses=[1.0]), RUN)
    assert [path.name for path in saved.parent.iterdir()] == ["state.pt"]
    assert load_state(saved, *new_pair(), None, RUN).losses == [1.0]


def test_the_best_validation_loss_is_the_smallest_and_infinite_before_the_first() -> None:
    assert History().best_validation_loss == math.inf
    assert History(validation_losses=[(4, 0.5), (8, 0.3), (12, 0.4)]).best_validation_loss == 0.3


def test_a_state_of_another_shape_is_refused(saved: Path) -> None:
    with pytest.raises(TrainingError, match=r"(?s)state\.pt.*does not fit.*Remove it"):
        load_state(saved, *new_pair(width=4), None, RUN)


@pytest.mark.parametrize(
    "other",
    [RUN | {"recipe": {"name": "small", "volume_range": (0.4, 1.0)}}, RUN | {"clips": [["a", "c"], ["b"]]}, {}],
)
def test_a_state_of_another_recipe_or_other_clips_is_refused_although_it_fits(saved: Path, other: dict) -> None:
    with pytest.raises(TrainingError, match="another recipe or of other clips"):
        load_state(saved, *new_pair(), None, other)


class Malicious:
    """Does something when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("the state was unpickled",))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x80\x02", bytes(range(256)) * 20, pickle.dumps({"a": 1}, 2), pickle.dumps(Malicious(), 2)],
    ids=["empty", "text", "start of a pickle", "noise", "pickle", "code"],
)
def test_what_is_no_state_is_refused(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    with pytest.raises(TrainingError, match=r"state\.pt"):
        load_state(saved, *new_pair(), None, RUN)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_half_a_state_is_refused(saved: Path, kept: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(TrainingError, match=r"state\.pt"):
        load_state(saved, *new_pair(), None, RUN)
