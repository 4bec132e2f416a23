"""The separator: the three networks assembled, asked with pictures, answering with masks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from varemix.errors import UsageError
from varemix.model.queries import middle_tensor
from varemix.model.sound import SoundNetwork, Upsampling
from varemix.model.synthesizer import Synthesizer
from varemix.model.vision import VisionName, build_vision
from varemix.model.windows import cross_faded, windows
from varemix.signal.frequency_grid import to_linear_bins, to_log_rows
from varemix.signal.masks import binarise
from varemix.signal.spectrogram import NUM_BINS, spectrum_of_cells

_FLOOR = 1e-10


@dataclass(frozen=True, kw_only=True)
class SeparatorSettings:
    """What the networks are; it travels in the checkpoint and decides which weights fit.

    `window_frames` is how many frames the sound network sees at once; `masks` says whether the masks that come out
    are hard decisions at 0.5, as in the paper, or the network's soft ones.
    """

    vision: VisionName
    num_maps: int
    base_channels: int
    levels: int
    upsampling: Upsampling
    window_frames: int
    masks: Literal["binary", "soft"]
    log_rows: int = 256

    def __post_init__(self) -> None:
        step = 2**self.levels
        if self.log_rows % step or self.window_frames % step:
            raise ValueError(
                f"{self.log_rows} rows x {self.window_frames} frames cannot be halved {self.levels} times; "
                f"both must be multiples of {step}."
            )


class Separator(nn.Module):
    """Hears pictured instruments in a mix.

    Built new by `Separator(settings)`, or from a file by `varemix.model.checkpoint.load_checkpoint`. It also holds
    one query for each instrument it was trained on, so that a name can be asked for as well as a picture.
    """

    instrument_queries: Tensor

    def __init__(self, settings: SeparatorSettings, instruments: Sequence[str] = ()) -> None:
        super().__init__()
        self.settings = settings
        self.instruments = tuple(instruments)
        self.vision = build_vision(settings.vision, settings.num_maps)
        self.sound = SoundNetwork(
            num_maps=settings.num_maps,
            base_channels=settings.base_channels,
            levels=settings.levels,
            upsampling=settings.upsampling,
        )
        self.synthesizer = Synthesizer(settings.num_maps)
        self.register_buffer("instrument_queries", torch.zeros(len(self.instruments), settings.num_maps))

    @classmethod
    def load(cls, path: Path | str, device: str | torch.device = "cpu") -> "Separator":
        """Return the separator in a checkpoint file, ready to hear. Raises CheckpointError as `load_checkpoint`."""
        from varemix.model.checkpoint import load_checkpoint

        return load_checkpoint(Path(path), device)

    def forward(self, log_magnitude: Tensor, queries: Tensor) -> Tensor:
        """Return mask logits [B, N, L, T] of log magnitudes [B, L, T] and queries [B, N, K]."""
        logits: Tensor = self.synthesizer(queries, self.sound(log_magnitude.unsqueeze(1)))
        return logits

    def keep_instruments(self, queries: Mapping[str, Tensor]) -> None:
        """Keep these queries [K] under their instruments' names, instead of those held before."""
        self.instruments = tuple(sorted(queries))
        self.instrument_queries = torch.stack([queries[name] for name in self.instruments]).detach()

    @torch.inference_mode()
    def queries(self, images: Sequence[Image]) -> Tensor:
        """Return the queries [N, K] of N pictures, one of each instrument."""
        stacked = torch.stack([middle_tensor(image) for image in images]).to(self.device)
        queries: Tensor = self.vision(stacked.unsqueeze(1))
        return queries

    @torch.inference_mode()
    def query_of_clip(self, frames: Sequence[Image]) -> Tensor:
        """Return the one query [K] that several pictures of the same instrument make together."""
        stacked = torch.stack([middle_tensor(frame) for frame in frames]).to(self.device)
        query: Tensor = self.vision(stacked.unsqueeze(0))[0]
        return query

    def instrument_query(self, name: str) -> Tensor:
        """Return the kept query [K] of an instrument; UsageError, with the names there are, for another."""
        if name not in self.instruments:
            known = ", ".join(self.instruments) or "none"
            raise UsageError(
                f"This checkpoint does not know the instrument '{name}'. It knows: {known}. "
                "Give one of these names, or the path of a picture."
            )
        return self.instrument_queries[self.instruments.index(name)]

    def masks(self, mix: np.ndarray, queries: Tensor) -> np.ndarray:
        """Return linear masks [N, F, T], each in 0..1, of a mono mix [S] at 44.1 kHz and queries [N, K]."""
        return np.concatenate(list(self.mask_blocks([mix], queries)), axis=-1)

    @torch.inference_mode()
    def mask_blocks(self, mix_blocks: Iterable[np.ndarray], queries: Tensor) -> Iterator[np.ndarray]:
        """Yield the linear masks [N, F, T_b] of a mono mix that comes in blocks [S_b], in order, without a gap.

        The mix is heard in overlapping windows, cross-faded on the mask. Memory is bounded by a window and a block.
        """
        frames = self.settings.window_frames
        heard = (
            self._window_masks(cells, queries).numpy(force=True)[..., :num_own]
            for cells, num_own in windows(mix_blocks, frames)
        )
        for masks in cross_faded(heard, frames):
            yield binarise(masks) if self.settings.masks == "binary" else masks

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.synthesizer.scale.device

    def _window_masks(self, cells: np.ndarray, queries: Tensor) -> Tensor:
        """Return soft linear masks [N, F, T] of T + 1 cells of samples."""
        samples = torch.from_numpy(cells).to(self.device, torch.float32)
        logits = self(log_rows(spectrum_of_cells(samples).abs(), self.settings.log_rows)[None], queries[None])[0]
        return to_linear_bins(torch.sigmoid(logits), NUM_BINS)


def log_rows(magnitude: Tensor, num_rows: int) -> Tensor:
    """Return what the sound network hears, [..., L, T], of linear magnitudes [..., F, T]."""
    return torch.log(to_log_rows(magnitude + _FLOOR, num_rows))
