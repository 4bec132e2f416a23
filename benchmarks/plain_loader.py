"""The plain way to feed training, as the public code of the Sound of Pixels does it: item by item, in worker processes.

For each source of an example the recording is opened and cut, frames are decoded, cropped and normalised, and the
spectrum is made on the spot by `torch.stft`; workers send whole examples through queues. In its favour, recordings are
cut by seeking where the original reads them whole, and nothing is augmented.
Source: Zhao et al. 2018, public code (dataset/base.py, dataset/music.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from varemix.media.clips import Clip
from varemix.media.video import read_frames
from varemix.model.queries import picture_tensor
from varemix.model.vision import Framing
from varemix.training.examples import draw_sources
from varemix.training.recipe import Recipe


class PlainExamples(Dataset[tuple[Tensor, Tensor]]):
    """Examples by number: complex spectra [N, F, T] and pictures [N, P, 3, H, W]; frames lie as JPEG files."""

    def __init__(self, clips: Sequence[Clip], recipe: Recipe, framing: Framing, pixels: int, folder: Path) -> None:
        self._clips, self._recipe, self._framing, self._pixels = clips, recipe, framing, pixels
        self._folder = folder
        self._window = torch.hann_window(recipe.separator.grid.window_samples)
        for clip in clips:
            (folder / clip.clip_id).mkdir(parents=True)
            for number, jpeg in enumerate(read_frames(clip.frames_path, range(clip.num_frames))):
                self._frame_path(clip, number).write_bytes(jpeg)

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng(number)
        sources = draw_sources(self._clips, self._recipe, draw, is_changed=False)
        spectra, pictures = [], []
        for source in sources:
            wave = torch.zeros(self._recipe.window_samples)
            for voice in source.voices:
                wave += torch.from_numpy(self._cut(voice.clip, voice.first_sample)) / len(sources)
            hop = self._recipe.separator.grid.hop_samples
            spectra.append(
                torch.stft(wave, len(self._window), hop, window=self._window, pad_mode="constant", return_complex=True)
            )
            shown = [Image.open(self._frame_path(source.clip, frame)).convert("RGB") for frame in source.frames]
            pictures.append(torch.stack([picture_tensor(one, self._framing, self._pixels) for one in shown]))
        return torch.stack(spectra), torch.stack(pictures)

    def _cut(self, clip: Clip, first_sample: int) -> np.ndarray:
        wanted = self._recipe.window_samples
        samples, _ = soundfile.read(clip.wav_path, frames=wanted, start=first_sample, dtype="float32")
        return np.resize(samples, wanted)

    def _frame_path(self, clip: Clip, number: int) -> Path:
        return self._folder / clip.clip_id / f"{number:06d}.jpg"


def plain_loader(examples: PlainExamples, batch_size: int, num_workers: int, device: torch.device) -> "DataLoader[Any]":
    """Return the loader of batches, as the public code sets it up."""
    return DataLoader(
        examples,
        batch_size=batch_size,
        num_workers=num_workers,
        drop_last=True,
        pin_memory=device.type == "cuda",
    )
