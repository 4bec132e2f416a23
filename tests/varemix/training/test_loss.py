"""The loss against a slow formula in NumPy, and where its targets are made."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from varemix.model.separator import Separator
from varemix.signal.frequency_grid import to_log_rows
from varemix.signal.spectrogram import stft
from varemix.training.loss import mask_loss, separation_loss

NUM_ROWS = 256


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
    return torch.randn(2, 2, 8_000, generator=torch.Generator().manual_seed(0))


def oracle(logits: torch.Tensor) -> Separator:
    """Return what stands in for a separator and always gives these logits."""
    stand_in = SimpleNamespace(settings=SimpleNamespace(log_rows=NUM_ROWS))
    return type("Oracle", (), {**vars(stand_in), "__call__": lambda self, mix, queries: logits})()


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
    mix = to_log_rows(stft(sources.sum(dim=1)).abs(), NUM_ROWS)
    parts = to_log_rows(stft(sources).abs(), NUM_ROWS)
    perfect = torch.where(parts > 0.5 * mix[:, None], 50.0, -50.0)
    assert mask_loss(perfect, parts, mix) < 1e-6
    assert mask_loss(-perfect, parts, mix) > 10


def test_targets_are_made_after_warping(sources: torch.Tensor) -> None:
    mix, parts = stft(sources.sum(dim=1)).abs(), stft(sources).abs()
    after = to_log_rows(parts, NUM_ROWS) > 0.5 * to_log_rows(mix, NUM_ROWS)[:, None]
    before = to_log_rows((parts > 0.5 * mix[:, None]).float(), NUM_ROWS) > 0.5
    assert (after != before).any()
    queries = torch.zeros(2, 2, 1)
    assert separation_loss(oracle(torch.where(after, 50.0, -50.0)), sources, queries) < 1e-6
    assert separation_loss(oracle(torch.where(before, 50.0, -50.0)), sources, queries) > 0.1


def test_each_source_is_asked_for_with_its_own_query(separator: Separator, sources: torch.Tensor) -> None:
    queries = torch.rand(2, 2, 8, generator=torch.Generator().manual_seed(1))
    samples = sources[..., : 31 * 512]
    samples = torch.nn.functional.pad(samples, (0, 31 * 512 - samples.shape[-1]))
    with torch.no_grad():
        loss = separation_loss(separator, samples, queries)
        swapped_together = separation_loss(separator, samples.flip(1), queries.flip(1))
        swapped_apart = separation_loss(separator, samples.flip(1), queries)
    torch.testing.assert_close(loss, swapped_together)
    assert abs(loss - swapped_apart) > 1e-6


def test_the_network_hears_the_mix_and_not_the_sources(sources: torch.Tensor) -> None:
    heard = []

    class Listener:
        settings = SimpleNamespace(log_rows=NUM_ROWS)

        def __call__(self, log_magnitude: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
            heard.append(log_magnitude)
            return torch.zeros(2, 2, *log_magnitude.shape[1:])

    separation_loss(Listener(), sources, torch.zeros(2, 2, 1))
    magnitude = stft(sources.sum(dim=1)).abs()
    torch.testing.assert_close(heard[0], to_log_rows(magnitude, NUM_ROWS).log(), rtol=0, atol=1e-4)
