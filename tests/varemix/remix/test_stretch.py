"""Another tempo keeps the pitch, another pitch the tempo: length, start, onsets, pitch; joints of long recordings."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from varemix.errors import UsageError
from varemix.media.audio import read_audio
from varemix.remix import stretch
from varemix.remix.stretch import tuned_blocks
from varemix.remix.tuning import Tuning

RATE_HZ = 44_100
[GREENSLEEVES] = (Path(__file__).parents[3] / "desk" / "example").glob("*.ogg")
TUNINGS = [(0.8, -2.0), (0.5, 0.0), (1.0, 3.0), (1.37, 0.0), (2.0, -12.0), (0.25, 12.0)]


def tuned(samples: np.ndarray, tempo: float, semitones: float, block: int = 100_000) -> np.ndarray:
    """Return samples [C, S] tuned, which come and go in blocks."""
    tuning = Tuning(tempo=tempo, transpose_semitones=semitones)
    blocks = (samples[:, at : at + block] for at in range(0, samples.shape[1], block))
    return np.concatenate(list(tuned_blocks(blocks, tuning, RATE_HZ, samples.shape[1])), axis=1)


def tone(frequency_hz: float, seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)[None]


def frequency_hz(samples: np.ndarray) -> float:
    """Return the strongest frequency in the middle of a sound."""
    middle = samples[0, samples.shape[1] // 4 : samples.shape[1] // 4 + (1 << 15)]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 20))
    return float(np.argmax(spectrum) * RATE_HZ / (1 << 20))


@pytest.mark.parametrize(("tempo", "semitones"), TUNINGS)
def test_pitch_and_length_are_those_that_were_asked_for(tempo: float, semitones: float) -> None:
    made = tuned(tone(440, 4), tempo, semitones)
    assert made.shape[1] == round(4 * RATE_HZ / tempo)
    cents = 1200 * np.log2(frequency_hz(made) / (440 * 2 ** (semitones / 12)))
    assert abs(cents) < 7


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.37])
def test_onsets_stay_where_they_are_in_the_music(tempo: float) -> None:
    samples = np.zeros((2, 5 * RATE_HZ))
    times_s = [0.25, 1.0, 1.5, 2.75, 4.0]
    for time_s in times_s:
        samples[:, round(time_s * RATE_HZ)] = 0.8
    made = np.abs(tuned(samples, tempo, 0)[0])
    for time_s in times_s:
        place, reach = round(time_s / tempo * RATE_HZ), round(0.1 * RATE_HZ)
        found = place - reach + int(np.argmax(made[place - reach : place + reach]))
        assert abs(found - place) / RATE_HZ < 0.002


@pytest.mark.parametrize("num_samples", [0, 1, 100, 5_000])
def test_what_is_shorter_than_a_window_has_its_length_too(num_samples: int) -> None:
    samples = np.full((1, num_samples), 0.1)
    blocks = iter([samples] if num_samples else [])
    made = [block for block in tuned_blocks(blocks, Tuning(tempo=0.8), RATE_HZ, num_samples) if block.size]
    assert sum(block.shape[1] for block in made) == round(num_samples / 0.8)


def test_a_single_sample_stays_one_at_twice_the_tempo() -> None:
    assert tuned(np.full((1, 1), 0.1), 2.0, 0).shape == (1, 1)


def test_without_a_tuning_the_very_blocks_come_out() -> None:
    blocks = [np.zeros((2, 3)), np.ones((2, 4))]
    assert [id(block) for block in tuned_blocks(blocks, Tuning(), RATE_HZ, 7)] == [id(block) for block in blocks]


def test_pieces_are_joined_without_a_gap_and_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    music, _ = read_audio(GREENSLEEVES)
    whole = tuned(music, 0.8, -2)
    monkeypatch.setattr(stretch, "_PIECE_S", 3.0)
    pieces = tuned(music, 0.8, -2)
    assert pieces.shape == whole.shape
    assert np.array_equal(pieces, tuned(music, 0.8, -2, block=1_234))
    level_db = [20 * np.log10(windows(made).clip(1e-4)) for made in (whole, pieces)]
    assert np.abs(level_db[1] - level_db[0]).max() < 3, "no window of 50 ms is softer or louder"
    steepest = [np.abs(np.diff(made[0])).max() for made in (whole, pieces)]
    assert steepest[1] < 1.5 * steepest[0], "nothing clicks"


@pytest.mark.parametrize("tempo", [0.5, 1.25])
def test_beats_stay_where_they_are_when_a_recording_ends_just_after_a_piece(
    tempo: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "_PIECE_S", 4.0)
    times_s = np.arange(0.25, 6.1, 0.5)  # of what comes out: 4 s, the overlap, and less than the edge
    samples = np.zeros((1, round(6.1 * tempo * RATE_HZ)))
    samples[:, np.rint(times_s * tempo * RATE_HZ).astype(int)] = 0.8
    made = np.abs(tuned(samples, tempo, 0)[0])
    for place in np.rint(times_s[:-1] * RATE_HZ).astype(int):
        found = place - RATE_HZ // 4 + int(np.argmax(made[place - RATE_HZ // 4 : place + RATE_HZ // 4]))
        assert abs(found - place) / RATE_HZ < 0.005


@pytest.mark.parametrize(("tempo", "semitones"), [(0.5, 0.0), (1.3, 0.0), (1.0, -12.0)])
def test_a_tone_goes_on_through_the_joints_as_loud_as_it_is(
    tempo: float, semitones: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "_PIECE_S", 3.0)
    made = tuned(tone(440, 13 * tempo), tempo, semitones)
    levels = windows(made)[10:-10]
    assert 20 * np.log10(levels.min() / levels.max()) > -1


def windows(samples: np.ndarray) -> np.ndarray:
    """Return the level of each window of 50 ms."""
    size = round(0.05 * RATE_HZ)
    num = samples.shape[1] // size
    return np.sqrt((samples[0, : num * size].reshape(num, size) ** 2).mean(axis=1))


def test_no_more_of_a_long_recording_is_held_than_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "_PIECE_S", 2.0)
    given = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal given
        for _ in range(40):
            given += RATE_HZ
            yield np.zeros((1, RATE_HZ), np.float32)

    made, ahead = 0, []
    for block in tuned_blocks(blocks(), Tuning(tempo=0.5), RATE_HZ, 40 * RATE_HZ):
        made += block.shape[1]
        ahead.append(given - made * 0.5)
    assert made == 80 * RATE_HZ
    assert max(ahead) < 6 * RATE_HZ


def test_a_piece_of_many_channels_is_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "_PIECE_VALUES", 8 * 3 * RATE_HZ)
    blocks = (np.zeros((8, RATE_HZ), np.float32) for _ in range(12))
    made = [block.shape for block in tuned_blocks(blocks, Tuning(tempo=0.5), RATE_HZ, 12 * RATE_HZ)]
    assert sum(length for _, length in made) == 24 * RATE_HZ
    assert max(length for _, length in made) <= 5 * RATE_HZ, "3 s, and what the last one has in the place of a join"


@pytest.mark.parametrize("wrong", [{"tempo": 0.2}, {"tempo": float("nan")}, {"transpose_semitones": 12.5}])
def test_what_is_out_of_range_is_refused_with_what_may_be(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="out of range; give"):
        Tuning(**wrong)
