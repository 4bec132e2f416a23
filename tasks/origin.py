"""Which run of Prefect makes a row, so that a person finds it in the UI."""


def run_id() -> str | None:
    """Return the id of the flow run that this is done in, None where Prefect runs nothing."""
    from prefect.runtime import flow_run

    return None if flow_run.id is None else str(flow_run.id)


def run_name() -> str | None:
    """Return what that flow run is called, None where Prefect runs nothing."""
    from prefect.runtime import flow_run

    return None if flow_run.name is None else str(flow_run.name)
