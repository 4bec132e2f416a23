"""What training minimises: binary cross-entropy of the masks, loud bins weighing more.

Source: Zhao et al. 2018. Targets are made after warping to log rows: 1 where a source has more than half of the mix.
Each bin weighs log(1 + mix magnitude), within 0.001 and 10.
"""

from torch import Tensor
from torch.nn import functional

from varemix.model.separator import Separator, log_rows
from varemix.signal.frequency_grid import to_log_rows
from varemix.signal.masks import ideal_binary
from varemix.signal.spectrogram import stft


def mask_loss(logits: Tensor, sources_log: Tensor, mix_log: Tensor) -> Tensor:
    """Return the scalar loss of logits [B, N, L, T], source magnitudes [B, N, L, T] and the mix's [B, L, T]."""
    targets = ideal_binary(sources_log, mix_log)
    weights = mix_log.log1p().clamp(1e-3, 10).unsqueeze(1).expand_as(logits)
    return functional.binary_cross_entropy_with_logits(logits, targets, weights)


def separation_loss(separator: Separator, sources: Tensor, queries: Tensor) -> Tensor:
    """Return the loss of the separator on mixes of sources [B, N, S] that are asked for with queries [B, N, K]."""
    rows = separator.settings.log_rows
    mix_magnitude = stft(sources.sum(dim=1)).abs()
    logits = separator(log_rows(mix_magnitude, rows), queries)
    return mask_loss(logits, to_log_rows(stft(sources).abs(), rows), to_log_rows(mix_magnitude, rows))
