"""Rows of sounds and photos as preparation leaves them, with their files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from catalog.store import Catalog
from tests.solos import RATE_HZ, write_wav


def sound_row(name: str, **facts: Any) -> dict[str, Any]:
    """Return the row of a sound that is ready: a phrase that Ann plays on the harp, unless the facts say otherwise."""
    row = {"sound_id": name, "clip_id": f"clip of {name}", "source": "list.csv", "file": f"{name}.wav"}
    row |= {"label": "harp", "kind": "phrase", "group": "ann", "split": "train", "status": "ready"}
    return row | {"source_first_sample": 0, "duration_s": 1.0} | facts


def add_sounds(catalog: Catalog, *sounds: dict[str, Any], seconds: float = 1.0) -> None:
    """Write sounds end to end into one file of the home, and their rows."""
    path = catalog.home.root / "sounds" / f"pack {catalog.version('sounds')}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    num_samples = round(seconds * RATE_HZ)
    moments_s = np.arange(num_samples) / RATE_HZ
    write_wav(path, np.concatenate([0.5 * np.sin(2 * np.pi * (300 + 90 * n) * moments_s) for n in range(len(sounds))]))
    places = [
        {"first_sample": n * num_samples, "num_samples": num_samples, "rate_hz": RATE_HZ, "duration_s": seconds}
        for n in range(len(sounds))
    ]
    where = {"wav_path": catalog.home.relative(path)}
    catalog.merge("sounds", [sound | place | where for sound, place in zip(sounds, places, strict=True)])


def add_photos(catalog: Catalog, photos: Sequence[tuple[str, str, str]], **facts: Any) -> None:
    """Write photos of one colour each, told as name, instrument and colour, and their rows."""
    folder = catalog.home.root / "photos"
    folder.mkdir(exist_ok=True)
    catalog.merge("photos", [_photo_row(catalog, folder / f"{name}.png", *told) | facts for name, *told in photos])


def _photo_row(catalog: Catalog, path: Path, instrument: str, colour: str) -> dict[str, Any]:
    Image.new("RGB", (64, 48), colour).save(path)
    row = {"photo_id": path.stem, "picture_id": f"picture {path.stem}", "source": "photos.csv", "file": path.name}
    row |= {"instrument": instrument, "split": "train", "status": "ready"}
    return row | {"path": catalog.home.relative(path)}
