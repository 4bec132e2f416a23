"""What a person wants to be woken for, as events of Prefect, which automations turn into messages.

Belongs here: the names of the events, and what they carry. Stays out: when they are raised, and whom they reach
(`deploy/automations/alerts`).
"""

from typing import Any

from prefect.events import emit_event
from prefect.utilities.urls import url_for

NIGHT_FAILED = "varemix.night.failed"
QUALITY_DROPPED = "varemix.quality.dropped"


def tell_night_failed(run_id: str, run_name: str, message: str) -> None:
    """Raise the event that a night failed; its resource is the run, its message what failed and what to do."""
    resource = {"prefect.resource.id": f"varemix.night.{run_id}", "prefect.resource.name": run_name}
    _raise(NIGHT_FAILED, resource, message, run_id)


def tell_quality_dropped(checkpoint_id: str, message: str, run_id: str | None) -> None:
    """Raise the event that what serves separates worse than before; its resource is the checkpoint."""
    resource = {"prefect.resource.id": f"varemix.checkpoint.{checkpoint_id}", "prefect.resource.name": checkpoint_id}
    _raise(QUALITY_DROPPED, resource, message, run_id)


def _raise(event: str, resource: dict[str, str], message: str, run_id: str | None) -> None:
    related: list[dict[str, str]] = []
    payload: dict[str, Any] = {"message": message}
    if run_id is not None:
        related = [{"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"}]
        payload |= {"run_id": run_id, "page": url_for("flow-run", obj_id=run_id) or ""}
    emit_event(event, resource=resource, related=related, payload=payload)
