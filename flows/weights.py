"""Flow: the name of a separator's model -> its weights on the disk."""

import time
from pathlib import Path

from prefect import flow

from catalog.files import Home
from flows.ending import ended
from flows.summary import Summary, publish
from tasks.separator_weights import fetch_weights
from tasks.shards import run_shards
from varemix.errors import UsageError
from varemix.separators.known_weights import KNOWN_WEIGHTS, LICENCE


@flow(name="weights", flow_run_name="weights {model}")
def weights(model: str, folder: str, home: str | None = None) -> Summary:
    """Fetch the weights of a separator from where its makers put them.

    Args:
        model: htdemucs, htdemucs_ft or htdemucs_6s.
        folder: where to put them.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started, into = time.monotonic(), Path(folder).expanduser().resolve()
    files = list(checked_model(model))
    outcomes = run_shards(fetch_weights, files, files, size=1, home=Home.open(home).address, model=model, folder=into)
    facts = {"weights": str(into / files[0]), "licence": LICENCE}
    return ended(
        publish(Summary(stage="weights", outcomes=tuple(outcomes), seconds=time.monotonic() - started, facts=facts))
    )


def checked_model(model: str) -> tuple[str, ...]:
    """Return the files of a model. Raises UsageError for one that nobody knows."""
    if model not in KNOWN_WEIGHTS:
        raise UsageError(f"There are no weights '{model[:200]}' to fetch; there are {', '.join(KNOWN_WEIGHTS)}.")
    return KNOWN_WEIGHTS[model].files
