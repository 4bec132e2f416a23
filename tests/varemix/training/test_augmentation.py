"""Changed sounds: each change does what its name says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.grids import FINE_GRID, GRIDS, SMALL_GRID
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid
from varemix.signal.spectrogram import stft
from varemix.training.augmentation import Changes, Studio, _fast_size, draw_changes, with_hidden
from varemix.training.recipe import Augmentation

CPU = torch.device("cpu")
NUM_ECHOES = RATE_HZ // 2
on_every_grid = pytest.mark.parametrize("grid", [*GRIDS.values(), SMALL_GRID], ids=[*GRIDS, "small"])


def drawn(seed: int = 0, num_sources: int = 2, **shares: float) -> Changes:
    return draw_changes(Augmentation(**shares), num_sources, np.random.default_rng(seed))


def gains_of(grid: Grid, num_draws: int, **shares: float) -> np.ndarray:
    """Return the gains [draws, F] of one source in as many mixes."""
    filters = torch.cat([drawn(seed, 1, **shares).filters for seed in range(num_draws)])
    return Studio(0, grid, CPU).gains(filters).numpy()


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(0, PAPER_GRID, CPU)


def test_without_augmentation_nothing_changes(studio: Studio) -> None:
    changes = drawn()
    assert (studio.gains(changes.filters) == 1).all()
    waves = torch.randn(2, 5_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(studio.in_rooms(waves, changes.rooms), waves)
    assert not studio.noise(changes.noise[None], 20).any()
    heard = torch.randn(1, 30, 20, generator=torch.Generator().manual_seed(0))
    assert torch.equal(with_hidden(heard, changes.hidden[None]), heard)


def test_the_same_generator_draws_the_same_changes_and_another_others() -> None:
    shares = {"equaliser_db": 3.0, "room_share": 1.0, "noise_share": 1.0, "hidden_share": 1.0}
    once, again, other = (drawn(seed, **shares) for seed in (1, 1, 2))
    for name in ("filters", "rooms", "noise", "hidden"):
        assert torch.equal(getattr(once, name), getattr(again, name))
        assert not torch.equal(getattr(once, name), getattr(other, name))


def test_the_changes_of_a_batch_are_those_of_its_mixes() -> None:
    members = [drawn(seed, 3, equaliser_db=3, room_share=0.5, noise_share=1, hidden_share=1) for seed in range(4)]
    together = Changes.stacked(members)
    assert together.filters.shape == (4, 3, 11)
    assert together.rooms.shape == (4, 3, 5)
    assert together.noise.shape == (4, 2)
    assert together.hidden.shape == (4, 4, 2)
    assert torch.equal(together.rooms[2], members[2].rooms)


# Filters


def test_an_equaliser_is_smooth_and_as_strong_as_the_recipe_says() -> None:
    gains_db, twice_db = (20 * np.log10(gains_of(PAPER_GRID, 300, equaliser_db=strength)) for strength in (3.0, 6.0))
    np.testing.assert_allclose(twice_db, 2 * gains_db, atol=1e-3)
    assert np.abs(gains_db.mean(axis=0)).max() < 1
    assert 3 < gains_db.std() < 6
    octave_db = np.abs(np.diff(gains_db[..., [20, 40, 80, 160, 320]], axis=-1))
    assert np.abs(np.diff(gains_db, axis=-1))[..., 20:].max() < octave_db.max() / 10


def test_each_source_has_its_own_filter() -> None:
    gains = Studio(0, PAPER_GRID, CPU).gains(drawn(0, 4, equaliser_db=6.0).filters)
    assert len({gain.numpy().tobytes() for gain in gains}) == 4


@on_every_grid
def test_a_low_pass_kills_the_highs_and_leaves_the_lows(grid: Grid) -> None:
    gains = gains_of(grid, 40, low_pass_share=1.0)
    assert (gains[:, grid.bins_hz < 3_900] == 1).all()
    assert (gains[:, grid.bins_hz > 21_000] < 0.02).all()
    assert (np.diff(gains, axis=-1) <= 1e-7).all()


def test_as_many_sources_lose_their_highs_as_the_recipe_says() -> None:
    filters = torch.cat([drawn(seed, 2, low_pass_share=0.3).filters for seed in range(200)])
    assert filters[:, -1].isfinite().sum().item() == pytest.approx(120, abs=30)


def test_a_filter_has_the_same_gain_at_the_same_frequency_on_every_grid() -> None:
    coarse = replace(FINE_GRID, window_samples=1024, hop_samples=256)  # every fourth of the fine grid's bins
    one, other = (gains_of(grid, 5, equaliser_db=9.0, low_pass_share=0.5) for grid in (FINE_GRID, coarse))
    np.testing.assert_allclose(one[:, ::4], other, rtol=1e-4)


# Rooms


def echoes(rooms: torch.Tensor, studio: Studio, num_samples: int = RATE_HZ) -> torch.Tensor:
    """Return what follows an impulse at the beginning [A, S], without the impulse."""
    impulse = torch.zeros(len(rooms), num_samples)
    impulse[:, 0] = 1
    return studio.in_rooms(impulse.clone(), rooms) - impulse


def room(
    wet: float = 0.5, decay_s: float = 0.5, delay_s: float = 0.0, dullness: float = 0.0, place: int = 7
) -> torch.Tensor:
    return torch.tensor([[wet, decay_s, delay_s, dullness, place]], dtype=torch.float64)


def test_echoes_begin_after_their_delay_die_away_and_end(studio: Studio) -> None:
    [echo] = echoes(room(decay_s=0.4, delay_s=0.015), studio)
    first = int(0.015 * RATE_HZ)
    assert echo[:first].abs().max() < 1e-5
    assert echo[first : first + 100].abs().max() > 1e-3
    assert echo[NUM_ECHOES:].abs().max() < 1e-5
    tenths = echo[: 4 * RATE_HZ // 10].reshape(4, -1).square().sum(dim=1)
    fall_db = 10 * torch.log10(tenths[1] / tenths[3])  # 60 dB of amplitude in 0.4 s, so 30 in a half of it
    assert fall_db.item() == pytest.approx(30, abs=2)


def test_a_room_is_as_loud_as_drawn_however_long_it_rings(studio: Studio) -> None:
    for decay_s in (0.08, 0.3, 0.9):
        assert echoes(room(wet=0.3, decay_s=decay_s), studio).norm().item() == pytest.approx(0.3, rel=1e-3)


def test_dull_rooms_swallow_the_highs(studio: Studio) -> None:
    bright, dull = (
        torch.fft.rfft(echoes(room(dullness=dullness), studio)[0]).abs().square() for dullness in (0.0, 10.0)
    )
    half = len(bright) // 2
    assert dull[half:].sum() < 0.05 * bright[half:].sum()
    assert dull[: half // 50].sum() > 0.9 * bright[: half // 50].sum()


def test_each_place_in_the_noise_is_another_room_and_the_seed_decides_the_noise(studio: Studio) -> None:
    one, other, beyond = (echoes(room(place=place), studio) for place in (7, 8, 2**31 - 1))
    assert not torch.allclose(one, other, atol=1e-3)
    assert beyond.norm().item() == pytest.approx(0.5, rel=1e-3)
    assert torch.equal(one, echoes(room(), Studio(0, PAPER_GRID, CPU)))
    assert not torch.allclose(one, echoes(room(), Studio(1, PAPER_GRID, CPU)), atol=1e-3)


def test_a_sound_in_a_room_is_the_sum_of_its_echoes_and_nothing_comes_before_it(studio: Studio) -> None:
    waves = torch.zeros(1, 30_000)
    waves[0, [1_000, 9_000]] = torch.tensor([1.0, -0.5])
    found = studio.in_rooms(waves.clone(), room())[0]
    echo = echoes(room(), studio, 30_000)[0]
    expected = waves[0].clone()
    expected[1_000:] += echo[:-1_000]
    expected[9_000:] -= 0.5 * echo[:-9_000]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_only_the_sources_that_are_in_a_room_echo_and_as_many_are_as_the_recipe_says(studio: Studio) -> None:
    waves = torch.randn(3, 5_000, generator=torch.Generator().manual_seed(0))
    before = waves.clone()
    found = studio.in_rooms(waves, torch.cat([room(), room(wet=0.0), room(place=9)]))
    assert torch.equal(waves, before)
    assert torch.equal(found[1], waves[1])
    assert all(not torch.allclose(found[place], waves[place], atol=0.1) for place in (0, 2))
    rooms = torch.stack([drawn(seed, room_share=0.3).rooms for seed in range(100)])
    assert (rooms[..., 0] > 0).sum().item() == pytest.approx(60, abs=20)


@pytest.mark.parametrize("least", [1, 2, 3, 1_000, 1_025, 66_000, 131_072 + 22_050])
def test_transforms_are_of_sizes_that_are_quick_and_hold_all(least: int) -> None:
    size = _fast_size(least)
    assert least <= size < 2 * least + 1
    odd = size
    while odd % 2 == 0:
        odd //= 2
    assert odd in (1, 3, 5)


# Noise


@on_every_grid
@pytest.mark.parametrize("level_db", [-20.0, -60.0])
def test_noise_has_the_level_of_white_noise_in_dbfs(grid: Grid, level_db: float) -> None:
    rms = 10 ** (level_db / 20)
    noise = Studio(0, grid, CPU).noise(torch.tensor([[rms, 12_345.0]]), 200)
    assert noise.shape == (1, grid.num_bins, 200)
    white = stft(rms * torch.randn(200 * grid.hop_samples, generator=torch.Generator().manual_seed(0)), grid)
    assert noise.abs().square().mean().sqrt() == pytest.approx(white.abs().square().mean().sqrt().item(), rel=0.02)


def test_each_mix_gets_its_own_stretch_of_a_noise_that_follows_from_the_seed() -> None:
    changes = Changes.stacked([drawn(seed, noise_share=1.0) for seed in range(3)])
    noise, again, other = (Studio(seed, PAPER_GRID, CPU).noise(changes.noise, 50) for seed in (0, 0, 1))
    assert torch.equal(noise, again)
    assert not torch.equal(noise, other)
    flat = (noise / noise.abs().mean(dim=(1, 2), keepdim=True)).flatten(1)
    assert all((flat[a] - flat[b]).abs().mean() > 0.5 for a, b in ((0, 1), (0, 2), (1, 2)))


def test_as_many_mixes_have_noise_as_the_recipe_says_and_it_is_faint() -> None:
    levels = np.array([drawn(seed, noise_share=0.5).noise[0].item() for seed in range(200)])
    assert (levels > 0).sum() == pytest.approx(100, abs=25)
    levels_db = 20 * np.log10(levels[levels > 0])
    assert ((levels_db >= -100) & (levels_db <= -54)).all()


# What is hidden


def test_hidden_bands_and_moments_are_as_loud_as_the_mix_is_on_average_and_all_else_is_heard() -> None:
    heard = torch.randn(2, 100, 50, generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(2, 4, 2, dtype=torch.float64)
    hidden[1, 0], hidden[1, 2] = torch.tensor([[0.1, 0.2], [0.5, 0.6]])
    after = with_hidden(heard.clone(), hidden)
    torch.testing.assert_close(after[0], heard[0], rtol=0, atol=0)
    is_hidden = torch.zeros(100, 50, dtype=torch.bool)
    is_hidden[10:20] = is_hidden[:, 25:30] = True
    torch.testing.assert_close(after[1][is_hidden], heard[1].mean().expand(int(is_hidden.sum())))
    torch.testing.assert_close(after[1][~is_hidden], heard[1][~is_hidden], rtol=0, atol=0)


def test_as_many_parts_are_hidden_as_the_recipe_says_and_those_are_narrow() -> None:
    hidden = torch.stack([drawn(seed, hidden_share=0.3).hidden for seed in range(200)])
    first, last = hidden.unbind(dim=-1)
    widths = last - first
    counts = (widths > 0).sum(dim=0).tolist()
    assert counts == pytest.approx([60] * 4, abs=25)
    assert ((first >= 0) & (last <= 1) & (widths <= 0.1201)).all()
    assert widths.max() > 0.1
