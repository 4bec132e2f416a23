"""A run whose process is killed while its worker lives starts again once, not twice side by side."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.runner._workspace_hook_runner import WorkspaceHookRunner
from prefect.states import Cancelling, Crashed

from service.worker import work


def test_no_flow_is_loaded_between_the_two_reports_of_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    async def search(self: object, kind: str, *_: Any) -> None:
        searched.append(kind)

    monkeypatch.setattr(WorkspaceHookRunner, "_run", search)
    monkeypatch.setattr(WorkspaceHookRunner, "run_crashed_hooks", WorkspaceHookRunner.run_crashed_hooks)  # put back
    monkeypatch.setattr("sys.argv", [])
    monkeypatch.setattr(runpy, "run_module", lambda *_, **__: None)
    hooks = WorkspaceHookRunner(manifest_path=Path("manifest.json"), stream_output=False)
    run = cast(FlowRun, SimpleNamespace())

    anyio.run(hooks.run_crashed_hooks, run, Crashed())
    assert searched == ["crashed"], "Prefect does not search any more: is service/worker.py still needed?"
    work(["worker", "start"])
    anyio.run(hooks.run_crashed_hooks, run, Crashed())
    anyio.run(hooks.run_cancellation_hooks, run, Cancelling())
    assert searched == ["crashed", "cancellation"]
