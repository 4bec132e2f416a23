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
from varemix.training.examples import Pool, draw_sources
from varemix.training.recipe import Recipe
from varemix.training.soundbank import recordings_of


class PlainExamples(Dataset[tuple[Tensor, Tensor]]):
    """Examples by number: complex spectra [N, F, T] and pictures [N, P, 3, H, W], of sources that sound.

    Those that do not are 0. Frames lie as JPEG files; without shares in the recipe clips are drawn alone.
    """

    def __init__(self, clips: Sequence[Clip], recipe: Recipe, framing: Framing, pixels: int, folder: Path) -> None:
        self._pool = Pool(recordings_of({"train": clips}, []), recipe)
        self._recipe, self._framing, self._pixels = recipe, framing, pixels
        self._folder = folder
        grid = recipe.separator.grid
        self._shape = grid.num_bins, grid.num_frames(recipe.window_samples)
        self._window = torch.hann_window(grid.window_samples)
        for clip in clips:
            (folder / clip.clip_id).mkdir(parents=True)
            for number, jpeg in enumerate(read_frames(clip.frames_path, range(clip.num_frames))):
                self._frame_path(clip, number).write_bytes(jpeg)

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        draw = np.random.default_rng(number)
        sources = draw_sources(self._pool, self._recipe, draw, is_changed=False)
        recipe = self._recipe
        spectra = torch.zeros(recipe.num_sources, *self._shape, dtype=torch.complex64)
        pictures = torch.zeros(recipe.num_sources, recipe.pictures_per_example, 3, self._pixels, self._pixels)
        for place, source in enumerate(sources):
            [voice], clip = source.voices, source.recording.clip
            assert clip is not None
            wave = torch.from_numpy(self._cut(clip, int(voice.offset))) / recipe.num_sources
            hop = recipe.separator.grid.hop_samples
            spectra[place] = torch.stft(
                wave, len(self._window), hop, window=self._window, pad_mode="constant", return_complex=True
            )
            shown = [Image.open(self._frame_path(clip, frame)).convert("RGB") for frame in source.frames]
            pictures[place] = torch.stack([picture_tensor(one, self._framing, self._pixels) for one in shown])
        return spectra, pictures

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
