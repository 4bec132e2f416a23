"""Changed spectra: each change does to sound what its name says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID, GRIDS, SMALL_GRID
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.spectrogram import stft
from varemix.training.augmentation import Changes, Noise, changed, draw_changes, with_hidden
from varemix.training.recipe import Augmentation

CPU = torch.device("cpu")
NUM_BINS = PAPER_GRID.num_bins
on_every_grid = pytest.mark.parametrize("grid", [*GRIDS.values(), SMALL_GRID], ids=[*GRIDS, "small"])


def drawn(seed: int = 0, num_sources: int = 2, grid: Grid = PAPER_GRID, **shares: float) -> Changes:
    return draw_changes(Augmentation(**shares), grid, num_sources, np.random.default_rng(seed))


def spectra(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, NUM_BINS, 20, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


def test_without_augmentation_nothing_changes() -> None:
    changes = drawn()
    before = spectra(1, 2)
    torch.testing.assert_close(changed(before.clone(), [changes]), before, rtol=0, atol=0)
    assert not Noise(0, PAPER_GRID, CPU).of([changes], 20).any()


def test_the_same_generator_draws_the_same_changes_and_another_others() -> None:
    shares = {"equaliser_db": 3.0, "room_share": 1.0, "noise_share": 1.0}
    once, again, other = (drawn(seed, **shares) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once.gains, again.gains)
    np.testing.assert_array_equal(once.echoes[0], again.echoes[0])
    assert once.noise == again.noise != other.noise
    assert (once.gains != other.gains).any()
    assert (once.echoes[0] != other.echoes[0]).any()


def test_an_equaliser_scales_each_bin_of_each_source_as_drawn() -> None:
    gains = np.random.default_rng(0).uniform(0.1, 2, (2, 2, NUM_BINS)).astype(np.float32)
    before = spectra(2, 2)
    after = changed(before.clone(), [replace(drawn(), gains=part) for part in gains])
    torch.testing.assert_close(after, before * torch.from_numpy(gains)[..., None])


def test_an_equaliser_is_smooth_and_as_strong_as_the_recipe_says() -> None:
    gains_db = 20 * np.log10([drawn(seed, equaliser_db=3.0).gains for seed in range(200)])
    twice_db = 20 * np.log10([drawn(seed, equaliser_db=6.0).gains for seed in range(200)])
    np.testing.assert_allclose(twice_db, 2 * gains_db, atol=1e-4)
    assert np.abs(gains_db.mean(axis=(0, 1))).max() < 1
    assert 3 < gains_db.std() < 6
    octave_db = np.abs(np.diff(gains_db[..., [20, 40, 80, 160, 320]], axis=-1))
    assert np.abs(np.diff(gains_db, axis=-1))[..., 20:].max() < octave_db.max() / 10


@on_every_grid
def test_a_low_pass_kills_the_highs_and_leaves_the_lows(grid: Grid) -> None:
    for seed in range(20):
        gains = drawn(seed, grid=grid, low_pass_share=1.0).gains
        assert (gains[:, grid.bins_hz < 3_900] == 1).all()
        assert (gains[:, grid.bins_hz > 21_000] < 0.001).all()
        assert (np.diff(gains, axis=-1) <= 0).all()


def test_a_filter_has_the_same_gain_at_the_same_frequency_on_every_grid() -> None:
    coarse = replace(FINE_GRID, window_samples=1024, hop_samples=256)  # every fourth of the fine grid's bins
    for seed in range(5):
        one, other = (drawn(seed, grid=grid, equaliser_db=9.0, low_pass_share=0.5) for grid in (FINE_GRID, coarse))
        np.testing.assert_allclose(one.gains[0, ::4], other.gains[0], rtol=1e-5)


def echo_of_an_impulse(grid: Grid, seed: int) -> torch.Tensor:
    """Return the loudness [F, T] of the frames after one that alone sounds, in the room that a seed draws."""
    impulse = torch.zeros(1, 2, grid.num_bins, 80, dtype=torch.complex64)
    impulse[..., 3] = 1
    heard = changed(impulse.clone(), [drawn(seed, grid=grid, room_share=1.0)])[0, 0]
    torch.testing.assert_close(heard[:, :4], impulse[0, 0, :, :4], rtol=0, atol=0)
    return heard[:, 4:].abs()


@on_every_grid
def test_echoes_die_away_and_leave_the_first_frame(grid: Grid) -> None:
    loudness = echo_of_an_impulse(grid, seed=0)
    num_echoes = int((loudness[0] > 0).sum())
    assert not loudness[:, num_echoes:].any()
    assert num_echoes * grid.hop_s == pytest.approx(0.093, abs=grid.hop_s / 2)
    loudness = loudness[:, :num_echoes]
    assert 0 < loudness.max() < 1
    torch.testing.assert_close(loudness, loudness[:1].expand_as(loudness))  # in all bins alike, but for the phase
    per_frame = loudness[0, 1:] / loudness[0, :-1]
    torch.testing.assert_close(per_frame, per_frame[:1].expand_as(per_frame))
    decay_s = -3 / np.log10(per_frame[0].item()) * grid.hop_s  # until 60 dB below
    assert 0.15 <= decay_s <= 0.9


@pytest.mark.parametrize("grid", [FINE_GRID, SMALL_GRID], ids=["fine", "small"])
def test_a_room_lasts_as_long_and_is_as_loud_on_every_grid(grid: Grid) -> None:
    for seed in range(10):
        (paper, paper_hop_s), (other, hop_s) = (
            (echo_of_an_impulse(one, seed)[0].numpy(), one.hop_s) for one in (PAPER_GRID, grid)
        )
        per_s, other_per_s = ((np.log(line[1] / line[0]) / hop) for line, hop in ((paper, paper_hop_s), (other, hop_s)))
        assert other_per_s == pytest.approx(per_s, rel=1e-3)
        level_db, other_level_db = (10 * np.log10(np.square(line).sum()) for line in (paper, other))
        assert other_level_db == pytest.approx(level_db, abs=0.1)


def test_only_the_sources_that_are_in_a_room_echo() -> None:
    changes = [drawn(seed, room_share=0.3) for seed in range(100)]
    assert sum(len(change.echoes) for change in changes) == pytest.approx(60, abs=20)
    change = next(change for change in changes if list(change.echoes) == [1])
    before = spectra(1, 2)
    after = changed(before.clone(), [change])
    torch.testing.assert_close(after[:, 0], before[:, 0], rtol=0, atol=0)
    assert not torch.equal(after[:, 1], before[:, 1])


def test_echoes_sound_as_the_sum_of_delayed_frames() -> None:
    change = drawn(room_share=1.0)
    before = spectra(1, 2)
    after = changed(before.clone(), [change])
    expected = before[0, 1, :, 15].clone()
    for delay in range(8):
        expected += torch.from_numpy(change.echoes[1][:, delay]) * before[0, 1, :, 14 - delay]
    torch.testing.assert_close(after[0, 1, :, 15], expected)


@on_every_grid
@pytest.mark.parametrize("level_db", [-20.0, -60.0])
def test_noise_has_the_level_of_white_noise_in_dbfs(grid: Grid, level_db: float) -> None:
    rms = 10 ** (level_db / 20)
    change = replace(drawn(grid=grid), noise=(rms, 12_345))
    noise = Noise(0, grid, CPU).of([change], 200)
    white = stft(rms * torch.randn(200 * grid.hop_samples, generator=torch.Generator().manual_seed(0)), grid)
    assert noise.abs().square().mean().sqrt() == pytest.approx(white.abs().square().mean().sqrt().item(), rel=0.02)


@on_every_grid
def test_noise_lasts_as_long_on_every_grid_before_it_begins_anew(grid: Grid) -> None:
    noise, plain = Noise(0, grid, CPU), drawn(grid=grid)
    first, *others = (
        noise.of([replace(plain, noise=(1.0, place))], 1)[0, :4, 0] for place in range(round(24 / grid.hop_s))
    )
    [again] = [place for place, frame in enumerate(others, start=1) if torch.equal(frame, first)]
    assert again * grid.hop_s == pytest.approx(23.78, abs=grid.hop_s)


def test_each_mix_gets_its_own_stretch_of_a_noise_that_follows_from_the_seed() -> None:
    changes = [drawn(seed, noise_share=1.0) for seed in range(3)]
    noise, again, other = (Noise(seed, PAPER_GRID, CPU).of(changes, 50) for seed in (0, 0, 1))
    assert torch.equal(noise, again)
    assert not torch.equal(noise, other)
    flat = (noise / noise.abs().mean(dim=(1, 2), keepdim=True)).flatten(1)
    assert all((flat[a] - flat[b]).abs().mean() > 0.5 for a, b in ((0, 1), (0, 2), (1, 2)))
    assert all(-100 <= 20 * np.log10(change.noise[0]) <= -54 for change in changes)


def test_hidden_bands_and_moments_are_as_loud_as_the_mix_is_on_average_and_all_else_is_heard() -> None:
    heard = torch.randn(2, 100, 50, generator=torch.Generator().manual_seed(0))
    change = replace(drawn(), hidden=((0, 0.1, 0.2), (1, 0.5, 0.6)))
    after = with_hidden(heard.clone(), [drawn(), change])
    torch.testing.assert_close(after[0], heard[0], rtol=0, atol=0)
    is_hidden = torch.zeros(100, 50, dtype=torch.bool)
    is_hidden[10:20] = is_hidden[:, 25:30] = True
    torch.testing.assert_close(after[1][is_hidden], heard[1].mean().expand(int(is_hidden.sum())))
    torch.testing.assert_close(after[1][~is_hidden], heard[1][~is_hidden], rtol=0, atol=0)


def test_as_many_mixes_as_the_recipe_says_have_hidden_parts_and_those_are_narrow() -> None:
    hidden = [drawn(seed, hidden_share=0.3).hidden for seed in range(200)]
    assert sum(map(bool, hidden)) == pytest.approx(60, abs=20)
    parts = [part for parts in hidden for part in parts]
    assert {axis for axis, _, _ in parts} == {0, 1}
    assert all(0 <= first <= last <= 1 and last - first <= 0.12 for _, first, last in parts)
