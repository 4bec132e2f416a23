"""The checkpoint that comes with the software: small, whole, and able to hear.

The recordings are the demonstration's. Their sound font was learnt from, so what is asked here is only that the file
serves; how well it hears what it never heard is measured by `varemix evaluate` and told in the model card.
"""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import varemix.weights
from catalog.sources import INSTRUMENTS
from varemix.evaluation.bss import bss_eval
from varemix.media.audio import read_audio
from varemix.media.video import extract_wav
from varemix.model.checkpoint import read_header
from varemix.model.hearing_quality import hearing_qualities
from varemix.model.recognition import resemblances
from varemix.model.separator import Separator
from varemix.model.vision import build_vision, load_imagenet
from varemix.model.windows import overlap_frames
from varemix.remix.mixer import separate
from varemix.signal.presence import PresenceMeter
from varemix.training.recipe import reference

FILE = Path(varemix.weights.__file__).parent / "reference.safetensors"
PICTURES = Path(__file__).parents[3] / "demo" / "pictures"
VIDEOS = Path(__file__).parents[3] / "demo" / "videos"
HEARD = ("tuba", "acoustic-guitar", "flute")
NUM_SAMPLES = 262_140


@pytest.fixture(scope="module")
def separator() -> Separator:
    return Separator.load(FILE)


@pytest.fixture(scope="module")
def solos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Return a stretch [S] of a solo of each instrument."""
    folder = tmp_path_factory.mktemp("solos")
    sounds = {}
    for name in HEARD:
        wav = folder / f"{name}.wav"
        extract_wav(VIDEOS / f"demo-{name}-3.mp4", wav)
        sounds[name.replace("-", "_")] = read_audio(wav)[0][0, :NUM_SAMPLES].astype(np.float32) / 2
    return sounds


def test_it_is_at_most_40_mb_and_holds_no_more_than_weights_and_facts() -> None:
    assert FILE.stat().st_size <= 40e6
    provenance = read_header(FILE)["provenance"]
    assert provenance["recipe"]["name"] == "reference"
    assert "/" not in str({name: value for name, value in provenance.items() if name != "recipe"})


def test_it_is_the_reference_recipes_and_knows_26_instruments_and_how_well(separator: Separator) -> None:
    assert separator.settings == replace(reference().separator, recognises=True)
    assert set(INSTRUMENTS) < set(separator.instruments)
    assert len(separator.instruments) == 26
    known = hearing_qualities(read_header(FILE))
    assert all(quality.nsdr_db is not None for quality in known)


@pytest.mark.parametrize("instrument", ["violin", "tuba", "xylophone"])
def test_it_takes_a_picture_for_what_it_shows(separator: Separator, instrument: str) -> None:
    [found] = resemblances(separator, [Image.open(PICTURES / f"{instrument}_1.jpg").convert("RGB")])
    assert found.is_known
    assert found.nearest[0].name == instrument


def test_it_refuses_a_picture_of_nothing(separator: Separator) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    pictures = [Image.new("RGB", (300, 200), "teal"), Image.fromarray(noise).resize((300, 200))]
    assert not any(found.is_known for found in resemblances(separator, pictures))


def test_it_takes_the_right_instruments_out_of_mixes(separator: Separator, solos: dict[str, np.ndarray]) -> None:
    gains_db = []
    for names in combinations(solos, 2):
        sources = np.stack([solos[name] for name in names])
        mix = sources.sum(axis=0)
        queries = torch.stack([separator.instrument_query(name) for name in names])
        estimates = separate(mix[None], separator.masks(mix, queries))[:, 0]
        scores = bss_eval(sources, np.stack([np.stack([mix, mix]), estimates]))
        gains_db += list(scores.sdr_db[1] - scores.sdr_db[0])
    assert min(gains_db) > 0
    assert np.mean(gains_db) > 4


def test_it_says_what_plays_and_what_does_not(separator: Separator, solos: dict[str, np.ndarray]) -> None:
    mix = solos["tuba"] + solos["flute"]
    meter = PresenceMeter(len(separator.instruments), separator.mask_grid)
    separator.masks(mix, separator.instrument_queries, meter=meter)
    measures_db = dict(zip(separator.instruments, meter.shares_db(), strict=True))
    playing = {name for name, measure_db in measures_db.items() if measure_db >= float(separator.presence_threshold_db)}
    assert {"tuba", "flute"} <= playing
    assert len(playing) < 6


def repeated(mix: np.ndarray) -> np.ndarray:
    """Return a mix [S] over and over; where it begins anew is no edge of a window."""
    return np.tile(mix[:200_000], 6)


def test_windows_leave_no_seams(separator: Separator, solos: dict[str, np.ndarray]) -> None:
    """Masks change no more from frame to frame where a window begins or ends than they do elsewhere."""
    masks = separator.masks(repeated(solos["tuba"] + solos["acoustic_guitar"]), separator.instrument_queries).values
    step = separator.settings.window_frames - overlap_frames(separator.settings.window_frames)
    changes = np.abs(np.diff(masks, axis=-1)).mean(axis=(0, 1))
    overlap = overlap_frames(separator.settings.window_frames)
    edges = [
        first + place for first in range(step, len(changes) - overlap, step) for place in (-1, 0, overlap - 1, overlap)
    ]
    assert len(edges) >= 12
    assert changes[edges].mean() < 1.3 * changes.mean()


def test_a_recording_begun_a_window_later_has_the_same_masks(
    separator: Separator, solos: dict[str, np.ndarray]
) -> None:
    mix = repeated(solos["tuba"] + solos["acoustic_guitar"])
    query = separator.instrument_query("tuba")[None]
    step = separator.settings.window_frames - overlap_frames(separator.settings.window_frames)
    masks = separator.masks(mix, query).values[0]
    hop = separator.settings.grid.hop_samples
    delayed = separator.masks(np.pad(mix, (step * hop, 0)), query).values[0, :, step:]
    inner = slice(step, -2 * step)  # all but its ends, where one of them has silence beside it
    np.testing.assert_allclose(masks[:, inner], delayed[:, inner], atol=1e-3)


def test_it_looks_at_pictures_with_the_eyes_that_it_was_trained_with(separator: Separator) -> None:
    """The trunk was frozen, so it is ImageNet's as it comes with the installation, but for half precision."""
    settings = separator.settings
    fresh = build_vision(settings.vision, settings.num_maps)
    load_imagenet(settings.vision, fresh)
    expected = fresh.trunk.state_dict()
    for name, weights in separator.vision.trunk.state_dict().items():
        torch.testing.assert_close(weights, expected[name], rtol=1e-3, atol=1e-3)
