"""What pictures are like, and whether they show an instrument that is known.

A picture is known where its likeness to one instrument reaches what nearly all pictures of instruments do that the
network has never seen. One that learnt that other things are like none of them finds what it never saw like none, too
(Hendrycks, Mazeika & Dietterich 2019, "Deep anomaly detection with outlier exposure").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional

from varemix.model.separator import Separator
from varemix.model.vision import RecognisingNetwork

_NUM_NEAREST = 2


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """A known instrument, and how like it a picture is, 0 to 1."""

    name: str
    share: float


@dataclass(frozen=True, kw_only=True)
class Resemblance:
    """The known instruments that a picture is most like, the nearest first, and whether it counts as one of them."""

    nearest: tuple[Likeness, ...]
    is_known: bool

    @property
    def in_words(self) -> str:
        """What a person is told of a picture."""
        named = " and ".join(f"{near.name.replace('_', ' ')} ({near.share:.0%})" for near in self.nearest)
        if self.is_known:
            return f"is most like {named}"
        return f"shows none of the instruments that the model knows; it is most like {named}"


@torch.inference_mode()
def resemblances(separator: Separator, images: Sequence[Image]) -> list[Resemblance]:
    """Return what each picture is like; see `resemblances_of_seen`."""
    return resemblances_of_seen(separator, separator.seen(images))


@torch.inference_mode()
def resemblance_together(separator: Separator, images: Sequence[Image]) -> Resemblance:
    """Return what several pictures of one instrument are like, looked at together."""
    [found] = resemblances_of_seen(separator, separator.seen(images).flatten(0, 1)[None])
    return found


@torch.inference_mode()
def resemblances_of_seen(separator: Separator, seen: Tensor) -> list[Resemblance]:
    """Return what each of the pictures is like, of which the vision network has `seen` features [N, V, ...].

    Without a head that compares, the likeness is the cosine between queries, and every picture counts as known.
    """
    vision = separator.vision
    if not isinstance(vision, RecognisingNetwork):
        return [_nearest(separator, row, least=-1.0) for row in _cosines(vision.queries(seen), separator)]
    least = float(vision.head.least_likeness)
    return [_nearest(separator, row, least=least) for row in vision.likenesses(seen)]


def _cosines(queries: Tensor, separator: Separator) -> Tensor:
    return functional.cosine_similarity(queries[:, None], separator.instrument_queries[None], dim=-1)


def _nearest(separator: Separator, shares: Tensor, *, least: float) -> Resemblance:
    top = shares.topk(min(_NUM_NEAREST, len(shares)))
    nearest = [
        Likeness(name=separator.instruments[place], share=share)
        for share, place in zip(top.values.tolist(), top.indices.tolist(), strict=True)
    ]
    return Resemblance(nearest=tuple(nearest), is_known=not nearest or nearest[0].share >= least)
