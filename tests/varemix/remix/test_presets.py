import math

import pytest

from varemix.errors import UsageError
from varemix.remix.plan_yaml import parse_plan
from varemix.remix.presets import preset, preset_text, presets
from varemix.remix.wishes import MUTE_DB


def gains_db(name: str, targets: list[str], others: list[str]) -> dict[str, float]:
    return {wish.target: wish.gain_db for wish in preset(name, targets, others).variants()[0].gains}


def test_each_preset_says_in_a_line_what_it_is_for():
    assert list(presets()) == ["hearing", "karaoke", "practice"]
    assert all(20 < len(text) < 100 and text.endswith(".") for text in presets().values())


def test_each_preset_does_what_it_is_called_for():
    assert gains_db("karaoke", ["violin"], ["cello"]) == {"violin": MUTE_DB}
    assert gains_db("practice", ["violin"], ["cello", "tuba"]) == {"violin": 6.0, "cello": -6.0, "tuba": -6.0}
    assert gains_db("hearing", ["violin", "photo.jpg"], []) == {"violin": 3.0, "photo.jpg": 3.0}
    hearing = preset("hearing", ["violin"])
    assert (hearing.loudness, hearing.true_peak_db) == ("match", -1.0)
    assert math.isinf(gains_db("karaoke", ["violin"], [])["violin"])


@pytest.mark.parametrize("name", ["hearing", "karaoke", "practice"])
def test_a_copied_preset_is_a_plan_of_its_own(name):
    copied = preset_text(name).replace("target: ", "violin: ").replace("others: ", "cello: ")
    assert parse_plan(copied, "mine.yaml") == preset(name, ["violin"], ["cello"])


@pytest.mark.parametrize(
    ("name", "targets", "others", "told"),
    [
        ("loud", ["violin"], [], "one of hearing, karaoke, practice is expected"),
        ("../../errors", ["violin"], [], "is no preset"),
        ("practice", [], ["cello"], "needs an instrument"),
        ("practice", ["violin"], ["violin"], "give it once"),
    ],
)
def test_a_preset_that_cannot_be_is_explained(name, targets, others, told):
    with pytest.raises(UsageError, match=told):
        preset(name, targets, others)
