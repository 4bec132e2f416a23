import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from flows.commands.server import check_server
from varemix.errors import ServiceError, UsageError


@pytest.fixture(autouse=True)
def prefect_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path / "prefect"


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a server that takes what is said, and never answers."""
    with create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


@pytest.fixture
def strict() -> Iterator[str]:
    """Give the address of a server that asks for a password."""

    class Strict(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Strict) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


def test_without_an_address_a_folder_is_all_that_is_needed(prefect_home: Path) -> None:
    check_server()
    assert prefect_home.is_dir()


def test_a_server_that_nobody_runs_or_that_is_silent_is_told_in_seconds(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("http://127.0.0.1:9/api", silent, "http://nowhere.invalid/api"):
        monkeypatch.setenv("PREFECT_API_URL", address)
        started = time.monotonic()
        with pytest.raises(ServiceError, match=rf"The Prefect server at {address} .* does not answer: .* unset"):
            check_server()
        assert time.monotonic() - started < 60


def test_a_server_that_answers_at_all_will_do(strict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", strict)
    check_server()


def test_the_active_profile_counts_where_the_environment_says_nothing(prefect_home: Path) -> None:
    prefect_home.mkdir()
    profile = 'active = "far"\n[profiles.far]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    (prefect_home / "profiles.toml").write_text(profile)
    with pytest.raises(ServiceError, match="does not answer"):
        check_server()
    (prefect_home / "profiles.toml").write_text("no profile")
    check_server()


def test_what_is_no_address_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "file:///etc/passwd")
    with pytest.raises(UsageError, match="give an address like"):
        check_server()


@pytest.mark.parametrize("place", ["/dev/null/prefect", "a-file"])
def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-file").write_text("x")
    monkeypatch.setenv("PREFECT_HOME", os.path.join(tmp_path, place))  # noqa: PTH118 - an absolute place stays
    with pytest.raises(ServiceError, match="Set PREFECT_HOME to a folder that is yours"):
        check_server()
