"""Levels, mixes of before and after, and formats in a library's remixes; what masks do is tested in `test_remix`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.ids import file_digest
from catalog.store import Catalog
from tasks.remix import remix_tracks
from tasks.shards import Outcome
from tasks.wishes import jobs_of, plan_queries
from tests.tasks.planted import TONES_HZ, plant_masks, scanned, tone_gains_db, visible_files, write_tones
from varemix.media.audio import probe_audio, read_audio
from varemix.remix.levels import LoudnessMeter
from varemix.remix.plan import RemixPlan, plan_of
from varemix.remix.true_peak import TruePeakMeter

LIVE = {"name": "live", "match": {"file": "live*"}}
TAGS = b"LIST\x04\x00\x00\x00INFO"  # at the end of a WAV file; one that is written anew would lose them


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the remixes go; nobody has made the folder yet."""
    return tmp_path / "out"


@pytest.fixture
def song(library: Path) -> Path:
    """Return the only recording of the library, three tones of which each reaches up to 0.15 for a second."""
    return write_tones(library / "song.wav", num_channels=2, subtype="PCM_24")


def planted(catalog: Catalog, library: Path) -> list[dict[str, Any]]:
    tracks = scanned(catalog, library)
    for track in tracks:
        plant_masks(catalog, track, "small")
    return tracks


def remix(catalog: Catalog, tracks: Sequence[dict[str, Any]], out: Path, plan: RemixPlan) -> list[Outcome]:
    return remix_tracks.fn(
        items=jobs_of(tracks, plan, plan_queries(plan, sorted(TONES_HZ)), out),
        shard="1 of 1",
        home=str(catalog.home.root),
        checkpoint_id="small",
    )


def row_of(catalog: Catalog, path: Path) -> dict[str, Any]:
    [row] = catalog.read_rows("remixes", where={"out_path": str(path)})
    return row


def ended(outcome: Outcome) -> tuple[str, str]:
    return outcome.status, outcome.reason


def loudness_lufs(path: Path) -> float:
    samples, info = read_audio(path)
    meter = LoudnessMeter(info.rate_hz, info.num_channels)
    meter.add(samples)
    assert meter.integrated_lufs is not None
    return meter.integrated_lufs


def true_peak_db(path: Path) -> float:
    samples, info = read_audio(path)
    meter = TruePeakMeter(info.num_channels)
    meter.add(samples)
    return meter.true_peak_db


def test_a_remix_is_brought_to_the_loudness_of_its_original(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    tracks = planted(catalog, library)
    remix(catalog, tracks, out / "as is", plan_of(["violin=mute", "flute=-20"]))
    [outcome] = remix(catalog, tracks, out, plan_of(["violin=mute", "flute=-20"], loudness="match"))
    as_is, matched = out / "as is" / "song.wav", out / "song.wav"
    assert ended(outcome) == ("done", "")
    assert loudness_lufs(as_is) < loudness_lufs(song) - 3
    assert loudness_lufs(matched) == pytest.approx(loudness_lufs(song), abs=0.05)
    row = row_of(catalog, matched)
    assert row["gain_db"] == pytest.approx(loudness_lufs(song) - loudness_lufs(as_is), abs=0.05)
    assert tone_gains_db(as_is, matched)["tuba"] == pytest.approx(row["gain_db"], abs=0.05)
    assert (row["limited_samples"], row["clipped_samples"], row["rule"]) == (0, 0, "")
    assert row_of(catalog, as_is)["gain_db"] == 0


@pytest.mark.parametrize("wished_lufs", [-30.0, -12.0])
def test_a_remix_is_brought_to_a_number_of_lufs(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path, wished_lufs: float
) -> None:
    plan = plan_of(["violin=-6"], loudness=wished_lufs)
    assert [ended(outcome) for outcome in remix(catalog, planted(catalog, library), out, plan)] == [("done", "")]
    assert loudness_lufs(out / "song.wav") == pytest.approx(wished_lufs, abs=0.05)
    assert json.loads(row_of(catalog, out / "song.wav")["wishes_json"])["loudness"] == wished_lufs


def test_no_true_peak_of_a_remix_passes_the_ceiling(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    tracks = planted(catalog, library)
    remix(catalog, tracks, out / "free", plan_of(["violin=+12"]))
    [outcome] = remix(catalog, tracks, out, plan_of(["violin=+12"], true_peak_db=-6))
    assert ended(outcome) == ("done", "")
    assert true_peak_db(out / "free" / "song.wav") > -2
    assert -7 < true_peak_db(out / "song.wav") <= -5.95
    row = row_of(catalog, out / "song.wav")
    assert 0 < row["limited_samples"] <= 2 * probe_audio(song).num_samples
    assert row["reduction_db"] == pytest.approx(true_peak_db(out / "free" / "song.wav") + 6, abs=0.3)
    assert (row["gain_db"], row_of(catalog, out / "free" / "song.wav")["limited_samples"]) == (0, 0)


def test_a_remix_made_louder_is_held_under_the_ceiling_without_clipping(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "mono.wav")
    tracks = planted(catalog, library)
    remix(catalog, tracks, out / "clipped", plan_of(["violin=-1"], loudness=-5))
    remix(catalog, tracks, out, plan_of(["violin=-1"], loudness=-5, true_peak_db=-1))
    assert row_of(catalog, out / "clipped" / "mono.wav")["clipped_samples"] > 0
    row = row_of(catalog, out / "mono.wav")
    assert (row["clipped_samples"], row["limited_samples"] > 0) == (0, True)
    assert true_peak_db(out / "mono.wav") <= -0.95


def test_a_rule_has_levels_of_its_own_and_its_name_is_in_the_row(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    write_tones(library / "live.wav", subtype="PCM_24")
    plan = plan_of(
        ["violin=-6"], base=RemixPlan.model_validate({"rules": [LIVE | {"loudness": -30}]}), loudness="match"
    )
    remix(catalog, planted(catalog, library), out, plan)
    assert loudness_lufs(out / "live.wav") == pytest.approx(-30, abs=0.05)
    assert loudness_lufs(out / "song.wav") == pytest.approx(loudness_lufs(song), abs=0.05)
    assert [row_of(catalog, out / name)["rule"] for name in ("live.wav", "song.wav")] == ["live", ""]


def test_half_wet_is_half_the_change_of_every_sample(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    tracks = planted(catalog, library)
    for dry_wet in (0.5, 1.0):
        remix(catalog, tracks, out / str(dry_wet), plan_of(["violin=mute", "tuba=+6"], dry_wet=dry_wet))
    (before, _), (half, _), (full, _) = (
        read_audio(path) for path in (song, out / "0.5" / "song.wav", out / "1.0" / "song.wav")
    )
    assert np.abs(full - before).max() > 0.1
    np.testing.assert_allclose(half - before, (full - before) / 2, atol=4 / 2**23)


@pytest.mark.parametrize(
    ("gains", "settings"),
    [
        (["violin=0"], {"loudness": "match"}),
        (["violin=-6"], {"dry_wet": 0.0, "loudness": "match"}),
        ([], {"true_peak_db": -1}),
        (["tuba=0"], {"loudness": "match", "true_peak_db": -6}),
        (["violin=0"], {"format": "wav"}),
    ],
)
def test_what_is_at_its_level_and_in_its_format_already_is_copied_byte_for_byte(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path, gains: list[str], settings: dict[str, Any]
) -> None:
    song.write_bytes(song.read_bytes() + TAGS)
    [outcome] = remix(catalog, scanned(catalog, library), out, plan_of(gains, **settings))
    assert ended(outcome) == ("unchanged", "all gains are 0 dB")
    assert (out / "song.wav").read_bytes() == song.read_bytes()
    row = row_of(catalog, out / "song.wav")
    assert (row["status"], row["digest"], row["mask_id"]) == ("unchanged", file_digest(song), None)


def test_where_all_gains_are_0_db_levels_are_cared_for_without_masks(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    tracks = scanned(catalog, library)
    plans = {"quiet": plan_of([], loudness=-30), "low": plan_of(["violin=0"], true_peak_db=-12)}
    for name, plan in plans.items():
        assert [ended(o) for o in remix(catalog, tracks, out / name, plan)] == [("done", "all gains are 0 dB")]
    assert loudness_lufs(out / "quiet" / "song.wav") == pytest.approx(-30, abs=0.05)
    assert true_peak_db(out / "low" / "song.wav") <= -11.95
    rows = [row_of(catalog, out / name / "song.wav") for name in plans]
    assert [(row["status"], row["mask_id"]) for row in rows] == [("remixed", None), ("remixed", None)]
    assert rows[1]["limited_samples"] > 0


def test_levels_are_cared_for_where_no_instrument_plays_too(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, absent=["violin"])
    [outcome] = remix(catalog, [track], out, plan_of(["violin=-6"], loudness=-30))
    assert ended(outcome) == ("done", "not detected: violin (share of the sound -42.0 dB, needs -18.0 dB)")
    assert loudness_lufs(out / "song.wav") == pytest.approx(-30, abs=0.05)
    gains_db = tone_gains_db(song, out / "song.wav")
    assert gains_db["violin"] == pytest.approx(gains_db["tuba"], abs=0.01)


def test_a_track_that_a_rule_skips_is_copied_whatever_the_plan_wishes(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    live = write_tones(library / "live.wav", seconds=0.5)
    live.write_bytes(live.read_bytes() + TAGS)
    tracks = scanned(catalog, library)
    plant_masks(catalog, tracks[1], champion)  # the song only: what is skipped needs none
    base = RemixPlan.model_validate({"rules": [LIVE | {"skip": True}]})
    outcomes = remix(catalog, tracks, out, plan_of(["violin=-6"], base=base, loudness=-30, format="flac"))
    assert [ended(o) for o in outcomes] == [("unchanged", "left as it is by the rule 'live'"), ("done", "")]
    assert visible_files(out) == ["live.wav", "song.flac"]
    assert (out / "live.wav").read_bytes() == live.read_bytes()
    row = row_of(catalog, out / "live.wav")
    assert (row["rule"], json.loads(row["wishes_json"]), row["gain_db"]) == ("live", {"is_skipped": True}, None)


def test_another_format_holds_the_same_samples_and_is_called_unchanged(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    [outcome] = remix(catalog, scanned(catalog, library), out, plan_of([], format="flac"))
    assert ended(outcome) == ("unchanged", "all gains are 0 dB")
    assert visible_files(out) == ["song.flac"]
    (before, _), (after, info) = read_audio(song), read_audio(out / "song.flac")
    assert (info.container, info.subtype) == ("FLAC", "PCM_24")
    np.testing.assert_array_equal(after, before)
    row = row_of(catalog, out / "song.flac")
    assert (row["status"], row["digest"]) == ("unchanged", file_digest(out / "song.flac"))


def test_a_remix_in_another_format_has_the_samples_of_that_in_its_own(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path
) -> None:
    tracks = planted(catalog, library)
    for format_name in ("same", "flac"):
        plan = plan_of(["violin=-6"], format=format_name)
        assert [ended(outcome) for outcome in remix(catalog, tracks, out, plan)] == [("done", "")]
    np.testing.assert_array_equal(read_audio(out / "song.flac")[0], read_audio(out / "song.wav")[0])
    assert row_of(catalog, out / "song.flac")["remix_id"] != row_of(catalog, out / "song.wav")["remix_id"]


@pytest.mark.parametrize(
    "settings",
    [
        {"loudness": "match", "true_peak_db": -1},
        {"dry_wet": 0.5},
        {"format": "flac"},
        {"gains": ["violin=0"], "format": "flac"},
        {"gains": [], "loudness": -30},
        {"base": RemixPlan.model_validate({"rules": [{"name": "all", "match": {}, "skip": True}]})},
    ],
    ids=", ".join,
)
def test_what_stands_is_skipped_and_not_written_again(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path, settings: dict[str, Any]
) -> None:
    tracks = planted(catalog, library)
    plan = plan_of(**{"gains": ["violin=-6"]} | settings)
    [first] = remix(catalog, tracks, out, plan)
    [name] = visible_files(out)
    written, version = (out / name).stat().st_mtime_ns, catalog.version("remixes")
    [second] = remix(catalog, tracks, out, plan)
    assert first.status in ("done", "unchanged")
    assert ended(second) == ("skipped", "")
    assert ((out / name).stat().st_mtime_ns, catalog.version("remixes")) == (written, version)


def test_a_remix_of_another_library_is_never_lost_to_one_of_the_same_name(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path, tmp_path: Path
) -> None:
    other = write_tones(tmp_path / "other" / "song.wav", names=["tuba"])
    write_tones(tmp_path / "other" / "free.wav", names=["flute"])
    first, second, plan = planted(catalog, library), planted(catalog, other.parent), plan_of(["tuba=-6"])
    remix(catalog, first, out, plan)
    content = (out / "song.wav").read_bytes()
    free, refused = remix(catalog, second, out, plan)
    reason = f"'{out / 'song.wav'}' is the remix of '{song}', which would be lost. Choose another folder."
    assert (ended(free), ended(refused)) == (("done", ""), ("failed", reason))
    assert (out / "song.wav").read_bytes() == content
    assert [outcome.status for outcome in remix(catalog, first, out, plan)] == ["skipped"]
    song.unlink()
    assert [outcome.status for outcome in remix(catalog, second, out, plan)] == ["skipped", "done"]
    assert tone_gains_db(other, out / "song.wav")["tuba"] == pytest.approx(-6, abs=0.05)


def test_where_the_remix_of_another_library_is_gone_there_is_room(
    catalog: Catalog, champion: str, library: Path, song: Path, out: Path, tmp_path: Path
) -> None:
    other = write_tones(tmp_path / "other" / "song.wav", names=["tuba"])
    plan = plan_of(["tuba=-6"])
    remix(catalog, planted(catalog, library), out, plan)
    (out / "song.wav").unlink()
    assert [outcome.status for outcome in remix(catalog, planted(catalog, other.parent), out, plan)] == ["done"]


def test_every_remix_of_another_library_is_kept(
    catalog: Catalog, champion: str, library: Path, out: Path, tmp_path: Path
) -> None:
    write_tones(library / "song.wav", seconds=0.5)
    for format_name in (None, "flac"):
        remix(catalog, scanned(catalog, library), out, plan_of(["violin=0"], format=format_name))
    for name in ("song.wav", "song.flac"):
        write_tones(tmp_path / "other" / name, names=["tuba"])
    outcomes = remix(catalog, scanned(catalog, tmp_path / "other"), out, plan_of(["violin=0"]))
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]


def test_a_name_that_another_track_of_the_library_had_before_is_free_in_every_shard(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    plan = plan_of(["violin=0"], format="flac")
    write_tones(library / "song.wav", seconds=0.5)
    remix(catalog, scanned(catalog, library), out, plan)
    write_tones(library / "song.flac", names=["tuba"])
    jobs = jobs_of(scanned(catalog, library), plan, plan_queries(plan, ["violin"]), out)
    settings = {"shard": "1", "home": str(catalog.home.root), "checkpoint_id": "small"}
    ended = [remix_tracks.fn(items=[job], **settings)[0].status for job in jobs]
    assert ended == ["unchanged", "unchanged"]
