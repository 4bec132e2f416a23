"""Pictures as the vision networks want them, as tensors.

The paper's network looks at the middle of a picture; in training at a random part of it, sometimes mirrored, the same
part for all frames of a clip (Zhao et al. 2018, public code's transforms). Ours looks at the whole picture, squeezed
into the square: a flute or a tuba often reaches from edge to edge. Numbers are normalised as ImageNet's were.
"""

import numpy as np
import torch
from PIL.Image import Image, Resampling
from torch import Tensor

from varemix.model.vision import Framing

_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
_DEVIATION = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def picture_tensor(picture: Image, framing: Framing, pixels: int) -> Tensor:
    """Return the picture [3, H, W], H = W = `pixels`, framed and normalised."""
    framed = middle(picture, pixels) if framing == "middle" else whole(picture, pixels)
    return normalised(torch.from_numpy(np.array(framed)).permute(2, 0, 1))


def middle(picture: Image, pixels: int) -> Image:
    """Return the picture's middle [pixels x pixels], the short side brought to that size."""
    width, height = picture.size
    scale = pixels / min(width, height)
    resized = picture.resize(
        (max(pixels, round(width * scale)), max(pixels, round(height * scale))), Resampling.BICUBIC
    )
    left, top = ((size - pixels) // 2 for size in resized.size)
    return resized.crop((left, top, left + pixels, top + pixels))


def whole(picture: Image, pixels: int) -> Image:
    """Return all of the picture squeezed into [pixels x pixels]."""
    return picture.resize((pixels, pixels), Resampling.BICUBIC)


def normalised(pixels: Tensor) -> Tensor:
    """Return pixels [..., 3, H, W] of 0..255 as ImageNet's pictures were normalised."""
    return (pixels / 255 - _MEAN.to(pixels.device)) / _DEVIATION.to(pixels.device)
