from pathlib import Path

import pytest

from tasks.beside import bring_along

REMIXES = {Path("CD 1/01 Café.wav"): Path("CD 1/01 Café.flac"), Path("b.mp3"): Path("b.mp3")}


def brought(folder: Path, name: str, content: bytes) -> bytes:
    library, out = folder / "library", folder / "out"
    path = library / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    [outcome] = bring_along(library, [path], out, REMIXES)
    assert (outcome.item, outcome.status) == (name, "done")
    assert [again.status for again in bring_along(library, [path], out, REMIXES)] == ["skipped"]
    return (out / name).read_bytes()


@pytest.mark.parametrize("name", ["CD 1/cover.jpg", "booklet.PDF", "b.lrc"])
def test_what_names_no_files_is_copied(tmp_path: Path, name: str) -> None:
    assert brought(tmp_path, name, b"\xff\xd8 anything\r\n") == b"\xff\xd8 anything\r\n"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "all.m3u8",
            "#EXTM3U\n#EXTINF:1,Café\nCD 1/01 Café.wav\nb.mp3\n",
            "#EXTM3U\n#EXTINF:1,Café\nCD 1/01 Café.flac\nb.mp3\n",
        ),
        ("all.m3u8", "CD 1\\01 Café.wav\r\nhttp://x/y.wav\r\n", "CD 1\\01 Café.flac\r\nhttp://x/y.wav\r\n"),
        ("CD 1/all.m3u8", "01 Café.wav\n../b.mp3", "01 Café.flac\n../b.mp3"),
        (
            "CD 1/a.cue",
            'FILE "01 Café.wav" WAVE\r\n  TRACK 01 AUDIO\r\n',
            'FILE "01 Café.flac" WAVE\r\n  TRACK 01 AUDIO\r\n',
        ),
        (
            "a.pls",
            "[playlist]\nFile1=CD 1/01 Café.wav\nTitle1=b.mp3\nFile12=b.mp3\n",
            "[playlist]\nFile1=CD 1/01 Café.flac\nTitle1=b.mp3\nFile12=b.mp3\n",
        ),
        ("a.xspf", "<location>CD%201/01%20Caf%C3%A9.wav</location>", "<location>CD%201/01%20Caf%C3%A9.flac</location>"),
    ],
)
def test_lists_of_names_get_the_names_of_remixes(tmp_path: Path, name: str, before: str, after: str) -> None:
    assert brought(tmp_path, name, before.encode()).decode() == after


def test_a_playlist_keeps_its_encoding_and_its_absolute_names_lead_to_remixes(tmp_path: Path) -> None:
    assert brought(tmp_path, "old.m3u", "CD 1/01 Café.wav\n".encode("cp1252")) == "CD 1/01 Café.flac\n".encode("cp1252")
    there = f"{tmp_path}/library/b.mp3\n{tmp_path}/elsewhere/c.mp3\n"
    assert brought(tmp_path, "there.m3u8", there.encode()).decode() == f"b.mp3\n{tmp_path}/elsewhere/c.mp3\n"


def test_other_kinds_and_what_would_take_a_remix_s_place_stay_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    files = [tmp_path / "library" / name for name in ("run.exe", "b.txt")]
    for path in files:
        path.write_bytes(b"x")
    assert bring_along(tmp_path / "library", files, tmp_path / "out", {Path("a.wav"): Path("b.txt")}) == []
