import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.errors import HomeError, IdError
from catalog.files import Home, remove_leftovers, replacing, write_atomically

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_home_is_the_given_folder_then_the_variable_then_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAREMIX_HOME", raising=False)
    assert Home.open().root == tmp_path / "data"
    monkeypatch.setenv("VAREMIX_HOME", str(tmp_path / "variable"))
    assert Home.open().root == tmp_path / "variable"
    assert Home.open(tmp_path / "given").root == tmp_path / "given"
    assert all((tmp_path / name).is_dir() for name in ("data", "variable", "given"))


def test_a_home_can_be_looked_at_without_making_it(tmp_path: Path) -> None:
    assert Home.chosen(tmp_path / "new").root == tmp_path / "new"
    assert names_in(tmp_path) == []
    with pytest.raises(HomeError, match="cannot be written"):
        Home.chosen("~nobody-is-called-so/home")


def test_opening_a_home_leaves_nothing_in_it(home: Home) -> None:
    assert names_in(home.root) == []


@pytest.mark.parametrize("name", ["file", "file/below", "nul\0"])
def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="Set VAREMIX_HOME"):
        Home.open(f"{tmp_path}/{name}")


def test_no_file_name_begins_with_what_a_stranger_chose(home: Home) -> None:
    stranger = "-exec"
    places = [home.video(stranger), home.wav(stranger), home.frames(stranger), home.masks(stranger)]
    places += [home.checkpoint(stranger), home.work(stranger)]
    assert all(place.is_relative_to(home.root) and place.name[0].isalpha() for place in places)
    assert len(set(places)) == len(places)


def test_places_refuse_ids_that_are_paths(home: Home) -> None:
    for place in (home.video, home.wav, home.frames, home.masks, home.checkpoint, home.work):
        with pytest.raises(IdError):
            place("../outside")


def test_many_files_spread_over_256_subfolders(home: Home) -> None:
    folders = {home.masks(f"mask{number}").parent.name for number in range(5000)}
    assert len(folders) == 256


def test_stored_paths_come_back(home: Home) -> None:
    path = home.masks("abc")
    text = home.relative(path)
    assert not text.startswith("/")
    assert home.absolute(text) == path


@pytest.mark.parametrize("text", ["../a", "a/../../b", "/etc/passwd", "", ".", "a\0b", "//a"])
def test_stored_paths_that_leave_the_home_are_refused(home: Home, text: str) -> None:
    with pytest.raises(HomeError, match="within the data folder"):
        home.absolute(text)


def test_a_path_outside_the_home_has_no_stored_form(home: Home, tmp_path: Path) -> None:
    for path in (tmp_path / "a", home.root / ".." / "a", Path("/etc/passwd")):
        with pytest.raises(HomeError, match="outside the data folder"):
            home.relative(path)


def test_a_replaced_file_appears_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.flac"
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.suffix == ".flac"
        assert temporary.name.startswith(".")
    assert path.read_bytes() == b"half"
    assert names_in(path.parent) == ["a.flac"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:  # noqa: PT012 - the error is the point
        temporary.write_bytes(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]


def test_writing_nothing_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_bytes() == b"old"


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(home: Home) -> None:
    path = home.root / "a.bin"
    write_atomically(path, b"old")
    script = (
        "import sys, time; from pathlib import Path; from catalog.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'new'); print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        assert home.remove_leftovers() == [], "it is still being written"
        writer.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old"

    (leftover,) = [found for found in home.root.iterdir() if found != path]
    assert home.remove_leftovers() == [leftover]
    assert names_in(home.root) == ["a.bin"]


@pytest.mark.parametrize("writer", ["00000000-1", "1", "é"], ids=["elsewhere", "earlier version", "stranger"])
def test_what_processes_that_cannot_be_seen_began_goes_after_a_day(tmp_path: Path, writer: str) -> None:
    file, folder = tmp_path / "deep" / f".part-{writer}-x.wav", tmp_path / f".part-{writer}-y"
    folder.mkdir()
    (folder / "stamped").touch()
    file.parent.mkdir()
    file.touch()
    assert remove_leftovers(tmp_path) == []
    day_before_yesterday_s = time.time() - 2 * 24 * 3600
    (tmp_path / "deep" / "old.wav").touch()
    for path in (file, folder, tmp_path / "deep" / "old.wav"):
        os.utime(path, (day_before_yesterday_s, day_before_yesterday_s))
    assert set(remove_leftovers(tmp_path)) == {file, folder}
    assert names_in(tmp_path) == ["deep"]
    assert names_in(tmp_path / "deep") == ["old.wav"]


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "nowhere") == []
