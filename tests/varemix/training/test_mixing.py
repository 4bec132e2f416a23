"""From numbers to spectra: voices together, at their levels, in their rooms, each source in its place."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.varemix.training.sounding import CPU, bank_of, tone
from varemix.signal.spectrogram import stft
from varemix.training.augmentation import Changes, Studio, draw_changes
from varemix.training.batches import Batch
from varemix.training.mixing import source_spectra, source_waves
from varemix.training.recipe import Augmentation, Recipe
from varemix.training.soundbank import SoundBank, Voices

NUM_SAMPLES = 8_192


@pytest.fixture(scope="module")
def waves() -> torch.Tensor:
    """Return three recordings [3, S] of different tones and loudness."""
    seconds = 2 * NUM_SAMPLES / 44_100
    return torch.from_numpy(
        np.stack([tone(seconds, hz, peak) for hz, peak in ((441, 0.5), (1_000, 0.1), (3_000, 0.02))])
    ).float()


@pytest.fixture(scope="module")
def bank(waves: torch.Tensor) -> SoundBank:
    return bank_of(*(32_768 * waves.numpy()).round())


@pytest.fixture(scope="module")
def studio(recipe: Recipe) -> Studio:
    return Studio(0, recipe.separator.grid, CPU)


def batch_of(*sources: int, is_sounding: list[list[bool]] | None = None, is_levelled: bool = False) -> Batch:
    """Return a batch of sources of one voice each: the recording of that number from its beginning on."""
    count = len(sources)
    return Batch(
        is_sounding=torch.tensor(is_sounding or [[True] * count]),
        volumes=torch.ones(count),
        is_levelled=torch.tensor([is_levelled] * count),
        voices=Voices(
            first=torch.tensor([2 * NUM_SAMPLES * number for number in sources]),
            limit=torch.full((count,), 2 * NUM_SAMPLES),
            offset=torch.zeros(count, dtype=torch.float64),
            speed=torch.ones(count, dtype=torch.float64),
        ),
        voice_volumes=torch.ones(count),
        source_of_voice=torch.arange(count),
        shown=torch.zeros(1, 1),
        labels=torch.zeros(1, 1),
        changes=None,
    )


def changes(num_mixes: int = 1, num_sources: int = 2, **shares: float) -> Changes:
    return Changes.stacked(
        [draw_changes(Augmentation(**shares), num_sources, np.random.default_rng(n)) for n in range(num_mixes)]
    )


def mixed(batch: Batch, bank: SoundBank, studio: Studio) -> torch.Tensor:
    return source_waves(batch, bank, studio, NUM_SAMPLES)


def test_a_source_sounds_as_its_recording_at_its_volume(bank: SoundBank, studio: Studio, waves: torch.Tensor) -> None:
    batch = replace(batch_of(0, 1), volumes=torch.tensor([0.5, 2.0]))
    expected = torch.stack([0.5 * waves[0], 2 * waves[1]])[:, :NUM_SAMPLES]
    torch.testing.assert_close(mixed(batch, bank, studio), expected, rtol=0, atol=1e-4)


def test_voices_of_a_source_sound_together_each_at_its_volume(
    bank: SoundBank, studio: Studio, waves: torch.Tensor
) -> None:
    batch = replace(
        batch_of(0, 1, 2),
        source_of_voice=torch.tensor([0, 1, 1]),
        voice_volumes=torch.tensor([1.0, 0.5, 0.25]),
        volumes=torch.ones(2),
        is_levelled=torch.zeros(2, dtype=torch.bool),
    )
    expected = torch.stack([waves[0], 0.5 * waves[1] + 0.25 * waves[2]])[:, :NUM_SAMPLES]
    torch.testing.assert_close(mixed(batch, bank, studio), expected, rtol=0, atol=1e-4)


def test_levelled_sources_are_equally_loud_before_their_volume(bank: SoundBank, studio: Studio) -> None:
    batch = replace(batch_of(0, 1, 2, is_levelled=True), volumes=torch.tensor([1.0, 1.0, 0.1]))
    rms = mixed(batch, bank, studio).square().mean(dim=1).sqrt()
    torch.testing.assert_close(rms, torch.tensor([0.07, 0.07, 0.007]), rtol=1e-3, atol=0)


def test_two_voices_of_a_levelled_source_are_alike_but_for_their_volumes(bank: SoundBank, studio: Studio) -> None:
    batch = replace(
        batch_of(0, 2),
        source_of_voice=torch.tensor([0, 0]),
        voice_volumes=torch.tensor([1.0, 0.5]),
        volumes=torch.ones(1),
        is_levelled=torch.ones(1, dtype=torch.bool),
    )
    wave = mixed(batch, bank, studio)[0]
    loudness = torch.fft.rfft(wave * torch.hann_window(NUM_SAMPLES)).abs()
    peaks = [loudness[round(hz / 44_100 * NUM_SAMPLES)].item() for hz in (441, 3_000)]
    assert peaks[1] / peaks[0] == pytest.approx(0.5, rel=0.1)
    assert wave.square().mean().sqrt() == pytest.approx(0.07, rel=1e-3)


@pytest.mark.parametrize("rms", [0, 1, 10])
def test_silence_stays_silence_and_is_never_a_number_that_is_none(studio: Studio, rms: int) -> None:
    silent = bank_of(np.array([rms, -rms] * NUM_SAMPLES))
    wave = mixed(batch_of(0, is_levelled=True), silent, studio)
    assert not wave.any()
    assert mixed(batch_of(0), silent, studio).abs().max() == rms / 32_768


def test_a_room_is_heard_where_one_was_drawn(bank: SoundBank, studio: Studio) -> None:
    plain = mixed(batch_of(0, 1), bank, studio)
    echoing = changes(room_share=1.0)
    echoing.rooms[0, 1, 0] = 0
    found = mixed(replace(batch_of(0, 1), changes=echoing), bank, studio)
    assert torch.equal(found[1], plain[1])
    assert not torch.allclose(found[0], plain[0], atol=1e-3)


def test_levelled_sources_are_equally_loud_in_their_rooms(bank: SoundBank, studio: Studio) -> None:
    batch = replace(batch_of(0, 1, is_levelled=True), changes=changes(room_share=1.0))
    rms = mixed(batch, bank, studio).square().mean(dim=1).sqrt()
    torch.testing.assert_close(rms, torch.tensor([0.07, 0.07]), rtol=1e-3, atol=0)


def test_spectra_are_those_of_the_waves_and_silent_places_are_0(
    recipe: Recipe, bank: SoundBank, studio: Studio
) -> None:
    batch = batch_of(0, 1, 2, is_sounding=[[True, True], [True, False]])
    spectra = source_spectra(batch, bank, studio, recipe)
    grid = recipe.separator.grid
    assert spectra.shape == (2, 2, grid.num_bins, recipe.separator.window_frames)
    expected = stft(source_waves(batch, bank, studio, recipe.window_samples), grid)
    torch.testing.assert_close(torch.stack([spectra[0, 0], spectra[0, 1], spectra[1, 0]]), expected)
    assert not spectra[1, 1].any()


def test_every_source_is_filtered_by_its_own_filter(recipe: Recipe, bank: SoundBank, studio: Studio) -> None:
    batch = batch_of(0, 1, 2, is_sounding=[[True, False], [True, True]])
    plain = source_spectra(batch, bank, studio, recipe)
    change = changes(num_mixes=2, equaliser_db=9.0, low_pass_share=0.5)
    found = source_spectra(replace(batch, changes=change), bank, studio, recipe)
    for mix, source in ((0, 0), (1, 0), (1, 1)):
        gain = studio.gains(change.filters[mix, source][None])[0]
        torch.testing.assert_close(found[mix, source], plain[mix, source] * gain[:, None])
    assert not found[0, 1].any()
