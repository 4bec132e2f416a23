from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from varemix.errors import DownloadInterruptedError
from varemix.media import patience
from varemix.media.patience import MOST_WAIT_S, asked_wait_s, heed, wait_for
from varemix.media.refusals import by_status

HERE = "http://me:secret@example.org:8080/a.mp4"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    patience.forget()
    yield
    patience.forget()


def limit(status: int = 429, retry_after: str | None = None) -> DownloadInterruptedError:
    error = by_status("Video 'a'", status, "", retry_after)
    assert isinstance(error, DownloadInterruptedError)
    return error


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), (" 0 ", 0), ("Mon, 30 Nov 2026 09:00:30 GMT", 30), ("Mon, 30 Nov 2026 08:00:00 GMT", 0)],
)
def test_when_to_ask_again_is_read_from_seconds_and_dates(said: str, seconds: float) -> None:
    assert asked_wait_s(said, datetime(2026, 11, 30, 9, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("said", [None, "", "soon", "-3", "Mon, 99 Nov"])
def test_what_says_nothing_of_time_says_nothing(said: str | None) -> None:
    assert asked_wait_s(said) is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_asks_to_wait_is_waited_for_whatever_is_asked_of_it(status: int) -> None:
    error = limit(status, "90")
    heed(HERE, error)
    assert error.ask_again_at is not None
    assert "asks to wait 90 s" in str(error)
    slept: list[float] = []
    wait_for("http://example.org:8080/other.mp4", "Video 'b'", slept.append)
    wait_for("http://example.com/b.mp4", "Video 'c'", slept.append)
    assert len(slept) == 1
    assert 85 < slept[0] <= 90


def test_a_host_that_asks_for_more_than_the_bound_is_not_asked_and_it_is_told_when_it_may_be() -> None:
    heed(HERE, limit(429, str(round(2 * MOST_WAIT_S))))
    with pytest.raises(DownloadInterruptedError, match=r"example\.org:8080 asks to be left alone until .* UTC") as told:
        wait_for(HERE, "Video 'b'", lambda _: pytest.fail("it was waited for"))
    assert told.value.ask_again_at is not None
    assert told.value.ask_again_at > datetime.now(UTC) + timedelta(seconds=1.5 * MOST_WAIT_S)
    assert "secret" not in str(told.value)


def test_limits_that_say_no_time_are_met_ever_more_slowly() -> None:
    slept: list[float] = []
    for _ in range(3):
        heed(HERE, limit(429))
        wait_for(HERE, "Video 'a'", slept.append)
    assert [round(seconds, -1) for seconds in slept] == [10, 20, 40]


def test_a_server_in_trouble_that_asks_for_nothing_is_tried_again_as_ever() -> None:
    heed(HERE, limit(503))
    wait_for(HERE, "Video 'a'", lambda _: pytest.fail("it was waited for"))
