"""What training minimises.

`sources`: binary cross-entropy of each source's own mask, loud bins weighing more (Zhao et al. 2018). Targets are made
after warping to log rows: 1 where a source has more than half of the mix. Each bin weighs log(1 + mix magnitude),
within 0.001 and 10.

`instruments`: every bin of the mix is shared out among all instruments and nobody. Targets are each source's share
of the mix in its phase, Re(S / X) within 0..1 (Erdogan et al. 2015), what is left being nobody's; the loss is
their cross-entropy, bins weighing as the root of their magnitude and of their width on the linear frequency axis,
plus the sources' error in dB, which is what listeners and SDR notice, with the weight that the recipe says. What no
name asks for is nobody's.
"""

import torch
from torch import Tensor
from torch.nn import functional

from varemix.model.separator import Separator
from varemix.signal.frequency_grid import row_widths, to_rows
from varemix.signal.masks import ideal_binary
from varemix.training.augmentation import with_hidden
from varemix.training.recipe import Recipe

_ERROR_FLOOR = 1e-2  # of the mix's power: errors below -20 dB are not worth more effort
_LEAST = 1e-10


def separation_loss(
    separator: Separator,
    recipe: Recipe,
    sources: Tensor,
    noise: Tensor | None,
    queries: Tensor,
    labels: Tensor,
    hidden: Tensor | None = None,
    num_named: Tensor | None = None,
) -> Tensor:
    """Return the loss [] of the separator on mixes of spectra [B, N, F, T] and noise [B, F, T].

    `queries` are [B, Q, K]; labels [B, N] tell which of them asks for which source, -1 where none does; `hidden`
    [B, 4, 2] what it does not hear. Where the mixes are a part of a batch, `num_named` [] is how many sources a part
    asks for in the mean.
    """
    grid = separator.settings.grid
    mix = sources.sum(dim=1) if noise is None else sources.sum(dim=1) + noise
    magnitude = mix.abs()
    heard = separator.log_rows(magnitude)
    logits = separator(heard if hidden is None else with_hidden(heard, hidden), queries)
    mix_log = to_rows(magnitude, grid)
    if recipe.asked == "sources":
        return mask_loss(logits, to_rows(sources.abs(), grid), mix_log)
    shares = (sources / (mix + _LEAST).unsqueeze(1)).real
    shares, widths = to_rows(shares.clamp_(0, 1), grid), row_widths(grid, mix_log.device)
    return share_loss(logits, shares, mix_log, labels, widths, recipe.error_weight, num_named)


def mask_loss(logits: Tensor, sources_log: Tensor, mix_log: Tensor) -> Tensor:
    """Return the scalar loss of logits [B, N, L, T], source magnitudes [B, N, L, T] and the mix's [B, L, T]."""
    targets = ideal_binary(sources_log, mix_log)
    weights = mix_log.log1p().clamp(1e-3, 10).unsqueeze(1).expand_as(logits)
    return functional.binary_cross_entropy_with_logits(logits, targets, weights)


def share_loss(
    logits: Tensor,
    shares: Tensor,
    mix_log: Tensor,
    labels: Tensor,
    widths: Tensor,
    error_weight: float,
    num_named: Tensor | None = None,
) -> Tensor:
    """Return the scalar loss of logits [B, Q, L, T] that compete, and the sources' shares [B, N, L, T] of the mix.

    `mix_log` is the mix's magnitude [B, L, T]; labels [B, N] tell which logits are the sources', -1 that none are;
    `widths` [L] how much of the linear frequency axis each row stands for. Errors in dB are divided by `num_named` [],
    by default the number of sources that are asked for.
    """
    is_named = labels >= 0
    shares = shares * is_named[:, :, None, None]
    shares = shares / shares.sum(dim=1, keepdim=True).clamp_min(1)
    nobodys = 1 - shares.sum(dim=1)
    everyone = _log_of_all(logits)
    places = labels.clamp_min(0)[:, :, None, None].expand(-1, -1, *logits.shape[-2:])
    log_masks = logits.gather(1, places) - everyone.unsqueeze(1)
    weights = ((mix_log + _LEAST) * widths[:, None]).sqrt()
    weights = weights / weights.mean(dim=(1, 2), keepdim=True)
    entropy = -(weights * ((shares * log_masks).sum(dim=1) - nobodys * everyone)).mean()
    power = (mix_log.square() * widths[:, None]).unsqueeze(1)
    error, heard = ((power * part.square()).sum(dim=(2, 3)) for part in (log_masks.exp() - shares, shares))
    floor = _ERROR_FLOOR * power.sum(dim=(2, 3)) + _LEAST
    error_db = 10 * torch.log10((error + floor) / (heard + floor))
    count = is_named.sum() if num_named is None else num_named
    return entropy + error_weight * (error_db * is_named).sum() / count.clamp_min(1)


def _log_of_all(logits: Tensor) -> Tensor:
    """Return log(1 + sum of exp) of logits [B, Q, L, T]; several times faster than torch's over an inner axis."""
    highest = logits.detach().amax(dim=1).clamp_min(0)
    total = (logits - highest.unsqueeze(1)).exp().sum(dim=1) + (-highest).exp()
    return highest + total.log()
