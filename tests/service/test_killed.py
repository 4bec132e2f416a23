"""A run that is killed with its worker is marked crashed, starts again by itself, and ends as if undisturbed."""

from pathlib import Path

import pytest

from tests.service.hosts import SLOW_S, Host, kill, processes_of, wait_until
from tests.service.stages import Stage

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_runs_killed_in_every_stage_with_their_worker_start_again_and_end_as_if_undisturbed(
    host: Host, stages: list[Stage], tmp_path: Path
) -> None:
    gate = tmp_path / "at the gate" / "gate"
    gate.parent.mkdir()
    middles = {stage.name: stage.middle(tmp_path) for stage in stages}
    runs = {}
    for stage in stages:
        stage.begin()
        asked = {"VAREMIX_TEST_GATE": str(gate)} | middles[stage.name].environment
        runs[stage.name] = host.start(stage.name, stage.parameters, **asked)
    wait_until(lambda: len(list(gate.parent.iterdir())) == len(runs), SLOW_S, host.logs)
    processes = {name: processes_of(run_id) for name, run_id in runs.items()}
    worker = host.worker()
    worker.suspend()  # it would tell the server of a run that ends, and runs end by themselves when it is gone
    gate.touch()
    left = dict(middles)
    while left:
        wait_until(lambda: any(middle.is_reached() for middle in left.values()), SLOW_S, lambda: f"not seen: {left}")
        for name in [name for name, middle in left.items() if middle.is_reached()]:
            assert kill(processes[name]), f"{name} ended before its middle"
            del left[name]
    kill([worker])
    assert {stage.name: stage.unlike() for stage in stages} == {stage.name: [] for stage in stages}
    host.up()
    for stage in stages:
        run = host.wait_for(runs[stage.name], "Completed", "Failed")
        assert (stage.name, run.state_name) == (stage.name, "Completed")
        assert run.run_count >= 2, stage.name  # more where one was silent too long, for want of the processor
        assert stage.is_as_undisturbed(), stage.name
