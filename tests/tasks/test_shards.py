from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.utilities.annotations import quote

from catalog.errors import CatalogError
from catalog.store import Catalog
from tasks.shards import Outcome, explained, is_last_try, is_transient, run_shards, settle, shard_task
from varemix.errors import DownloadInterruptedError, MediaError


class Future:
    """A future that is there already; an error in it is its result, as Prefect gives it."""

    def __init__(self, result: list[Outcome] | BaseException) -> None:
        self._result = result

    def result(self, raise_on_failure: bool) -> list[Outcome] | BaseException:
        assert not raise_on_failure
        return self._result


def step_that(act: Callable[[list[str]], list[Outcome]]) -> Any:
    """Return a step that acts at once."""

    def submit(*, items: quote[list[str]], shard: str, **settings: quote[str]) -> Future:
        shards.append((shard, items.unquote(), {name: value.unquote() for name, value in settings.items()}))
        try:
            return Future(act(items.unquote()))
        except (CatalogError, OSError) as error:
            return Future(error)

    shards: list[tuple[str, list[str], dict[str, str]]] = []
    return SimpleNamespace(name="step", submit=submit, shards=shards)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.shards.as_completed", list)


def done(items: list[str]) -> list[Outcome]:
    return [Outcome(item=item, status="done") for item in items]


def test_every_item_is_in_one_shard_and_outcomes_keep_their_order() -> None:
    step = step_that(done)
    items = list("abcde")
    assert run_shards(step, items, items, size=2, home="somewhere") == done(items)
    assert step.shards == [
        ("1 of 3", ["a", "b"], {"home": "somewhere"}),
        ("2 of 3", ["c", "d"], {"home": "somewhere"}),
        ("3 of 3", ["e"], {"home": "somewhere"}),
    ]


def test_a_shard_that_breaks_fails_each_of_its_items_and_no_other() -> None:
    def breaking(items: list[str]) -> list[Outcome]:
        if "c" in items:
            raise OSError(28, "No space left on device")
        return done(items)

    outcomes = run_shards(step_that(breaking), list("abcde"), ["first", "b", "c", "d", "e"], size=2)
    assert [(outcome.item, outcome.status) for outcome in outcomes] == [
        ("a", "done"),
        ("b", "done"),
        ("c", "failed"),
        ("d", "failed"),
        ("e", "done"),
    ]
    assert outcomes[2].reason == "OSError: [Errno 28] No space left on device"


def test_no_items_are_no_shards() -> None:
    assert run_shards(step_that(done), [], [], size=2) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DownloadInterruptedError("slow"), True),
        (OSError("busy"), True),
        (MediaError("damaged"), False),
        (CatalogError("odd"), False),
        (ZeroDivisionError(), False),
    ],
)
def test_only_what_another_try_may_help_is_tried_again(error: Exception, expected: bool) -> None:
    state: State[Any] = State(type=StateType.FAILED, data=error)
    task: Any = None
    run: Any = None
    assert is_transient(task, run, state) is expected


def test_outside_a_run_there_is_one_try() -> None:
    assert is_last_try()


@pytest.mark.parametrize(("run_count", "expected"), [(1, False), (2, False), (3, True)])
def test_the_third_try_is_the_last(monkeypatch: pytest.MonkeyPatch, run_count: int, expected: bool) -> None:
    monkeypatch.setattr("tasks.shards.task_run", SimpleNamespace(run_count=run_count))
    assert is_last_try() is expected
    assert shard_task("any")(lambda: []).retries == 2


def test_errors_of_ours_speak_for_themselves_and_others_are_named() -> None:
    assert explained(MediaError("'a.wav' is empty.")) == "'a.wav' is empty."
    assert explained(KeyError("x")) == "KeyError: 'x'"


def test_only_what_does_not_stand_is_made_and_told(catalog: Catalog) -> None:
    def make(item: str) -> dict[str, Any]:
        row = {"track_id": item, "library": "/music", "track_path": f"{item}.wav"}
        return row | ({"status": "failed", "reason": "is empty"} if item == "bad" else {"status": "ready"})

    outcomes = settle(
        catalog, "tracks", ["good", "bad", "there"], name=str.upper, stands=lambda item: item == "there", make=make
    )
    assert outcomes == [
        Outcome(item="GOOD", status="done"),
        Outcome(item="BAD", status="failed", reason="is empty"),
        Outcome(item="THERE", status="skipped"),
    ]
    assert [row["track_id"] for row in catalog.read_rows("tracks")] == ["bad", "good"]
