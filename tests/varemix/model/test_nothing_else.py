"""Instruments that are known to play alone share a mix among themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from varemix.errors import UsageError
from varemix.model.separator import Separator
from varemix.signal.presence import PresenceMeter

NUM_SAMPLES = 20_000  # less than a window


@pytest.fixture(scope="module")
def mix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(NUM_SAMPLES).astype(np.float32)


@pytest.fixture(scope="module")
def queries() -> torch.Tensor:
    return torch.rand((3, 4), generator=torch.Generator().manual_seed(1)) * 8 - 4


def with_weights_of(separator: Separator, other: Separator) -> Separator:
    own = {"instrument_queries": separator.instrument_queries}
    separator.load_state_dict(other.state_dict() | own)
    return separator.eval()


@torch.no_grad()
def test_the_masks_are_a_softmax_over_those_asked_for_and_nobody(separator, mix, queries):
    seen = []
    hook = separator.sound.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    masks = separator.masks(mix, queries, nothing_else=True)
    hook.remove()
    [heard] = seen
    powers = torch.exp(separator(heard[0].clone(), queries[None])[0].double())
    expected = powers / (1 + powers.sum(dim=0))
    np.testing.assert_allclose(masks.values, expected[..., : masks.grid.num_frames(NUM_SAMPLES)], atol=1e-6)
    assert masks.values.std() > 0.01


def test_the_kept_instruments_do_not_matter(settings, separator, mix, queries):
    expected = separator.masks(mix, queries, nothing_else=True).values
    nobody = with_weights_of(Separator(settings), separator)
    others = Separator(settings)
    others.keep_instruments({name: torch.full((4,), float(place)) for place, name in enumerate(("erhu", "oud", "sax"))})
    for one in (nobody, with_weights_of(others, separator)):
        np.testing.assert_allclose(one.masks(mix, queries, nothing_else=True).values, expected, atol=1e-6)
    assert np.abs(separator.masks(mix, queries).values - expected).max() > 0.01


def test_one_alone_competes_with_nobody(settings, separator, mix, queries):
    judged_alone = with_weights_of(Separator(replace(settings, has_rivals=False), separator.instruments), separator)
    shared, alone = separator.masks(mix, queries[:1], nothing_else=True), judged_alone.masks(mix, queries[:1])
    np.testing.assert_allclose(shared.values, alone.values, atol=1e-6)


def test_equal_queries_share(separator, mix, queries):
    one, twin = separator.masks(mix, queries[[0, 0]], nothing_else=True).values
    [alone] = separator.masks(mix, queries[:1], nothing_else=True).values
    np.testing.assert_allclose(one, twin, atol=1e-6)
    assert (one < alone).all()
    assert (one + twin > alone).all()


def test_masks_stay_finite_however_sure_the_network_is(separator, mix, queries):
    masks = separator.masks(mix, 1e4 * queries, nothing_else=True).values
    assert np.isfinite(masks).all()
    assert masks.sum(axis=0).max() <= 1 + 1e-5


def test_a_meter_measures_the_shared_masks(separator, mix, queries):
    shared, rivalled = (PresenceMeter(3, separator.mask_grid) for _ in range(2))
    separator.masks(mix, queries, meter=shared, nothing_else=True)
    separator.masks(mix, queries, meter=rivalled)
    assert np.abs(shared.shares_db() - rivalled.shares_db()).max() > 0.1


def test_a_separator_without_rivals_says_what_it_cannot(settings, mix, queries):
    by_itself = Separator(replace(settings, has_rivals=False)).eval()
    with pytest.raises(UsageError, match=r"This model separates every instrument by itself; .*use a model with"):
        by_itself.masks(mix, queries, nothing_else=True)
