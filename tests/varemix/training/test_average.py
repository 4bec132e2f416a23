"""The average of the weights: it follows, takes their place for a while, and gives it back."""

import pytest
import torch
from torch import nn

from varemix.training.average import Average


def network(seed: int = 0) -> nn.Module:
    """Return a network with weights, statistics and a count."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).train()


def weights_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def set_to(module: nn.Module, level: float) -> None:
    """Set all weights and statistics to one number."""
    for value in module.state_dict().values():
        value.fill_(level)


def test_after_many_steps_it_keeps_its_share_of_itself_each_step() -> None:
    module = network()
    set_to(module, 0.0)
    average = Average(module, 0.9)
    levels, expected = [1.0, 5.0, -2.0], 0.0
    for level in levels:
        set_to(module, level)
        average.follow(10_000)
        expected = 0.9 * expected + 0.1 * level
    assert {round(value.max().item(), 5) for value in average.state_dict().values()} == {round(expected, 5)}


def test_the_first_steps_are_soon_forgotten() -> None:
    module = network()
    average = Average(module, 0.999)
    set_to(module, 1.0)
    for step in range(1, 6):
        average.follow(step)
    assert all((value - 1).abs().max() < 0.01 for value in average.state_dict().values())


def test_it_takes_the_weights_place_and_gives_it_back_exactly() -> None:
    module = network()
    average = Average(module, 0.9)
    module(torch.randn(8, 3))
    set_to(module[0], 0.3)
    average.follow(10_000)
    before = weights_of(module)
    with average.in_place():
        inside = weights_of(module)
        for name, value in average.state_dict().items():
            assert torch.equal(inside[name], value)
        assert not torch.equal(inside["0.weight"], before["0.weight"])
        assert not torch.equal(inside["1.running_mean"], before["1.running_mean"])
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_the_weights_come_back_after_an_error_too() -> None:
    module = network()
    average = Average(module, 0.9)
    set_to(module, 2.0)
    with pytest.raises(RuntimeError, match="stop"), average.in_place():
        raise RuntimeError("stop")
    assert all((value == 2).all() for value in module.state_dict().values())


def test_it_follows_the_weights_that_an_optimiser_moves() -> None:
    module = network()
    average = Average(module, 0.5)
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.1)
    before = weights_of(module)
    module(torch.randn(8, 3)).square().sum().backward()
    optimiser.step()
    average.follow(10_000)
    after = weights_of(module)
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value, (before[name] + after[name]) / 2)
    assert average.state_dict().keys() == {name for name, value in after.items() if value.is_floating_point()}


def test_counts_are_left_alone() -> None:
    module = network()
    average = Average(module, 0.9)
    module(torch.randn(8, 3))
    with average.in_place():
        assert module[1].num_batches_tracked == 1


def test_a_kept_average_is_gone_on_from() -> None:
    module, other = network(), network(seed=1)
    average, again = Average(module, 0.9), Average(other, 0.9)
    again.load_state_dict(average.state_dict())
    assert all(torch.equal(value, average.state_dict()[name]) for name, value in again.state_dict().items())
    set_to(module, 1.0)
    set_to(other, 1.0)
    for one in (average, again):
        one.follow(10_000)
    assert all(torch.equal(value, average.state_dict()[name]) for name, value in again.state_dict().items())


def test_the_average_of_other_weights_is_refused() -> None:
    with pytest.raises(KeyError):
        Average(network(), 0.9).load_state_dict({"0.weight": torch.zeros(2, 3)})
