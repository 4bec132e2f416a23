from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.errors import MaskFileError
from catalog.ids import file_digest
from catalog.masks import Maker, MaskReader
from catalog.store import Catalog
from tasks.checkpoints import checkpoint_row, separator_of
from tasks.mask_file import grid_of
from tasks.masks import make_masks
from tasks.queries import Query, query_vectors
from tasks.shards import Outcome
from tasks.stored_masks import check_rivals, masks_stand, stored_masks
from tests.grids import FINE_GRID
from tests.tasks.planted import (
    plant_masks,
    plant_old_masks,
    register_checkpoint,
    scanned,
    statuses,
    visible_files,
    write_tones,
)
from tests.tasks.untrained import write_checkpoint
from varemix.errors import UsageError
from varemix.media.audio import probe_audio
from varemix.remix.heard import heard_blocks, num_heard_samples
from varemix.signal.grid import PAPER_GRID
from varemix.signal.presence import PresenceMeter

MOST_ROUNDING = 1.5 * 0.5 / 15 + 1e-4  # 15 levels, up to half as far apart again at the top
FLUTE, TUBA = Query(name="flute"), Query(name="tuba")


def hear(
    catalog: Catalog, tracks: Sequence[dict[str, Any]], *queries: Query, checkpoint_id: str = "small", **settings: bool
) -> dict[str, str]:
    return statuses(outcomes_of(catalog, tracks, *queries, checkpoint_id=checkpoint_id, **settings))


def outcomes_of(
    catalog: Catalog, tracks: Sequence[dict[str, Any]], *queries: Query, checkpoint_id: str = "small", **settings: bool
) -> list[Outcome]:
    return make_masks.fn(
        items=list(tracks),
        shard="1 of 1",
        home=str(catalog.home.root),
        checkpoint_id=checkpoint_id,
        queries=list(queries),
        **settings,
    )


def test_masks_are_what_the_separator_hears_and_the_row_describes_them(
    catalog: Catalog, champion: str, library: Path
) -> None:
    source = write_tones(library / "a.wav", seconds=0.7, rate_hz=22_050, num_channels=2)
    tracks = scanned(catalog, library)
    assert hear(catalog, tracks, TUBA, FLUTE) == {"a.wav": "done"}
    [row] = catalog.read_rows("masks")
    path = catalog.home.absolute(row["path"])
    assert (row["status"], row["queries"], row["checkpoint_id"]) == ("ready", ["tuba", "flute"], champion)
    assert (row["digest"], row["num_bytes"]) == (file_digest(path), path.stat().st_size)
    assert row["content_digest"] == tracks[0]["content_digest"] == file_digest(source)
    separator = separator_of(catalog, checkpoint_row(catalog, champion))
    mix = np.concatenate(list(heard_blocks(source)), axis=-1)[0]
    expected = separator.masks(mix, query_vectors(separator, [FLUTE]))
    with MaskReader(path) as reader:
        stored, header = reader.read("flute"), reader.header
    assert header.content_digest == tracks[0]["content_digest"]
    assert grid_of(header) == expected.grid == separator.settings.grid
    assert header.makers == (Maker(name="varemix", version=version("varemix"), digest=champion),) * 2
    assert stored.shape[1] == row["num_frames"] == expected.grid.num_frames(num_heard_samples(probe_audio(source)))
    np.testing.assert_allclose(stored, expected.values[0], atol=MOST_ROUNDING)


@pytest.mark.parametrize("change", [{"window_samples": 1023}, {"hop_samples": 600}, {"log_rows": 1}])
def test_a_file_whose_header_tells_of_no_grid_that_can_be_is_refused(
    catalog: Catalog, champion: str, library: Path, change: dict[str, int]
) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    [track] = scanned(catalog, library)
    with MaskReader(plant_masks(catalog, track, champion)) as reader:
        assert grid_of(reader.header) == PAPER_GRID
        with pytest.raises(MaskFileError, match=r"on no grid that can be: .*\. Make the masks again"):
            grid_of(replace(reader.header, **change))


def test_masks_lie_on_the_rows_of_the_checkpoint_that_made_them(
    catalog: Catalog, tmp_path: Path, library: Path
) -> None:
    register_checkpoint(catalog, write_checkpoint(tmp_path / "fine", ["flute", "tuba"], grid=FINE_GRID), "fine")
    source = write_tones(library / "a.wav", seconds=0.7)
    assert hear(catalog, scanned(catalog, library), TUBA, FLUTE, checkpoint_id="fine") == {"a.wav": "done"}
    [row] = catalog.read_rows("masks")
    separator = separator_of(catalog, checkpoint_row(catalog, "fine"))
    mix = np.concatenate(list(heard_blocks(source)), axis=-1)[0]
    expected = separator.masks(mix, query_vectors(separator, [TUBA, FLUTE])).values
    with MaskReader(catalog.home.absolute(row["path"])) as reader:
        assert grid_of(reader.header) == FINE_GRID
        stored = np.stack([reader.read("tuba"), reader.read("flute")])
    assert stored.shape == (2, 512, 1 + round(0.7 * 44_100) // 1024)
    np.testing.assert_allclose(stored, expected, atol=MOST_ROUNDING)


def test_the_row_tells_how_far_each_instrument_plays_and_how_far_it_must(
    catalog: Catalog, tmp_path: Path, library: Path
) -> None:
    file = write_checkpoint(tmp_path / "strict.safetensors", ["flute", "tuba"], presence_threshold_db=-21.5)
    register_checkpoint(catalog, file, "strict")
    source = write_tones(library / "a.wav", seconds=0.7)
    assert hear(catalog, scanned(catalog, library), TUBA, FLUTE, checkpoint_id="strict") == {"a.wav": "done"}
    [row] = catalog.read_rows("masks")
    separator = separator_of(catalog, checkpoint_row(catalog, "strict"))
    meter = PresenceMeter(2, separator.mask_grid)
    mix = np.concatenate(list(heard_blocks(source)), axis=-1)[0]
    separator.masks(mix, query_vectors(separator, [TUBA, FLUTE]), meter=meter)
    assert row["presences_db"] == pytest.approx(meter.shares_db().tolist(), abs=1e-3)
    assert row["presence_threshold_db"] == -21.5


@pytest.mark.parametrize(
    ("seconds", "rate_hz"), [(1e-4, 44_100), (0.3, 8_000), (0.3, 11_025), (0.31, 48_000), (0.3, 96_000), (0.3, 37_800)]
)
def test_tracks_of_any_length_and_rate_get_as_many_frames_as_they_need(
    catalog: Catalog, champion: str, library: Path, seconds: float, rate_hz: int
) -> None:
    write_tones(library / "a.wav", names=["tuba"], seconds=seconds, rate_hz=rate_hz)
    [outcome] = outcomes_of(catalog, scanned(catalog, library), FLUTE)
    assert (outcome.status, outcome.reason) == ("done", "")


def test_masks_that_stand_are_skipped_also_when_fewer_are_asked_for(
    catalog: Catalog, champion: str, library: Path
) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    tracks = scanned(catalog, library)
    hear(catalog, tracks, FLUTE, TUBA)
    before = catalog.version("masks")
    assert hear(catalog, tracks, FLUTE, TUBA) == {"a.wav": "skipped"}
    assert hear(catalog, tracks, TUBA) == {"a.wav": "skipped"}
    assert catalog.version("masks") == before
    assert hear(catalog, tracks, TUBA, Query(name="violin")) == {"a.wav": "done"}


def test_masks_of_nothing_else_are_shared_and_told_from_others(catalog: Catalog, champion: str, library: Path) -> None:
    source = write_tones(library / "a.wav", seconds=0.3)
    tracks = scanned(catalog, library)
    hear(catalog, tracks, FLUTE, TUBA)
    assert hear(catalog, tracks, FLUTE, TUBA, nothing_else=True) == {"a.wav": "done"}
    rows = {row["besides"]: row for row in catalog.read_rows("masks")}
    assert set(rows) == {"anything", "nothing"}
    separator = separator_of(catalog, checkpoint_row(catalog, champion))
    mix = np.concatenate(list(heard_blocks(source)), axis=-1)[0]
    vectors = query_vectors(separator, [FLUTE, TUBA])
    for besides, nothing_else in (("anything", False), ("nothing", True)):
        with MaskReader(catalog.home.absolute(rows[besides]["path"])) as reader:
            stored = np.stack([reader.read("flute"), reader.read("tuba")])
        expected = separator.masks(mix, vectors, nothing_else=nothing_else).values
        np.testing.assert_allclose(stored, expected, atol=MOST_ROUNDING)


def test_masks_of_nothing_else_serve_just_their_own_set_in_any_order(
    catalog: Catalog, champion: str, library: Path
) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    tracks = scanned(catalog, library)
    hear(catalog, tracks, FLUTE, TUBA, nothing_else=True)
    assert hear(catalog, tracks, TUBA, FLUTE, nothing_else=True) == {"a.wav": "skipped"}
    assert hear(catalog, tracks, FLUTE, nothing_else=True) == {"a.wav": "done"}
    assert hear(catalog, tracks, FLUTE, TUBA, Query(name="violin"), nothing_else=True) == {"a.wav": "done"}
    assert hear(catalog, tracks, FLUTE) == {"a.wav": "done"}  # those shared do not serve here either
    assert len(catalog.read("masks")) == 4


def test_a_checkpoint_without_rivals_cannot_share(catalog: Catalog, champion: str, tmp_path: Path) -> None:
    check_rivals(catalog, checkpoint_row(catalog, champion))
    register_checkpoint(catalog, write_checkpoint(tmp_path / "file", ["flute"], has_rivals=False), "alone")
    with pytest.raises(UsageError, match="separates every instrument by itself"):
        check_rivals(catalog, checkpoint_row(catalog, "alone"))


def test_masks_of_another_checkpoint_are_not_used(
    catalog: Catalog, champion: str, checkpoint_file: Path, library: Path
) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    tracks = scanned(catalog, library)
    hear(catalog, tracks, FLUTE)
    register_checkpoint(catalog, checkpoint_file, "other")
    assert hear(catalog, tracks, FLUTE, checkpoint_id="other") == {"a.wav": "done"}
    assert len(catalog.read("masks")) == 2


def test_recordings_with_the_same_content_share_their_masks(catalog: Catalog, champion: str, library: Path) -> None:
    first = write_tones(library / "a.wav", seconds=0.3)
    (library / "copy.wav").write_bytes(first.read_bytes())
    tracks = scanned(catalog, library)
    assert hear(catalog, tracks, FLUTE) == {"a.wav": "done", "copy.wav": "skipped"}
    assert len(catalog.read("masks")) == 1


def test_masks_whose_file_was_removed_are_made_again(catalog: Catalog, champion: str, library: Path) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    tracks = scanned(catalog, library)
    hear(catalog, tracks, FLUTE)
    [row] = catalog.read_rows("masks")
    path = catalog.home.absolute(row["path"])
    content = path.read_bytes()
    path.unlink()
    assert hear(catalog, tracks, FLUTE) == {"a.wav": "done"}
    assert path.read_bytes() == content


def test_a_newer_version_of_the_step_hears_again(
    catalog: Catalog, champion: str, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    tracks = scanned(catalog, library)
    hear(catalog, tracks, FLUTE)
    monkeypatch.setattr("tasks.stored_masks.STEP_VERSION", 1_000)
    assert hear(catalog, tracks, FLUTE) == {"a.wav": "done"}
    assert hear(catalog, tracks, FLUTE) == {"a.wav": "skipped"}


@pytest.mark.parametrize(("made_by", "status"), [(1, "done"), (2, "skipped"), (4, "done")])
def test_of_other_versions_of_the_step_just_the_masks_of_2_serve_on(
    catalog: Catalog, champion: str, library: Path, made_by: int, status: str
) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    [track] = scanned(catalog, library)
    plant_old_masks(catalog, track, champion, version=made_by)
    assert masks_stand(catalog, [track], champion, [["tuba"]]) == [status == "skipped"]
    assert hear(catalog, [track], TUBA) == {"a.wav": status}


def test_where_old_and_new_masks_stand_the_new_ones_serve(catalog: Catalog, champion: str, library: Path) -> None:
    write_tones(library / "a.wav", seconds=0.3)
    [track] = scanned(catalog, library)
    old = plant_old_masks(catalog, track, champion)
    for names in (["tuba", "violin"], ["tuba", "flute"], ["tuba"]):  # whatever order their ids have
        new = plant_masks(catalog, track, champion, dict.fromkeys(names, (0, 500)))
        first, second = stored_masks(catalog, champion, [track["content_digest"]])
        assert [catalog.home.absolute(row["path"]) for row in (first, second)] == [new, old]
        catalog.merge("masks", [first | {"status": "removed"}])


def test_a_track_that_changed_since_it_was_scanned_becomes_a_row_with_a_reason_and_stops_nobody(
    catalog: Catalog, champion: str, library: Path
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        write_tones(library / name, seconds=0.3 + 0.01 * ord(name[0]))
    tracks = scanned(catalog, library)
    write_tones(library / "a.wav", seconds=0.2)
    (library / "b.wav").unlink()
    outcomes = {outcome.item: outcome for outcome in outcomes_of(catalog, tracks, FLUTE)}
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "a.wav": "failed",
        "b.wav": "failed",
        "c.wav": "done",
    }
    assert "changed or vanished" in outcomes["a.wav"].reason
    assert visible_files(catalog.home.root / "masks") == [
        Path(row["path"]).relative_to("masks").as_posix() for row in catalog.read_rows("masks") if row["path"]
    ]


def test_a_recording_cut_off_in_the_middle_becomes_a_row_with_a_reason(
    catalog: Catalog, champion: str, library: Path
) -> None:
    path = write_tones(library / "a.flac", seconds=3)
    path.write_bytes(path.read_bytes()[:-4000])  # what a FLAC file lacks shows only in decoding
    [track] = scanned(catalog, library)
    assert track["status"] == "ready"
    [outcome] = outcomes_of(catalog, [track], FLUTE)
    assert outcome.status == "failed"
    assert "cut off" in outcome.reason
    assert visible_files(catalog.home.root / "masks") == []
    [row] = catalog.read_rows("masks")
    assert (row["status"], row["reason"]) == ("failed", outcome.reason)


def test_planted_masks_are_taken_for_those_of_the_step(catalog: Catalog, champion: str, library: Path) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion)
    assert hear(catalog, [track], TUBA) == {"a.wav": "skipped"}


def test_masks_stand_where_those_needed_of_a_track_are_there(catalog: Catalog, champion: str, library: Path) -> None:
    for number, name in enumerate(("a.wav", "b.wav")):
        write_tones(library / name, seconds=0.5 + number / 10)
    tracks = scanned(catalog, library)
    plant_masks(catalog, tracks[0], champion, {"tuba": (0, 500)})
    needed = [["tuba"], ["violin"]]
    assert masks_stand(catalog, tracks, champion, needed) == [True, False]
    assert masks_stand(catalog, tracks, champion, [["tuba", "violin"], ["tuba"]]) == [False, False]
