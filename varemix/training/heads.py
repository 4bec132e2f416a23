"""The head that compares pictures with instruments, fitted to a frozen trunk's features of photographs.

It is one linear layer that judges each instrument by itself, so that what is fitted is convex: binary cross-entropy
with a penalty on the weights, to its minimum by L-BFGS. Strangers, pictures of none of the instruments, shall be like
none of them (Hendrycks, Mazeika & Dietterich 2019). From which likeness on a picture counts as known is read off
photographs that were left out in turns. The sound networks stay as they are: the queries are those of the instruments
that are kept.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional

from varemix.errors import TrainingError
from varemix.media.pictures import read_picture
from varemix.model.queries import picture_tensor
from varemix.model.separator import Separator
from varemix.model.vision import InstrumentHead, RecognisingNetwork
from varemix.training.material import Photos
from varemix.training.views import picture_of_nothing, random_view

STRANGERS = "none"
_PICTURES_AT_ONCE = 16
_NUM_NOTHINGS = 96
_LARGEST_OWNER = 1 / 3
_HEAD = "vision.head."
_FIRST_BIAS = -3.0  # nothing is like anything
_EVEN_CHANCE = 0.5  # the least likeness where too few photographs are left to measure one


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """How a head is fitted.

    Each picture is seen as it is, mirrored, and in `num_random_views` random views. It shall be like what it shows by
    1 - `softening`; `penalty` is on the squared weights; an instrument of n photographs counts n to the power
    1 - `evenness`, and strangers have `stranger_share` of all weight. `num_folds` times photographs are left out, those
    of one owner together, and of those that are taken for what they show `refused_share` shall count as unknown.
    """

    num_random_views: int = 3
    softening: float = 0.02
    penalty: float = 0.03
    evenness: float = 0.8
    stranger_share: float = 0.3
    num_folds: int = 4
    refused_share: float = 0.025
    num_steps: int = 40
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class SeenPictures:
    """What the trunk sees in N pictures: features [N, V, D] in V views, the first two as they are and mirrored.

    `labels` [N] say which instrument each shows, -1 for none; `groups` [N] which of them belong together.
    """

    features: Tensor
    labels: np.ndarray
    groups: np.ndarray

    def part(self, chosen: np.ndarray) -> "SeenPictures":
        """Return those pictures that are `chosen`, truth values [N]."""
        return SeenPictures(
            features=self.features[torch.from_numpy(chosen)], labels=self.labels[chosen], groups=self.groups[chosen]
        )


def fit_head(
    separator: Separator,
    photos: Photos,
    strangers: Sequence[Path],
    settings: HeadSettings | None = None,
    *,
    may_lack: bool = False,
) -> Separator:
    """Return the separator with a head fitted to photographs of the instruments that it knows, and to strangers.

    Raises TrainingError when an instrument has no photographs, unless it `may_lack` some and is never recognised then,
    or when the trunk is not one that stays frozen.
    """
    settings = settings or HeadSettings()
    lacking = sorted(set(separator.instruments) - {name for name, paths in photos.items() if paths})
    if lacking and not may_lack:
        raise TrainingError(
            f"There are no photographs of {', '.join(lacking)}; every instrument that the model knows needs some. "
            "Give a folder of photographs with a subfolder for each."
        )
    fitted = recognising(separator)
    fit_to_seen(fitted, seen_pictures(fitted, photos, strangers, settings), settings)
    return fitted


def recognising(separator: Separator) -> Separator:
    """Return the separator with a new head that compares pictures with the instruments that it keeps."""
    try:
        made = Separator(replace(separator.settings, recognises=True), separator.instruments)
    except ValueError as error:
        raise TrainingError(f"This model's head cannot be fitted: {error} Use one on EfficientNet-Lite.") from error
    assert not separator.is_folded, "a separator that was made to hear alone holds other weights than it learnt"
    own = {name: value for name, value in separator.state_dict().items() if not name.startswith(_HEAD)}
    made.load_state_dict(made.state_dict() | own)
    made = made.to(separator.device).eval()
    made.is_reduced = separator.is_reduced
    _network(made).head.codes.copy_(torch.logit(separator.instrument_queries, eps=1e-4))
    return made


def seen_pictures(
    separator: Separator, photos: Photos, strangers: Sequence[Path], settings: HeadSettings
) -> SeenPictures:
    """Return what the trunk sees in the photographs, in the strangers, and in made pictures of nothing."""
    draw = np.random.default_rng(settings.seed)
    features, labels, groups = [], [], []
    for label, name in enumerate(separator.instruments):
        own = photos.get(name, ())
        features += [_seen(separator, read_picture(path), settings, draw) for path in own]
        labels += [label] * len(own)
        groups += owners(own)
    nothings = [picture_of_nothing(draw) for _ in range(_NUM_NOTHINGS)]
    features += [_seen(separator, read_picture(path), settings, draw) for path in strangers]
    features += [_seen(separator, picture, settings, draw) for picture in nothings]
    labels += [-1] * (len(strangers) + _NUM_NOTHINGS)
    groups += [path.stem for path in strangers] + [f"nothing {number}" for number in range(_NUM_NOTHINGS)]
    return SeenPictures(features=torch.stack(features), labels=np.array(labels), groups=np.array(groups))


def owners(paths: Sequence[Path]) -> list[str]:
    """Return whose each photograph of an instrument is: what stands before `__` in its file's name.

    One who has over a third of them is no help in leaving some out: each of these stands for itself, as do those whose
    names tell of no owner.
    """
    named = [path.stem.rpartition("__")[0] for path in paths]
    counts = Counter(named)
    return [
        owner if owner and counts[owner] <= _LARGEST_OWNER * len(paths) else path.stem
        for owner, path in zip(named, paths, strict=True)
    ]


def fit_to_seen(separator: Separator, seen: SeenPictures, settings: HeadSettings) -> None:
    """Fit the head to what was seen, and measure on photographs left out in turns when a picture counts as known."""
    vision = _network(separator)
    parts = _folds(seen.groups, settings.num_folds)
    right: list[float] = []
    for own in range(settings.num_folds):
        _fit(vision.head, seen.part(parts != own), settings)
        left_out = seen.part((parts == own) & (seen.labels >= 0))
        features = left_out.features[:, :2].float().to(vision.head.codes.device)
        likenesses = vision.likenesses(features).numpy(force=True)
        is_right = likenesses.argmax(axis=1) == left_out.labels
        right += likenesses[is_right].max(axis=1).tolist()
    _fit(vision.head, seen, settings)
    vision.head.least_likeness.fill_(float(np.quantile(right, settings.refused_share)) if right else _EVEN_CHANCE)


def _network(separator: Separator) -> RecognisingNetwork:
    assert isinstance(separator.vision, RecognisingNetwork)
    return separator.vision


def _fit(head: InstrumentHead, seen: SeenPictures, settings: HeadSettings) -> None:
    """Bring the head to the minimum of the loss over all views of all pictures."""
    num_views = seen.features.shape[1]
    device = head.codes.device
    features = seen.features.flatten(0, 1).float().to(device)
    head.standardise.learn(features)
    features = head.standardise(features)
    likenesses = _wanted_likenesses(seen.labels, len(head.codes), settings.softening)
    likenesses = likenesses.repeat_interleave(num_views, dim=0).to(device)
    weights = _weights(seen.labels, settings).repeat_interleave(num_views).to(device)
    nn.init.zeros_(head.linear.weight)
    nn.init.constant_(head.linear.bias, _FIRST_BIAS)
    optimiser = torch.optim.LBFGS(
        head.linear.parameters(), max_iter=settings.num_steps, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        error = functional.binary_cross_entropy_with_logits(head.linear(features), likenesses, reduction="none")
        found: Tensor = (weights * error.sum(dim=-1)).mean() + settings.penalty * head.linear.weight.square().sum()
        found.backward()
        return found

    optimiser.step(loss)


def _wanted_likenesses(labels: np.ndarray, num_instruments: int, softening: float) -> Tensor:
    """Return the likeness [N, I] that each picture shall have to each instrument."""
    own = torch.from_numpy(labels)[:, None] == torch.arange(num_instruments)
    return own * (1 - softening)


def _weights(labels: np.ndarray, settings: HeadSettings) -> Tensor:
    """Return how much each picture counts [N], 1 in the mean."""
    is_known = labels >= 0
    counts = np.bincount(labels[is_known])
    weights = np.ones(len(labels))
    weights[is_known] = counts[labels[is_known]] ** -settings.evenness
    if is_known.all() or not is_known.any():
        return torch.from_numpy(weights / weights.mean()).float()
    weights[is_known] *= (1 - settings.stranger_share) / weights[is_known].sum()
    weights[~is_known] *= settings.stranger_share / weights[~is_known].sum()
    return torch.from_numpy(weights * len(labels)).float()


def _folds(groups: np.ndarray, num_folds: int) -> np.ndarray:
    """Return the fold [N] in which each picture is left out, the same for all of a group."""
    return np.array([int(sha256(group.encode()).hexdigest()[:8], 16) % num_folds for group in groups.tolist()])


@torch.inference_mode()
def _seen(separator: Separator, picture: Image.Image, settings: HeadSettings, draw: np.random.Generator) -> Tensor:
    """Return the trunk's features [V, D] of the views of a picture, in half precision."""
    vision = separator.vision
    views = [picture, ImageOps.mirror(picture), *(random_view(picture, draw) for _ in range(settings.num_random_views))]
    tensors = torch.stack([picture_tensor(view, vision.framing, vision.pixels) for view in views])
    return vision.features(tensors.to(separator.device)[None])[0].cpu().half()
