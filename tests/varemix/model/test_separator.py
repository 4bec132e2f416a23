from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.grids import FINE_GRID, GRIDS, SMALL_GRID
from varemix.errors import UsageError
from varemix.model.separator import Separator
from varemix.model.windows import overlap_frames
from varemix.signal.frequency_grid import power_on_rows, to_rows
from varemix.signal.grid import PAPER_GRID
from varemix.signal.presence import PresenceMeter
from varemix.signal.spectrogram import stft


def noise(num_samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(num_samples).astype(np.float32)


def with_weights_of(separator: Separator, other: Separator) -> Separator:
    separator.load_state_dict(other.state_dict())
    return separator.eval()


@pytest.mark.parametrize("num_samples", [100, 512 * 64 - 1, 512 * 64, 512 * 64 + 1, 100_000])
def test_every_frame_of_a_mix_gets_its_mask_on_every_row(separator, num_samples):
    masks = separator.masks(noise(num_samples), separator.instrument_queries)
    assert masks.grid == separator.mask_grid == separator.settings.grid
    assert masks.values.shape == (2, 256, 1 + num_samples // 512)
    assert masks.values.min() >= 0
    assert masks.values.max() <= 1


class Echo(torch.nn.Module):
    """A network whose only map is what it hears."""

    def forward(self, heard, mixing):
        return torch.einsum("nk,bklt->bnlt", mixing, heard)


def hearing_itself(settings, grid):
    """Return a separator whose network gives back what it hears, so that a mask is the sigmoid of that."""
    separator = Separator(replace(settings, grid=grid, num_maps=1, has_rivals=False)).eval()
    separator.sound = Echo()
    return separator


@pytest.mark.parametrize("grid", [*GRIDS.values(), SMALL_GRID, PAPER_GRID.on_bins()], ids=[*GRIDS, "small", "on bins"])
def test_an_identity_network_returns_through_windows_what_it_heard(settings, grid):
    separator = hearing_itself(settings, grid)
    window, hop = settings.window_frames, grid.hop_samples
    second = 2 * window - overlap_frames(window)  # frames in two windows
    for num_frames in (1, window - 1, window, window + 1, window + 2, second - 1, second, second + 1, second + 20):
        for num_samples in ((num_frames - 1) * hop, num_frames * hop - 1):
            mix = 0.1 * noise(num_samples)
            heard = to_rows(stft(torch.from_numpy(mix), grid).abs(), grid) + grid.floor
            masks = separator.masks(mix, torch.ones(1, 1))
            np.testing.assert_allclose(masks.values[0], heard / (1 + heard), atol=1e-5)


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID, SMALL_GRID], ids=["paper", "fine", "small"])
def test_on_any_grid_blocks_are_heard_as_the_whole(settings, grid):
    separator = hearing_itself(settings, grid)
    mix = noise(200_000)
    whole = separator.masks(mix, torch.ones(1, 1)).values
    pieces = np.split(mix, [1, 700, 50_000, 50_000])
    again = np.concatenate(list(separator.mask_blocks(pieces, torch.ones(1, 1))), axis=-1)
    np.testing.assert_array_equal(whole, again)


def test_how_the_mix_is_cut_into_blocks_does_not_matter(separator):
    mix = noise(90_000)
    whole = separator.masks(mix, separator.instrument_queries).values
    pieces = np.split(mix, [1, 700, 50_000])
    again = np.concatenate(list(separator.mask_blocks(pieces, separator.instrument_queries)), axis=-1)
    np.testing.assert_array_equal(whole, again)


def test_the_sound_network_runs_once_however_many_queries(separator, monkeypatch):
    calls = []
    separator.sound.register_forward_pre_hook(lambda *_: calls.append(1))
    separator.masks(noise(20_000), torch.rand(11, 4))
    assert len(calls) == 1


def test_each_query_gets_its_own_mask_whatever_the_others(separator):
    mix = noise(30_000)
    both = separator.masks(mix, separator.instrument_queries).values
    alone = separator.masks(mix, separator.instrument_queries[1:]).values
    np.testing.assert_allclose(both[1], alone[0], atol=1e-5)


def test_a_query_equal_to_a_kept_one_does_not_compete_with_itself(separator):
    mix = noise(30_000)
    kept = separator.instrument_queries
    asked_by_name = separator.masks(mix, kept).values
    np.testing.assert_array_equal(separator.masks(mix, kept.clone()).values, asked_by_name)
    nearly = separator.masks(mix, kept + 1e-5).values  # as a picture of the same instrument might say it
    np.testing.assert_allclose(nearly, asked_by_name, atol=1e-3)


def test_rivals_take_their_share_of_a_mask(settings, separator):
    mix = noise(30_000)
    alone = with_weights_of(Separator(replace(settings, has_rivals=False), separator.instruments), separator)
    judged_alone, shared = (one.masks(mix, separator.instrument_queries).values for one in (alone, separator))
    assert (shared < judged_alone).all()
    assert (shared.sum(axis=0) < 1).all()
    assert (judged_alone.sum(axis=0) > 1).any()


def test_a_separator_that_knows_nobody_judges_alone(settings, separator):
    nobody = Separator(settings).eval()
    weights = separator.state_dict() | {"instrument_queries": torch.zeros(0, 4)}
    nobody.load_state_dict(weights)
    alone = Separator(replace(settings, has_rivals=False)).eval()
    alone.load_state_dict(weights)
    mix = noise(30_000)
    judged, expected = (one.masks(mix, separator.instrument_queries).values for one in (nobody, alone))
    np.testing.assert_array_equal(judged, expected)


def test_reduced_precision_hears_nearly_the_same(separator, monkeypatch):
    mix = noise(30_000)
    full = separator.masks(mix, separator.instrument_queries).values
    monkeypatch.setattr(separator, "is_reduced", True)
    reduced = separator.masks(mix, separator.instrument_queries).values
    assert 0 < np.abs(reduced - full).max() < 0.05


@pytest.mark.parametrize("decides", ["soft", "binary"])
def test_a_meter_hears_the_masks_that_come_out(settings, separator, decides):
    one = with_weights_of(Separator(replace(settings, masks=decides), separator.instruments), separator)
    mix, meter = noise(60_000), PresenceMeter(2, one.mask_grid)
    masks = one.masks(mix, 3 * separator.instrument_queries, meter=meter)
    power = stft(torch.from_numpy(mix), masks.grid).abs().square()
    soft = masks if decides == "soft" else separator.masks(mix, 3 * separator.instrument_queries).on_bins()
    expected = PresenceMeter(2, masks.grid)
    expected.add(soft.values, power_on_rows(power, masks.grid).numpy())  # what is decided is measured before it is
    np.testing.assert_allclose(meter.shares_db(), expected.shares_db(), atol=0.01)


@pytest.mark.parametrize("grid", [PAPER_GRID, SMALL_GRID, PAPER_GRID.on_bins()], ids=["paper", "small", "on bins"])
def test_binary_separators_decide_every_linear_bin_and_soft_ones_answer_on_the_rows(settings, separator, grid):
    queries = torch.tensor([[3.0, -3.0, 3.0, -3.0], [-3.0, 3.0, 2.0, 1.0]])
    soft = Separator(replace(settings, grid=grid, has_rivals=False)).eval()
    binary = with_weights_of(Separator(replace(settings, grid=grid, has_rivals=False, masks="binary")), soft)
    mix = noise(60_000)
    answers, decisions = soft.masks(mix, queries), binary.masks(mix, queries)
    assert answers.grid == grid
    assert len(np.unique(answers.values)) > 1000
    assert decisions.grid == binary.mask_grid == grid.on_bins()
    assert set(np.unique(decisions.values)) == {0, 1}
    on_bins = answers.on_bins().values
    is_sure = np.abs(on_bins - 0.5) > 1e-6
    assert is_sure.mean() > 0.999
    np.testing.assert_array_equal(decisions.values[is_sure], on_bins[is_sure] > 0.5)


def test_pictures_become_one_query_each(separator):
    images = [Image.new("RGB", (300, 400), colour) for colour in ("red", "white", "blue")]
    assert separator.queries(images).shape == (3, 4)


def test_an_unknown_instrument_is_answered_with_those_known(separator):
    with pytest.raises(UsageError, match=r"theremin.*cello, violin"):
        separator.instrument_query("theremin")


def test_kept_queries_come_back_by_name(separator):
    assert torch.equal(separator.instrument_query("violin"), separator.instrument_queries[1])


def test_settings_that_the_levels_cannot_halve_are_refused(settings):
    with pytest.raises(ValueError, match="multiples of 32"):
        replace(settings, window_frames=100)


def test_frequency_blocks_are_for_our_own_network_alone(settings):
    with pytest.raises(ValueError, match="pixels has no frequency blocks"):
        replace(settings, sound="pixels", frequency_blocks=True)
