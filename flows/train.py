"""Flow: clips -> checkpoint."""

import time

from prefect import flow

from catalog.files import Home
from flows.ending import ended
from flows.forms import Device, Minutes, NumProcesses, RecipeName
from flows.pictures import show_picture
from flows.summary import Summary, publish
from tasks.train import train_checkpoint
from tasks.trained import card_path, curves_path


@flow(name="train", flow_run_name="train {recipe}")
def train(
    recipe: RecipeName = "reference",
    device: Device = "auto",
    photos: str | None = None,
    start: str | None = None,
    minutes: Minutes = None,
    processes: NumProcesses = 1,
    nodes: int = 1,
    node_rank: int = 0,
    endpoint: str = "",
    home: str | None = None,
) -> Summary:
    """Train a recipe on what the catalog holds now; go on where an earlier run was stopped.

    Args:
        recipe: `reference`, `clean`, `coarse`, `paper` or `tiny`.
        device: `auto`, `cpu` or `cuda`; auto takes a GPU where there is one.
        photos: a folder of photographs by instrument, to learn from beside the clips' frames.
        start: id or file of the checkpoint to begin with, or `shipped`; by default none.
        minutes: train so long, and end with a finished network; by default as long as the recipe says.
        processes: how many processes train together on each machine, such as one for each GPU.
        nodes: how many machines train together; this flow is started on each of them.
        node_rank: the number of this machine, from 0 on; number 0 writes the checkpoint.
        endpoint: HOST:PORT, a free port of machine 0 that all can reach.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    root = Home.open(home).address
    checkpoint_id, outcome = train_checkpoint(
        recipe=recipe,
        home=root,
        device=device,
        photos=photos,
        start=start,
        minutes=minutes,
        processes=processes,
        nodes=nodes,
        node_rank=node_rank,
        endpoint=endpoint,
    )
    _show_curves(Home.open(home), checkpoint_id)
    facts = {"checkpoint_id": checkpoint_id, "recipe": recipe}
    seconds, report = time.monotonic() - started, _card(Home.open(home), checkpoint_id)
    return ended(publish(Summary(stage="train", outcomes=(outcome,), seconds=seconds, facts=facts, report=report)))


def _card(home: Home, checkpoint_id: str) -> str:
    """Return the model card, which tells what was learnt from under which licence; nothing where there is none."""
    place = home.relative(card_path(home, checkpoint_id))
    text = home.fetched(place).read_text() if home.holds(place) else ""
    return text.partition("\n\n")[2].strip()


def _show_curves(home: Home, checkpoint_id: str) -> None:
    """Show the picture of the curves in the Prefect UI, as an artifact of the run."""
    picture = curves_path(home, checkpoint_id)
    if home.holds(home.relative(picture)):
        show_picture(
            "Training curves",
            home.fetched(home.relative(picture)).read_bytes(),
            f"Losses of model {checkpoint_id}",
        )
