"""Our own network is a separator like any other: what it says is what the network says, and so is the measure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tasks.untrained import SETTINGS
from varemix.errors import UsageError
from varemix.model.separator import Separator
from varemix.separators.interface import Identity, MaskMaker, Mix
from varemix.separators.ours import OurNetwork
from varemix.signal.presence import PresenceMeter

SELF = Identity(name="varemix", version="1", digest="d")


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Separator(SETTINGS)
        made.keep_instruments({name: torch.rand(SETTINGS.num_maps) for name in ("flute", "tuba", "violin")})
    return made.eval()


@pytest.fixture
def maker(network):
    return OurNetwork(network, dict(zip(network.instruments, network.instrument_queries, strict=True)), SELF)


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(0, 0.1, size=(2, 90_000)).astype(np.float32)


def test_its_masks_are_those_of_the_network(network, maker, samples):
    expected = network.masks(samples.mean(axis=0), network.instrument_queries[[2, 0]])
    made = np.concatenate(list(maker.mask_blocks(Mix.of(samples), ["violin", "flute"])), axis=-1)
    np.testing.assert_array_equal(made, expected.values)
    assert maker.grid == expected.grid


def test_presence_is_measured_alike_by_the_network_and_from_outside(maker, samples):
    names, mix = list(maker.instruments), Mix.of(samples)
    inside, outside = (PresenceMeter(len(names), maker.grid) for _ in range(2))
    own = list(maker.measured_blocks(mix, names, [inside]))
    again = list(MaskMaker.measured_blocks(maker, mix, names, [outside]))
    np.testing.assert_array_equal(np.concatenate(again, axis=-1), np.concatenate(own, axis=-1))
    np.testing.assert_allclose(outside.shares_db(), inside.shares_db(), atol=1e-3)


def test_a_name_that_was_not_given_is_told_with_those_that_were(maker, samples):
    with pytest.raises(UsageError, match=r"varemix does not know 'drums'\. It knows: flute, tuba, violin"):
        maker.mask_blocks(Mix.of(samples), ["drums"])


def test_where_instruments_do_not_compete_nothing_else_is_refused(network):
    alone = Separator(replace(SETTINGS, has_rivals=False))
    with pytest.raises(UsageError):
        OurNetwork(alone, {}, SELF, nothing_else=True)
