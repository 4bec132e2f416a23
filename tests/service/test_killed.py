"""A run that is killed with its worker is marked crashed, starts again by itself, and ends as if undisturbed."""

import time
from pathlib import Path

import pytest

from tests.service.hosts import SLOW_S, Host, kill, processes_of, wait_until
from tests.service.stages import Stage

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.timeout(900)]


def test_runs_killed_in_every_stage_with_their_worker_start_again_and_end_as_if_undisturbed(
    host: Host, stages: list[Stage], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    known = {stage.name: stage.begin() for stage in stages}
    runs = {stage.name: host.start(stage.name, stage.parameters, VAREMIX_TEST_GATE=str(gate)) for stage in stages}
    wait_until(lambda: len(list(tmp_path.iterdir())) == len(runs), SLOW_S, host.logs)
    processes = {name: processes_of(run_id) for name, run_id in runs.items()}
    worker = host.worker()
    worker.suspend()  # it would tell the server of a run that ends, and runs end by themselves when it is gone
    gate.touch()
    left = list(stages)
    while left:
        for stage in [stage for stage in left if stage.is_in_its_middle(known[stage.name])]:
            assert kill(processes[stage.name]), f"{stage.name} ended before its middle"
            left.remove(stage)
        time.sleep(0.002)
    kill([worker])
    assert {stage.name: stage.unlike() for stage in stages} == {stage.name: [] for stage in stages}
    host.up()
    for stage in stages:
        run = host.wait_for(runs[stage.name], "Completed", "Failed")
        assert (stage.name, run.state_name, run.run_count) == (stage.name, "Completed", 2)
        assert stage.is_as_undisturbed(), stage.name
