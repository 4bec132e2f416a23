import pytest
import torch

from varemix.signal.spectrogram import (
    HOP_SAMPLES,
    NUM_BINS,
    WINDOW_SAMPLES,
    filter_block,
    filter_samples,
    num_covering_frames,
    num_frames,
    stft,
)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_training_window_has_512_frames_of_512_bins():
    assert stft(noise(262_140)).shape == (NUM_BINS, 512)


@pytest.mark.parametrize("num_samples", [1, 511, 512, 5000, 262_140])
def test_spectrum_equals_torch_stft(num_samples):
    samples = noise(num_samples)
    expected = torch.stft(
        samples,
        WINDOW_SAMPLES,
        hop_length=HOP_SAMPLES,
        window=torch.hann_window(WINDOW_SAMPLES, dtype=torch.float64),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    torch.testing.assert_close(stft(samples), expected[:, : num_frames(num_samples)], rtol=0, atol=1e-9)


@pytest.mark.parametrize("channels", [(), (1,), (2,), (3, 2)])
@pytest.mark.parametrize("num_samples", [1, 100, 511, 512, 513, 1024, 44_100])
def test_unit_gains_return_the_input(channels, num_samples):
    samples = noise(*channels, num_samples)
    gains = torch.ones(NUM_BINS, num_frames(num_samples), dtype=torch.float64)
    torch.testing.assert_close(filter_samples(samples, gains), samples, rtol=0, atol=1e-12)


def test_muting_one_bin_removes_a_sine_in_it_and_leaves_another():
    t = torch.arange(44_100, dtype=torch.float64)
    low, high = (torch.sin(2 * torch.pi * bin_ / WINDOW_SAMPLES * t) for bin_ in (20, 200))
    gains = torch.ones(NUM_BINS, num_frames(44_100), dtype=torch.float64)
    gains[15:26] = 0
    difference = filter_samples(low + high, gains) - high
    assert difference[1000:-1000].abs().max() < 1e-3


@pytest.mark.parametrize("block_frames", [1, 3, 16])
def test_filtering_in_blocks_equals_filtering_the_whole(block_frames):
    num_samples = 20_000
    samples = noise(2, num_samples)
    gains = torch.rand(NUM_BINS, num_covering_frames(num_samples), dtype=torch.float64)
    whole = filter_samples(samples, gains)
    num_cells = num_covering_frames(num_samples) - 1
    padded = torch.nn.functional.pad(samples, (HOP_SAMPLES, (num_cells + 1) * HOP_SAMPLES - num_samples))
    blocks = []
    for first in range(0, num_cells, block_frames):
        last = min(first + block_frames, num_cells)
        cells = padded[:, first * HOP_SAMPLES : (last + 2) * HOP_SAMPLES]
        blocks.append(filter_block(cells, gains[:, first : last + 1]))
    torch.testing.assert_close(torch.cat(blocks, -1)[:, :num_samples], whole, rtol=0, atol=1e-12)


def test_no_gain_is_blown_up_at_the_ends():
    samples = torch.ones(262_140, dtype=torch.float64)
    gains = torch.rand(NUM_BINS, 512, dtype=torch.float64)
    assert filter_samples(samples, gains).abs().max() < 4


def test_one_signal_is_filtered_by_several_gains_at_once():
    samples, gains = noise(3_000), torch.rand(2, NUM_BINS, num_frames(3_000), dtype=torch.float64)
    both = filter_samples(samples, gains)
    for one, gain in zip(both, gains, strict=True):
        torch.testing.assert_close(one, filter_samples(samples, gain))
