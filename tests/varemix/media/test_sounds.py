"""Packs and lists of sounds: each is read from where its list says, and what is wrong is told with file and line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.sounds import PACK_RATE_HZ, SECONDS, make_sounds, tone
from varemix.errors import MediaError
from varemix.media.sounds import Sound, listed_sounds, read_sound


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def sounds(folder: Path) -> list[Sound]:
    return listed_sounds(folder)


def of(sounds: list[Sound], label: str, kind: str = "phrase") -> list[Sound]:
    return [sound for sound in sounds if (sound.label, sound.kind) == (label, kind)]


def test_packs_and_single_files_are_listed_with_what_is_known_of_them(sounds: list[Sound]) -> None:
    first, second = of(sounds, "piano")
    assert (first.first_s, first.duration_s, first.pitch_hz) == (0.0, SECONDS, 440.0)
    assert (first.group, first.split, first.names_instrument) == ("player 0", "val", True)
    assert second.first_s == pytest.approx(SECONDS + 0.05)
    assert [sound.piece for sound in of(sounds, "flute", "ensemble")] == ["bwv1", "bwv2"]
    [single] = of(sounds, "flute")
    assert (single.path.name, single.first_s, single.duration_s) == ("flute.flac", 0.0, SECONDS)
    assert not of(sounds, "x_bells")[0].names_instrument
    assert len({sound.sound_id for sound in sounds}) == len(sounds)


def test_a_clip_of_a_pack_is_its_own_samples_and_none_of_its_neighbours(sounds: list[Sound]) -> None:
    second = of(sounds, "piano")[1]
    samples = read_sound(second, num_samples=round(SECONDS * PACK_RATE_HZ), rate_hz=PACK_RATE_HZ)
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, tone("piano", level=0.25), atol=1e-4)
    later = read_sound(second, after_s=2.0, num_samples=1000, rate_hz=PACK_RATE_HZ)
    np.testing.assert_array_equal(later, samples[96_000:97_000])


def test_a_clip_that_is_too_short_is_repeated_and_not_filled_from_the_next_one(sounds: list[Sound]) -> None:
    first = of(sounds, "piano")[0]
    samples = read_sound(first, after_s=SECONDS - 0.5, num_samples=48_000, rate_hz=PACK_RATE_HZ)
    np.testing.assert_array_equal(samples[24_000:], samples[:24_000])
    np.testing.assert_allclose(samples[:24_000], tone("piano")[-24_000:], atol=1e-4)


def test_sounds_come_at_the_rate_that_is_asked_for(sounds: list[Sound]) -> None:
    samples = read_sound(of(sounds, "x_bells")[0], num_samples=44_100, rate_hz=44_100)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(44_100)))
    assert spectrum.argmax() == 3000


def rewritten(folder: Path, old: str, new: str) -> Path:
    index = folder / "packs" / "index.csv"
    index.write_text(index.read_text().replace(old, new, 1))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("group", "player", "lacks the column group"),
        (",phrase,", ",song,", "line 2: kind is 'song'; expected one of notes, phrase"),
        (",val,", ",night,", "line 2: split is 'night'"),
        (",336000,", ",long,", "line 2: length is 'long'; a number from 0 on"),
        (",336000,", ",0,", "line 2: the sound is 0 s long"),
        ("piano__phrase__0.flac", "../sounds.csv", "line 2: the file '../sounds.csv' lies outside 'packs'"),
        ("piano__phrase__0.flac", "gone.flac", "line 2: the file 'gone.flac' is not in"),
        (",440.0", "", "line 2: the row has fewer cells"),
    ],
)
def test_what_a_list_says_wrongly_is_told_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        listed_sounds(rewritten(make_sounds(tmp_path / "sounds"), old, new))


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"names no sounds; it needs packs/index.csv or sounds.csv"):
        listed_sounds(tmp_path)


def test_a_pack_that_is_shorter_than_its_list_says_is_told(sounds: list[Sound]) -> None:
    last = replace(of(sounds, "piano")[1], duration_s=30.0)
    with pytest.raises(MediaError, match=r"ends before 27\.05 s"):
        read_sound(last, after_s=20.0, num_samples=1000, rate_hz=PACK_RATE_HZ)
