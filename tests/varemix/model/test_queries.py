"""Pictures as the vision networks want them."""

import numpy as np
import pytest
import torch
from PIL import Image

from varemix.model.queries import normalised, picture_tensor

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
DEVIATION = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def thirds(size):
    """Return a picture whose left, middle and right thirds are black, white and black."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 3 : 2 * width // 3] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (50, 40), (224, 224)])
@pytest.mark.parametrize("framing", ["middle", "whole"])
def test_every_picture_fills_the_square(size, framing):
    assert picture_tensor(Image.new("RGB", size), framing, 224).shape == (3, 224, 224)


def test_the_middle_leaves_the_edges_out_and_the_whole_keeps_them():
    picture = thirds((300, 100))
    middle, whole = (picture_tensor(picture, framing, 96) for framing in ("middle", "whole"))
    white = ((1 - MEAN) / DEVIATION)[:, 0, 0]
    assert torch.equal(middle[:, 5:-5, 5:-5], white[:, None, None].expand(3, 86, 86))
    torch.testing.assert_close(whole[:, 48, 48], white)
    assert whole[:, :, :20].max() < -1
    assert whole[:, :, -20:].max() < -1


def test_numbers_are_normalised_as_imagenets_were():
    pixels = torch.stack([255 * (MEAN + z * DEVIATION).expand(3, 2, 2) for z in (0.0, 1.0, -1.5)])
    expected = torch.tensor([0.0, 1.0, -1.5])[:, None, None, None].expand(3, 3, 2, 2)
    torch.testing.assert_close(normalised(pixels), expected, rtol=0, atol=1e-5)
