"""From drawn numbers to the spectra of the sources, on the device that learns."""

import torch
from torch import Tensor

from varemix.signal.spectrogram import stft
from varemix.training.augmentation import Studio
from varemix.training.batches import Batch
from varemix.training.recipe import Recipe
from varemix.training.soundbank import SoundBank

_LEVELLED_RMS, _SILENT_RMS, _LEAST_RMS = 0.07, 4e-4, 1e-2


def source_waves(batch: Batch, bank: SoundBank, studio: Studio, num_samples: int) -> Tensor:
    """Return the waves [A, S] of the batch's sounding sources: voices together, in their rooms, at their levels."""
    voices = bank.read(batch.voices, num_samples)
    rms = voices.square().mean(dim=-1, keepdim=True).sqrt()
    is_levelled = batch.is_levelled[:, None]
    level = torch.where(rms > _SILENT_RMS, 1 / rms.clamp_min(_SILENT_RMS), 0)
    scale = batch.voice_volumes[:, None] * torch.where(is_levelled[batch.source_of_voice], level, 1)
    waves = voices.new_zeros(len(batch.volumes), num_samples)
    waves.index_add_(0, batch.source_of_voice, voices * scale)
    if batch.changes is not None:
        waves = studio.in_rooms(waves, batch.changes.rooms[batch.is_sounding])
    rms = waves.square().mean(dim=-1, keepdim=True).sqrt()
    brought = torch.where(is_levelled, _LEVELLED_RMS / rms.clamp_min(_LEAST_RMS), 1)
    return waves * (brought * batch.volumes[:, None])


def source_spectra(batch: Batch, bank: SoundBank, studio: Studio, recipe: Recipe) -> Tensor:
    """Return the spectra [B, N, F, T] of the batch's sources; those that do not sound are 0."""
    sounding = stft(source_waves(batch, bank, studio, recipe.window_samples), recipe.separator.grid)
    if batch.changes is not None:
        sounding = sounding * studio.gains(batch.changes.filters[batch.is_sounding])[..., None]
    spectra = sounding.new_zeros(*batch.is_sounding.shape, *sounding.shape[1:])
    spectra[batch.is_sounding] = sounding
    return spectra
