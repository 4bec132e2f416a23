"""What one hears at the desk is what a night renders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.store import Catalog
from flows.one_file import open_separator, remix_file
from tests.desk.conftest import OpenDesk
from tests.desk.sounds import Desk, write_noise
from tests.grids import FINE_GRID
from tests.tasks.planted import TONES_HZ, register_checkpoint
from tests.tasks.untrained import write_checkpoint
from varemix.media.audio import read_audio
from varemix.remix.gains import factor
from varemix.remix.levels import LoudnessMeter
from varemix.remix.plan import RemixPlan, plan_of
from varemix.remix.plan_yaml import parse_plan
from varemix.signal.grid import PAPER_GRID, Grid

INSTRUMENTS = sorted(TONES_HZ)
AUDIBLE = 1e-4  # -80 dBFS


def rendered(song: Path, gains: dict[str, str], catalog: Catalog, folder: Path, **settings: Any) -> np.ndarray:
    """Return what `varemix remix` makes of a recording."""
    plan = plan_of([f"{target}={gain}" for target, gain in gains.items()], force=True, **settings)
    target = folder / "out" / song.name
    target.parent.mkdir(exist_ok=True)
    remix_file(song, target, plan, lambda: open_separator(None, str(catalog.home.root)))
    return read_audio(target)[0]


def drawn_gains(seed: int) -> dict[str, float]:
    """Return gains from mute to +6 dB, at least one of them a mute."""
    draw = np.random.default_rng(seed)
    gains = [-np.inf, *draw.uniform(-40, 6, len(INSTRUMENTS) - 1)]
    return dict(zip(draw.permutation(INSTRUMENTS).tolist(), map(float, gains), strict=True))


@pytest.mark.parametrize(
    ("rate_hz", "num_channels", "has_rivals", "grid"),
    [
        (22_050, 1, True, PAPER_GRID),
        (44_100, 2, True, PAPER_GRID),
        (48_000, 1, True, PAPER_GRID),
        (96_000, 2, True, PAPER_GRID),
        (44_100, 1, False, PAPER_GRID),
        (48_000, 2, False, PAPER_GRID),
        (44_100, 2, True, FINE_GRID),
        (48_000, 1, False, FINE_GRID),
    ],
)
def test_original_and_stems_add_up_to_what_the_batch_renders(
    open_desk: OpenDesk, catalog: Catalog, tmp_path: Path, rate_hz: int, num_channels: int, has_rivals: bool, grid: Grid
) -> None:
    if not has_rivals or grid != PAPER_GRID:  # without rivals, masks of noise overlap everywhere
        other = write_checkpoint(tmp_path / "other.safetensors", INSTRUMENTS, has_rivals=has_rivals, grid=grid)
        register_checkpoint(catalog, other, "other", "champion")
        catalog.merge(
            "checkpoints",
            [catalog.read_rows("checkpoints", where={"checkpoint_id": "small"})[0] | {"stage": "retired"}],
        )
    desk = open_desk()
    song = write_noise(tmp_path / "song.wav", rate_hz=rate_hz, num_channels=num_channels)
    facts = desk.drop(song)
    desk.hear(facts["id"], INSTRUMENTS)
    original, stems = desk.signal(facts, "audio"), desk.stems(facts, INSTRUMENTS)
    for seed in range(2):
        gains = drawn_gains(seed)
        heard = original + sum(factor(gains[name]) * stem for name, stem in zip(INSTRUMENTS, stems, strict=True))
        texts = {name: "mute" if gain == -np.inf else str(gain) for name, gain in gains.items()}
        expected = rendered(song, texts, catalog, tmp_path)
        assert np.abs(heard - expected).max() < AUDIBLE
        assert np.abs(expected - read_audio(song)[0]).max() > 0.01, "the gains should change something"


def test_solos_are_their_stems(desk: Desk, catalog: Catalog, tmp_path: Path) -> None:
    song = write_noise(tmp_path / "song.wav")
    facts = desk.drop(song)
    desk.hear(facts["id"], INSTRUMENTS)
    flute, tuba, _ = desk.stems(facts, INSTRUMENTS)
    expected = rendered(song, {"flute": "solo", "tuba": "solo", "violin": "3"}, catalog, tmp_path)
    assert np.abs(flute + tuba - expected).max() < AUDIBLE


def test_one_at_zero_db_keeps_its_share(desk: Desk, catalog: Catalog, tmp_path: Path) -> None:
    song = write_noise(tmp_path / "song.wav")
    facts = desk.drop(song)
    desk.hear(facts["id"], INSTRUMENTS)
    flute, _ = desk.stems(facts, ["flute", "tuba"])
    expected = rendered(song, {"flute": "mute", "tuba": "0"}, catalog, tmp_path)
    assert np.abs(read_audio(song)[0] - flute - expected).max() < AUDIBLE


@pytest.mark.parametrize(("rate_hz", "exponent"), [(44_100, 1.0), (48_000, 0.5)])
def test_with_gains_that_change_in_time_page_and_export_are_what_the_batch_renders(
    desk: Desk, catalog: Catalog, tmp_path: Path, rate_hz: int, exponent: float
) -> None:
    song = write_noise(tmp_path / "song.wav", rate_hz=rate_hz)
    facts = desk.drop(song)
    desk.hear(facts["id"], INSTRUMENTS)
    original = desk.signal(facts, "audio")
    flute, _, violin = desk.stems(facts, INSTRUMENTS, f"&exponent={exponent}&moved=flute,violin")
    ranges = [{"from": 1.5, "to": "0:03.25", "db": "mute", "fade": 0.5}, {"from": 4, "db": 3}]
    gains: dict[str, Any] = {"flute": [{"db": -4.5}, *ranges], "tuba": 0, "violin": [ranges[0]]}
    settings = {"mask_exponent": exponent, "even_if_absent": True}
    plan = RemixPlan.model_validate({"gains": gains, **settings})
    target = tmp_path / "out" / song.name
    target.parent.mkdir()
    remix_file(song, target, plan, lambda: open_separator(None, str(catalog.home.root)))
    expected = read_audio(target)[0]
    times_s = (np.arange(original.shape[1]) + 1) / rate_hz
    soft = factor(-4.5)
    of_flute = np.interp(times_s, [1.5, 2, 2.75, 3.25, 4, 4.05], [soft, -1, -1, soft, soft, factor(3)])
    of_violin = np.interp(times_s, [1.5, 2, 2.75, 3.25], [0, -1, -1, 0])
    assert np.abs(original + of_flute * flute + of_violin * violin - expected).max() < AUDIBLE
    assert desk.exported(facts, {"gains": gains, "mask_exponent": exponent}) == target.read_bytes(), "bit for bit"
    text = desk.client.post("/api/plan", json={"gains": gains, "mask_exponent": exponent}).text
    assert parse_plan(text, "remix.yaml").gains == plan.gains


def test_how_loud_a_mix_is_told_to_be_is_how_loud_its_export_is(desk: Desk, tmp_path: Path) -> None:
    song = write_noise(tmp_path / "song.wav")
    facts = desk.drop(song)
    desk.hear(facts["id"], INSTRUMENTS)
    of_song = LoudnessMeter(44_100, 2)
    of_song.add(read_audio(song)[0])
    for wish in ({"gains": {"flute": 12, "tuba": -6}}, {"gains": {"flute": [{"db": "mute", "to": 6}]}}, {"gains": {}}):
        told = desk.client.post(f"/api/recordings/{facts['id']}/loudness", json=wish).json()
        (tmp_path / "out.wav").write_bytes(desk.exported(facts, wish) if wish["gains"] else song.read_bytes())
        meter = LoudnessMeter(44_100, 2)
        meter.add(read_audio(tmp_path / "out.wav")[0])
        assert told["before_lufs"] == pytest.approx(of_song.integrated_lufs, abs=1e-6)
        assert told["after_lufs"] == pytest.approx(meter.integrated_lufs, abs=1e-3)
        assert (told["after_lufs"] == told["before_lufs"]) == (not wish["gains"])


def test_gains_in_time_that_cannot_be_are_refused_before_anything_is_written(desk: Desk, tmp_path: Path) -> None:
    facts = desk.drop(write_noise(tmp_path / "song.wav"))
    for ranges, words in (
        ([{"from": 1, "to": 9, "db": -6}], "goes beyond the recording's end at 0:06.3"),
        ([{"from": 2, "to": 1, "db": -6}], "does not lie after"),
        ([{"from": 1, "to": 3, "db": -6}, {"from": 2, "to": 4, "db": -6}], "overlap"),
        ([{"from": "soon", "to": 3, "db": -6}], "is no time"),
        ([{"from": 1, "to": 3, "db": "loud"}], "is no number of dB"),
        ([{"from": 1, "to": 3}], "lists such in time"),
    ):
        answer = desk.client.post(f"/api/recordings/{facts['id']}/export", json={"gains": {"flute": ranges}})
        assert answer.status_code == 422, ranges
        assert words in answer.json()["error"]


@pytest.mark.parametrize("exponent", [0.35, 2.8])
def test_however_unsure_masks_are_read_page_and_export_are_what_the_batch_renders(
    desk: Desk, catalog: Catalog, tmp_path: Path, exponent: float
) -> None:
    song = write_noise(tmp_path / "song.wav")
    facts = desk.drop(song)
    desk.hear(facts["id"], INSTRUMENTS)
    original = desk.signal(facts, "audio")
    flute, _, violin = desk.stems(facts, INSTRUMENTS, f"&exponent={exponent}&moved=flute,violin")
    gains = {"flute": "mute", "tuba": "0", "violin": "-4.5"}
    expected = rendered(song, gains, catalog, tmp_path, mask_exponent=exponent)
    assert np.abs(original - flute + factor(-4.5) * violin - expected).max() < AUDIBLE
    assert np.abs(rendered(song, gains, catalog, tmp_path) - expected).max() > 0.01, "the exponent should count"
    wish = {"gains": {"flute": "mute", "tuba": 0, "violin": -4.5}, "mask_exponent": exponent}
    rendered(song, gains, catalog, tmp_path, mask_exponent=exponent)
    assert desk.exported(facts, wish) == (tmp_path / "out" / song.name).read_bytes(), "bit for bit"
