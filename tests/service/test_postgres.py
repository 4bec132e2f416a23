"""The server on Postgres, which is restarted under a running flow."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.hosts import SLOW_S, Host, wait_until
from tests.service.postgres import Postgres
from tests.service.stages import Stage, named

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="varemix-postgres-"))  # another user than pytest's must reach it
    database = Postgres(folder)
    database.start()
    yield database
    database.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def host_on_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("host") / "home", database_url=postgres.url)
    host.up()
    host.deploy()
    yield host
    host.down(grace_s=1)


def test_a_run_goes_on_when_its_servers_database_is_restarted(
    host_on_postgres: Host, postgres: Postgres, stages: list[Stage], tmp_path: Path
) -> None:
    host, stage = host_on_postgres, named(stages, "masks")
    assert not list((host.home / "prefect").glob("*.db"))
    stage.begin()
    middle = stage.middle(tmp_path)
    run_id = host.start("masks", stage.parameters, **middle.environment)
    wait_until(middle.is_reached, SLOW_S, host.logs)
    postgres.stop()
    middle.leave()
    wait_until(lambda: not host.can_be_asked(), SLOW_S, host.logs)
    postgres.start()
    run = host.wait_for(run_id, "Completed", "Failed", "Crashed")
    assert run.state_name == "Completed"
    assert stage.is_as_undisturbed()
    assert [line for line in host.up() if "started" in line] == []
