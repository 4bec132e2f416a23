"""Random views of pictures: what a photograph of the same instrument might also look like."""

import math

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

_NOTHING_PIXELS = 224


def random_view(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Return the picture squeezed, set before another background, cut, mirrored, coloured, blurred or turned a little.

    The result keeps no size in particular.
    """
    view = _squeezed(picture, draw)
    if draw.random() < 0.25:
        view = _before_background(view, draw)
    view = _cut(view, draw)
    if draw.random() < 0.5:
        view = ImageOps.mirror(view)
    if draw.random() < 0.7:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            view = enhance(view).enhance(draw.uniform(0.5, 1.5))
    if draw.random() < 0.2:
        view = view.filter(ImageFilter.GaussianBlur(draw.uniform(0.5, 2)))
    if draw.random() < 0.3:
        view = view.rotate(draw.uniform(-12, 12), Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    return view


def picture_of_nothing(draw: np.random.Generator) -> Image.Image:
    """Return a picture without an instrument: a plain colour, a gradient, noise, or blots."""
    size = (_NOTHING_PIXELS, _NOTHING_PIXELS)
    colours = draw.integers(0, 256, (2, 3))
    kind = int(draw.integers(4))
    if kind == 0:
        grey = int(draw.integers(0, 256))
        return Image.new("RGB", size, tuple(colours[0].tolist()) if draw.random() < 0.5 else (grey, grey, grey))
    if kind == 1:
        slope = np.linspace(0, 1, _NOTHING_PIXELS)[:, None, None]
        ramp = np.broadcast_to(colours[0] + slope * (colours[1] - colours[0]), (*size, 3)).astype(np.uint8)
        return Image.fromarray(ramp if draw.random() < 0.5 else ramp.swapaxes(0, 1).copy())
    cells = _NOTHING_PIXELS if kind == 2 else int(draw.integers(2, 12))
    noise = draw.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def _squeezed(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    half = math.exp(draw.uniform(-0.25, 0.25))
    width, height = picture.size
    return picture.resize((max(32, round(width * half)), max(32, round(height / half))), Image.Resampling.BICUBIC)


def _before_background(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    width, height = (round(size * draw.uniform(1.0, 1.6)) for size in picture.size)
    plain = [(255, 255, 255), (0, 0, 0), tuple(draw.integers(0, 256, 3).tolist())]
    background = Image.new("RGB", (width, height), plain[draw.integers(3)])
    corner = (int(draw.integers(width - picture.width + 1)), int(draw.integers(height - picture.height + 1)))
    background.paste(picture, corner)
    return background


def _cut(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    side = math.sqrt(draw.uniform(0.45, 1.0))
    if draw.random() < 0.5:  # a square out of it, as many pictures are
        width = height = round(min(picture.size) * side)
    else:
        width, height = (round(size * side) for size in picture.size)
    left, top = (
        int(draw.integers(whole - part + 1)) for whole, part in zip(picture.size, (width, height), strict=True)
    )
    return picture.crop((left, top, left + width, top + height))
