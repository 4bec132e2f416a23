from pathlib import Path

import numpy as np
import pytest

from tests.grids import FINE_GRID
from varemix.errors import MediaError
from varemix.media.audio import AudioInfo, AudioWriter, probe_audio, read_audio
from varemix.media.layouts import played
from varemix.media.resampling import resample
from varemix.remix.automation import MUTE_DB, GainRange
from varemix.remix.gains import factor
from varemix.remix.heard import heard_blocks, num_heard_samples
from varemix.remix.level_care import LevelCare
from varemix.remix.mixer import remix
from varemix.remix.render import render_remix
from varemix.remix.stems import render_stems, share_blocks
from varemix.remix.tuning import Tuning
from varemix.remix.wishes import GainWish
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid
from varemix.signal.masks import Masks

FORMATS = [
    ("WAV", "PCM_16", 44_100, 2),
    ("WAV", "PCM_U8", 44_100, 1),
    ("WAV", "PCM_24", 48_000, 2),
    ("WAV", "PCM_32", 44_100, 2),
    ("WAV", "FLOAT", 96_000, 2),
    ("WAV", "DOUBLE", 44_100, 1),
    ("FLAC", "PCM_16", 22_050, 1),
    ("FLAC", "PCM_24", 44_100, 2),
    ("WAV", "PCM_16", 44_100, 6),
]


def recording(folder: Path, container: str, subtype: str, rate_hz: int, channels: int, seconds: float = 1.3) -> Path:
    num_samples = round(seconds * rate_hz)
    path = folder / f"track.{container.lower()}"
    samples = np.random.default_rng(5).uniform(-0.4, 0.4, (channels, num_samples))
    info = AudioInfo(
        container=container, subtype=subtype, rate_hz=rate_hz, num_channels=channels, num_samples=num_samples
    )
    with AudioWriter(path, info) as writer:
        writer.write(samples)
    return path


def samples_of(source: Path) -> int:
    return sum(block.shape[-1] for block in heard_blocks(source))


def mask_of(value: float, source: Path, grid: Grid = PAPER_GRID) -> list[np.ndarray]:
    mask = np.full((1, *groups_of(source), grid.num_rows, grid.num_frames(samples_of(source))), value, np.float32)
    return [mask[..., :7], mask[..., 7:]]


def groups_of(source: Path) -> tuple[int, ...]:
    num_groups = len(probe_audio(source).groups)
    return (num_groups,) if num_groups > 1 else ()


def drawn_masks(num_masks: int, source: Path, grid: Grid) -> np.ndarray:
    shape = (num_masks, grid.num_rows, grid.num_frames(samples_of(source)))
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def gain(gain_db: float) -> list[GainWish]:
    return [GainWish(target="violin", gain_db=gain_db)]


@pytest.mark.parametrize("format_", FORMATS)
def test_unity_is_sample_identical_in_every_format(tmp_path, format_):
    source = recording(tmp_path, *format_)
    target = tmp_path / f"out{source.suffix}"
    render_remix(source, target, mask_of(1.0, source), gain(0.0), PAPER_GRID)
    before, info_before = read_audio(source)
    after, info_after = read_audio(target)
    assert info_after == info_before
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID], ids=["paper", "fine"])
@pytest.mark.parametrize("format_", FORMATS)
def test_an_absent_instrument_leaves_every_sample(tmp_path, format_, grid):
    source = recording(tmp_path, *format_)
    target = tmp_path / f"out{source.suffix}"
    render_remix(source, target, mask_of(0.0, source, grid), gain(MUTE_DB), grid)
    np.testing.assert_array_equal(read_audio(target)[0], read_audio(source)[0])


def test_rendering_a_file_equals_remixing_its_samples(tmp_path, grid):
    source = recording(tmp_path, "WAV", "FLOAT", RATE_HZ, 2, seconds=8)
    masks = drawn_masks(1, source, grid)
    target = tmp_path / "out.wav"
    render_remix(source, target, [masks[..., :100], masks[..., 100:]], gain(-9.0), grid, smoothing_s=0.05)
    expected = remix(read_audio(source)[0], Masks(values=masks, grid=grid), [-9.0], smoothing_s=0.05)
    np.testing.assert_allclose(read_audio(target)[0], expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
def test_the_recording_and_what_falls_to_each_mask_add_up_to_the_remix(tmp_path, grid, rate_hz):
    source, target = recording(tmp_path, "WAV", "FLOAT", rate_hz, 2, seconds=3), tmp_path / "out.wav"
    masks = drawn_masks(11, source, grid)
    wishes = [GainWish(target=str(i), gain_db=gain_db) for i, gain_db in enumerate(np.linspace(-20, 6, 11).tolist())]
    blocks = [masks[..., :5], masks[..., 5:]]
    render_remix(source, target, blocks, wishes, grid, smoothing_s=0.05)
    remixed = [
        front + sum(factor(wish.gain_db) * own for wish, own in zip(wishes, taken, strict=True))
        for front, taken in share_blocks(source, blocks, grid, smoothing_s=0.05)
    ]
    np.testing.assert_allclose(np.concatenate(remixed, axis=-1), read_audio(target)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID], ids=["paper", "fine"])
def test_only_the_delta_is_added_at_another_rate(tmp_path, grid):
    source = recording(tmp_path, "WAV", "FLOAT", 96_000, 2)
    target = tmp_path / "out.wav"
    render_remix(source, target, mask_of(1.0, source, grid), gain(MUTE_DB), grid)
    before = read_audio(source)[0]
    below = resample(resample(before, 96_000, RATE_HZ), RATE_HZ, 96_000)[:, : before.shape[1]]
    np.testing.assert_allclose(read_audio(target)[0], before - below, rtol=0, atol=1e-5)
    assert np.abs(before - below).std() > 0.05, "the band above 22.05 kHz should be worth keeping"


def test_every_channel_is_remixed_but_the_bass(tmp_path):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 6)
    target = tmp_path / "out.wav"
    rendered = render_remix(source, target, mask_of(1.0, source), gain(MUTE_DB), PAPER_GRID)
    before, after = read_audio(source)[0], read_audio(target)[0]
    np.testing.assert_array_equal(after[3], before[3])
    assert np.abs(np.delete(after, 3, axis=0)).max() <= 1 / 32768
    assert "taken for 5.1" in rendered.note


@pytest.mark.parametrize("group", range(3))
def test_a_mask_of_one_group_changes_its_channels_alone(tmp_path, group, grid):
    source, target = recording(tmp_path, "WAV", "PCM_16", 48_000, 6), tmp_path / "out.wav"
    masks = mask_of(0.0, source, grid)
    for block in masks:
        block[:, group] = 1.0
    render_remix(source, target, masks, gain(MUTE_DB), grid)
    before, after = read_audio(source)[0], read_audio(target)[0]
    changed = [[0, 1], [2], [4, 5]][group]
    others = [channel for channel in range(6) if channel not in changed]
    np.testing.assert_array_equal(after[others], before[others])
    assert np.abs(after[changed]).std() < 0.7 * before[changed].std(), "what lies under 22.05 kHz is muted"


def test_masks_of_other_groups_are_refused(tmp_path):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 6)
    masks = np.ones((1, PAPER_GRID.num_rows, PAPER_GRID.num_frames(samples_of(source))), np.float32)
    with pytest.raises(MediaError, match=r"FL\+FR, FC, BL\+BR"):
        render_remix(source, tmp_path / "out.wav", [masks], gain(MUTE_DB), PAPER_GRID)


@pytest.mark.parametrize("exponent", [1.0, 0.5, 2.0])
def test_the_downmix_of_the_remix_is_what_is_played(tmp_path, exponent):
    source, target = recording(tmp_path, "WAV", "FLOAT", 48_000, 6, seconds=3), tmp_path / "out.wav"
    shape = (3, 3, PAPER_GRID.num_rows, PAPER_GRID.num_frames(samples_of(source)))
    masks = [np.random.default_rng(0).random(shape, dtype=np.float32)]
    wishes = [GainWish(target=str(i), gain_db=gain_db) for i, gain_db in enumerate([-20.0, 3.0, -4.0])]
    settings = {"smoothing_s": 0.05, "mask_exponent": exponent}
    render_remix(source, target, masks, wishes, PAPER_GRID, **settings)
    heard = [
        front + sum(factor(wish.gain_db) * own for wish, own in zip(wishes, taken, strict=True))
        for front, taken in share_blocks(source, masks, PAPER_GRID, moved=[0, 1, 2], **settings)
    ]
    expected = played(read_audio(target)[0], None)
    assert expected.shape[0] == 2
    np.testing.assert_allclose(np.concatenate(heard, axis=-1), expected, rtol=0, atol=1e-5)


def test_clipping_is_counted_and_the_peak_told(tmp_path):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 1)
    rendered = render_remix(source, tmp_path / "out.wav", mask_of(1.0, source), gain(12.0), PAPER_GRID)
    assert rendered.num_clipped > 1000
    assert rendered.peak_db == pytest.approx(20 * np.log10(0.4) + 12, abs=0.1)


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID], ids=["paper", "fine"])
@pytest.mark.parametrize("num_samples", [1, 400, 560, 48_240])
@pytest.mark.parametrize("rate_hz", [8_000, 47_999, 48_000])
def test_the_number_of_samples_and_so_of_frames_is_known_beforehand(tmp_path, num_samples, rate_hz, grid):
    source = recording(tmp_path, "WAV", "PCM_16", rate_hz, 2, seconds=num_samples / rate_hz)
    info = probe_audio(source)
    assert samples_of(source) == num_heard_samples(info)
    render_remix(source, tmp_path / "out.wav", mask_of(1.0, source, grid), gain(MUTE_DB), grid)
    assert probe_audio(tmp_path / "out.wav") == info


def test_masks_of_another_recording_are_refused(tmp_path, grid):
    source = recording(tmp_path, "WAV", "PCM_16", RATE_HZ, 1)
    with pytest.raises(MediaError, match="not as long"):
        render_remix(source, tmp_path / "out.wav", [np.ones((1, grid.num_rows, 3), np.float32)], gain(6.0), grid)


@pytest.mark.parametrize("grid", [PAPER_GRID, FINE_GRID], ids=["paper", "fine"])
def test_stems_keep_rate_and_length_and_add_up(tmp_path, grid):
    source = recording(tmp_path, "WAV", "FLOAT", 48_000, 2, seconds=7)
    share = drawn_masks(1, source, grid)
    masks = np.concatenate([share, 1 - share])
    targets = [tmp_path / "a.wav", tmp_path / "b.wav"]
    render_stems(source, targets, [masks[..., :100], masks[..., 100:]], grid)
    (first, info), (second, _) = (read_audio(target) for target in targets)
    before, info_before = read_audio(source)
    assert info == info_before
    expected = resample(resample(before, 48_000, RATE_HZ), RATE_HZ, 48_000)[:, : before.shape[1]]
    np.testing.assert_allclose((first + second)[:, 2000:-2000], expected[:, 2000:-2000], rtol=0, atol=1e-4)


AUTOMATED = GainWish(target="a", ranges=(GainRange(gain_db=-9, from_s=0.6, to_s=1.1, fade_s=0.1),))


@pytest.mark.parametrize("format_", FORMATS)
def test_outside_its_ranges_every_sample_is_the_recordings(tmp_path, format_):
    source = recording(tmp_path, *format_, seconds=2)
    target = tmp_path / f"out{source.suffix}"
    render_remix(source, target, mask_of(1.0, source), [AUTOMATED], PAPER_GRID)
    before, after, rate_hz = read_audio(source)[0], read_audio(target)[0], format_[2]
    first, end = round(0.6 * rate_hz), round(1.1 * rate_hz)
    np.testing.assert_array_equal(after[:, :first], before[:, :first])
    np.testing.assert_array_equal(after[:, end:], before[:, end:])
    assert np.abs(after - before)[:, first:end].max() > 0.1


def test_a_mask_of_everything_in_a_range_is_the_curve_of_its_gain(tmp_path, grid):
    source, target = recording(tmp_path, "WAV", "FLOAT", RATE_HZ, 2, seconds=2), tmp_path / "out.wav"
    render_remix(source, target, mask_of(1.0, source, grid), [AUTOMATED], grid)
    times_s = (np.arange(2 * RATE_HZ) + 1) / RATE_HZ
    curve = np.interp(times_s, [0.6, 0.7, 1.0, 1.1], [1, 10 ** (-9 / 20), 10 ** (-9 / 20), 1])
    np.testing.assert_allclose(read_audio(target)[0], read_audio(source)[0] * curve, rtol=0, atol=1e-4)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
def test_outside_its_ranges_a_remix_is_that_of_the_base_gains_and_inside_that_of_the_ranges(
    tmp_path, rate_hz, exponent
):
    source = recording(tmp_path, "WAV", "FLOAT", rate_hz, 2, seconds=3)
    masks = drawn_masks(3, source, PAPER_GRID)
    own = GainRange(gain_db=MUTE_DB, from_s=1.0, to_s=2.0, fade_s=0.1)
    others = [GainWish(target="b", gain_db=2.0), GainWish(target="c")]

    def rendered(wish: GainWish) -> np.ndarray:
        settings = {"smoothing_s": 0.05, "mask_exponent": exponent}
        render_remix(
            source, tmp_path / "out.wav", [masks[..., :9], masks[..., 9:]], [wish, *others], PAPER_GRID, **settings
        )
        return read_audio(tmp_path / "out.wav")[0]

    found = rendered(GainWish(target="a", gain_db=-3.0, ranges=(own,)))
    base, inside = rendered(GainWish(target="a", gain_db=-3.0)), rendered(GainWish(target="a", gain_db=MUTE_DB))
    np.testing.assert_array_equal(found[:, :rate_hz], base[:, :rate_hz])
    np.testing.assert_array_equal(found[:, 2 * rate_hz :], base[:, 2 * rate_hz :])
    full = slice(round(1.11 * rate_hz), round(1.89 * rate_hz))
    np.testing.assert_allclose(found[:, full], inside[:, full], rtol=0, atol=1e-5)
    assert np.abs(inside[:, full] - base[:, full]).max() > 0.01


def test_beside_a_solo_ranges_do_not_count(tmp_path):
    source = recording(tmp_path, "WAV", "FLOAT", RATE_HZ, 1, seconds=2)
    masks = drawn_masks(2, source, PAPER_GRID)
    solo = GainWish(target="b", is_solo=True)
    made = []
    for wish in (AUTOMATED, GainWish(target="a")):
        render_remix(source, tmp_path / "out.wav", [masks], [wish, solo], PAPER_GRID)
        made.append(read_audio(tmp_path / "out.wav")[0])
    np.testing.assert_array_equal(*made)


def test_the_loudness_of_a_remix_with_ranges_is_measured(tmp_path):
    source = recording(tmp_path, "WAV", "FLOAT", RATE_HZ, 1, seconds=8)
    wish = GainWish(target="a", ranges=(GainRange(gain_db=-12, to_s=7.95),))
    rendered = render_remix(source, tmp_path / "out.wav", mask_of(1.0, source), [wish], PAPER_GRID)
    assert rendered.after_lufs - rendered.before_lufs == pytest.approx(-12, abs=0.5)


@pytest.mark.parametrize("tuning", [Tuning(tempo=0.5), Tuning(transpose_semitones=-12.0)])
def test_the_loudness_that_is_asked_for_is_that_of_the_new_tempo_and_pitch(tmp_path, tuning):
    source = recording(tmp_path, "WAV", "PCM_16", 44_100, 2, seconds=3.0)
    care = LevelCare(loudness=-23.0)
    rendered = render_remix(source, tmp_path / "out.wav", (), (), PAPER_GRID, care=care, tuning=tuning)
    assert rendered.after_lufs == pytest.approx(-23.0, abs=0.05)
