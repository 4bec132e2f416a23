"""What would be done with a library; that it is then done is tested in `test_nightly`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog.store import Catalog
from catalog.tables import TABLES
from flows.preview import page, preview
from tasks.remix import remix_tracks
from tasks.wishes import jobs_of, plan_queries
from tests.tasks.planted import (
    TONES_HZ,
    plant_masks,
    plant_old_masks,
    scan,
    scanned,
    statuses,
    write_tones,
)
from varemix.errors import MediaError, UsageError
from varemix.media.audio import probe_audio
from varemix.remix.plan import RemixPlan, plan_of

SECONDS = 40.0  # of each planted recording: at 8 kHz and 16 bits 640 kB
PLAN = RemixPlan.model_validate(
    {
        "gains": {"tuba": -6},
        "rules": [
            {"name": "live", "match": {"folder": "live"}, "skip": True},
            {"name": "solos", "match": {"file": "solo*"}, "gains": {"violin": "solo"}},
        ],
    }
)
NAMES = ("a.wav", "live/b.wav", "live/c.wav", "solo.wav")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a library of four recordings, each of something else."""
    for number, name in enumerate(NAMES):
        names = [*TONES_HZ][:number]
        write_tones(tmp_path / "library" / name, names=names, seconds=SECONDS, rate_hz=8_000)
    return tmp_path / "library"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the remixes would go."""
    return tmp_path / "out"


def planted(catalog: Catalog, library: Path) -> list[dict[str, Any]]:
    tracks = scanned(catalog, library)
    for track in tracks:
        plant_masks(catalog, track, "small")
    return tracks


def remix(catalog: Catalog, tracks: Sequence[dict[str, Any]], plan: RemixPlan, out: Path) -> None:
    jobs = jobs_of(tracks, plan, plan_queries(plan, sorted(TONES_HZ)), out)
    remix_tracks.fn(items=jobs, shard="1 of 1", home=str(catalog.home.root), checkpoint_id="small")


def total(catalog: Catalog, library: Path, out: Path, plan: RemixPlan) -> dict[str, Any]:
    """Return what would be done in all, but for how long it takes."""
    found: dict[str, Any] = dict(preview(catalog, library, out, plan, None)["total"])
    found.pop("about_minutes_of_work")
    return found


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all files below a folder: when they were written, and what they hold."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_of_a_library_that_was_never_heard_all_is_to_be_done(catalog: Catalog, library: Path, out: Path) -> None:
    found = preview(catalog, library, out, PLAN, None)
    assert {name: found[name] for name in ("library", "out", "checkpoint_id", "unreadable")} == {
        "library": str(library),
        "out": str(out),
        "checkpoint_id": "small",
        "unreadable": {},
    }
    assert total(catalog, library, out, PLAN) == {
        "recordings": 4,
        "minutes_of_sound": 2.7,  # 160 s
        "already_done": 0,
        "to_copy": 2,
        "to_write": 2,
        "to_hear_before": 2,
        "about_megabytes_to_write": 2.6,
    }


def test_each_rule_tells_what_it_would_do(catalog: Catalog, library: Path, out: Path) -> None:
    by_rule = preview(catalog, library, out, PLAN, None)["by_rule"]
    told = ("recordings", "to_copy", "to_write", "to_hear_before", "about_megabytes_to_write")
    assert {rule: [counts[name] for name in told] for rule, counts in by_rule.items()} == {
        "": [1, 0, 1, 1, 0.6],
        "live": [2, 2, 0, 0, 1.3],
        "solos": [1, 0, 1, 1, 0.6],
    }


def test_what_has_masks_need_not_be_heard(catalog: Catalog, library: Path, out: Path) -> None:
    tracks = scanned(catalog, library)
    assert total(catalog, library, out, PLAN)["to_hear_before"] == 2
    plant_masks(catalog, tracks[0], "small", {"violin": (500, 4_000)})
    assert total(catalog, library, out, PLAN)["to_hear_before"] == 2  # the tuba is asked for
    plant_masks(catalog, tracks[0], "small")
    assert total(catalog, library, out, PLAN)["to_hear_before"] == 1
    plant_masks(catalog, tracks[3], "small")
    found = total(catalog, library, out, PLAN)
    assert (found["to_hear_before"], found["to_write"]) == (0, 2)
    shared = PLAN.model_copy(update={"exclusive": True})
    assert total(catalog, library, out, shared)["to_hear_before"] == 2


def test_what_stands_is_done_and_what_is_gone_or_wished_otherwise_is_not(
    catalog: Catalog, library: Path, out: Path
) -> None:
    remix(catalog, planted(catalog, library), PLAN, out)
    assert total(catalog, library, out, PLAN) == {
        "recordings": 4,
        "minutes_of_sound": 2.7,
        "already_done": 4,
        "to_copy": 0,
        "to_write": 0,
        "to_hear_before": 0,
        "about_megabytes_to_write": 0.0,
    }
    for name in ("a.wav", "live/b.wav"):
        (out / name).unlink()
    told = ("already_done", "to_copy", "to_write", "about_megabytes_to_write")
    for plan, expected in (
        (PLAN, [2, 1, 1, 1.3]),
        (PLAN.model_copy(update={"dry_wet": 0.5}), [1, 1, 2, 1.9]),
        (plan_of(["tuba=-6"]), [0, 0, 4, 2.6]),
    ):
        found = total(catalog, library, out, plan)
        assert [found[name] for name in told] == expected
    assert total(catalog, library, out.with_name("other"), PLAN)["already_done"] == 0


def test_what_was_made_of_old_masks_is_done_until_there_are_new_ones(
    catalog: Catalog, library: Path, out: Path
) -> None:
    tracks = scanned(catalog, library)
    told = ("already_done", "to_write", "to_hear_before")
    expected = ([0, 2, 0], [4, 0, 0], [3, 1, 0])
    for track in tracks:
        plant_old_masks(catalog, track, "small")
    steps = (lambda: None, lambda: remix(catalog, tracks, PLAN, out), lambda: plant_masks(catalog, tracks[0], "small"))
    for step, counts in zip(steps, expected, strict=True):
        step()
        found = total(catalog, library, out, PLAN)
        assert [found[name] for name in told] == counts


@pytest.mark.parametrize(("format_name", "megabytes"), [("flac", 1.5), ("mp3", 3.8), ("same", 2.6)])
def test_another_format_has_another_size_and_is_written_where_all_gains_are_0_db(
    catalog: Catalog, library: Path, out: Path, format_name: str, megabytes: float
) -> None:
    found = total(catalog, library, out, plan_of(["tuba=-6"], format=format_name))
    assert (found["to_write"], found["about_megabytes_to_write"]) == (4, megabytes)
    found = total(catalog, library, out, plan_of(["tuba=0"], loudness="match", format=format_name))
    counts = {name: found[name] for name in ("to_copy", "to_write", "to_hear_before")}
    is_copied = format_name == "same"
    assert counts == {"to_copy": 4 * is_copied, "to_write": 4 * (not is_copied), "to_hear_before": 0}


def test_remixes_in_another_format_are_found_where_they_lie(catalog: Catalog, library: Path, out: Path) -> None:
    plan = plan_of(["tuba=-6"], format="flac")
    remix(catalog, planted(catalog, library), plan, out)
    assert total(catalog, library, out, plan)["already_done"] == 4
    assert total(catalog, library, out, plan_of(["tuba=-6"]))["already_done"] == 0


def test_how_long_it_takes_is_told_by_how_fast_it_was_done_before(catalog: Catalog, library: Path, out: Path) -> None:
    assert 0.1 <= preview(catalog, library, out, PLAN, None)["total"]["about_minutes_of_work"] <= 0.4  # mostly to start
    tracks = planted(catalog, library)
    [heard] = catalog.read_rows("masks", where={"track_id": tracks[1]["track_id"]})
    catalog.merge("masks", [heard | {"seconds": 400.0}])  # ten times as long as it plays
    wishes = plan_of(["tuba=-6"], nothing_else=True)  # so that none of the masks serves
    assert preview(catalog, library, out, wishes, None)["total"]["about_minutes_of_work"] == pytest.approx(
        4 * 400 / 60, abs=0.3
    )
    row = {"track_id": tracks[0]["track_id"], "wishes_json": "{}", "status": "remixed", "seconds": 40.0}
    copied = {"remix_id": "copied", "status": "unchanged", "seconds": 0.001}
    catalog.merge("remixes", [row | {"remix_id": "made"}, row | copied])  # as long as it plays; copies do not count
    assert preview(catalog, library, out, wishes, None)["total"]["about_minutes_of_work"] == pytest.approx(
        (4 * 400 + 4 * 40) / 60, abs=0.3
    )


@pytest.mark.parametrize("is_known", [False, True])
def test_nothing_is_written(catalog: Catalog, library: Path, out: Path, tmp_path: Path, is_known: bool) -> None:
    if is_known:
        remix(catalog, planted(catalog, library)[:2], PLAN, out)
        (library / "a.wav").write_bytes((library / "solo.wav").read_bytes())
    (library / "words.wav").write_text("these are words")
    versions, before = {name: catalog.version(name) for name in TABLES}, everything(tmp_path)
    page(preview(catalog, library, out, PLAN, None))
    assert {name: catalog.version(name) for name in TABLES} == versions
    assert everything(tmp_path) == before


def test_files_that_are_new_or_changed_are_looked_at(catalog: Catalog, library: Path, out: Path) -> None:
    remix(catalog, planted(catalog, library), PLAN, out)
    write_tones(library / "new.wav", seconds=SECONDS, rate_hz=8_000)
    write_tones(library / "a.wav", seconds=2 * SECONDS, rate_hz=8_000)
    (library / "solo.wav").unlink()
    found = total(catalog, library, out, PLAN)
    assert (found["recordings"], found["already_done"]) == (4, 2)
    assert (found["to_write"], found["to_hear_before"], found["about_megabytes_to_write"]) == (2, 2, 1.9)


def test_gains_in_time_are_named_and_which_recording_is_too_short_for_them(
    catalog: Catalog, library: Path, out: Path
) -> None:
    longest_s = max(probe_audio(path).duration_s for path in library.rglob("*.wav"))
    plan = plan_of(["violin=-3", "violin=mute@0:00.1-0:00.5~0.1", f"flute=-6@{longest_s / 2}-{longest_s}"])
    found = preview(catalog, library, out, plan, None)
    assert found["gains"].startswith("violin=-3.0 violin=mute@0:00.1-0:00.5~0.1, flute=-6.0@")
    assert "violin=mute@0:00.1-0:00.5~0.1" in page(found)
    late = preview(catalog, library, out, plan_of([f"violin=-6@0:00-{longest_s + 1}"]), None)
    assert late["total"] == {}
    assert all("goes beyond the recording's end" in reason for reason in late["unreadable"].values())
    assert "goes beyond" in page(late)


def test_what_cannot_be_read_is_named_with_its_reason(catalog: Catalog, library: Path, out: Path) -> None:
    for name in ("words.wav", "live/w|rds.flac"):
        (library / name).write_text("these are words")
    found = preview(catalog, library, out, PLAN, None)
    assert found["total"]["recordings"] == 4
    assert sorted(found["unreadable"]) == ["live/w|rds.flac", "words.wav"]
    assert all("words.wav" in reason or "w|rds.flac" in reason for reason in found["unreadable"].values())
    [row] = [line for line in page(found).splitlines() if line.startswith("| words.wav ")]
    assert found["unreadable"]["words.wav"] in row
    assert statuses(scan(catalog, library))["words.wav"] == "failed"
    assert preview(catalog, library, out, PLAN, None)["unreadable"] == found["unreadable"]


def test_where_nothing_can_be_read_that_is_all_that_is_said(catalog: Catalog, tmp_path: Path, out: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "words.wav").write_text("these are words")
    found = preview(catalog, tmp_path / "library", out, PLAN, None)
    assert (found["by_rule"], found["total"], list(found["unreadable"])) == ({}, {}, ["words.wav"])
    assert "| words.wav |" in page(found)


def test_the_page_has_the_numbers_in_words(catalog: Catalog, library: Path, out: Path) -> None:
    found = preview(catalog, library, out, PLAN, None)
    lines = page(found).splitlines()
    assert lines[0] == "# What would be done"
    for name, value in (
        ("library", str(library)),
        ("out", str(out)),
        ("model id", "small"),
        ("recordings", "4"),
        ("minutes of sound", "2.7"),
        ("already done", "0"),
        ("to copy", "2"),
        ("to write", "2"),
        ("to hear before", "2"),
        ("about megabytes to write", "2.6"),
    ):
        assert f"| {name} | {value} |" in lines
    assert "| live | 2 | 1.3 | 0 | 2 | 0 | 0 | 1.3 |" in lines
    assert "cannot be read" not in page(found)
    assert "| rule |" not in page(preview(catalog, library, out, plan_of(["tuba=-6"]), None))


@pytest.mark.parametrize(
    ("source", "plan", "error", "words"),
    [
        ("library", plan_of(["theremin=3"]), UsageError, "'theremin' is neither"),
        ("lost", PLAN, UsageError, "There is no folder"),
        ("empty", PLAN, MediaError, "holds no recordings"),
        ("out", PLAN, UsageError, "within one another"),
    ],
)
def test_what_a_remix_would_refuse_is_refused(
    catalog: Catalog, library: Path, out: Path, source: str, plan: RemixPlan, error: type[Exception], words: str
) -> None:
    library.with_name("empty").mkdir()
    with pytest.raises(error, match=words):
        preview(catalog, library.with_name(source), out, plan, None)
