"""Labels that the present model doubts are listed for a person; nothing is changed for that."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from prefect.logging import disable_run_logger

from catalog.store import Catalog
from tasks import labels
from tasks.labels import doubt_labels, doubt_table
from tests.solos import Solos, write_wav
from tests.tasks.test_train import add_clips
from varemix.signal.grid import PAPER_GRID, RATE_HZ
from varemix.signal.presence import PresenceMeter

LOW_HZ = 300.0


class Ear:
    """Stands in for a separator: low tones are a tuba, high ones a flute."""

    instruments = ("flute", "tuba")
    instrument_queries = torch.zeros(2, 1)
    mask_grid = PAPER_GRID

    def mask_blocks(
        self, blocks: Iterable[np.ndarray], queries: torch.Tensor, *, meter: PresenceMeter
    ) -> Iterator[np.ndarray]:
        for samples in blocks:
            loudest_hz = np.abs(np.fft.rfft(samples)).argmax() * RATE_HZ / len(samples)
            share = 0.999 if loudest_hz < LOW_HZ else 0.001
            shape = PAPER_GRID.num_rows, PAPER_GRID.num_frames(len(samples))
            masks = np.stack([np.full(shape, 1 - share), np.full(shape, share)])
            meter.add(masks, np.ones(shape))
            yield masks


@pytest.fixture(autouse=True)
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(labels, "checkpoint_row", lambda catalog, checkpoint_id: {})
    monkeypatch.setattr(labels, "separator_of", lambda catalog, row: Ear())
    with disable_run_logger():
        yield


def add_sound(
    catalog: Catalog, label: str, hz: float, *, kind: str = "phrase", status: str = "ready", is_there: bool = True
) -> str:
    """Add a sound of half a second with its row; return what a person calls it."""
    name = f"{label}-{hz:g}"
    path = catalog.home.sounds(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_there:
        write_wav(path, 0.5 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ // 2) / RATE_HZ))
    catalog.merge(
        "sounds",
        [
            {
                "sound_id": name,
                "clip_id": name,
                "label": label,
                "kind": kind,
                "group": "ann",
                "split": "train",
                "status": status,
                "source": "sounds.csv",
                "file": f"{name}.wav",
                "source_first_sample": 0,
                "wav_path": catalog.home.relative(path),
                "first_sample": 0,
                "num_samples": RATE_HZ // 2,
                "rate_hz": RATE_HZ,
            }
        ],
    )
    return f"{name}.wav"


def test_what_sounds_like_another_instrument_is_listed_and_stays(catalog: Catalog) -> None:
    add_sound(catalog, "flute", 880)
    add_sound(catalog, "tuba", 110)
    wrong = add_sound(catalog, "flute", 100)
    add_sound(catalog, "x_bell", 100)  # no instrument that could be doubted
    add_sound(catalog, "flute", 90, status="failed")
    add_sound(catalog, "flute", 80, kind="notes")
    version = catalog.version("sounds")
    doubts, outcomes = doubt_labels.fn(home=str(catalog.home.root))
    [doubt] = doubts
    assert (doubt.item, doubt.label, doubt.heard_as) == (wrong, "flute", "tuba")
    assert doubt.heard_db > -0.5
    assert doubt.own_db < -20
    assert len(outcomes) == 3
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert catalog.version("sounds") == version
    assert wrong in doubt_table(doubts)
    assert "99.8%" in doubt_table(doubts)
    assert doubt_table([]) == "No label is doubted."


def test_videos_are_heard_too(catalog: Catalog, two_instruments: Solos) -> None:
    add_clips(catalog, "train", two_instruments.train)
    _, outcomes = doubt_labels.fn(home=str(catalog.home.root))
    assert {outcome.item for outcome in outcomes} == {clip.clip_id for clip in two_instruments.train}


def test_a_sound_that_cannot_be_read_is_told_and_stops_nobody(catalog: Catalog, tmp_path: Path) -> None:
    lost = add_sound(catalog, "flute", 880, is_there=False)
    add_sound(catalog, "tuba", 110)
    doubts, outcomes = doubt_labels.fn(home=str(catalog.home.root))
    assert doubts == []
    assert [(outcome.item, outcome.status) for outcome in outcomes] == [(lost, "failed"), ("tuba-110.wav", "done")]
