from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from varemix.errors import UsageError
from varemix.model.separator import Separator
from varemix.model.windows import cross_faded, overlap_frames, windows
from varemix.signal.presence import PresenceMeter
from varemix.signal.spectrogram import HOP_SAMPLES, num_frames, stft


def noise(num_samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(num_samples).astype(np.float32)


@pytest.mark.parametrize("num_samples", [100, 512 * 64 - 1, 512 * 64, 512 * 64 + 1, 100_000])
def test_every_frame_of_a_mix_gets_its_mask(separator, num_samples):
    masks = separator.masks(noise(num_samples), separator.instrument_queries)
    assert masks.shape == (2, 512, num_frames(num_samples))
    assert masks.min() >= 0
    assert masks.max() <= 1


def test_how_the_mix_is_cut_into_blocks_does_not_matter(separator):
    mix = noise(90_000)
    whole = separator.masks(mix, separator.instrument_queries)
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
    both = separator.masks(mix, separator.instrument_queries)
    alone = separator.masks(mix, separator.instrument_queries[1:])
    np.testing.assert_allclose(both[1], alone[0], atol=1e-5)


def test_a_query_equal_to_a_kept_one_does_not_compete_with_itself(separator):
    mix = noise(30_000)
    kept = separator.instrument_queries
    asked_by_name = separator.masks(mix, kept)
    np.testing.assert_array_equal(separator.masks(mix, kept.clone()), asked_by_name)
    nearly = separator.masks(mix, kept + 1e-5)  # as a picture of the same instrument might say it
    np.testing.assert_allclose(nearly, asked_by_name, atol=1e-3)


def test_rivals_take_their_share_of_a_mask(settings, separator):
    mix = noise(30_000)
    alone = Separator(replace(settings, has_rivals=False), separator.instruments).eval()
    alone.load_state_dict(separator.state_dict())
    judged_alone, shared = (one.masks(mix, separator.instrument_queries) for one in (alone, separator))
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
    np.testing.assert_array_equal(
        nobody.masks(mix, separator.instrument_queries), alone.masks(mix, separator.instrument_queries)
    )


def test_reduced_precision_hears_nearly_the_same(separator, monkeypatch):
    mix = noise(30_000)
    full = separator.masks(mix, separator.instrument_queries)
    monkeypatch.setattr(separator, "is_reduced", True)
    reduced = separator.masks(mix, separator.instrument_queries)
    assert 0 < np.abs(reduced - full).max() < 0.05


def test_a_meter_hears_the_masks_that_come_out(separator):
    mix, meter = noise(60_000), PresenceMeter(2)
    masks = separator.masks(mix, separator.instrument_queries, meter=meter)
    expected = PresenceMeter(2)
    expected.add(masks, stft(torch.from_numpy(mix)).abs().square().numpy())
    np.testing.assert_allclose(meter.shares_db(), expected.shares_db(), atol=0.1)


def test_binary_separators_decide_every_bin(settings, separator):
    binary = Separator(replace(settings, masks="binary"), separator.instruments).eval()
    binary.load_state_dict(separator.state_dict())
    mix = noise(60_000)
    soft = separator.masks(mix, separator.instrument_queries)
    np.testing.assert_array_equal(binary.masks(mix, separator.instrument_queries), soft > 0.5)


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


@pytest.mark.parametrize("frames_beyond", [-3, 0, 1, 5, 50])
def test_windows_and_fades_put_a_known_mask_back_together(frames_beyond):
    window_frames = 16
    num_samples = (3 * 14 + 16 + frames_beyond) * HOP_SAMPLES + 17
    ramp = np.repeat(np.arange(num_samples // HOP_SAMPLES + 1), HOP_SAMPLES)[:num_samples].astype(np.float32)
    seen = [cells.reshape(-1, HOP_SAMPLES)[1:, 0][None, None, :own] for cells, own in windows([ramp], window_frames)]
    joined = np.concatenate(list(cross_faded(seen, window_frames)), axis=-1)[0, 0]
    np.testing.assert_allclose(joined, np.arange(num_frames(num_samples)), atol=1e-4)
    assert overlap_frames(window_frames) == 2
