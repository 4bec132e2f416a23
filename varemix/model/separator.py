"""The separator: the three networks assembled, asked with pictures, answering with masks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from varemix.errors import UsageError
from varemix.memory import give_back_gaps
from varemix.model.competition import read_masks, read_masks_together
from varemix.model.folding import fold_norms
from varemix.model.settings import SeparatorSettings
from varemix.model.sound import build_sound
from varemix.model.synthesizer import Synthesizer
from varemix.model.vision import RecognisingNetwork, build_vision
from varemix.model.windows import cross_faded, windows
from varemix.signal.frequency_grid import power_on_rows, to_bins, to_rows
from varemix.signal.grid import Grid
from varemix.signal.masks import Masks, binarise
from varemix.signal.presence import EVERYTHING_PLAYS_DB, PresenceMeter
from varemix.signal.spectrogram import spectrum_of_cells

__all__ = ["Separator", "SeparatorSettings"]

if TYPE_CHECKING:
    from PIL.Image import Image

_SILENT = 1e-5
_LONG_S = 120.0  # from here on the milliseconds of giving memory back are not noticed


class Separator(nn.Module):
    """Hears pictured instruments in a mix.

    Built new by `Separator(settings)`, or from a file by `varemix.model.checkpoint.load_checkpoint`. It also holds
    one query for each instrument it was trained on, so that a name can be asked for as well as a picture, and the
    `PresenceMeter`'s measure from which an instrument counts as playing. `is_reduced` makes it compute in bfloat16,
    `is_folded` says that its normalisations are part of its convolutions: `load` gives such a one.
    """

    instrument_queries: Tensor
    presence_threshold_db: Tensor

    def __init__(self, settings: SeparatorSettings, instruments: Sequence[str] = ()) -> None:
        super().__init__()
        self.settings = settings
        self.instruments = tuple(instruments)
        self.is_reduced = self.is_folded = False
        num_recognised = len(self.instruments) if settings.recognises else 0
        self.vision = build_vision(settings.vision, settings.num_maps, num_recognised)
        self.sound = build_sound(
            settings.sound,
            num_maps=settings.num_maps,
            widths=settings.widths,
            num_rows=settings.grid.num_rows,
            frequency_blocks=settings.frequency_blocks,
            num_networks=settings.num_sound_networks,
        )
        self.sound.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.synthesizer = Synthesizer(settings.num_maps)
        self.register_buffer("instrument_queries", torch.zeros(len(self.instruments), settings.num_maps))
        self.register_buffer("presence_threshold_db", torch.tensor(EVERYTHING_PLAYS_DB))

    @classmethod
    def load(cls, path: Path | str, device: str | torch.device = "cpu") -> "Separator":
        """Return the separator in a checkpoint file, ready to hear. Raises CheckpointError as `load_checkpoint`."""
        from varemix.model.checkpoint import load_checkpoint

        separator = load_checkpoint(Path(path), device)
        separator.fold_norms()
        return separator

    def fold_norms(self) -> None:
        """Make it a separator that only hears: faster, and no longer to be trained or saved."""
        fold_norms(self.sound)
        self.sound.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.is_folded = True

    def forward(self, log_magnitude: Tensor, queries: Tensor) -> Tensor:
        """Return mask logits [B, N, L, T] of log magnitudes [B, L, T] and queries [B, N, K]."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_reduced):
            logits: Tensor = self.synthesizer(queries, self.sound(log_magnitude.unsqueeze(1)))
        return logits.float()

    def logits(self, heard: Tensor, queries: Tensor) -> Tensor:
        """Return mask logits [N, L, T] of what is heard of one mix [L, T] and queries [N, K]: `forward`, but faster."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_reduced):
            mixtures: Tensor = self.sound(heard[None, None], self.synthesizer.mixing(queries))
        return mixtures[0].float().add_(self.synthesizer.bias)

    def keep_instruments(self, queries: Mapping[str, Tensor]) -> None:
        """Keep these queries [K] under their instruments' names, instead of those held before."""
        self.instruments = tuple(sorted(queries))
        self.instrument_queries = torch.stack([queries[name] for name in self.instruments]).detach()

    @torch.inference_mode()
    def queries(self, images: Sequence["Image"]) -> Tensor:
        """Return the queries [N, K] of N pictures, one of each instrument."""
        return self.vision.queries(self.seen(images))

    @torch.inference_mode()
    def query_of_clip(self, frames: Sequence["Image"]) -> Tensor:
        """Return the one query [K] that several pictures of the same instrument make together."""
        return self.vision.queries(self.seen(frames).flatten(0, 1)[None])[0]

    @torch.inference_mode()
    def seen(self, images: Sequence["Image"]) -> Tensor:
        """Return what the vision network sees in N pictures, features [N, V, ...] of V views of each.

        Where pictures are compared with known instruments, each is also seen mirrored.
        """
        pictures = self._pictures(images).unsqueeze(1)
        if isinstance(self.vision, RecognisingNetwork):
            pictures = torch.cat([pictures, pictures.flip(-1)], dim=1)
        return self.vision.features(pictures)

    def instrument_query(self, name: str) -> Tensor:
        """Return the kept query [K] of an instrument; UsageError, with the names there are, for another."""
        if name not in self.instruments:
            known = ", ".join(self.instruments) or "none"
            raise UsageError(
                f"This model does not know the instrument '{name}'. It knows: {known}. "
                "Give one of these names, or the path of a picture."
            )
        return self.instrument_queries[self.instruments.index(name)]

    def masks(
        self, mix: np.ndarray, queries: Tensor, *, meter: PresenceMeter | None = None, nothing_else: bool = False
    ) -> Masks:
        """Return the masks of a mono mix [S] at 44.1 kHz and queries [N, K], on `mask_grid`.

        `nothing_else` is as for `mask_blocks`.
        """
        blocks = self.mask_blocks([mix], queries, meter=meter, nothing_else=nothing_else)
        return Masks(values=np.concatenate(list(blocks), axis=-1), grid=self.mask_grid)

    @torch.inference_mode()
    def mask_blocks(
        self,
        mix_blocks: Iterable[np.ndarray],
        queries: Tensor,
        *,
        meter: PresenceMeter | None = None,
        nothing_else: bool = False,
        skips_silence: bool = False,
    ) -> Iterator[np.ndarray]:
        """Yield the masks [N, R, T_b] of a mono mix that comes in blocks [S_b], in order, without a gap.

        R are the rows of `mask_grid`, values in 0..1. The mix is heard in overlapping windows, cross-faded on the mask.
        Memory is bounded by a window and a block. A `meter` for N masks measures on the way whether the instruments
        play. With `nothing_else` only these N are taken to play: they compete among themselves instead of with the kept
        ones, and equal queries share. It raises UsageError where instruments do not compete. With `skips_silence` a
        window in which nothing passes -100 dBFS is not heard: its masks are 0.
        """
        if nothing_else:
            self.settings.check_rivals()
        frames = self.settings.window_frames
        how = {"nothing_else": nothing_else, "skips_silence": skips_silence}
        own = windows(mix_blocks, frames, self.settings.grid)
        heard = (self.hear_window(cells, queries, **how)[..., :num_own] for cells, num_own in own)
        num_frames = 0
        for faded in cross_faded(heard, frames):
            masks, power = faded[:-1], faded[-1]
            num_frames += power.shape[-1]
            if meter is not None:
                meter.add(masks, power)
            yield binarise(masks) if self.settings.masks == "binary" else masks
        if num_frames * self.settings.grid.hop_s > _LONG_S:
            give_back_gaps()

    @torch.inference_mode()
    def hear_window(
        self, cells: np.ndarray, queries: Tensor, *, nothing_else: bool = False, skips_silence: bool = False
    ) -> np.ndarray:
        """Return the soft masks of a window's samples and, last, the power of the mix behind them, [N + 1, R, T].

        The settings are those of `mask_blocks`.
        """
        if skips_silence and np.abs(cells).max() <= _SILENT:
            shape = (len(queries) + 1, self.mask_grid.num_rows, self.settings.window_frames)
            return np.zeros(shape, dtype=np.float32)
        return self._window_masks(cells, queries, nothing_else=nothing_else).numpy(force=True)

    @property
    def mask_grid(self) -> Grid:
        """The grid that masks come on."""
        return self.settings.mask_grid

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.synthesizer.scale.device

    def log_rows(self, magnitude: Tensor) -> Tensor:
        """Return what the sound network hears, [..., L, T], of linear magnitudes [..., F, T]."""
        grid = self.settings.grid
        return torch.log(to_rows(magnitude, grid) + grid.floor)

    def _pictures(self, images: Sequence["Image"]) -> Tensor:
        from varemix.model.queries import picture_tensor

        vision = self.vision
        return torch.stack([picture_tensor(image, vision.framing, vision.pixels) for image in images]).to(self.device)

    def _window_masks(self, cells: np.ndarray, queries: Tensor, *, nothing_else: bool) -> Tensor:
        """Return soft masks [N, R, T] of a window's samples, and the power [R, T] of the mix behind them."""
        grid, mask_grid = self.settings.grid, self.mask_grid
        samples = torch.from_numpy(cells).to(self.device, torch.float32)
        magnitude = spectrum_of_cells(samples, grid).abs()
        masks = self._row_masks(self.log_rows(magnitude), queries, nothing_else=nothing_else)
        if mask_grid != grid:
            masks = to_bins(masks, grid)
        return torch.cat([masks, power_on_rows(magnitude.square(), mask_grid)[None]])

    def _row_masks(self, heard: Tensor, queries: Tensor, *, nothing_else: bool) -> Tensor:
        """Return the soft masks [N, L, T] of what is heard [L, T]."""
        kept = self.instrument_queries
        if not self.settings.has_rivals or not (len(kept) or nothing_else):
            return self.logits(heard, queries).sigmoid_()
        distances = _distances(queries, kept)
        is_new = distances.amin(dim=1) > 0
        nearest = distances.argmin(dim=1) if len(kept) else torch.zeros_like(is_new, dtype=torch.long)
        places = torch.where(is_new, len(kept) - 1 + is_new.cumsum(dim=0), nearest)
        rule = self.settings.reading
        logits = self.logits(heard, torch.cat([kept, queries[is_new]])).div_(rule.temperature)
        read = read_masks_together if nothing_else else read_masks
        return read(logits, places, len(kept), nearest[is_new], rule)


def _distances(queries: Tensor, kept: Tensor) -> Tensor:
    """Return the distances [N, I] of queries from kept ones, just 0 between equal ones; infinite if none are kept."""
    if not len(kept):
        return queries.new_full((len(queries), 1), torch.inf)
    return torch.cdist(queries, kept, compute_mode="donot_use_mm_for_euclid_dist")
