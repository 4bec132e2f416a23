"""Pictures that people hand over, as plain RGB.

Belongs here: reading and checking picture files. Stays out: crops and normalisation for a network
(`varemix.model`).
"""

import io
import os
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from varemix.errors import MediaError

MAX_PIXELS = 50_000_000
MAX_BYTES = 64 * 2**20
_LEAST_SIDE_PIXELS = 32
_JPEG_QUALITY = 92
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # none that starts another program


def read_picture(source: Path | bytes) -> Image.Image:
    """Return a picture file, or its bytes, as an RGB image [H, W, 3], upright by its EXIF orientation.

    Transparency is laid on white; of an animation comes the first frame. Raises MediaError when it is no
    picture of a common kind, is damaged, has more than 64 MiB, or more than 50 million pixels (checked before
    decoding).
    """
    name, content = _content(source)
    try:
        with Image.open(io.BytesIO(content), formats=_known_formats()) as picture:
            _check_size(picture, name)
            picture.seek(0)
            upright = ImageOps.exif_transpose(picture)
            return _on_white(upright)
    except UnidentifiedImageError as error:
        raise MediaError(f"{name} is no picture that can be read. Give a JPEG, PNG or WebP file.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaError(
            f"{name} has too many pixels; {MAX_PIXELS // 10**6} million are the limit. Make it smaller."
        ) from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        RuntimeError,
    ) as error:  # what Pillow's decoders raise for damage
        raise MediaError(f"{name} is damaged: {error}. Save or copy it again.") from error


def _known_formats() -> list[str]:
    """Return those of our formats that this build of Pillow can open."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _content(source: Path | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, content = "The picture", source[: MAX_BYTES + 1]
    else:
        name = f"'{source.name}'"
        try:
            with source.open("rb") as file:
                num_bytes = os.fstat(file.fileno()).st_size
                content = file.read(MAX_BYTES + 1) if num_bytes <= MAX_BYTES else b"\0" * (MAX_BYTES + 1)
        except OSError as error:
            raise MediaError(f"{name} cannot be read: {error.strerror}. Check its path and permissions.") from error
    if len(content) > MAX_BYTES:
        raise MediaError(f"{name} has more than {MAX_BYTES // 2**20} MiB. Make it smaller.")
    if not content:
        raise MediaError(f"{name} is empty. Save or copy it again.")
    return name, content


def _check_size(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{name} has {width} x {height} pixels; {MAX_PIXELS // 10**6} million are the limit. Make it smaller."
        )


def _on_white(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layer).convert("RGB")


def small_jpeg(picture: Image.Image, short_side_pixels: int) -> bytes:
    """Return an RGB image as JPEG, made smaller where its shorter side has more pixels; it holds nothing but the image.

    Raises MediaError for one that shows nothing: a side of less than 32 pixels, or one colour throughout.
    """
    width, height = picture.size
    if min(width, height) < _LEAST_SIDE_PIXELS:
        raise MediaError(
            f"It has {width} x {height} pixels; at least {_LEAST_SIDE_PIXELS} a side are expected. Leave it out."
        )
    if picture.getcolors(maxcolors=1):
        raise MediaError("It shows one colour throughout. Leave it out.")
    scale = min(1.0, short_side_pixels / min(width, height))
    small = picture.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    small.save(content, "JPEG", quality=_JPEG_QUALITY)
    return content.getvalue()
