"""The presence threshold of a checkpoint: found where what plays is found, and strangers are not taken to play."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tasks.calibrate
from tasks.calibrate import PresenceMeasures, calibrate, presence_measures_db
from tests.solos import Solos
from tests.sounds import make_sounds
from varemix.media.sounds import Sound, listed_sounds
from varemix.model.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Sound]:
    return listed_sounds(make_sounds(tmp_path_factory.mktemp("sounds")))


def test_clips_are_measured_in_mixes_and_strangers_among_them_and_alone(
    checkpoint_file: Path, two_instruments: Solos, sounds: list[Sound]
) -> None:
    separator = load_checkpoint(checkpoint_file)
    alone = presence_measures_db(separator, two_instruments.val, 2)
    assert (len(alone.present), len(alone.absent), alone.strangers) == (4, 0, [])
    found = presence_measures_db(separator, two_instruments.val, 2, sounds=sounds)
    # two pairs of clips, two pairs with a stranger, two ensembles; six strangers, each asked for the two instruments
    assert (len(found.present), len(found.absent)) == (4 + 2 + 4, 2 + 12)
    assert np.shape(found.strangers) == (6, 2)
    assert found.present[:4] == alone.present


def test_a_sound_that_cannot_be_read_is_told_and_left_out(
    checkpoint_file: Path, two_instruments: Solos, sounds: list[Sound], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = tmp_path / "lost.flac"
    lost.write_text("no sound")
    strangers = [sound for sound in sounds if sound.label == "piano"]
    given = [strangers[0], replace(strangers[1], path=lost)]
    found = presence_measures_db(load_checkpoint(checkpoint_file), two_instruments.val, 1, sounds=given)
    assert len(found.strangers) == 1
    assert "'stranger piano': 'lost.flac'" in caplog.text


def test_strangers_raise_the_threshold_that_the_checkpoint_keeps(
    checkpoint_file: Path, sounds: list[Sound], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measures_db(*_: object, sounds: list[Sound]) -> PresenceMeasures:
        strangers = [[-26.5, -60.0]] * len(sounds)
        return PresenceMeasures(present=[float(-db) for db in range(30)], absent=[-40.0], strangers=strangers)

    monkeypatch.setattr(tasks.calibrate, "presence_measures_db", measures_db)
    thresholds_db = []
    for given in ((), sounds):
        target = tmp_path / f"{len(given)}.safetensors"
        calibrate(checkpoint_file, target, [], sounds=given, device="cpu")
        thresholds_db.append(float(load_checkpoint(target).presence_threshold_db))
    assert thresholds_db == pytest.approx([-34.5, -27.0])  # nine of ten that play stay found
