import socket
import sys
from pathlib import Path

import pytest

from service import host
from service.host import down, up
from service.settings import read_settings
from tests.ports import free_port
from varemix.errors import ServiceError


def test_where_nothing_runs_there_is_nothing_to_stop(tmp_path: Path) -> None:
    said: list[str] = []
    down(read_settings(str(tmp_path), {}), said.append)
    assert said == ["nothing runs"]


def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = read_settings(str(tmp_path), {"PREFECT_SERVER_API_PORT": port})
        with pytest.raises(ServiceError, match=f"port {port} .*set PREFECT_SERVER_API_PORT to another"):
            up(settings, lambda line: None)
    assert not list(settings.folder.glob("*.pid"))


def test_a_server_that_does_not_start_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", "print('the database is not there'); raise SystemExit(3)"]
    monkeypatch.setattr(host, "service_command", lambda *_: words)
    settings = read_settings(str(tmp_path), {"PREFECT_SERVER_API_PORT": str(free_port())})
    with pytest.raises(ServiceError, match=r"ended at once. Its last words:\nthe database is not there\nAll of them: "):
        up(settings, lambda line: None)


def test_a_server_of_another_host_is_waited_for_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(host, "_START_S", 0.1)
    settings = read_settings(str(tmp_path), {"PREFECT_API_URL": "http://far.invalid:4200/api"})
    with pytest.raises(ServiceError, match=r"The server at http://far.invalid:4200/api did not answer within 0.1 s"):
        up(settings, said.append)
    assert said == ["server: waiting for http://far.invalid:4200/api"]
