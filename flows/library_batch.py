"""What the desk may have done to a library: looked at beforehand, and started as a run of the service."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desk.batch import Batch
from flows.commands.checks import open_catalog

if TYPE_CHECKING:
    from varemix.remix.plan import RemixPlan


def library_batch(library: Path, checkpoint: str | None, home: str | None) -> Batch:
    """Return what the desk may ask of the batch for a library."""

    def look(root: Path, out: Path, plan: "RemixPlan") -> Mapping[str, Any]:
        from flows.preview import preview

        return preview(open_catalog(home), root, out, plan, checkpoint)

    def start(root: Path, out: Path, plan: "RemixPlan") -> str:
        from service.runs import start_run
        from service.settings import read_settings

        settings = read_settings(home)
        asked = {"library": str(root), "out": str(out), "plan": plan.model_dump(mode="json", exclude_none=True)}
        more = {"checkpoint": checkpoint, "home": settings.home.address}
        return start_run(settings, "remix", asked | {name: value for name, value in more.items() if value})

    return Batch(library=library.expanduser().resolve(), preview=look, start=start)
