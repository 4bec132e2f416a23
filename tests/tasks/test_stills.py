from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.stills import (
    clip_stills,
    draw_further_stills,
    draw_stills,
    draw_wrong_stills,
    folder_stills,
    read_still,
    still_name,
)
from tests.solos import Solos
from varemix.errors import EvaluationError
from varemix.evaluation.mixtures import Mixture, draw_mixtures
from varemix.media.clips import Stretch


@pytest.fixture
def pair(two_instruments: Solos) -> Mixture:
    return draw_mixtures(two_instruments.train, 1, seed=0)[0]


def write_picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path


def test_pictures_belong_to_the_instrument_in_their_name_or_folder(tmp_path: Path) -> None:
    top = [write_picture(tmp_path / name) for name in ("acoustic_guitar_1.jpg", "acoustic_guitar_12.PNG")]
    below = write_picture(tmp_path / "violin" / "any name.webp")
    (tmp_path / "notes_1.txt").write_text("no picture")
    assert folder_stills(tmp_path) == {"acoustic_guitar": top, "violin": [below]}


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="holds no pictures"):
        folder_stills(tmp_path)


def test_frames_of_other_clips_are_drawn_where_there_are_some(two_instruments: Solos, pair: Mixture) -> None:
    for seed in range(20):
        stills = draw_stills(pair, clip_stills(two_instruments.train), np.random.default_rng(seed))
        for still, source, name in zip(stills, pair.sources, pair.instruments, strict=True):
            assert isinstance(still, Stretch)
            assert still.clip.instrument == name
            assert still.clip != source.clip


def test_a_lone_clip_is_asked_for_with_its_own_frame(two_instruments: Solos) -> None:
    lone = draw_mixtures(two_instruments.val, 1, seed=0)[0]
    stills = draw_stills(lone, clip_stills(two_instruments.val), np.random.default_rng(0))
    assert [still.clip for still in stills if isinstance(still, Stretch)] == [source.clip for source in lone.sources]


def test_an_instrument_without_a_picture_is_an_error(pair: Mixture, tmp_path: Path) -> None:
    pictures = folder_stills(write_picture(tmp_path / "flute_1.png").parent)
    with pytest.raises(EvaluationError, match="no still picture of 'tuba'"):
        draw_stills(pair, pictures, np.random.default_rng(0))


def test_wrong_pictures_show_what_is_not_in_the_mix(
    four_instruments: Solos, two_instruments: Solos, pair: Mixture
) -> None:
    for seed in range(20):
        draw = np.random.default_rng(seed)
        wrong = draw_wrong_stills(pair, clip_stills(four_instruments.train), draw)
        shown = {still.clip.instrument for _, still in wrong if isinstance(still, Stretch)}
        assert shown == {name for name, _ in wrong} <= {"violin", "xylophone"}
    swapped = draw_wrong_stills(pair, clip_stills(two_instruments.train), np.random.default_rng(0))
    names = [still.clip.instrument for _, still in swapped if isinstance(still, Stretch)]
    assert names == [name for name, _ in swapped] == list(reversed(pair.instruments))


def test_where_all_instruments_play_each_wrong_picture_shows_another_one(four_instruments: Solos) -> None:
    [mixture] = draw_mixtures(four_instruments.val, 1, num_sources=4, seed=0)
    wrong = draw_wrong_stills(mixture, clip_stills(four_instruments.val), np.random.default_rng(0))
    assert all(shown != own for (shown, _), own in zip(wrong, mixture.instruments, strict=True))


def test_further_pictures_are_all_different_and_as_many_as_there_are(pair: Mixture, tmp_path: Path) -> None:
    for number in range(5):
        write_picture(tmp_path / "flute" / f"{number}.png")
    write_picture(tmp_path / "tuba" / "0.png")
    stills = folder_stills(tmp_path)
    for seed in range(5):
        draw = np.random.default_rng(seed)
        first = draw_stills(pair, stills, draw)
        found = dict(zip(pair.instruments, draw_further_stills(pair, stills, first, 3, draw), strict=True))
        assert [own[0] for own in found.values()] == list(first)
        assert len(found["flute"]) == len(set(found["flute"])) == 4
        assert set(found["flute"]) <= set(stills["flute"])
        assert found["tuba"] == tuple(stills["tuba"])
    assert draw_further_stills(pair, stills, first, 0, draw) == tuple((still,) for still in first)


def test_stills_can_be_read_and_told_apart(two_instruments: Solos, tmp_path: Path) -> None:
    stills = clip_stills(two_instruments.train)
    pictures = [write_picture(tmp_path / colour / "1.png", colour) for colour in ("red", "blue")]
    frames = [*stills["flute"], *stills["tuba"], *pictures]
    assert len({still_name(still) for still in frames}) == len(frames)
    assert {read_still(still).mode for still in frames} == {"RGB"}
