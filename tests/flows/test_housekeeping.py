"""Old runs are forgotten by a real server, and only ours that have ended; the flow tells what went."""

import ast
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State, StateType

from flows.housekeeping import housekeeping
from tasks.old_runs import FLOWS, forget_old_runs

ROOT = Path(__file__).parent.parent.parent


@flow(name="nightly")
def ours() -> None:
    """Stand for a flow of ours."""


@flow(name="somebody else's")
def theirs() -> None:
    """Stand for another's flow on the same server."""


def test_old_runs_of_ours_are_forgotten_and_no_others(prefect_url: str) -> None:
    with get_client(sync_client=True) as client:

        def run(flow_: Any, kind: StateType) -> object:
            return client.create_flow_run(flow_, state=State(type=kind)).id

        ended = {run(ours, kind) for kind in (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED)}
        others = {run(ours, StateType.RUNNING), run(ours, StateType.SCHEDULED), run(theirs, StateType.FAILED)}

        def there() -> set[object]:
            chosen = FlowRunFilter(id=FlowRunFilterId(any_=[*ended, *others]))
            return {found.id for found in client.read_flow_runs(flow_run_filter=chosen)}

        assert forget_old_runs.fn(keep_days=1) == 0, "all of them ended today"
        assert forget_old_runs.fn(keep_days=0, dry_run=True) >= len(ended)
        assert there() == ended | others
        assert forget_old_runs.fn(keep_days=0) >= len(ended)
        assert there() == others
        assert forget_old_runs.fn(keep_days=0) == 0


def test_every_flow_of_ours_is_known_to_be_ours() -> None:
    names = set()
    for path in sorted((ROOT / "flows").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "flow":
                names |= {keyword.value.value for keyword in node.keywords if keyword.arg == "name"}
    assert names
    assert names <= set(FLOWS)


def test_housekeeping_tells_what_would_go_and_what_lies_where(prefect_url: str, tmp_path: Path) -> None:
    stray = tmp_path / "home" / "masks" / "ab" / ".part-00000000-1-x"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half")
    summary = housekeeping(str(tmp_path / "home"), dry_run=True, grace_days=1)
    assert summary.facts["dry_run"] == "nothing was removed"
    assert "The disk has" in summary.report
    assert stray.exists()
