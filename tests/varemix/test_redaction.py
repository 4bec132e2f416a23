"""Secrets are taken out of texts, and nothing else is."""

import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from varemix.errors import DownloadError
from varemix.redaction import redacted, watch_logs

WORD = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789%._~!$'()*+,-@:", min_size=12, max_size=30)
NAME = st.sampled_from(["token", "X-Amz-Signature", "sig", "hdnts", "k", "id", "access_token"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("get https://me:pw@host.org/a.mp4 now", "get https://***@host.org/a.mp4 now"),
        ("'https://me:p@ss:w@host.org'", "'https://***@host.org'"),
        ("https://h.org/a?token=abc&v=dQw4&Expires=1", "https://h.org/a?token=***&v=dQw4&Expires=***"),
        ("https://h.org/a?eyJhbGciOi", "https://h.org/a?***"),
        ("https://h.org/a#access_token=abc", "https://h.org/a#access_token=***"),
        ("https://www.youtube.com/watch?v=-abcdefghi_", "https://www.youtube.com/watch?v=-abcdefghi_"),
        ("postgresql+asyncpg://me:pw@db/prefect", "postgresql+asyncpg://***@db/prefect"),
        ("Authorization: Bearer abc.def\nnext", "Authorization: ***\nnext"),
        ("{'Cookie': 'SID=abc; HSID=def'}", "{'Cookie': ***"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, told: str) -> None:
    assert redacted(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "Video 'a' is not there (HTTP 404).",
        "Ask me@host.org what folder/a?b=c is: 10:30 = 12",
        "Kyrie & Gloria?.flac, track#3; key=G minor",
        "Give a cookies file, or wait.",
        "http://127.0.0.1:4200/runs/flow-run/0194",
    ],
)
def test_what_is_none_stays_letter_for_letter(text: str) -> None:
    assert redacted(text) == text


@given(user=WORD, value=WORD, name=NAME)
def test_no_user_and_no_value_of_an_address_gets_through(user: str, value: str, name: str) -> None:
    told = redacted(f"cannot fetch <https://{user}@host.org/a.mp4?{name}={value.replace(chr(39), '')}> today")
    assert user not in told
    assert value.replace("'", "") not in told
    assert "host.org/a.mp4" in told


def test_the_values_of_secret_variables_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted/Key+123")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:planted")
    assert redacted("denied: planted/Key+123 (admin:planted)") == "denied: *** (***)"


def test_no_message_of_ours_holds_a_secret() -> None:
    error = DownloadError("Video 'a' at https://me:planted@host.org/ is gone")
    assert "planted" not in str(error) + repr(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_no_line_of_a_log_holds_a_secret_nor_does_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    watch_logs()
    watch_logs()
    try:
        logging.getLogger("library").warning("asked %s %d times", "https://me:planted@host.org/?sig=planted", 2)
        try:
            raise ValueError("at https://me:planted@host.org")
        except ValueError:
            logging.getLogger("library").exception("it broke")
    finally:
        logging.setLogRecordFactory(before)
    assert "asked https://***@host.org/?sig=*** 2 times" in caplog.text
    assert "ValueError: at https://***@host.org" in caplog.text
    assert "planted" not in caplog.text
