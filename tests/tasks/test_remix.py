import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.ids import file_digest
from catalog.store import Catalog
from tasks.masks import make_masks
from tasks.queries import Query
from tasks.remix import remix_tracks
from tasks.shards import Outcome
from tasks.wishes import jobs_of, plan_queries
from tests.grids import FINE_GRID
from tests.tasks.planted import (
    TONES_HZ,
    plant_masks,
    plant_old_masks,
    register_checkpoint,
    scanned,
    statuses,
    tone_gains_db,
    visible_files,
    write_tones,
)
from varemix.errors import UsageError
from varemix.media.audio import read_audio
from varemix.remix.plan import RemixPlan, plan_of

MUTED_DB = -60.0  # a tone muted by a mask of its band is at least this much softer


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the remixes go; nobody has made the folder yet."""
    return tmp_path / "out"


def wanted(*gains: str, smoothing_s: float = 0.05, **settings: Any) -> RemixPlan:
    return plan_of(gains, smoothing_s=smoothing_s, **settings)


def queries_of(wishes: RemixPlan) -> list[Query]:
    return list(plan_queries(wishes, sorted(TONES_HZ)).values())


def remix(
    catalog: Catalog, tracks: Sequence[dict[str, Any]], out: Path, wishes: RemixPlan, checkpoint_id: str = "small"
) -> dict[str, Outcome]:
    outcomes = remix_tracks.fn(
        items=jobs_of(tracks, wishes, plan_queries(wishes, sorted(TONES_HZ)), out),
        shard="1 of 1",
        home=str(catalog.home.root),
        checkpoint_id=checkpoint_id,
    )
    return {outcome.item: outcome for outcome in outcomes}


def planted(catalog: Catalog, library: Path) -> list[dict[str, Any]]:
    tracks = scanned(catalog, library)
    for track in tracks:
        plant_masks(catalog, track, "small")
    return tracks


def test_each_gain_reaches_the_mask_of_its_own_instrument_in_any_order(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "a.wav", num_channels=2, subtype="PCM_24")
    wishes = wanted("violin=mute", "flute=+6", "tuba=-20")
    assert statuses(remix(catalog, planted(catalog, library), out, wishes).values()) == {"a.wav": "done"}
    gains_db = tone_gains_db(source, out / "a.wav")
    assert gains_db["flute"] == pytest.approx(6, abs=0.05)
    assert gains_db["tuba"] == pytest.approx(-20, abs=0.1)
    assert gains_db["violin"] < MUTED_DB
    [row] = catalog.read_rows("remixes")
    assert json.loads(row["wishes_json"]) == {
        "gains": {"violin": "mute", "flute": "6.0", "tuba": "-20.0"},
        "dry_wet": 1.0,
        "smoothing_s": 0.05,
        "even_if_absent": False,
        "nothing_else": False,
        "format": None,
        "loudness": "as_is",
        "true_peak_db": None,
    }
    assert (row["status"], row["digest"]) == ("remixed", file_digest(out / "a.wav"))
    assert row["mask_id"] == catalog.read_rows("masks")[0]["mask_id"]


def test_a_solo_is_heard_alone(catalog: Catalog, champion: str, library: Path, out: Path) -> None:
    source = write_tones(library / "a.flac")
    remix(catalog, planted(catalog, library), out, wanted("violin=solo"))
    gains_db = tone_gains_db(source, out / "a.flac")
    assert gains_db["violin"] == pytest.approx(0, abs=0.05)
    assert max(gains_db["flute"], gains_db["tuba"]) < MUTED_DB


def test_remixes_lie_in_the_folders_of_their_tracks_whatever_their_names(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    names = [
        "-rf.wav",
        "Fête/2019 [live] *?|.flac",
        "new\nline/ü.wav",
        "Коробейники/%s {0}.WAV",
        "deep/er/and/deeper/a=b.wav",
        "x" * 251 + ".wav",
    ]
    for number, name in enumerate(names):
        write_tones(library / name, seconds=0.2 + number / 100)
    outcomes = remix(catalog, planted(catalog, library), out, wanted("tuba=mute"))
    assert statuses(outcomes.values()) == dict.fromkeys(sorted(names), "done")
    assert visible_files(out) == sorted(names)


def test_a_range_is_remixed_and_a_recording_that_is_too_short_for_it_stops_nobody(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "long.wav", seconds=3)
    write_tones(library / "short.wav", seconds=1.5)
    outcomes = remix(catalog, planted(catalog, library), out, wanted("flute=mute@0:01-0:02~0.1"))
    assert statuses(outcomes.values()) == {"long.wav": "done", "short.wav": "failed"}
    assert "0:01-0:02 goes beyond the recording's end at 0:01.5; end it there" in outcomes["short.wav"].reason
    before, after = read_audio(source)[0], read_audio(out / "long.wav")[0]
    np.testing.assert_array_equal(after[:, :44_100], before[:, :44_100])
    np.testing.assert_array_equal(after[:, 88_200:], before[:, 88_200:])
    assert np.abs(after - before)[:, 44_100:88_200].max() > 0.01
    assert not (out / "short.wav").exists()


def test_unity_copies_every_byte_and_needs_no_masks(catalog: Catalog, champion: str, library: Path, out: Path) -> None:
    source = write_tones(library / "deep" / "a.wav")
    with source.open("ab") as file:
        file.write(b"LIST\x04\x00\x00\x00INFO")  # tags that a rendered file would lose
    tracks = scanned(catalog, library)
    [outcome] = remix(catalog, tracks, out, wanted("flute=0", "tuba=-0")).values()
    assert (outcome.status, outcome.reason) == ("unchanged", "all gains are 0 dB")
    assert (out / "deep" / "a.wav").read_bytes() == source.read_bytes()
    [row] = catalog.read_rows("remixes")
    assert (row["status"], row["digest"], row["mask_id"]) == ("unchanged", file_digest(source), None)
    assert statuses(remix(catalog, tracks, out, wanted("flute=0", "tuba=-0")).values()) == {"deep/a.wav": "skipped"}


def test_tempo_and_pitch_are_another_remix_and_without_them_ids_are_what_they_were(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav", seconds=2)
    tracks = planted(catalog, library)
    plain, tuned = wanted("violin=-6"), wanted("violin=-6", tempo="80%", transpose=-2)
    assert not {"tempo", "transpose_semitones"} & plain.for_track("a.wav", {}, 2).as_dict().keys()
    assert statuses(remix(catalog, tracks, out, plain).values()) == {"a.wav": "done"}
    before = catalog.read("remixes")
    assert statuses(remix(catalog, tracks, out, wanted("violin=-6", tempo=100)).values()) == {"a.wav": "skipped"}
    assert statuses(remix(catalog, tracks, out, tuned).values()) == {"a.wav": "done"}
    assert read_audio(out / "a.wav")[0].shape[1] == round(tracks[0]["num_samples"] / 0.8)
    assert set(before["remix_id"]) < set(catalog.read("remixes")["remix_id"])
    only_slower = RemixPlan.model_validate({"tempo": "50%"})
    assert statuses(remix(catalog, tracks, out, only_slower).values()) == {"a.wav": "done"}
    assert read_audio(out / "a.wav")[0].shape[1] == 2 * tracks[0]["num_samples"]


@pytest.mark.parametrize(
    ("rate_hz", "subtype", "channels"), [(44_100, "PCM_16", 2), (48_000, "PCM_24", 1), (96_000, "FLOAT", 6)]
)
def test_where_a_mask_claims_nothing_every_sample_stays(
    catalog: Catalog, champion: str, library: Path, out: Path, rate_hz: int, subtype: str, channels: int
) -> None:
    source = write_tones(library / "a.wav", rate_hz=rate_hz, subtype=subtype, num_channels=channels)
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, {"flute": (0, 0), "tuba": (0, 0)})
    assert statuses(remix(catalog, [track], out, wanted("tuba=mute", "flute=+24")).values()) == {"a.wav": "done"}
    (before, info), (after, info_after) = read_audio(source), read_audio(out / "a.wav")
    assert info_after == info
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    ("gains", "named"),
    [
        (["violin=mute"], "violin"),
        (["violin=+6", "tuba=0"], "violin"),
        (["violin=-3", "flute=-3"], "violin (share of the sound -42.0 dB, needs -18.0 dB), flute"),
        (["violin=solo"], "violin"),
        (["violin=solo", "tuba=+6"], "violin"),  # beside a solo no other wish is heard
    ],
)
def test_a_track_in_which_nothing_wished_for_plays_is_copied_byte_for_byte(
    catalog: Catalog, champion: str, library: Path, out: Path, gains: list[str], named: str
) -> None:
    source = write_tones(library / "a.wav")
    with source.open("ab") as file:
        file.write(b"LIST\x04\x00\x00\x00INFO")  # tags that a rendered file would lose
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, absent=["violin", "flute"])
    [outcome] = remix(catalog, [track], out, wanted(*gains)).values()
    reason = f"not detected: {named} (share of the sound -42.0 dB, needs -18.0 dB)"
    assert (outcome.status, outcome.reason) == ("unchanged", reason)
    assert (out / "a.wav").read_bytes() == source.read_bytes()
    [row] = catalog.read_rows("remixes")
    assert (row["status"], row["reason"], row["digest"]) == ("unchanged", reason, file_digest(source))
    assert statuses(remix(catalog, [track], out, wanted(*gains)).values()) == {"a.wav": "skipped"}


@pytest.mark.parametrize(
    ("gains", "alone"), [(["violin=mute", "tuba=-20"], ["tuba=-20"]), (["violin=solo", "tuba=solo"], ["tuba=solo"])]
)
def test_what_is_absent_is_left_out_of_a_remix_of_what_plays(
    catalog: Catalog, champion: str, library: Path, out: Path, gains: list[str], alone: list[str]
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, absent=["violin"])
    [outcome] = remix(catalog, [track], out / "all", wanted(*gains)).values()
    assert (outcome.status, outcome.reason) == (
        "done",
        "not detected: violin (share of the sound -42.0 dB, needs -18.0 dB)",
    )
    [outcome] = remix(catalog, [track], out / "alone", wanted(*alone)).values()
    assert (outcome.status, outcome.reason) == ("done", "")
    assert (out / "all" / "a.wav").read_bytes() == (out / "alone" / "a.wav").read_bytes()


def test_a_person_can_overrule_what_was_heard_and_that_is_another_remix(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, absent=["violin"])
    remix(catalog, [track], out, wanted("violin=-6"))
    [outcome] = remix(catalog, [track], out, wanted("violin=-6", force=True)).values()
    assert (outcome.status, outcome.reason) == ("done", "")
    assert tone_gains_db(source, out / "a.wav")["violin"] == pytest.approx(-6, abs=0.05)
    assert len(catalog.read("remixes")) == 2


def test_a_remix_of_nothing_else_takes_masks_of_just_its_instruments_the_unchanged_ones_too(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, {"violin": (0, 0), "flute": (0, 0)})
    plant_masks(catalog, track, champion, {"violin": (0, 0)}, nothing_else=True)
    wishes = wanted("violin=mute", "flute=0", nothing_else=True)
    [outcome] = remix(catalog, [track], out, wishes).values()
    assert (outcome.status, "no masks" in outcome.reason) == ("failed", True)
    plant_masks(catalog, track, champion, {"flute": (4_000, 22_051), "violin": (500, 4_000)}, nothing_else=True)
    assert statuses(remix(catalog, [track], out, wishes).values()) == {"a.wav": "done"}
    gains_db = tone_gains_db(source, out / "a.wav")
    assert gains_db["violin"] < MUTED_DB
    assert gains_db["flute"] == pytest.approx(0, abs=0.05)


def test_a_remix_of_nothing_else_is_another_one_and_the_order_of_its_wishes_does_not_matter(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    for nothing_else in (False, True):
        plant_masks(catalog, track, champion, nothing_else=nothing_else)
    for nothing_else in (False, True):
        wishes = wanted("violin=-6", "flute=0", "tuba=0", nothing_else=nothing_else)
        assert statuses(remix(catalog, [track], out, wishes).values()) == {"a.wav": "done"}
    again = wanted("tuba=0", "violin=-6", "flute=0", nothing_else=True)
    assert statuses(remix(catalog, [track], out, again).values()) == {"a.wav": "skipped"}
    shared = [json.loads(row["wishes_json"]).get("nothing_else", False) for row in catalog.read_rows("remixes")]
    assert sorted(shared) == [False, True]


def test_instruments_that_stay_as_they_are_take_their_part_of_what_is_heard(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav", seconds=0.5)
    tracks = scanned(catalog, library)
    for name, gains in (("two", ["violin=mute", "tuba=0"]), ("one", ["violin=mute"])):
        wishes = wanted(*gains, nothing_else=True)
        settings: dict[str, Any] = {"home": str(catalog.home.root), "checkpoint_id": champion, "nothing_else": True}
        make_masks.fn(items=tracks, shard="1", queries=queries_of(wishes), **settings)
        assert statuses(remix(catalog, tracks, out / name, wishes).values()) == {"a.wav": "done"}
    (shared, _), (alone, _) = (read_audio(out / name / "a.wav") for name in ("two", "one"))
    assert np.abs(shared - alone).max() > 0.01


def test_a_remix_that_stands_is_skipped_and_its_file_is_not_written(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    remix(catalog, tracks, out, wanted("violin=-6"))
    facts, version = (out / "a.wav").stat(), catalog.version("remixes")
    assert statuses(remix(catalog, tracks, out, wanted("violin=-6")).values()) == {"a.wav": "skipped"}
    assert (out / "a.wav").stat().st_mtime_ns == facts.st_mtime_ns
    assert catalog.version("remixes") == version


@pytest.mark.parametrize("step", ["remix", "stored_masks"])
def test_a_newer_version_of_the_step_or_of_the_masks_remixes_again(
    catalog: Catalog, champion: str, library: Path, out: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_tones(library / "a.wav")
    remix(catalog, planted(catalog, library), out, wanted("violin=-6"))
    monkeypatch.setattr(f"tasks.{step}.STEP_VERSION", 1_000)
    tracks = planted(catalog, library)
    for status in ("done", "skipped"):
        assert statuses(remix(catalog, tracks, out, wanted("violin=-6")).values()) == {"a.wav": status}


def test_the_id_of_a_copy_does_not_depend_on_how_masks_are_made(
    catalog: Catalog, champion: str, library: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tones(library / "a.wav")
    tracks = scanned(catalog, library)
    remix(catalog, tracks, out, wanted("violin=0"))
    monkeypatch.setattr("tasks.stored_masks.STEP_VERSION", 1_000)
    assert statuses(remix(catalog, tracks, out, wanted("violin=0")).values()) == {"a.wav": "skipped"}


@pytest.mark.parametrize("plant", [plant_old_masks, partial(plant_masks, grid=FINE_GRID)], ids=["format 1", "fine"])
def test_masks_are_used_on_the_grid_that_their_file_tells(
    catalog: Catalog, champion: str, library: Path, out: Path, plant: Callable[..., Path]
) -> None:
    source = write_tones(library / "a.wav", seconds=2, rate_hz=48_000, num_channels=2, subtype="PCM_24")
    [track] = scanned(catalog, library)
    plant(catalog, track, champion)
    outcomes = remix(catalog, [track], out, wanted("violin=mute", "flute=+6", "tuba=-20"))
    assert statuses(outcomes.values()) == {"a.wav": "done"}
    gains_db = tone_gains_db(source, out / "a.wav")
    assert gains_db["flute"] == pytest.approx(6, abs=0.05)
    assert gains_db["tuba"] == pytest.approx(-20, abs=0.1)
    assert gains_db["violin"] < MUTED_DB


def test_a_remix_of_old_masks_and_one_of_new_ones_never_share_an_id(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    for plant, lowest_hz in ((plant_old_masks, 500), (plant_masks, 0)):
        plant(catalog, track, champion, {"violin": (lowest_hz, 4_000)})
        for status in ("done", "skipped"):
            assert statuses(remix(catalog, [track], out, wanted("violin=-6")).values()) == {"a.wav": status}
    rows = catalog.read_rows("remixes")
    assert len({row["remix_id"] for row in rows}) == len({row["digest"] for row in rows}) == 2
    assert len({row["mask_id"] for row in rows}) == 2


def test_a_remix_of_old_masks_that_are_gone_is_made_anew_from_those_that_come_after(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    old = plant_old_masks(catalog, track, champion, {"violin": (0, 0)})
    remix(catalog, [track], out, wanted("violin=-6"))
    old.unlink()
    assert statuses(remix(catalog, [track], out, wanted("violin=-6")).values()) == {"a.wav": "failed"}
    plant_masks(catalog, track, champion)
    for status in ("done", "skipped"):
        assert statuses(remix(catalog, [track], out, wanted("violin=-6")).values()) == {"a.wav": status}


@pytest.mark.parametrize("damage", ["removed", "tampered", "half"])
def test_an_output_that_was_removed_or_changed_is_made_again(
    catalog: Catalog, champion: str, library: Path, out: Path, damage: str
) -> None:
    write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    remix(catalog, tracks, out, wanted("violin=-6"))
    path = out / "a.wav"
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "half" else content[:-1] + b"x")
    assert statuses(remix(catalog, tracks, out, wanted("violin=-6")).values()) == {"a.wav": "done"}
    assert path.read_bytes() == content
    assert len(catalog.read("remixes")) == 1


def test_another_wish_replaces_the_remix_and_the_first_wish_makes_it_again(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    for gain_db in (-6, 3, -6):
        outcomes = remix(catalog, tracks, out, wanted(f"violin={gain_db}"))
        assert statuses(outcomes.values()) == {"a.wav": "done"}
        assert tone_gains_db(source, out / "a.wav")["violin"] == pytest.approx(gain_db, abs=0.05)
    remix(catalog, tracks, out, wanted("violin=-6", smoothing_s=0.02))
    assert len(catalog.read("remixes")) == 3


def test_the_same_remix_in_another_folder_is_another_one(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    for folder in (out / "one", out / "two"):
        assert statuses(remix(catalog, tracks, folder, wanted("violin=-6")).values()) == {"a.wav": "done"}
    assert (out / "one" / "a.wav").read_bytes() == (out / "two" / "a.wav").read_bytes()


@pytest.mark.parametrize("gain", ["violin=-6", "violin=0"])
def test_a_source_that_changed_since_it_was_scanned_leaves_nothing_but_a_reason(
    catalog: Catalog, champion: str, library: Path, out: Path, gain: str
) -> None:
    for name in ("a.wav", "b.wav"):
        write_tones(library / name)
    tracks = planted(catalog, library)
    os.utime(library / "a.wav", ns=(1, 1))
    outcomes = remix(catalog, tracks, out, wanted(gain))
    assert outcomes["a.wav"].status == "failed"
    assert "changed or vanished since it was looked at" in outcomes["a.wav"].reason
    assert visible_files(out) == ["b.wav"]
    [row] = catalog.read_rows("remixes", where={"status": "failed"})
    assert (row["reason"], row["digest"]) == (outcomes["a.wav"].reason, None)


def test_a_source_that_changes_while_it_is_read_leaves_nothing_but_a_reason(
    catalog: Catalog, champion: str, library: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from varemix.remix import render

    write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    untouched = render.render_remix

    def render_while_it_changes(source: Path, *args: Any, **options: Any) -> render.Rendered:
        rendered = untouched(source, *args, **options)
        os.utime(source, ns=(1, 1))
        return rendered

    monkeypatch.setattr(render, "render_remix", render_while_it_changes)
    assert statuses(remix(catalog, tracks, out, wanted("violin=-6")).values()) == {"a.wav": "failed"}
    assert visible_files(out) == []


@pytest.mark.parametrize("damage", ["tampered", "cut off", "of another track", "words", "removed"])
def test_masks_that_are_not_what_was_written_are_not_used(
    catalog: Catalog, champion: str, library: Path, out: Path, damage: str
) -> None:
    write_tones(library / "a.wav", seconds=0.9)
    write_tones(library / "b.wav", seconds=1.1)
    tracks = scanned(catalog, library)
    first, second = (plant_masks(catalog, track, champion) for track in tracks)
    content = first.read_bytes()
    middle = len(content) // 2
    first.write_bytes(
        {
            "tampered": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut off": content[:-7],
            "of another track": second.read_bytes(),
        }.get(damage, b"words")
    )
    if damage == "removed":
        first.unlink()
    outcomes = remix(catalog, tracks, out, wanted("violin=-6"))
    assert statuses(outcomes.values()) == {"a.wav": "failed", "b.wav": "done"}
    assert "masks" in outcomes["a.wav"].reason
    assert visible_files(out) == ["b.wav"]


def test_masks_of_another_checkpoint_are_not_used(
    catalog: Catalog, champion: str, checkpoint_file: Path, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    register_checkpoint(catalog, checkpoint_file, "other")
    outcomes = remix(catalog, tracks, out, wanted("violin=-6"), checkpoint_id="other")
    assert "no masks" in outcomes["a.wav"].reason
    assert not out.exists()


def test_a_recording_for_which_nothing_is_wished_stays_when_another_checkpoint_serves(
    catalog: Catalog, champion: str, checkpoint_file: Path, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    tracks = scanned(catalog, library)
    register_checkpoint(catalog, checkpoint_file, "other")
    assert statuses(remix(catalog, tracks, out, wanted("violin=0")).values()) == {"a.wav": "unchanged"}
    later = remix(catalog, tracks, out, wanted("violin=0"), checkpoint_id="other")
    assert statuses(later.values()) == {"a.wav": "skipped"}


def test_masks_are_shared_by_recordings_with_the_same_content(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    first = write_tones(library / "a.wav")
    (library / "copy.wav").write_bytes(first.read_bytes())
    tracks = scanned(catalog, library)
    plant_masks(catalog, tracks[0], champion)
    assert set(statuses(remix(catalog, tracks, out, wanted("violin=-6")).values()).values()) == {"done"}
    assert (out / "a.wav").read_bytes() == (out / "copy.wav").read_bytes()


def test_an_output_that_cannot_be_written_stops_nobody(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    for name in ("a.wav", "b.wav", "deep/c.wav"):
        write_tones(library / name)
    out.mkdir()
    (out / "a.wav").mkdir()
    (out / "deep").write_text("a file where a folder should be")
    outcomes = remix(catalog, planted(catalog, library), out, wanted("violin=-6"))
    assert statuses(outcomes.values()) == {"a.wav": "failed", "b.wav": "done", "deep/c.wav": "failed"}
    assert all(outcomes[name].reason for name in ("a.wav", "deep/c.wav"))
    assert visible_files(out) == ["b.wav", "deep"]


def test_heard_masks_and_wishes_become_the_same_remix_twice(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "a.flac", seconds=0.7, num_channels=2, rate_hz=48_000)
    tracks = scanned(catalog, library)
    wishes = wanted("tuba=mute", "flute=+3")
    make_masks.fn(
        items=tracks, shard="1", home=str(catalog.home.root), checkpoint_id=champion, queries=queries_of(wishes)
    )
    for folder in (out / "one", out / "two"):
        assert statuses(remix(catalog, tracks, folder, wishes).values()) == {"a.flac": "done"}
    (before, info), (after, info_after) = read_audio(source), read_audio(out / "one" / "a.flac")
    assert info_after == info
    assert np.abs(after - before).max() > 0.01
    assert (out / "one" / "a.flac").read_bytes() == (out / "two" / "a.flac").read_bytes()


def test_clipping_is_told(catalog: Catalog, champion: str, library: Path, out: Path) -> None:
    write_tones(library / "a.wav")
    remix(catalog, planted(catalog, library), out, wanted("flute=+24"))
    [row] = catalog.read_rows("remixes")
    assert row["clipped_samples"] > 100
    assert row["peak_db"] == pytest.approx(20 * np.log10(0.15 * (10 ** (24 / 20) + 2)), abs=0.5)


@pytest.mark.parametrize(
    ("gains", "smoothing_s", "words"),
    [
        ([], 0.05, "No gain was given"),
        (["violin=loud"], 0.05, "'loud' for 'violin' is no number"),
        (["violin"], 0.05, "no NAME=DB form"),
        (["theremin=3"], 0.05, "'theremin' is neither"),
        (["violin=3", "Violin=6"], 0.05, "two gains"),
        (["violin=30"], 0.05, "out of range"),
        (["violin=3"], 10.5, "smoothing s '10.5' was given: Input should be less than or equal to 10"),
        (["violin=3"], -0.01, "smoothing s '-0.01' was given: Input should be greater than or equal to 0"),
        (["violin=3"], float("nan"), "smoothing s 'nan' was given: Input should be"),
    ],
)
def test_wishes_that_cannot_be_are_errors(gains: list[str], smoothing_s: float, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan_queries(wanted(*gains, smoothing_s=smoothing_s), sorted(TONES_HZ))


def test_a_link_into_the_library_is_never_written_through(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "deep" / "a.wav")
    before = source.read_bytes()
    tracks = planted(catalog, library)
    out.mkdir()
    (out / "deep").symlink_to(library / "deep")
    for gain in ("violin=-6", "violin=0"):
        [outcome] = remix(catalog, tracks, out, wanted(gain)).values()
        assert outcome.status == "failed"
        assert "by a link" in outcome.reason
    assert source.read_bytes() == before
    assert visible_files(library) == ["deep/a.wav"]


def test_an_error_that_nobody_thought_of_fails_one_recording_only(
    catalog: Catalog, champion: str, library: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from varemix.media import tags

    for name in ("a.wav", "b.wav", "c.wav"):
        write_tones(library / name)
    tracks, copied = planted(catalog, library), tags.copy_tags

    def break_at_b(source: Path, *args: Any, **options: Any) -> list[str]:
        if source.name == "b.wav":
            raise KeyError("nobody thought of this")
        return copied(source, *args, **options)

    monkeypatch.setattr(tags, "copy_tags", break_at_b)
    outcomes = remix(catalog, tracks, out, wanted("violin=-6"))
    assert statuses(outcomes.values()) == {"a.wav": "done", "b.wav": "failed", "c.wav": "done"}
    assert "nobody thought of this" in outcomes["b.wav"].reason
    assert visible_files(out) == ["a.wav", "c.wav"]
