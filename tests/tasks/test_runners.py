from typing import Any

import pytest
from prefect.task_runners import ThreadPoolTaskRunner

from flows.commands.checks import choose_runner
from tasks.runners import chosen_runner, task_runner
from varemix.errors import UsageError


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAREMIX_RUNNER", "VAREMIX_DASK_ADDRESS"):
        monkeypatch.setenv(name, "")


def test_shards_run_in_threads_unless_something_else_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_runner() == "threads"
    assert isinstance(task_runner(3), ThreadPoolTaskRunner)
    monkeypatch.setenv("VAREMIX_RUNNER", "deployments")  # whose flow itself stays here
    assert isinstance(task_runner(3), ThreadPoolTaskRunner)


def test_dask_runs_here_or_where_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("prefect_dask", reason="pip install 'varemix[dask]'")
    choose_runner("dask", None)
    here: Any = task_runner(3)
    assert here.cluster_kwargs["n_workers"] == 3
    choose_runner("dask", "tcp://127.0.0.1:8786")
    there: Any = task_runner(3)
    assert there.address == "tcp://127.0.0.1:8786"


def test_dask_that_is_not_installed_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.runners.find_spec", lambda name: None)
    monkeypatch.setenv("VAREMIX_RUNNER", "dask")
    with pytest.raises(UsageError, match=r"pip install 'varemix\[dask\]'"):
        task_runner(1)


def test_a_runner_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no runner 'ray'; the runners are threads, dask, deployments"):
        choose_runner("ray", None)


def test_an_address_without_a_cluster_to_be_at_it_is_refused() -> None:
    with pytest.raises(UsageError, match="is for --runner dask"):
        choose_runner(None, "tcp://127.0.0.1:8786")
