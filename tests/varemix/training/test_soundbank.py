"""The bank: exact samples from anywhere on, at any speed, of clips, of packs of sounds, and of tunes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.solos import Solos, make_clip, write_wav
from tests.varemix.training.sounding import CPU, bank_of, by_split, heard, laid_bank, packed, tone
from varemix.errors import MediaError
from varemix.media.audio import AudioReader
from varemix.media.clips import Clip
from varemix.media.sounds import Sound
from varemix.training.soundbank import TUNE, VIDEO, SoundBank, Voices, lay_down, mapped_samples, recordings_of
from varemix.training.tunes import TUNE_S

NOTHING_FILMED: dict[str, list[Clip]] = {"train": [], "val": []}


def voices(first: int = 0, limit: int = 10**6, offset: float = 0.0, speed: float = 1.0) -> Voices:
    """Return one voice."""
    return Voices(
        first=torch.tensor([first]),
        limit=torch.tensor([limit]),
        offset=torch.tensor([offset], dtype=torch.float64),
        speed=torch.tensor([speed], dtype=torch.float64),
    )


def in_16_bits(*values: float) -> torch.Tensor:
    """Return what 16-bit samples sound like."""
    return torch.tensor([values], dtype=torch.float32) / 32_768


@pytest.fixture
def sounds(tmp_path: Path) -> list[Sound]:
    """Return three sounds of one pack and one of another, of all splits that are learnt from."""
    first = packed(tmp_path / "a.wav", [heard(tone(0.1, hz), group=f"{hz} Hz") for hz in (300, 500, 700)])
    second = packed(tmp_path / "b.wav", [heard(tone(0.05, 900), label="x_bell", split="val", kind="synth")])
    return [*first, *second]


@pytest.fixture
def notes(tmp_path: Path) -> list[Sound]:
    """Return the notes that Ann has to learn from, and those that Bob has to validate with."""
    ann = [heard(tone(0.3, hz), kind="notes", pitch_hz=hz) for hz in (220, 247, 262, 294, 330, 349)]
    bob = [heard(tone(0.3, hz), kind="notes", pitch_hz=hz, group="bob", split="val") for hz in (220, 247, 262, 294)]
    return packed(tmp_path / "notes.wav", [*ann, *bob])


def test_at_its_own_speed_a_recording_sounds_sample_by_sample(two_instruments: Solos, tmp_path: Path) -> None:
    bank = laid_bank(tmp_path / "samples.npy", by_split(two_instruments))
    for recording in bank.recordings:
        for offset in (0, 1, 70_001, recording.num_samples - 5_000):
            with AudioReader(recording.clip.wav_path) as reader:
                expected = reader.read(offset, 5_000)[0].astype(np.float32)
            found = bank.read(voices(recording.first_sample, recording.num_samples, offset), 5_000)
            assert found.dtype == torch.float32
            np.testing.assert_array_equal(found[0].numpy(), expected)


def test_fractions_lie_on_the_line_between_two_samples() -> None:
    bank = bank_of(np.array([0, 1_000, 3_000, -1_000, 0]))
    torch.testing.assert_close(bank.read(voices(offset=0.25), 3), in_16_bits(250, 1_500, 2_000))
    torch.testing.assert_close(bank.read(voices(speed=1.5), 3), in_16_bits(0, 2_000, -1_000))
    torch.testing.assert_close(bank.read(voices(speed=0.5), 4), in_16_bits(0, 500, 1_000, 2_000))


def test_after_its_limit_a_recording_begins_anew_without_a_gap_and_never_runs_into_the_next() -> None:
    bank = bank_of(np.array([100, 200, 300]), np.array([-9_000, 5_000]))
    torch.testing.assert_close(bank.read(voices(limit=3, offset=1), 6), in_16_bits(200, 300, 100, 200, 300, 100))
    torch.testing.assert_close(bank.read(voices(limit=3, offset=2.5), 2), in_16_bits(200, 150))
    torch.testing.assert_close(bank.read(voices(first=3, limit=2), 3), in_16_bits(-9_000, 5_000, -9_000))


def test_far_into_a_recording_fractions_are_as_exact_as_at_its_beginning() -> None:
    period = np.array([0, 1_000, 2_000, 4_000, 0, -4_000, 500, 0])
    bank = bank_of(np.tile(period, 40_000))
    near, far = (bank.read(voices(limit=320_000, offset=place + 0.3, speed=0.75), 300) for place in (0, 160_000))
    assert torch.equal(near, far)


@pytest.mark.parametrize("semitones", [-2, 0, 3])
def test_a_faster_voice_sounds_higher(semitones: float) -> None:
    bank = bank_of(32_767 * tone(2.0, 440))
    wave = bank.read(voices(speed=2 ** (semitones / 12)), 44_100)
    assert int(torch.fft.rfft(wave[0]).abs().argmax()) == pytest.approx(440 * 2 ** (semitones / 12), abs=1)


def test_voices_are_read_beside_each_other() -> None:
    bank = bank_of(np.arange(100))
    parts = [voices(offset=3), voices(first=10, limit=5, speed=1.5)]
    together = Voices(
        **{name: torch.cat([getattr(part, name) for part in parts]) for name in ("first", "limit", "offset", "speed")}
    )
    assert torch.equal(bank.read(together, 20), torch.cat([bank.read(part, 20) for part in parts]))


def test_a_bank_holds_clips_then_sounds_and_each_where_it_says(
    two_instruments: Solos, sounds: list[Sound], tmp_path: Path
) -> None:
    bank = laid_bank(tmp_path / "samples.npy", by_split(two_instruments), sounds)
    told = [(one.label, one.kind, one.group, one.split) for one in bank.recordings]
    assert told[0] == ("flute", VIDEO, two_instruments.train[0].clip_id, "train")
    assert told[6:] == [
        *(("flute", "phrase", f"{hz} Hz", "train") for hz in (300, 500, 700)),
        ("x_bell", "synth", "ann", "val"),
    ]
    assert [one.names_instrument for one in bank.recordings[6:]] == [True, True, True, False]
    for one, hz, seconds in zip(bank.recordings[6:], (300, 500, 700, 900), (0.1, 0.1, 0.1, 0.05), strict=True):
        found = bank.read(voices(one.first_sample, one.num_samples), one.num_samples)
        np.testing.assert_allclose(found[0].numpy(), tone(seconds, hz), atol=1e-4)
        assert one.duration_s == pytest.approx(seconds)


def test_notes_become_tunes_and_those_that_are_kept_for_validation_become_nothing(
    notes: list[Sound], tmp_path: Path
) -> None:
    bank = laid_bank(tmp_path / "samples.npy", NOTHING_FILMED, notes)
    assert {(one.label, one.kind, one.group, one.split, one.duration_s) for one in bank.recordings} == {
        ("flute", TUNE, "ann", "train", TUNE_S)
    }
    waves = [bank.read(voices(one.first_sample, one.num_samples), one.num_samples) for one in bank.recordings]
    assert len({wave.numpy().tobytes() for wave in waves}) == len(waves) > 1


def test_the_seed_decides_what_tunes_are_like(notes: list[Sound], tmp_path: Path) -> None:
    def content(name: str, seed: int, **chord_shares: float) -> bytes:
        path = tmp_path / f"{name}.npy"
        lay_down(path, NOTHING_FILMED, notes, seed=seed, chord_shares=chord_shares)
        return path.read_bytes()

    assert content("once", 3) == content("again", 3) == content("of others", 3, tuba=1.0)
    assert content("once", 3) != content("other", 4)
    assert content("once", 3) != content("in chords", 3, flute=1.0)


def test_what_was_laid_down_serves_again_and_nothing_is_read(sounds: list[Sound], tmp_path: Path) -> None:
    once = laid_bank(tmp_path / "samples.npy", NOTHING_FILMED, sounds)
    for path in {sound.path for sound in sounds}:
        path.unlink()
    again = SoundBank.open(recordings_of(NOTHING_FILMED, sounds), tmp_path / "samples.npy", CPU)
    assert once.recordings == again.recordings
    assert torch.equal(once.read(voices(limit=100), 100), again.read(voices(limit=100), 100))
    assert [path.name for path in tmp_path.iterdir()] == ["samples.npy"]


def test_what_could_not_be_laid_down_as_a_whole_does_not_lie_there(sounds: list[Sound], tmp_path: Path) -> None:
    sounds[-1].path.unlink()
    with pytest.raises(MediaError, match=r"b\.wav.*Refresh the catalog"):
        lay_down(tmp_path / "samples.npy", NOTHING_FILMED, sounds)
    assert not (tmp_path / "samples.npy").exists()


def test_a_file_that_is_shorter_than_its_row_says_is_repeated(tmp_path: Path) -> None:
    ramp = np.arange(1_000) / 1_024
    write_wav(tmp_path / "ramp.wav", ramp)
    clip = replace(
        make_clip(tmp_path, "tuba", number=0, duration_s=0.1), wav_path=tmp_path / "ramp.wav", num_samples=1_500
    )
    bank = laid_bank(tmp_path / "samples.npy", {"train": [clip]})
    np.testing.assert_array_equal(
        bank.read(voices(limit=1_500), 1_500)[0].numpy(), np.resize(ramp, 1_500).astype(np.float32)
    )


def test_a_sound_that_begins_after_its_files_end_is_refused(sounds: list[Sound], tmp_path: Path) -> None:
    lost = [*sounds[:-1], replace(sounds[-1], first_s=9.0)]
    with pytest.raises(MediaError, match=r"b\.wav' ends before sample 396900, where a recording begins"):
        lay_down(tmp_path / "samples.npy", NOTHING_FILMED, lost)


def test_samples_stay_on_disk_until_they_are_heard(two_instruments: Solos, tmp_path: Path) -> None:
    bank = laid_bank(tmp_path / "samples.npy", by_split(two_instruments))
    mapped = np.load(tmp_path / "samples.npy", mmap_mode="r+")
    mapped[20_000:20_002] = 16_384, -8_192
    mapped.flush()
    assert bank.read(voices(offset=20_000), 2).tolist() == [[0.5, -0.25]]


@pytest.mark.parametrize(
    ("subtype", "num_channels", "num_samples"),
    [("PCM_16", 2, 100), ("PCM_24", 1, 100), ("FLOAT", 1, 100), ("PCM_U8", 1, 100), ("PCM_16", 1, 0)],
    ids=["stereo", "24 bits", "floats", "8 bits", "empty"],
)
def test_wav_files_of_another_form_are_refused(
    tmp_path: Path, subtype: str, num_channels: int, num_samples: int
) -> None:
    soundfile.write(tmp_path / "odd.wav", np.zeros((num_samples, num_channels)), 44_100, subtype=subtype)
    with pytest.raises(MediaError, match=r"odd\.wav.*Refresh the catalog"):
        mapped_samples(tmp_path / "odd.wav")


@pytest.mark.parametrize("kept_bytes", [None, 0, 20, 60, 1_000], ids=["missing", "nothing", "half a header", 60, 1_000])
def test_what_is_missing_or_cut_short_is_refused(
    tmp_path: Path, two_instruments: Solos, kept_bytes: int | None
) -> None:
    if kept_bytes is not None:
        (tmp_path / "cut.wav").write_bytes(two_instruments.train[0].wav_path.read_bytes()[:kept_bytes])
    with pytest.raises(MediaError, match=r"cut\.wav.*Refresh the catalog"):
        mapped_samples(tmp_path / "cut.wav")
