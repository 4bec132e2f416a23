"""Prefect's worker, which does not look for hooks of runs that crashed or were cancelled.

Prefect 3.8.8 reports a run whose process was killed twice, and in between loads its flow, PyTorch and all, to look for
hooks. That may take longer than the run needs to start again: the second report then marks the new attempt crashed,
which goes on all the same, and another one is started beside it. A run that is cancelled counts as cancelled, and lets
the next night run, only after the same search; a worker that is stopped meanwhile leaves it Cancelling for ever. Our
flows have no such hooks; without the search both are told at once.
"""

import runpy
import sys
from typing import Any


def work(arguments: list[str]) -> None:
    """Become Prefect's command with these arguments; its settings are those of the environment."""
    from prefect.runner._workspace_hook_runner import WorkspaceHookRunner

    async def look_for_none(self: Any, hook_type: Any, flow_run: Any, state: Any) -> None:
        """Return at once."""

    WorkspaceHookRunner._run = look_for_none  # type: ignore[method-assign]
    sys.argv = ["prefect", "--no-prompt", *arguments]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    work(sys.argv[1:])
