"""The losses: against slow formulas in NumPy, against what they should reward, and where targets are made."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID
from varemix.model.separator import Separator
from varemix.signal.frequency_grid import row_widths, to_log_rows, to_rows
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.spectrogram import stft
from varemix.training.loss import mask_loss, separation_loss, share_loss
from varemix.training.recipe import Asked, tiny

NUM_ROWS = 256
PLANTED_GRID = replace(PAPER_GRID, log_rows=16)


def slow_loss(logits: np.ndarray, sources: np.ndarray, mix: np.ndarray) -> float:
    """Weighted binary cross-entropy, bin by bin as Zhao et al. 2018 describe it."""
    terms = []
    for batch, source, row, frame in np.ndindex(logits.shape):
        loudness = mix[batch, row, frame]
        weight = min(max(np.log(1 + loudness), 0.001), 10)
        chance = 1 / (1 + np.exp(-logits[batch, source, row, frame]))
        is_target = sources[batch, source, row, frame] > 0.5 * loudness
        terms.append(-weight * np.log(chance if is_target else 1 - chance))
    return float(np.mean(terms))


@pytest.fixture
def sources() -> torch.Tensor:
    """Return spectra [2, 2, F, 16] of noise."""
    return stft(torch.randn(2, 2, 8_000, generator=torch.Generator().manual_seed(0)), PAPER_GRID)


def both() -> torch.Tensor:
    """Return the labels [2, 2] of two sources that are asked for in order."""
    return torch.tensor([[0, 1], [0, 1]])


def loss_of(separator: Separator, asked: Asked, *parts: torch.Tensor | None) -> torch.Tensor:
    """Return the loss where this is asked for."""
    return separation_loss(separator, replace(tiny(), asked=asked), *parts)


def oracle(answer: Callable[[torch.Tensor], torch.Tensor], grid: Grid = PAPER_GRID) -> Separator:
    """Return what stands in for a separator, hears magnitudes, and answers with these logits."""
    stand_in = {
        "settings": SimpleNamespace(grid=grid),
        "log_rows": lambda self, magnitude: to_rows(magnitude, grid),
        "__call__": lambda self, heard, queries: answer(heard),
    }
    return type("Oracle", (), stand_in)()


def test_the_loss_is_the_formula_of_the_paper() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 3, (2, 2, 3, 4))
    sources = draw.exponential(2, logits.shape)
    mix = sources.sum(axis=1) * draw.uniform(0.5, 1, (2, 3, 4))
    mix[0, 0, 0], mix[0, 0, 1] = 1e-9, 1e6  # weights are held within 0.001 and 10
    found = mask_loss(*(torch.from_numpy(values) for values in (logits, sources, mix)))
    assert found.item() == pytest.approx(slow_loss(logits, sources, mix), rel=1e-9)


def test_loud_bins_weigh_more_up_to_a_limit() -> None:
    logits = silence = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    losses = [
        mask_loss(logits, silence, torch.full((1, 1, 1), loudness, dtype=torch.float64)).item()
        for loudness in (0.0, 1.0, 100.0, 1e5, 1e9)
    ]
    expected = np.log(2) * np.array([0.001, np.log(2), np.log(101), 10, 10])
    np.testing.assert_allclose(losses, expected, rtol=1e-9)


def test_perfect_logits_cost_nearly_nothing_and_wrong_ones_much(sources: torch.Tensor) -> None:
    mix = to_log_rows(sources.sum(dim=1).abs(), NUM_ROWS)
    parts = to_log_rows(sources.abs(), NUM_ROWS)
    perfect = torch.where(parts > 0.5 * mix[:, None], 50.0, -50.0)
    assert mask_loss(perfect, parts, mix) < 1e-6
    assert mask_loss(-perfect, parts, mix) > 10


def test_targets_are_made_after_warping(sources: torch.Tensor) -> None:
    mix, parts = sources.sum(dim=1).abs(), sources.abs()
    after = to_log_rows(parts, NUM_ROWS) > 0.5 * to_log_rows(mix, NUM_ROWS)[:, None]
    before = to_log_rows((parts > 0.5 * mix[:, None]).float(), NUM_ROWS) > 0.5
    assert (after != before).any()

    def loss_at(targets: torch.Tensor) -> torch.Tensor:
        separator = oracle(lambda heard: torch.where(targets, 50.0, -50.0))
        return loss_of(separator, "sources", sources, None, torch.zeros(2, 2, 1), both())

    assert loss_at(after) < 1e-6
    assert loss_at(before) > 0.1


@torch.no_grad()
@pytest.mark.parametrize("asked", ["sources", "instruments", "names"])
def test_the_order_of_the_sources_does_not_matter_but_who_asks_for_which_does(
    separator: Separator, sources: torch.Tensor, asked: Asked
) -> None:
    queries = torch.rand(2, 2, 8, generator=torch.Generator().manual_seed(1))
    apart, spectra = both().flip(1), torch.nn.functional.pad(sources, (0, 16))
    loss = loss_of(separator, asked, spectra, None, queries, both())
    together = loss_of(separator, asked, spectra.flip(1), None, queries.flip(1), both())
    torch.testing.assert_close(loss, together)
    if asked != "sources":
        torch.testing.assert_close(loss, loss_of(separator, asked, spectra.flip(1), None, queries, apart))
    assert abs(loss - loss_of(separator, asked, spectra.flip(1), None, queries, both())) > 1e-6


def test_the_network_hears_the_mix_with_its_noise_and_not_the_sources(sources: torch.Tensor) -> None:
    heard = []
    separator = oracle(lambda magnitude: heard.append(magnitude) or torch.zeros(2, 2, *magnitude.shape[1:]))
    noise = torch.randn(2, 512, 16, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    for added in (None, noise):
        loss_of(separator, "sources", sources, added, torch.zeros(2, 2, 1), both())
    mix = sources.sum(dim=1)
    torch.testing.assert_close(heard[0], to_log_rows(mix.abs(), NUM_ROWS))
    torch.testing.assert_close(heard[1], to_log_rows((mix + noise).abs(), NUM_ROWS))


def test_hidden_parts_are_hidden_from_the_network_and_not_from_the_loss(sources: torch.Tensor) -> None:
    heard = []
    separator = oracle(lambda magnitude: heard.append(magnitude) or torch.zeros(2, 2, *magnitude.shape[1:]))
    hiding = torch.zeros(2, 4, 2)
    hiding[1, 0] = torch.tensor([0.25, 0.5])
    queries = torch.zeros(2, 2, 1)
    losses = [loss_of(separator, "sources", sources, None, queries, both(), *more) for more in ((), (hiding,))]
    torch.testing.assert_close(*losses)
    whole, hidden = heard
    torch.testing.assert_close(hidden[0], whole[0])
    assert (hidden[1, 64:128] == hidden[1, 64, 0]).all()
    torch.testing.assert_close(hidden[1, 128:], whole[1, 128:])


# The loss of masks that compete, on planted shares


def planted(num_sources: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return shares [1, N, 16, 4] that leave nobody something, and a mix [1, 16, 4]."""
    draw = torch.Generator().manual_seed(seed)
    parts = torch.rand(1, num_sources + 1, 16, 4, generator=draw)
    return (parts / parts.sum(dim=1, keepdim=True))[:, 1:], 0.1 + torch.rand(1, 16, 4, generator=draw)


def loss_of_shares(
    logits: torch.Tensor, shares: torch.Tensor, mix: torch.Tensor, labels: torch.Tensor, error_weight: float = 0.05
) -> torch.Tensor:
    """Return the loss where the 16 rows are those of a log-frequency grid."""
    return share_loss(logits, shares, mix, labels, row_widths(PLANTED_GRID, mix.device), error_weight)


def logits_of(shares: torch.Tensor, num_queries: int, labels: torch.Tensor) -> torch.Tensor:
    """Return logits [1, Q, L, T] whose masks are the shares, and nothing for the queries that no source has."""
    nobodys = 1 - shares.sum(dim=1, keepdim=True)
    logits = torch.full((1, num_queries, *shares.shape[2:]), -50.0)
    for source, label in enumerate(labels[0].tolist()):
        logits[:, label] = (shares[:, source] / nobodys[:, 0]).log()
    return logits


def test_the_loss_of_shares_is_least_where_masks_are_the_shares() -> None:
    shares, mix = planted()
    labels = torch.tensor([[2, 0]])
    best = logits_of(shares, 4, labels)
    least = loss_of_shares(best, shares, mix, labels)
    draw = torch.Generator().manual_seed(1)
    for strength in (0.01, 0.1, 1.0):
        for _ in range(20):
            other = best + strength * torch.randn(best.shape, generator=draw)
            assert loss_of_shares(other, shares, mix, labels) > least
    moving = best.clone().requires_grad_()
    loss_of_shares(moving, shares, mix, labels).backward()
    assert moving.grad is not None
    assert moving.grad.abs().max() < 1e-6


def test_the_order_of_the_other_instruments_does_not_matter() -> None:
    shares, mix = planted()
    logits = torch.randn(1, 5, 16, 4, generator=torch.Generator().manual_seed(1))
    before = loss_of_shares(logits, shares, mix, torch.tensor([[1, 3]]))
    moved = logits[:, [4, 3, 0, 1, 2]]  # where 3 and 1 are now the second and the fourth
    torch.testing.assert_close(loss_of_shares(moved, shares, mix, torch.tensor([[3, 1]])), before)


@pytest.mark.parametrize("query", [0, 1, 2])
def test_no_mask_gains_where_nobody_plays(query: int) -> None:
    silence, (_, mix) = torch.zeros(1, 2, 16, 4), planted()
    labels = torch.tensor([[0, 1]])
    logits = torch.full((1, 3, 16, 4), -4.0)
    before = loss_of_shares(logits, silence, mix, labels)
    raised = logits.clone()
    raised[:, query] += 1
    assert loss_of_shares(raised, silence, mix, labels) > before


def test_what_no_query_asks_for_is_nobodys_and_has_no_error_in_db() -> None:
    shares, mix = planted(num_sources=3)
    logits = torch.randn(1, 2, 16, 4, generator=torch.Generator().manual_seed(1))
    for error_weight in (0.0, 0.05, 5.0):
        unnamed = loss_of_shares(logits, shares, mix, torch.tensor([[0, -1, 1]]), error_weight)
        torch.testing.assert_close(
            unnamed, loss_of_shares(logits, shares[:, [0, 2]], mix, torch.tensor([[0, 1]]), error_weight)
        )


def test_silent_places_change_nothing() -> None:
    shares, mix = planted()
    logits = torch.randn(1, 3, 16, 4, generator=torch.Generator().manual_seed(1))
    more = torch.cat([shares, torch.zeros(1, 2, 16, 4)], dim=1)
    found = loss_of_shares(logits, more, mix, torch.tensor([[2, 0, -1, -1]]))
    torch.testing.assert_close(found, loss_of_shares(logits, shares, mix, torch.tensor([[2, 0]])))


def test_where_only_strangers_play_masks_should_be_empty() -> None:
    shares, mix = planted()
    nobody = torch.tensor([[-1, -1]])
    losses = [loss_of_shares(torch.full((1, 3, 16, 4), level), shares, mix, nobody) for level in (-9.0, -3.0, 0.0, 3.0)]
    assert losses == sorted(losses)
    assert losses[0] < 1e-2


def test_the_error_in_db_weighs_as_the_recipe_says() -> None:
    shares, mix = planted()
    labels = torch.tensor([[0, 1]])
    logits = torch.randn(1, 2, 16, 4, generator=torch.Generator().manual_seed(1))
    none, one, three = (loss_of_shares(logits, shares, mix, labels, weight) for weight in (0.0, 1.0, 3.0))
    torch.testing.assert_close(three - none, 3 * (one - none))
    right = logits_of(shares, 2, labels)
    error_db = loss_of_shares(right, shares, mix, labels, 1.0) - loss_of_shares(right, shares, mix, labels, 0.0)
    assert -20 < error_db < -5  # down to the floor, 20 dB below the mix


def test_a_mask_of_an_instrument_that_does_not_play_costs_those_that_do() -> None:
    shares, mix = planted()
    labels = torch.tensor([[0, 1]])
    logits = logits_of(shares, 3, labels)
    intruding = logits.clone()
    intruding[:, 2] = 1.0
    assert loss_of_shares(intruding, shares, mix, labels) > loss_of_shares(logits, shares, mix, labels) + 0.1


def test_bins_weigh_beside_each_other_and_not_by_how_loud_the_mix_is() -> None:
    shares, mix = planted()
    labels = torch.tensor([[0, 1]])
    logits = torch.randn(1, 2, 16, 4, generator=torch.Generator().manual_seed(1))
    loss = loss_of_shares(logits, shares, mix, labels)
    torch.testing.assert_close(loss_of_shares(logits, shares, 1_000 * mix, labels), loss)
    wrong_in_one_bin = []
    for loudness in (0.1, 10.0):
        uneven = mix.clone()
        uneven[0, 8, 2] = loudness
        best = logits_of(shares, 2, labels)
        wrong = best.clone()
        wrong[0, :, 8, 2] += 3
        wrong_in_one_bin.append(
            loss_of_shares(wrong, shares, uneven, labels) - loss_of_shares(best, shares, uneven, labels)
        )
    assert wrong_in_one_bin[1] > 3 * wrong_in_one_bin[0] > 0


def test_shares_of_sources_out_of_phase_are_brought_down_to_the_mix() -> None:
    shares, mix = planted()
    labels = torch.tensor([[0, 1]])
    whole = shares / shares.sum(dim=1, keepdim=True)
    logits = torch.randn(1, 2, 16, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        loss_of_shares(logits, 3 * whole, mix, labels), loss_of_shares(logits, whole, mix, labels)
    )


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID, PAPER_GRID.on_bins()], ids=["paper", "fine", "on bins"])
def test_a_lone_source_in_noise_is_the_share_of_it_in_its_phase(grid: Grid) -> None:
    spectrum = torch.full((1, 1, grid.num_bins, 8), 1 + 0j)
    noise = torch.full((1, grid.num_bins, 8), 1j)  # at right angles: half of the power is the source's
    labels = torch.tensor([[0]])

    def loss_at(share: float) -> float:
        answer = float(np.log(share / (1 - share)))
        separator = oracle(lambda heard: torch.full((1, 1, *heard.shape[1:]), answer), grid)
        return loss_of(separator, "names", spectrum, noise, torch.zeros(1, 1, 1), labels).item()

    losses = {share: loss_at(share) for share in (0.3, 0.45, 0.5, 0.55, 0.7)}
    assert min(losses, key=losses.__getitem__) == 0.5


def test_on_linear_bins_what_is_wrong_costs_the_same_at_every_frequency() -> None:
    grid = PAPER_GRID.on_bins()
    spectrum = torch.full((1, 1, grid.num_bins, 8), 1 + 0j)

    def loss_where_wrong(first: int, last: int) -> float:
        logits = torch.full((1, 1, grid.num_bins, 8), 5.0)
        logits[:, :, first:last] = -5
        separator = oracle(lambda heard: logits, grid)
        return loss_of(separator, "instruments", spectrum, None, torch.zeros(1, 1, 1), torch.tensor([[0]])).item()

    low, high = loss_where_wrong(10, 30), loss_where_wrong(400, 420)
    assert high == pytest.approx(low, rel=1e-4)
    assert low > loss_where_wrong(0, 0) + 0.1
