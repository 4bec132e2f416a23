"""Several separators into one that hears with the sound networks of all: its logits are the mean of theirs.

Networks trained apart err apart, so the mean errs less than each. The queries of all are put one after another, so that
a picture is looked at once.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from varemix.errors import CheckpointError
from varemix.model.separator import Separator
from varemix.model.sound import SideBySide
from varemix.model.vision import Standardise


@torch.no_grad()
def joined(separators: Sequence[Separator]) -> Separator:
    """Return one separator of several, whose logits are the mean of theirs.

    Raises CheckpointError unless all have one sound network, equal settings, the same instruments, and one pair of
    eyes: the same trunk, with a linear head on standardised features.
    """
    first = separators[0]
    _check_alike(separators)
    settings = replace(
        first.settings, num_maps=sum(one.settings.num_maps for one in separators), num_sound_networks=len(separators)
    )
    whole = Separator(settings, first.instruments).eval()
    assert isinstance(whole.sound, SideBySide)
    for network, one in zip(whole.sound.networks, separators, strict=True):
        network.load_state_dict(one.sound.state_dict())
    whole.vision.trunk.load_state_dict(first.vision.trunk.state_dict())
    weights, biases = zip(*(_plain_head(one) for one in separators), strict=True)
    _, linear = _head(whole)
    linear.weight.copy_(torch.cat(weights))
    linear.bias.copy_(torch.cat(biases))
    whole.synthesizer.scale.copy_(torch.cat([one.synthesizer.scale for one in separators]) / len(separators))
    whole.synthesizer.bias.copy_(torch.stack([one.synthesizer.bias for one in separators]).mean(dim=0))
    whole.instrument_queries.copy_(torch.cat([one.instrument_queries for one in separators], dim=1))
    return whole


def _check_alike(separators: Sequence[Separator]) -> None:
    first = separators[0]
    trunk = first.vision.trunk.state_dict()
    for one in separators:
        has_plain_head = isinstance(one.vision.head, nn.Sequential) and isinstance(one.vision.head[0], Standardise)
        is_alike = (
            one.settings == first.settings
            and one.settings.num_sound_networks == 1
            and one.instruments == first.instruments
            and has_plain_head
            and all(torch.equal(weights, trunk[name]) for name, weights in one.vision.trunk.state_dict().items())
        )
        if not is_alike:
            raise CheckpointError(
                "These models cannot be joined: the same recipe with a frozen EfficientNet-Lite, the same "
                "instruments and one sound network each are expected. Join models of one recipe."
            )


def _plain_head(separator: Separator) -> tuple[Tensor, Tensor]:
    """Return weights [K, D] and bias [K] that do what standardising and the linear layer do."""
    standardise, linear = _head(separator)
    weight = linear.weight / standardise.deviation
    return weight, linear.bias - weight @ standardise.mean


def _head(separator: Separator) -> tuple[Standardise, nn.Linear]:
    head = separator.vision.head
    assert isinstance(head, nn.Sequential)
    standardise, linear = head
    assert isinstance(standardise, Standardise)
    assert isinstance(linear, nn.Linear)
    return standardise, linear
