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
from tasks.queries import Query
from tasks.separate import separate_tracks
from tasks.shards import Outcome
from tests.grids import FINE_GRID
from tests.tasks.planted import (
    TONES_HZ,
    plant_masks,
    plant_old_masks,
    scanned,
    statuses,
    tone_gains_db,
    visible_files,
    write_tones,
)
from varemix.media.audio import read_audio
from varemix.remix.stems import render_stems


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return where the stems go; nobody has made the folder yet."""
    return tmp_path / "out"


def separate(
    catalog: Catalog, tracks: Sequence[dict[str, Any]], out: Path, *names: str, **settings: bool
) -> list[Outcome]:
    return separate_tracks.fn(
        items=list(tracks),
        shard="1 of 1",
        home=str(catalog.home.root),
        out=out,
        checkpoint_id="small",
        queries=[Query(name=name) for name in names],
        **settings,
    )


def planted(catalog: Catalog, library: Path) -> list[dict[str, Any]]:
    tracks = scanned(catalog, library)
    for track in tracks:
        plant_masks(catalog, track, "small")
    return tracks


def test_each_stem_holds_its_own_instrument_and_all_of_them_make_the_track(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "deep" / "a.wav", num_channels=2, subtype="FLOAT")
    names = ("violin", "flute", "tuba")
    assert statuses(separate(catalog, planted(catalog, library), out, *names)) == {"deep/a.wav": "done"}
    assert visible_files(out) == [f"deep/a - {name}.wav" for name in sorted(names)]
    stems = {name: out / "deep" / f"a - {name}.wav" for name in names}
    for name, stem in stems.items():
        gains_db = tone_gains_db(source, stem)
        assert gains_db.pop(name) == pytest.approx(0, abs=0.05)
        assert max(gains_db.values()) < -60
    total = np.sum([read_audio(stem)[0] for stem in stems.values()], axis=0)
    np.testing.assert_allclose(total, read_audio(source)[0], atol=1e-5)
    rows = {json.loads(row["wishes_json"])["stem"]: row for row in catalog.read_rows("remixes")}
    assert {name: row["digest"] for name, row in rows.items()} == {
        name: file_digest(stem) for name, stem in stems.items()
    }


def test_the_stem_of_what_does_not_seem_to_play_is_made_and_says_so(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    plant_masks(catalog, track, champion, absent=["tuba"])
    [outcome] = separate(catalog, [track], out, "flute", "tuba")
    reason = "is not detected: tuba (share of the sound -42.0 dB, needs -18.0 dB)"
    assert (outcome.status, outcome.reason) == ("done", reason)
    assert visible_files(out) == ["a - flute.wav", "a - tuba.wav"]
    reasons = {json.loads(row["wishes_json"])["stem"]: row["reason"] for row in catalog.read_rows("remixes")}
    assert reasons == {"flute": None, "tuba": reason}


def test_stems_that_stand_are_skipped_and_a_missing_one_is_made_again(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    tracks = planted(catalog, library)
    separate(catalog, tracks, out, "flute", "tuba")
    version = catalog.version("remixes")
    assert statuses(separate(catalog, tracks, out, "tuba", "flute")) == {"a.wav": "skipped"}
    assert catalog.version("remixes") == version
    content = (out / "a - tuba.wav").read_bytes()
    (out / "a - tuba.wav").unlink()
    assert statuses(separate(catalog, tracks, out, "flute", "tuba")) == {"a.wav": "done"}
    assert (out / "a - tuba.wav").read_bytes() == content


@pytest.mark.parametrize("plant", [plant_old_masks, partial(plant_masks, grid=FINE_GRID)], ids=["format 1", "fine"])
def test_stems_are_cut_out_on_the_grid_of_their_masks(
    catalog: Catalog, champion: str, library: Path, out: Path, plant: Callable[..., Path]
) -> None:
    source = write_tones(library / "a.wav", seconds=2, rate_hz=48_000)
    [track] = scanned(catalog, library)
    plant(catalog, track, champion)
    assert statuses(separate(catalog, [track], out, "violin")) == {"a.wav": "done"}
    gains_db = tone_gains_db(source, out / "a - violin.wav")
    assert gains_db.pop("violin") == pytest.approx(0, abs=0.05)
    assert max(gains_db.values()) < -60


def test_a_stem_of_old_masks_and_one_of_new_ones_never_share_an_id(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    write_tones(library / "a.wav")
    [track] = scanned(catalog, library)
    for plant, highest_hz in ((plant_old_masks, 500), (plant_masks, 4_000)):
        plant(catalog, track, champion, {"tuba": (0, highest_hz)})
        for status in ("done", "skipped"):
            assert statuses(separate(catalog, [track], out, "tuba")) == {"a.wav": status}
    rows = catalog.read_rows("remixes")
    assert len({row["remix_id"] for row in rows}) == len({row["digest"] for row in rows}) == 2


def test_stems_of_nothing_else_depend_on_all_that_share_the_track(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    source = write_tones(library / "a.wav")
    [track] = planted(catalog, library)
    assert statuses(separate(catalog, [track], out, "flute", "tuba", nothing_else=True)) == {"a.wav": "failed"}
    plant_masks(catalog, track, champion, {"tuba": (0, 22_051), "flute": (0, 0)}, nothing_else=True)
    assert statuses(separate(catalog, [track], out, "flute", "tuba", nothing_else=True)) == {"a.wav": "done"}
    assert tone_gains_db(source, out / "a - tuba.wav") == pytest.approx(dict.fromkeys(TONES_HZ, 0), abs=0.05)
    assert statuses(separate(catalog, [track], out, "tuba", "flute", nothing_else=True)) == {"a.wav": "skipped"}
    assert statuses(separate(catalog, [track], out, "tuba", nothing_else=True)) == {"a.wav": "failed"}
    assert statuses(separate(catalog, [track], out, "tuba", "flute")) == {"a.wav": "done"}
    assert tone_gains_db(source, out / "a - tuba.wav")["flute"] < -60


def test_tracks_without_masks_or_that_changed_become_rows_with_reasons_and_stop_nobody(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    for number, name in enumerate(("bare.wav", "changed.wav", "whole.wav")):
        write_tones(library / name, seconds=0.5 + number / 10)
    bare, *others = scanned(catalog, library)
    for track in others:
        plant_masks(catalog, track, champion)
    os.utime(library / "changed.wav", ns=(1, 1))
    outcomes = {outcome.item: outcome for outcome in separate(catalog, [bare, *others], out, "flute", "tuba")}
    assert statuses(outcomes.values()) == {"bare.wav": "failed", "changed.wav": "failed", "whole.wav": "done"}
    assert "no masks" in outcomes["bare.wav"].reason
    assert "changed or vanished" in outcomes["changed.wav"].reason
    assert visible_files(out) == ["whole - flute.wav", "whole - tuba.wav"]
    assert len(catalog.read("remixes", where={"status": "failed"})) == 4


def test_stems_that_cannot_be_written_stop_nobody(catalog: Catalog, champion: str, library: Path, out: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_tones(library / name)
    (out / "a - tuba.wav").mkdir(parents=True)
    outcomes = separate(catalog, planted(catalog, library), out, "flute", "tuba")
    assert statuses(outcomes) == {"a.wav": "failed", "b.wav": "done"}


def test_a_track_at_which_something_breaks_fails_alone_and_a_full_disk_leaves_the_rows_of_what_was_written(
    catalog: Catalog, champion: str, library: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("a.wav", "b.wav", "c.wav")):
        write_tones(library / name, seconds=0.5 + number / 10)
    errors: dict[str, Exception] = {"b.wav": ValueError("odd"), "c.wav": OSError(28, "No space left on device")}

    def breaking(source: Path, *given: Any, **options: Any) -> Any:
        if source.name in errors:
            raise errors[source.name]
        return render_stems(source, *given, **options)

    monkeypatch.setattr("varemix.remix.stems.render_stems", breaking)
    tracks = planted(catalog, library)
    with pytest.raises(OSError, match="No space left"):
        separate(catalog, tracks, out, "flute", "tuba")
    names = {Path(row["out_path"]).name for row in catalog.read_rows("remixes")}
    assert names == {"a - flute.wav", "a - tuba.wav"}
    del errors["c.wav"]
    outcomes = separate(catalog, tracks, out, "flute", "tuba")
    assert statuses(outcomes) == {"a.wav": "skipped", "b.wav": "failed", "c.wav": "done"}
    assert outcomes[1].reason == "ValueError: odd"


def test_stems_whose_names_no_file_can_have_are_called_shorter_and_it_is_told(
    catalog: Catalog, champion: str, library: Path, out: Path
) -> None:
    names = [
        "x" * 250 + ".wav",
        "🎻" * 62 + "é.wav",
        "🎻" * 62 + "è.wav",
    ]  # files can be called so, but not their stems
    for name in names:
        write_tones(library / name)
    outcomes = separate(catalog, planted(catalog, library), out, "flute", "tuba")
    assert all(o.status == "done" and "was cut to 255 bytes" in o.reason for o in outcomes)
    assert len(visible_files(out)) == 6
    assert sum(" - flute.wav" in name for name in visible_files(out)) == 3
    again = separate(catalog, planted(catalog, library), out, "flute", "tuba")
    assert set(statuses(again).values()) == {"skipped"}


def test_masks_that_were_tampered_with_are_not_used(catalog: Catalog, champion: str, library: Path, out: Path) -> None:
    for number, name in enumerate(("a.wav", "b.wav")):
        write_tones(library / name, seconds=0.5 + number / 10)
    first, second = scanned(catalog, library)
    path, other = plant_masks(catalog, first, champion), plant_masks(catalog, second, champion)
    path.write_bytes(other.read_bytes())
    assert statuses(separate(catalog, [first, second], out, "flute")) == {"a.wav": "failed", "b.wav": "done"}
    assert visible_files(out) == ["b - flute.wav"]
