"""Separators that were trained apart, joined into one."""

from dataclasses import replace

import pytest
import torch

from tests.tasks.untrained import SETTINGS
from varemix.errors import CheckpointError
from varemix.model.checkpoint import load_checkpoint, save_checkpoint
from varemix.model.joining import joined
from varemix.model.separator import Separator
from varemix.model.vision import Standardise

NAMES = ("flute", "tuba", "violin")


def separator(seed: int, trunk: Separator | None = None, **settings: object) -> Separator:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        one = Separator(replace(SETTINGS, **settings)).eval()
        one.keep_instruments({name: torch.rand(SETTINGS.num_maps) for name in NAMES})
        standardise = one.vision.head[0]
        assert isinstance(standardise, Standardise)
        standardise.learn(torch.rand(20, len(standardise.mean)))
        torch.nn.init.uniform_(one.synthesizer.scale)
        torch.nn.init.uniform_(one.synthesizer.bias)
    if trunk is not None:
        one.vision.trunk.load_state_dict(trunk.vision.trunk.state_dict())
    return one


@pytest.fixture(scope="module")
def pair() -> tuple[Separator, Separator]:
    first = separator(1)
    return first, separator(2, first)


@torch.no_grad()
def test_the_joined_logits_are_the_mean_of_both(pair: tuple[Separator, Separator]) -> None:
    whole = joined(pair)
    heard = torch.randn(2, 256, 64, generator=torch.Generator().manual_seed(0))
    logits = [one(heard, one.instrument_queries.expand(2, -1, -1)) for one in (*pair, whole)]
    torch.testing.assert_close(logits[2], (logits[0] + logits[1]) / 2, rtol=1e-4, atol=1e-5)
    assert whole.instruments == NAMES


@torch.no_grad()
def test_a_picture_asks_both_what_it_asked_each(pair: tuple[Separator, Separator]) -> None:
    whole = joined(pair)
    features = torch.randn(3, 1, whole.vision.head[0].mean.numel())  # type: ignore[index, union-attr, operator]
    expected = torch.cat([one.vision.queries(features) for one in pair], dim=1)
    torch.testing.assert_close(whole.vision.queries(features), expected, rtol=1e-4, atol=1e-5)


def test_a_joined_separator_comes_back_from_its_file(pair: tuple[Separator, Separator], tmp_path) -> None:
    whole = joined(pair)
    save_checkpoint(tmp_path / "joined.safetensors", whole, provenance={})
    again = load_checkpoint(tmp_path / "joined.safetensors")
    assert again.settings == whole.settings
    assert again.settings.num_sound_networks == 2
    for name, weights in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weights, rtol=0, atol=0)


def test_what_does_not_fit_together_is_refused(pair: tuple[Separator, Separator]) -> None:
    first, second = pair
    finer = replace(SETTINGS.grid, window_samples=2044)
    others = [separator(3), separator(4, first, window_frames=128), separator(6, first, grid=finer), joined(pair)]
    unnamed = separator(5, first)
    unnamed.keep_instruments({"flute": torch.zeros(SETTINGS.num_maps)})
    for other in (*others, unnamed):
        with pytest.raises(CheckpointError, match="cannot be joined"):
            joined([first, other])
    joined([first, second, first])


def test_maps_must_be_shareable_by_the_networks() -> None:
    with pytest.raises(ValueError, match="cannot be shared by 3"):
        replace(SETTINGS, num_sound_networks=3)
