"""What is taken for what: where no sounds are, or none can be read, that is said, and nothing is drawn."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import confusion
from varemix.media.sounds import Sound


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["confusion", *map(str, arguments)])
    confusion.main()


def sound_in(folder: Path) -> Sound:
    """Return a sound whose file is no recording."""
    path = folder / "broken.wav"
    path.write_bytes(b"no sound")
    return Sound(path=path, first_s=0.0, duration_s=2.0, label="tuba", kind="phrase", group="a", split="train")


def test_a_folder_without_lists_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "--sounds", tmp_path)
    assert "names no sounds" in capsys.readouterr().err


def test_of_a_split_that_has_no_sounds_those_that_have_are_told_and_of_unreadable_ones_nothing_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(confusion, "listed_sounds", lambda folder: [sound_in(folder)])
    monkeypatch.setattr(confusion.Separator, "load", lambda _: SimpleNamespace(instruments=("tuba",)))
    with pytest.raises(SystemExit):
        run(monkeypatch, "--sounds", tmp_path)
    assert "No sound is of the split 'val'; there is train." in capsys.readouterr().err
    figure = tmp_path / "figure.png"
    with pytest.raises(SystemExit, match="No sound of tuba could be read"):
        run(monkeypatch, "--sounds", tmp_path, "--split", "train", "--out", figure)
    assert "Without" in capsys.readouterr().out
    assert not figure.exists()
    with pytest.raises(SystemExit):
        run(monkeypatch, "--sounds", tmp_path, "--out", tmp_path / "nowhere" / "figure.png")
    assert "is no folder" in capsys.readouterr().err
