import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.named_files import checked, named_files
from catalog.sound_lists import by_file, read_sound_list
from catalog.store import Catalog
from tasks import sounds as step
from tasks.shards import Outcome
from tasks.sounds import prepare_sounds, sound_id
from tasks.unlisted import forget_unlisted
from tests.tasks.listed_sounds import CODERS, tone, write_list, write_sound
from tests.tasks.planted import statuses, visible_files
from tests.tasks.web import Server, serving
from varemix.errors import DownloadInterruptedError
from varemix.media.audio import AudioReader
from varemix.media.download import DownloadOptions

OPTIONS = DownloadOptions(socket_timeout_s=60, retries=0, proxy="")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with serving(folder) as server:
        yield server
    gc.collect()


def prepare(catalog: Catalog, path: Path) -> list[Outcome]:
    files = by_file(read_sound_list(path))
    return prepare_sounds.fn(items=files, shard="1 of 1", home=str(catalog.home.root), options=OPTIONS)


def rows_of(catalog: Catalog) -> dict[str, dict[str, Any]]:
    return {row["file"]: row for row in catalog.read_rows("sounds")}


def heard(catalog: Catalog, row: dict[str, Any]) -> np.ndarray:
    with AudioReader(catalog.home.absolute(row["wav_path"])) as reader:
        samples: np.ndarray = reader.read(row["first_sample"], row["num_samples"])[0]
    return samples


def pitch_hz(samples: np.ndarray, rate_hz: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(samples.size), 2**19))) * rate_hz / 2**19)


def test_every_format_becomes_a_clip_at_our_rate_and_all_lie_in_one_file(catalog: Catalog, folder: Path) -> None:
    for number, suffix in enumerate(CODERS):
        write_sound(folder / f"a{suffix}", tone(0.5, hz=300 + 100 * number))
    files = [{"file": f"a{suffix}", "pitch": 300, "licence": "CC0"} for suffix in CODERS]
    assert set(statuses(prepare(catalog, write_list(folder / "list.csv", *files))).values()) == {"done"}
    rows = rows_of(catalog)
    for number, suffix in enumerate(CODERS):
        row = rows[f"a{suffix}"]
        assert (row["rate_hz"], row["source_rate_hz"]) == (44_100, 48_000)
        assert row["duration_s"] == pytest.approx(0.5, abs=0.06 if suffix == ".mp3" else 0.001)
        assert row["level_db"] == pytest.approx(-9, abs=0.5)
        assert pitch_hz(heard(catalog, row), 44_100) == pytest.approx(300 + 100 * number, abs=1)
        assert (row["label"], row["kind"], row["group"], row["licence"]) == ("flute", "phrase", "ann", "CC0")
    assert len(visible_files(catalog.home.root / "sounds")) == len(named_files(catalog, "sounds")) == 1
    assert [problem for _, problem in checked(catalog) if problem] == []


def test_many_clips_of_one_file_are_read_as_their_list_says(catalog: Catalog, folder: Path) -> None:
    notes = [tone(0.2, hz=hz) for hz in (300, 500, 700)]
    gap = np.zeros(2400)
    write_sound(folder / "pack.opus", np.concatenate([part for note in notes for part in (note, gap)]))
    rows = [{"file": "pack.opus", "kind": "notes", "start": n * 12_000, "length": 9_600} for n in (2, 0, 1)]
    outcomes = prepare(catalog, write_list(folder / "index.csv", *rows))
    assert statuses(outcomes) == {f"pack.opus from {first} on": "done" for first in (0, 12_000, 24_000)}
    for row in catalog.read_rows("sounds"):
        wanted_hz = 300 + 200 * row["source_first_sample"] / 12_000
        assert row["num_samples"] == 8_820
        assert pitch_hz(heard(catalog, row), 44_100) == pytest.approx(wanted_hz, abs=3)


def test_bad_material_becomes_rows_with_reasons_and_stops_nobody(catalog: Catalog, folder: Path) -> None:
    write_sound(folder / "good.wav", tone(0.5))
    write_sound(folder / "silent.wav", tone(0.5, peak=1e-5))
    write_sound(folder / "clipped.wav", np.clip(tone(0.5, peak=2.0), -1, 1))
    write_sound(folder / "short.wav", tone(0.03))
    write_sound(folder / "telephone.wav", tone(0.5, rate_hz=8_000), 8_000)
    write_sound(folder / "cut.flac", tone(2.0) + np.random.default_rng(0).normal(0, 0.1, 96_000))
    content = (folder / "cut.flac").read_bytes()
    (folder / "cut.flac").write_bytes(content[: len(content) // 2])
    (folder / "words.mp3").write_text("these are words")
    (folder / "empty.opus").touch()
    write_sound(folder / "past.wav", tone(0.5))
    words = {
        "silent.wav": "silent throughout",
        "clipped.wav": "is clipped",
        "short.wav": "lasts 0.03 s",
        "telephone.wav": "a rate of 8000 Hz",
        "cut.flac": "cut off or damaged",
        "words.mp3": "holds no MP3 audio",
        "empty.opus": "is empty",
        "missing.wav": "There is no file",
        "past.wav": "the file has 24000 at 48000 Hz",
    }
    files: list[dict[str, object]] = [{"file": name} for name in [*words, "good.wav"] if name != "past.wav"]
    path = write_list(folder / "list.csv", *files, {"file": "past.wav", "start": 20_000, "length": 20_000})
    outcomes = {outcome.item.partition(" ")[0]: outcome for outcome in prepare(catalog, path)}
    assert outcomes.pop("good.wav").status == "done"
    assert set(outcomes) == set(words)
    rows = rows_of(catalog)
    for name, reason in words.items():
        assert outcomes[name].status == rows[name]["status"] == "failed"
        assert reason in rows[name]["reason"] == outcomes[name].reason
        assert rows[name]["wav_path"] is None
    version = catalog.version("sounds")
    again = {outcome.item.partition(" ")[0]: outcome.status for outcome in prepare(catalog, path)}
    assert again == dict.fromkeys(words, "failed") | {"good.wav": "skipped"}
    assert catalog.version("sounds") <= version + 1  # what is missing, or empty, may come yet


def test_damage_within_a_pack_costs_the_clips_that_it_hits(catalog: Catalog, folder: Path) -> None:
    write_sound(folder / "pack.flac", np.random.default_rng(0).normal(0, 0.1, 96_000))
    content = (folder / "pack.flac").read_bytes()
    (folder / "pack.flac").write_bytes(content[: len(content) // 2])
    rows = [{"file": "pack.flac", "kind": "notes", "start": start, "length": 9_600} for start in (0, 80_000)]
    prepare(catalog, write_list(folder / "index.csv", *rows))
    found = {row["source_first_sample"]: row["status"] for row in catalog.read_rows("sounds")}
    assert found == {0: "ready", 80_000: "failed"}


def test_what_stands_is_not_made_again_and_what_changed_is(catalog: Catalog, folder: Path) -> None:
    files = [write_sound(folder / name, tone(0.5)) for name in ("a.wav", "b.wav")]
    path = write_list(folder / "list.csv", {"file": "a.wav"}, {"file": "b.wav"})
    prepare(catalog, path)
    before, version = rows_of(catalog), catalog.version("sounds")
    assert statuses(prepare(catalog, path)) == {"a.wav": "skipped", "b.wav": "skipped"}
    assert catalog.version("sounds") == version
    write_sound(files[0], tone(0.6))
    assert statuses(prepare(catalog, path)) == {"a.wav": "done", "b.wav": "skipped"}
    after = rows_of(catalog)
    assert after["a.wav"]["clip_id"] != before["a.wav"]["clip_id"]
    assert after["b.wav"] == before["b.wav"]


def test_a_label_or_licence_that_was_corrected_is_written_without_making_the_clip_again(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound(folder / "a.wav", tone(0.5))
    prepare(catalog, write_list(folder / "list.csv", {"file": "a.wav"}))
    [before] = catalog.read_rows("sounds")
    monkeypatch.setattr(step, "cut_sound", lambda *args: pytest.fail("it was made again"))
    corrected = write_list(folder / "list.csv", {"file": "a.wav", "label": "tuba", "split": "val", "licence": "CC0"})
    assert statuses(prepare(catalog, corrected)) == {"a.wav": "done"}
    [after] = catalog.read_rows("sounds")
    assert (after["label"], after["split"], after["licence"]) == ("tuba", "val", "CC0")
    assert (after["wav_path"], after["sound_id"]) == (before["wav_path"], before["sound_id"])
    assert after["updated_at"] > before["updated_at"]


def test_a_clip_stands_when_its_source_was_put_away_and_comes_again_when_its_file_is_lost(
    catalog: Catalog, folder: Path
) -> None:
    source = write_sound(folder / "a.wav", tone(0.5))
    path = write_list(folder / "list.csv", {"file": "a.wav"})
    prepare(catalog, path)
    away = source.rename(folder / "away.wav")
    assert statuses(prepare(catalog, path)) == {"a.wav": "skipped"}
    away.rename(source)
    [pack] = [file.path for file in named_files(catalog, "sounds")]
    content = pack.read_bytes()
    pack.unlink()
    assert statuses(prepare(catalog, path)) == {"a.wav": "done"}
    assert pack.read_bytes() == content


def test_sounds_of_the_web_are_fetched_once_and_told_without_their_secrets(
    catalog: Catalog, folder: Path, server: Server
) -> None:
    write_sound(folder / "a.flac", tone(0.5))
    address = server.url("").removesuffix(".mp4") + "a.flac?token=planted"
    path = write_list(folder / "list.csv", {"file": address}, {"file": server.url("gone"), "group": "bob"})
    told = [outcome.status for outcome in prepare(catalog, path)]
    assert told == ["done", "unavailable"]
    assert [outcome.status for outcome in prepare(catalog, path)] == ["skipped", "unavailable"]
    assert (server.asked["a.flac"], server.asked["gone"]) == (1, 1)
    rows = catalog.read_rows("sounds")
    assert "planted" not in str(rows)
    [gone] = [row for row in rows if row["status"] == "unavailable"]
    assert "HTTP 404" in gone["reason"]


def test_an_interrupted_download_is_tried_again_and_what_came_before_stands(
    catalog: Catalog, folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write_sound(folder / f"{name}.flac", tone(0.5))
    server.troubles["a.flac"] = [503]
    base = server.url("").removesuffix(".mp4")
    path = write_list(folder / "list.csv", {"file": f"{base}a.flac"}, {"file": f"{base}b.flac"})
    monkeypatch.setattr(step, "is_last_try", lambda: False)
    with pytest.raises(DownloadInterruptedError, match="1 sounds were interrupted"):
        prepare(catalog, path)
    assert [outcome.status for outcome in prepare(catalog, path)] == ["done", "skipped"]


def test_what_a_list_names_no_longer_is_known_and_not_learnt_from(catalog: Catalog, folder: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_sound(folder / name, tone(0.5))
    prepare(catalog, write_list(folder / "list.csv", {"file": "a.wav"}, {"file": "b.wav"}))
    path = write_list(folder / "list.csv", {"file": "a.wav"})
    ids = [sound_id(sound) for sound in read_sound_list(path)]
    assert forget_unlisted(catalog, "sounds", ["list.csv"], ids) == 1
    assert forget_unlisted(catalog, "sounds", ["list.csv"], ids) == 0
    assert forget_unlisted(catalog, "sounds", ["other.csv"], []) == 0
    rows = rows_of(catalog)
    assert (rows["a.wav"]["status"], rows["b.wav"]["status"]) == ("ready", "gone")
    assert "names it no longer" in rows["b.wav"]["reason"]
    prepare(catalog, write_list(folder / "list.csv", {"file": "a.wav"}, {"file": "b.wav"}))
    assert rows_of(catalog)["b.wav"]["status"] == "ready"


@pytest.mark.skipif(os.geteuid() == 0, reason="who may read everything is refused nothing")
def test_a_file_that_may_not_be_read_is_one_bad_row(catalog: Catalog, folder: Path) -> None:
    write_sound(folder / "a.wav", tone(0.5)).chmod(0)
    [outcome] = prepare(catalog, write_list(folder / "list.csv", {"file": "a.wav"}))
    assert "cannot be read" in outcome.reason
