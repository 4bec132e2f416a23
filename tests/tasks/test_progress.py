"""Progress in the UI: of long work only, seldom, and whole at the end. That Prefect shows it is seen in its UI."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from tasks import progress, terminal_bar
from tasks.progress import bar, share_of


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, str]]:
    """Return what was told of progress, within a run."""
    told: list[tuple[str, float, str]] = []

    def create(*, progress: float, key: str, description: str) -> str:
        told.append((key, progress, description))
        return "artifact"

    def update(artifact: str, *, progress: float, description: str) -> None:
        told.append((artifact, progress, description))

    monkeypatch.setattr(progress, "create_progress_artifact", create)
    monkeypatch.setattr(progress, "update_progress_artifact", update)
    monkeypatch.setattr(progress, "run_id", lambda: "a run")
    return told


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        now_s = 0.0

        def monotonic(self) -> float:
            return self.now_s

    own = Clock()
    monkeypatch.setattr(progress, "time", own)
    return own


def test_long_work_grows_an_artifact_and_ends_whole(told: list[Any], clock: Any) -> None:
    with bar("hear masks", 40) as advance:
        for _ in range(10):
            clock.now_s += 1.5
            advance(4)
    assert told[0] == ("progress-hear-masks", 30.0, "hear masks: 12 of 40")
    assert told[1][:2] == ("artifact", 40.0)
    assert told[-1] == ("artifact", 100.0, "hear masks: 40 of 40")


def test_one_item_that_takes_long_is_told_behind_the_bar_and_by_itself_from_any_thread(
    told: list[Any], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    @contextmanager
    def noting(what: str, total: int) -> Iterator[Any]:
        yield lambda num_items, note="": notes.append(note)

    monkeypatch.setattr(progress, "terminal_bar", noting)
    with bar("masks", 5), share_of("song.flac", "2 of 3") as tell:
        for share in (0.2, 0.45, 1.0):
            clock.now_s += 2.0
            thread = Thread(target=tell, args=(share,))
            thread.start()
            thread.join()
    assert notes == ["song.flac: 20 %", "song.flac: 45 %", ""]
    assert told == [
        ("progress-item-of-shard-2-of-3", 45.0, "song.flac: 45 of 100"),
        ("artifact", 100.0, "song.flac: 100 of 100"),
    ]


def test_progress_that_cannot_be_shown_stops_nobody(
    told: list[Any], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(progress, "create_progress_artifact", fail)
    with share_of("song.flac", "1 of 1") as tell:
        clock.now_s += 10
        tell(0.5)


def test_many_steps_a_second_are_told_once_a_second(told: list[Any], clock: Any) -> None:
    with bar("train", 1000) as advance:
        for _ in range(1000):
            clock.now_s += 0.01
            advance(1, "loss 0.5")
    assert len(told) == 8  # of 10 s, from the third on, and the end
    assert told[0][2].endswith(", loss 0.5")


def test_short_work_costs_nothing(told: list[Any], clock: Any) -> None:
    with bar("masks", 3) as advance:
        for _ in range(3):
            clock.now_s += 0.9
            advance(1)
    assert told == []


def test_outside_a_run_there_is_no_artifact(told: list[Any], clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "run_id", lambda: None)
    with bar("masks", 3) as advance:
        clock.now_s += 100
        advance(1)
    assert told == []


def test_names_stand_on_the_terminal_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Console(file=StringIO(), force_terminal=True, width=160)
    monkeypatch.setattr(terminal_bar, "CONSOLE", shown)
    monkeypatch.setattr(terminal_bar, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    with bar("separate [red]x.wav [s]", 5), share_of("x [/b].wav", "1 of 1") as tell:
        tell(0.45)
    assert isinstance(shown.file, StringIO)
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.file.getvalue())
    assert "separate [red]x.wav [s]" in written
    assert "x [/b].wav: 45 %" in written
