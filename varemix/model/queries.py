"""Pictures as the vision networks want them, as tensors.

Evaluation looks at the middle of a picture; training at a random part of it, sometimes mirrored, the same part for
all frames of a clip. Numbers are normalised as ImageNet's were. Source: Zhao et al. 2018 (public code's transforms).
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as pictures

from varemix.model.vision import PICTURE_PIXELS

_MEAN = [0.485, 0.456, 0.406]
_DEVIATION = [0.229, 0.224, 0.225]
_TRAINING_PIXELS = round(1.1 * PICTURE_PIXELS)


def middle_tensor(picture: Image) -> Tensor:
    """Return the picture [3, H, W], H = W = 224: short side to 224, middle cut out, normalised."""
    return _normalised(pictures.center_crop(_resized(picture, PICTURE_PIXELS), [PICTURE_PIXELS] * 2))


def random_tensors(clip: Sequence[Image], draw: np.random.Generator) -> Tensor:
    """Return the frames of one clip [P, 3, H, W]: short side to 246, one random cut of 224, mirrored at even odds."""
    resized = [_resized(picture, _TRAINING_PIXELS) for picture in clip]
    left, top = (int(draw.integers(size - PICTURE_PIXELS + 1)) for size in resized[0].size)
    is_mirrored = draw.random() < 0.5
    cuts = [pictures.crop(picture, top, left, PICTURE_PIXELS, PICTURE_PIXELS) for picture in resized]
    return torch.stack([_normalised(pictures.hflip(cut) if is_mirrored else cut) for cut in cuts])


def _resized(picture: Image, short_side: int) -> Image:
    return pictures.resize(picture, short_side, InterpolationMode.BICUBIC)


def _normalised(picture: Image) -> Tensor:
    return pictures.normalize(pictures.to_tensor(picture), _MEAN, _DEVIATION)
