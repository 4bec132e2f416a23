import os
import socket
from pathlib import Path

import pytest

from service.settings import pools, read_settings
from varemix.errors import UsageError


def test_the_server_listens_on_loopback_and_keeps_its_files_in_the_home(tmp_path: Path) -> None:
    settings = read_settings(str(tmp_path), {})
    assert settings.listen == ("127.0.0.1", 4200)
    assert settings.api_url == "http://127.0.0.1:4200/api"
    assert settings.ui_url == "http://127.0.0.1:4200"
    assert settings.is_own_server
    assert settings.environment["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert settings.environment["VAREMIX_HOME"] == str(tmp_path)


def test_workers_of_a_data_folder_in_a_bucket_work_in_the_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.files._check_once", lambda bucket: None)
    monkeypatch.setenv("VAREMIX_MIRROR", str(tmp_path))
    environment = read_settings("s3://store/varemix", {}).environment
    assert environment["VAREMIX_HOME"] == "s3://store/varemix"
    assert Path(environment["PREFECT_HOME"]).is_relative_to(tmp_path)


def test_what_a_person_sets_is_kept(tmp_path: Path) -> None:
    database = "postgresql+asyncpg://varemix:secret@127.0.0.1/varemix"
    chosen = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        "PREFECT_HOME": "/elsewhere",
        "PREFECT_CLIENT_MAX_RETRIES": "3",
        "VAREMIX_ZOMBIE_AFTER_S": "60",
        "PATH": "/bin",
    }
    environment = read_settings(str(tmp_path), chosen).environment
    assert {name: environment[name] for name in chosen} == chosen


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    environment = read_settings(str(tmp_path), {"PREFECT_CLIENT_MAX_RETRIES": "", "PREFECT_API_URL": ""}).environment
    assert environment["PREFECT_CLIENT_MAX_RETRIES"] == "7"


@pytest.mark.parametrize(
    ("given", "listen", "api_url", "is_own"),
    [
        ({"PREFECT_SERVER_API_PORT": "4300"}, ("127.0.0.1", 4300), "http://127.0.0.1:4300/api", True),
        ({"PREFECT_SERVER_API_HOST": "0.0.0.0"}, ("0.0.0.0", 4200), "http://127.0.0.1:4200/api", True),
        ({"PREFECT_API_URL": "http://localhost:4300/api/"}, ("127.0.0.1", 4300), "http://localhost:4300/api", True),
        ({"PREFECT_API_URL": "https://far.example/api"}, ("127.0.0.1", 4200), "https://far.example/api", False),
    ],
)
def test_a_server_of_another_host_is_used_and_not_started(
    tmp_path: Path, given: dict[str, str], listen: tuple[str, int], api_url: str, *, is_own: bool
) -> None:
    settings = read_settings(str(tmp_path), given)
    assert (settings.listen, settings.api_url, settings.is_own_server) == (listen, api_url, is_own)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_SERVER_API_PORT", "web"),
        ("PREFECT_SERVER_API_PORT", "0"),
        ("PREFECT_API_URL", "far.example"),
        ("PREFECT_API_URL", "file:///etc/api"),
        ("PREFECT_API_URL", "http://far.example"),
    ],
)
def test_an_address_that_cannot_be_is_told(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is '{value}'; give"):
        read_settings(str(tmp_path), {name: value})


def test_each_user_has_a_folder_for_temporary_files_and_what_a_person_sets_is_kept(tmp_path: Path) -> None:
    """In /tmp itself, the folder that Prefect's workers make is the first user's, and no other's worker starts."""
    own = read_settings(str(tmp_path), {}).environment["TMPDIR"]
    assert Path(own).name == f"varemix-{os.getuid()}"
    assert read_settings(str(tmp_path), {"TMPDIR": "/var/tmp"}).environment["TMPDIR"] == "/var/tmp"


def test_hosts_that_share_a_home_keep_their_processes_apart(tmp_path: Path) -> None:
    with_server = read_settings(str(tmp_path), {})
    workers_only = read_settings(str(tmp_path), {"PREFECT_API_URL": "https://far.example/api"})
    assert with_server.folder == tmp_path / "service"
    assert workers_only.folder == tmp_path / "service" / socket.gethostname()
    assert workers_only.shared_folder == with_server.folder


def test_a_person_says_where_it_is_trained(tmp_path: Path) -> None:
    """A server's host without a GPU would else take from the GPU's host what trains, whenever `up` is repeated."""
    assert read_settings(str(tmp_path), {}).learning_pool == pools()[-1]
    assert read_settings(str(tmp_path), {"VAREMIX_LEARNING_POOL": "gpu"}).learning_pool == "gpu"


def test_runs_that_share_a_host_leave_each_other_the_cores(tmp_path: Path) -> None:
    assert read_settings(str(tmp_path), {}).environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert read_settings(str(tmp_path), {"OMP_WAIT_POLICY": "ACTIVE"}).environment["OMP_WAIT_POLICY"] == "ACTIVE"
