"""A run whose process is killed while its worker lives starts again once, not twice side by side."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.runner import _workspace_hook_runner
from prefect.runner._workspace_hook_runner import WorkspaceHookRunner
from prefect.states import Cancelling, Crashed

from service.worker import work


def test_no_flow_is_loaded_before_a_run_is_told_to_have_crashed_or_been_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads: list[list[str]] = []

    async def load(command: list[str], **_: Any) -> SimpleNamespace:
        loads.append(command)
        return SimpleNamespace(returncode=0)

    manifest = SimpleNamespace(hook_command=["load"], working_directory="/", environment={})
    monkeypatch.setattr(_workspace_hook_runner, "read_model", lambda *_: manifest)
    monkeypatch.setattr(_workspace_hook_runner, "write_private_model", lambda *_: None)
    monkeypatch.setattr(_workspace_hook_runner, "run_process", load)
    monkeypatch.setattr(WorkspaceHookRunner, "_run", WorkspaceHookRunner._run)  # to be put back
    monkeypatch.setattr("sys.argv", [])
    monkeypatch.setattr(runpy, "run_module", lambda *_, **__: None)
    hooks = WorkspaceHookRunner(manifest_path=Path("manifest.json"), stream_output=False)
    run = cast(FlowRun, SimpleNamespace())

    anyio.run(hooks.run_crashed_hooks, run, Crashed())
    assert len(loads) == 1, "Prefect does not search any more: is service/worker.py still needed?"
    work(["worker", "start"])
    anyio.run(hooks.run_crashed_hooks, run, Crashed())
    anyio.run(hooks.run_cancellation_hooks, run, Cancelling())
    assert len(loads) == 1
