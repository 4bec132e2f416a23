"""Flow: the whole night: refresh, train, evaluate, promote, masks, remix."""

import time
from collections.abc import Callable
from pathlib import Path

from prefect import flow

from catalog.errors import CatalogError
from catalog.files import Home
from catalog.store import Catalog
from flows.evaluate import evaluate
from flows.masks import checked_library, masks
from flows.refresh import listed_videos, refresh
from flows.remix import checked_out, remix
from flows.settings import named_after
from flows.summary import Summary, headline, publish
from flows.train import train
from tasks.checkpoints import champion_id, checkpoint_row
from tasks.promote import promote_if_better
from tasks.queries import known_instruments
from tasks.shards import Outcome
from tasks.stills import folder_stills
from tasks.wishes import plan_queries
from varemix.errors import VaremixError
from varemix.evaluation.tables import markdown
from varemix.remix.plan import RemixPlan
from varemix.training.devices import chosen_device
from varemix.training.recipe import named_recipe

_SPLIT = "val"  # the champion is chosen on it; the test split is only ever reported


@flow(name="nightly", flow_run_name=named_after("nightly", "library"))
def nightly(
    library: str,
    out: str,
    plan: RemixPlan,
    source: str = "music",
    url_template: str | None = None,
    recipe: str = "reference",
    pairs: int = 64,
    stills: str | None = None,
    device: str = "auto",
    home: str | None = None,
) -> list[Summary]:
    """Refresh the clips, train on them, evaluate, promote what is better, and remix the library with the champion.

    Args:
        library: the folder of recordings; it is only read.
        out: the folder for the remixes.
        plan: what shall become of the recordings; see the flow remix.
        source: the list of videos; see the flow refresh.
        url_template: where the videos lie; see the flow refresh.
        recipe: what to train; see the flow train.
        pairs: how many pairs to evaluate on.
        stills: a folder of still pictures to evaluate with; see the flow evaluate.
        device: what to train on.
        home: the home folder; by default $VAREMIX_HOME or ./data.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    catalog.home.remove_leftovers()
    where = catalog.home.address
    champion = champion_id(catalog)
    stages = [
        attempted("refresh", lambda: refresh(source, url_template, home=where)),
        attempted("train", lambda: train(recipe, device, home=where)),
    ]
    challenger = stages[-1].facts.get("checkpoint_id")
    if challenger:
        for candidate in dict.fromkeys([challenger, champion or challenger]):
            stages.append(_evaluated(candidate, pairs, stills, where))
        stages.append(attempted("promote", lambda: _promoted(challenger, where)))
    stages += [
        attempted("masks", lambda: masks(library, home=where)),
        attempted("remix", lambda: remix(library, out, plan, home=where)),
    ]
    return [*stages, publish(_overview(stages, champion_id(catalog), time.monotonic() - started))]


def attempted(stage: str, run: Callable[[], Summary]) -> Summary:
    """Run a stage; one that cannot be done becomes a failed summary, and the night goes on with what there is."""
    try:
        return run()
    except (VaremixError, CatalogError) as error:
        return Summary(stage=stage, outcomes=(Outcome(item=stage, status="failed", reason=str(error)),), seconds=0.0)


def _evaluated(checkpoint_id: str, pairs: int, stills: str | None, home: str) -> Summary:
    return attempted("evaluate", lambda: evaluate(checkpoint_id, _SPLIT, pairs, stills=stills, studied=0, home=home))


def _promoted(checkpoint_id: str, home: str) -> Summary:
    outcome = promote_if_better(checkpoint_id=checkpoint_id, home=home, split=_SPLIT, seed=0)
    return Summary(stage="promote", outcomes=(outcome,), seconds=0.0, facts={"decision": outcome.reason})


def check_night(
    catalog: Catalog,
    library: Path,
    out: Path,
    plan: RemixPlan,
    source: str,
    url_template: str | None,
    recipe: str,
    stills: str | None,
    device: str,
) -> None:
    """Raise an error for what can be known to be wrong before anything starts."""
    checked_out(library, out)
    checked_library(catalog, library)
    named_recipe(recipe)
    chosen_device(device)
    if stills:
        folder_stills(Path(stills))
    instruments = {video.instrument for video in listed_videos(source, url_template, None)}
    if champion_id(catalog):
        instruments |= set(known_instruments(catalog, checkpoint_row(catalog, None)))
    plan_queries(plan, sorted(instruments))


def _overview(stages: list[Summary], champion: str | None, seconds: float) -> Summary:
    """Return what the night did as a whole: its stages, what was measured, what was remixed, every failure."""
    by_stage = {stage.stage: stage for stage in stages}
    scored = {stage.facts.get("checkpoint_id"): stage for stage in stages if stage.stage == "evaluate"}
    facts = {
        "champion": champion,
        "decision": by_stage["promote"].facts.get("decision") if "promote" in by_stage else None,
        "mean_nsdr_db": scored[champion].facts["mean_nsdr_db"] if champion in scored else None,
        "gains": by_stage["remix"].facts.get("gains"),
        "remixes_lie_in": by_stage["remix"].facts.get("out"),
    }
    table = markdown([["stage", "what was done"], *(headline(stage).split(": ", 1) for stage in stages)])
    return Summary(
        stage="nightly",
        outcomes=tuple(dict.fromkeys(outcome for stage in stages for outcome in stage.failed)),
        seconds=seconds,
        facts={name: value for name, value in facts.items() if value is not None},
        report=f"{table}\n\n{by_stage['remix'].report}",
    )
