import os
from pathlib import Path

import pytest

from catalog.store import Catalog
from tasks.library_files import contents_of, library_files
from tasks.tracks import mark_gone
from tests.tasks.planted import scan, scanned, statuses, write_tones
from varemix.errors import MediaError, UsageError


def test_every_readable_track_becomes_a_row_that_says_what_it_is(catalog: Catalog, library: Path) -> None:
    write_tones(library / "a.wav", seconds=0.5, num_channels=2, subtype="PCM_24", rate_hz=48_000)
    write_tones(library / "deep" / "er" / "b.flac", seconds=1.0)
    first, second = scanned(catalog, library)
    assert (first["track_path"], second["track_path"]) == ("a.wav", "deep/er/b.flac")
    assert (first["container"], first["subtype"], first["rate_hz"], first["num_channels"]) == (
        "WAV",
        "PCM_24",
        48_000,
        2,
    )
    assert (second["container"], second["num_samples"], second["duration_s"]) == ("FLAC", 44_100, 1.0)
    assert {first["status"], second["status"]} == {"ready"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("words.wav", b"these are words, not sound", "holds no WAV or FLAC audio"),
        ("song.mp3", b"ID3\x04\x00\x00\x00\x00\x00\x00", "holds no MP3 audio"),
        ("nothing.flac", b"", "is empty"),
        ("cut.wav", None, "Copy it again"),
    ],
)
def test_a_file_that_is_no_recording_becomes_a_row_with_a_reason_and_stops_nobody(
    catalog: Catalog, library: Path, name: str, content: bytes | None, words: str
) -> None:
    whole = write_tones(library / "whole.wav")
    (library / name).write_bytes(whole.read_bytes()[:-1000] if content is None else content)
    outcomes = {outcome.item: outcome for outcome in scan(catalog, library)}
    assert outcomes["whole.wav"].status == "done"
    assert outcomes[name].status == "failed"
    assert words in outcomes[name].reason
    [row] = catalog.read_rows("tracks", where={"track_path": name})
    assert (row["status"], row["reason"]) == ("failed", outcomes[name].reason)


def test_things_that_are_no_files_become_rows_with_reasons(catalog: Catalog, library: Path) -> None:
    write_tones(library / "whole.wav")
    (library / "lost.wav").symlink_to(library / "nowhere.wav")
    os.mkfifo(library / "pipe.wav")
    (library / "folder.wav").mkdir()
    assert statuses(scan(catalog, library)) == {"whole.wav": "done", "lost.wav": "failed", "pipe.wav": "failed"}


def test_names_that_begin_with_a_dot_are_served_and_what_systems_leave_is_passed_over(library: Path) -> None:
    names = ("b/Änd.WAV", "ä.flac", ".38 Special.wav", "...And Justice for All/One.wav", "Phil/..Hits.wav")
    wanted = [write_tones(library / name) for name in names]
    for name in ("._ä.flac", ".DS_Store", "b/.part-1-2.wav", ".download-x/a.wav", "b/._b/a.wav"):
        write_tones(library / name) if name.endswith(("wav", "flac")) else (library / name).write_bytes(b"x")
    (library / "cover.jpg").write_bytes(b"a picture")
    found = contents_of(library)
    assert found.recordings == library_files(library) == sorted(wanted)
    assert (found.facts(), [path.name for path in found.beside]) == ({}, ["cover.jpg"])


def test_linked_folders_are_looked_through_once(library: Path, tmp_path: Path) -> None:
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    own, linked = write_tones(library / "plain" / "a.wav"), write_tones(elsewhere / "deep" / "linked.wav")
    write_tones(out / "remix.wav")
    for name, target in (("A Link", elsewhere), ("Again", elsewhere), ("Round", library), ("Own", library / "plain")):
        (library / name).symlink_to(target)
    (elsewhere / "back").symlink_to(library)
    (library / "remixes").symlink_to(out)
    found = library_files(library, apart_from=[out])
    assert found == [library / "A Link" / linked.relative_to(elsewhere), own]


def test_recordings_of_kinds_that_are_not_served_are_counted_by_kind(library: Path) -> None:
    write_tones(library / "a.wav")
    for name in ("x.dsf", "y.DFF", "z.mid", "film.avi", "notes.txt"):
        (library / name).write_bytes(b"x")
    assert contents_of(library).facts() == {"not served": "1 of AVI, 2 of DSD, 1 of MIDI"}
    (library / "a.wav").unlink()
    with pytest.raises(MediaError, match=r"It holds \(not served: 1 of AVI, 2 of DSD, 1 of MIDI\)"):
        library_files(library)


def test_a_library_that_is_not_there_or_holds_nothing_is_an_error(library: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        library_files(library / "missing")
    with pytest.raises(MediaError, match="holds no recordings"):
        library_files(library)


def test_a_track_that_did_not_change_is_not_read_again(
    catalog: Catalog, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tones(library / "a.wav")
    [before] = scanned(catalog, library)
    monkeypatch.setattr("tasks.tracks.probe_audio", lambda path: pytest.fail(f"{path} was read"))
    version = catalog.version("tracks")
    assert scanned(catalog, library) == [before]
    assert catalog.version("tracks") == version


def test_a_changed_track_is_looked_at_anew(catalog: Catalog, library: Path) -> None:
    path = write_tones(library / "a.wav", seconds=0.5)
    [before] = scanned(catalog, library)
    write_tones(path, seconds=1.0)
    [after] = scanned(catalog, library)
    assert after["track_id"] == before["track_id"]
    assert after["content_digest"] != before["content_digest"]
    assert after["num_samples"] == 2 * before["num_samples"]


def test_a_touched_track_keeps_its_digest(catalog: Catalog, library: Path) -> None:
    path = write_tones(library / "a.wav")
    [before] = scanned(catalog, library)
    os.utime(path, ns=(1, 1))
    [after] = scanned(catalog, library)
    assert (after["modified_ns"], after["content_digest"]) == (1, before["content_digest"])


def test_a_mended_file_is_ready_again(catalog: Catalog, library: Path) -> None:
    (library / "a.wav").write_bytes(b"words")
    assert statuses(scan(catalog, library)) == {"a.wav": "failed"}
    write_tones(library / "a.wav")
    assert statuses(scan(catalog, library)) == {"a.wav": "done"}
    [row] = catalog.read_rows("tracks")
    assert (row["status"], row["reason"]) == ("ready", None)


def test_a_track_that_vanished_is_marked_gone_and_one_that_comes_back_is_ready(catalog: Catalog, library: Path) -> None:
    stays, goes = write_tones(library / "stays.wav"), write_tones(library / "goes.wav")
    scan(catalog, library)
    content = goes.read_bytes()
    goes.unlink()
    mark_gone(catalog, library, [stays])
    assert {row["track_path"]: row["status"] for row in catalog.read_rows("tracks")} == {
        "stays.wav": "ready",
        "goes.wav": "gone",
    }
    goes.write_bytes(content)
    assert {row["status"] for row in scanned(catalog, library)} == {"ready"}


def test_tracks_of_another_library_are_left_alone(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    other = write_tones(tmp_path / "other" / "a.wav").parent
    scan(catalog, other)
    mark_gone(catalog, library, [])
    assert [row["status"] for row in catalog.read_rows("tracks")] == ["ready"]


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"\xff\xfe/song.flac"])
def test_a_name_that_is_no_utf8_ends_as_a_failed_outcome_with_a_reason(
    catalog: Catalog, library: Path, name: bytes
) -> None:
    write_tones(library / "whole.wav")
    odd = library / os.fsdecode(name)
    odd.parent.mkdir(exist_ok=True)
    odd.write_bytes((library / "whole.wav").read_bytes())
    outcomes = {outcome.item: outcome for outcome in scan(catalog, library)}
    assert outcomes.pop("whole.wav").status == "done"
    [(item, outcome)] = outcomes.items()
    item.encode()
    assert outcome.status == "failed"
    assert "UTF-8" in outcome.reason


def test_names_that_tables_and_shells_might_trip_over_are_kept(catalog: Catalog, library: Path) -> None:
    names = [
        "-rf.wav",
        "a|b*c.wav",
        "new\nline.wav",
        "with 'quotes\".wav",
        "Коробейники.wav",
        "%s{0}.wav",
        "x" * 251 + ".wav",
    ]
    for name in names:
        write_tones(library / name, seconds=0.1)
    assert [row["track_path"] for row in scanned(catalog, library)] == sorted(names)
