"""Links of the Prefect UI, in Markdown: from what was made to the runs that made it."""

from prefect.utilities.urls import url_for


def run_link(run_id: str | None, text: str) -> str:
    """Return a link to the page of a flow run; the bare text where no run made it, or there is no UI."""
    address = url_for("flow-run", obj_id=run_id) if run_id else None
    return f"[{text}]({address})" if address else text
