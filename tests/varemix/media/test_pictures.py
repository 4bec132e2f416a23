import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from varemix.errors import MediaError
from varemix.media import pictures
from varemix.media.pictures import read_picture

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def two_halves(mode: str = "RGB") -> Image.Image:
    """Return 8 x 4 pixels, red on the left, blue on the right."""
    picture = Image.new("RGB", (8, 4), RED)
    picture.paste(BLUE, (4, 0, 8, 4))
    return picture.convert(mode)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_a_picture_comes_as_rgb_with_its_colours(tmp_path: Path, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    (tmp_path / "a").write_bytes(encoded(two_halves(), kind, **options))
    picture = read_picture(tmp_path / "a")
    assert (picture.mode, picture.size) == ("RGB", (8, 4))
    assert (picture.getpixel((0, 0)), picture.getpixel((7, 3))) == (RED, BLUE)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "I;16"])
def test_other_colour_modes_become_rgb(mode: str) -> None:
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    grey = Image.new("I;16", (8, 4)) if mode == "I;16" else two_halves(mode)
    assert read_picture(encoded(grey, kind)).mode == "RGB"


def test_a_picture_is_turned_upright_by_its_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: its left side becomes the top
    picture = read_picture(encoded(two_halves(), "PNG", exif=exif))
    assert picture.size == (4, 8)
    assert (picture.getpixel((0, 0)), picture.getpixel((0, 7))) == (RED, BLUE)


def test_what_is_transparent_becomes_white() -> None:
    picture = Image.new("RGBA", (2, 1), (*RED, 0))
    picture.putpixel((1, 0), (*RED, 255))
    read = read_picture(encoded(picture, "PNG"))
    assert (read.getpixel((0, 0)), read.getpixel((1, 0))) == (WHITE, RED)


def test_a_transparent_palette_entry_becomes_white() -> None:
    read = read_picture(encoded(two_halves("P"), "PNG", transparency=two_halves("P").getpixel((0, 0))))
    assert (read.getpixel((0, 0)), read.getpixel((7, 0))) == (WHITE, BLUE)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_an_animation_comes_the_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE, RED)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert read_picture(content).getpixel((0, 0)) == RED


def claiming_png(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size that its content does not hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_000, 5_001), (12_000, 9_000), (60_000, 60_000)])
def test_too_many_pixels_are_refused_before_decoding(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(MediaError, match="pixels"):
        read_picture(claiming_png(*size))


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(pictures.MAX_BYTES + 1)
    with pytest.raises(MediaError, match=r"'a\.png' has more than 64 MiB"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(MediaError, match="more than 64 MiB"):
        read_picture(bytes(pictures.MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"words", "is no picture"),
        (encoded(two_halves().resize((99, 99)), "JPEG")[:-200], "is damaged"),
        (encoded(two_halves().resize((99, 99)), "PNG")[:80], "is damaged"),
        (claiming_png(50, 50), "is damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "is no picture"),
    ],
    ids=["empty", "words", "cut jpeg", "cut png", "lying png", "program"],
)
def test_what_cannot_be_read_gets_a_reason_with_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(MediaError, match=rf"'a\.jpg' {reason}"):
        read_picture(tmp_path / "a.jpg")


def test_a_missing_picture_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"'none\.jpg' cannot be read"):
        read_picture(tmp_path / "none.jpg")
