"""Flow: clips -> checkpoint."""

import time

from prefect import flow

from catalog.files import Home
from flows.summary import Summary, publish
from tasks.train import train_checkpoint


@flow(name="train", flow_run_name="train {recipe}")
def train(recipe: str = "reference", device: str = "auto", home: str | None = None) -> Summary:
    """Train a recipe on the clips that the catalog holds now; go on where an earlier run was stopped.

    Args:
        recipe: `paper`, `reference` or `tiny`.
        device: `auto`, `cpu` or `cuda`; auto takes a GPU where there is one.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    checkpoint_id, outcome = train_checkpoint(recipe=recipe, device=device, home=str(Home.open(home).root))
    facts = {"checkpoint_id": checkpoint_id, "recipe": recipe}
    return publish(Summary(stage="train", outcomes=(outcome,), seconds=time.monotonic() - started, facts=facts))
