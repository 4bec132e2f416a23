"""Flow: the whole night: refresh, train if enough is new, evaluate, promote what is better, masks, remix."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun, State

from catalog.errors import CatalogError
from catalog.files import Home
from catalog.store import Catalog
from flows.champion import show_decision
from flows.ending import done_by, ended_with, in_words
from flows.evaluate import evaluate
from flows.forms import Device, Minutes, NumMixes, RecipeName, Sources
from flows.listed import MUSIC, check_against_catalog, read_lists
from flows.masks import checked_library, masks
from flows.output import checked_out
from flows.refresh import refresh
from flows.remix import remix
from flows.settings import named_after
from flows.summary import Summary, headline, publish
from flows.train import train
from tasks.alerts import tell_night_failed
from tasks.checkpoints import champion_id, checkpoint_row, separator_of, serving_id
from tasks.promote import CHOSEN_ON, promote_if_better
from tasks.quality import told_of_drop
from tasks.queries import known_instruments
from tasks.retrain import RETRAIN_SHARE, record_not_retrained, retraining
from tasks.shards import Outcome
from tasks.stills import folder_stills
from tasks.wishes import looked_at_plan, plan_queries
from varemix.errors import VaremixError
from varemix.remix.plan import RemixPlan
from varemix.training.devices import chosen_device
from varemix.training.recipe import named_recipe
from varemix.wording import markdown

_SEED = 0


def _alert(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    tell_night_failed(str(flow_run.id), flow_run.name, state.message or "It does not say why; see its log.")


@flow(name="nightly", flow_run_name=named_after("nightly", "library"), on_failure=[_alert])
def nightly(
    library: str,
    out: str,
    plan: RemixPlan,
    source: Sources = [MUSIC],  # noqa: B006 - a default of the form in the Prefect UI; it is only read
    url_template: str | None = None,
    recipe: RecipeName = "reference",
    pairs: NumMixes = 64,
    stills: str | None = None,
    device: Device = "auto",
    home: str | None = None,
    retrain_share: float = RETRAIN_SHARE,
    minutes: Minutes = None,
) -> list[Summary]:
    """Refresh the clips, train where enough is new, promote what is better, and remix the library with the champion.

    Args:
        library: the folder of recordings; it is only read.
        out: the folder for the remixes.
        plan: what shall become of the recordings; see the flow remix.
        source: the lists of videos, sounds and photos; see the flow refresh.
        url_template: where the videos lie; see the flow refresh.
        recipe: what to train; see the flow train.
        pairs: how many pairs to evaluate on.
        stills: a folder of still pictures to evaluate with; see the flow evaluate.
        device: what to train on.
        home: the home folder; by default $VAREMIX_HOME or ./data.
        retrain_share: the share of clips and sounds, 0 to 1, that must be new or changed before it is trained again.
        minutes: how long to train; see the flow train.

    """
    started = time.monotonic()
    catalog = Catalog(Home.open(home))
    catalog.home.remove_leftovers()
    where = catalog.home.address
    champion, serving = champion_id(catalog), serving_id(catalog)
    stages = [attempted("refresh", lambda: refresh(source, url_template, home=where))]
    stages.append(attempted("train", lambda: _trained(catalog, recipe, device, retrain_share, minutes)))
    challenger = stages[-1].facts.get("checkpoint_id")
    for candidate in dict.fromkeys(name for name in (challenger, serving if challenger else champion) if name):
        stages.append(_evaluated(candidate, pairs, stills, where))
    warning = _warning(catalog, champion, stages[-1])
    if challenger:
        stages.append(attempted("promote", lambda: _promoted(catalog, challenger, plan)))
    stages += [
        attempted("masks", lambda: masks(library, home=where, separator=plan.separator)),
        attempted("remix", lambda: remix(library, out, plan, home=where)),
    ]
    night = publish(_overview(stages, catalog, warning, time.monotonic() - started))
    failed = [in_words(stage) for stage in stages if stage.exit_code == 1]
    done = [str(night.facts.get("decision") or "no decision"), *(in_words(stage) for stage in stages[-2:])]
    message = f"{len(failed)} of {len(stages)} stages failed. {' '.join(failed)}" if failed else ". ".join(done)
    return ended_with([*stages, night], message, is_failed=bool(failed))


def attempted(stage: str, run: Callable[[], Summary]) -> Summary:
    """Run a stage; one that cannot be done becomes a failed summary, and the night goes on with what there is."""
    try:
        return done_by(run)
    except (VaremixError, CatalogError) as error:
        return Summary(stage=stage, outcomes=(Outcome(item=stage, status="failed", reason=str(error)),), seconds=0.0)


def _trained(catalog: Catalog, recipe: str, device: str, share: float, minutes: float | None) -> Summary:
    """Train a challenger where enough is new; else say and write down why not."""
    plan = retraining(catalog, recipe, share)
    if plan.is_due:
        return train(recipe, device, start=plan.start, minutes=minutes, home=catalog.home.address)
    record_not_retrained(catalog, plan.reason)
    show_decision(catalog)
    return Summary(stage="train", outcomes=(), seconds=0.0, facts={"not_trained_again": plan.reason})


def _evaluated(checkpoint_id: str, pairs: int, stills: str | None, home: str) -> Summary:
    return attempted("evaluate", lambda: evaluate(checkpoint_id, CHOSEN_ON, pairs, stills=stills, studied=0, home=home))


def _promoted(catalog: Catalog, challenger: str, plan: RemixPlan) -> Summary:
    outcome = promote_if_better(
        checkpoint_id=challenger,
        home=catalog.home.address,
        split=CHOSEN_ON,
        seed=_SEED,
        elsewhere=sorted(plan.left_to_others()),
    )
    if outcome.status != "skipped":
        show_decision(catalog)
    return Summary(stage="promote", outcomes=(outcome,), seconds=0.0, facts={"decision": outcome.reason})


def check_night(
    catalog: Catalog,
    library: Path,
    out: Path,
    plan: RemixPlan,
    source: Sequence[str],
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
    listed = read_lists(source, url_template)
    check_against_catalog(catalog, listed)
    instruments = listed.instruments
    if serving_id(catalog):
        instruments |= set(known_instruments(catalog, checkpoint_row(catalog, None)))
    queries = plan_queries(plan, sorted(instruments))
    if serving_id(catalog):
        looked_at_plan(plan, queries, lambda: separator_of(catalog, checkpoint_row(catalog, None)))


def _decision(by_stage: Mapping[str, Summary]) -> str | None:
    if "promote" in by_stage:
        return str(by_stage["promote"].facts.get("decision"))
    reason = by_stage["train"].facts.get("not_trained_again")
    return f"not trained again: {reason}" if reason else None


def _warning(catalog: Catalog, champion: str | None, evaluated: Summary) -> str | None:
    """Return what a person should know of the champion after it was scored on mixes that are new tonight."""
    if champion is None or evaluated.facts.get("checkpoint_id") != champion or not evaluated.counts.get("done"):
        return None
    return told_of_drop(catalog, champion, CHOSEN_ON, _SEED)


def _overview(stages: list[Summary], catalog: Catalog, warning: str | None, seconds: float) -> Summary:
    """Return what the night did as a whole: its stages, what was measured, what was remixed, every failure."""
    by_stage = {stage.stage: stage for stage in stages}
    champion, serving = champion_id(catalog), serving_id(catalog)
    scored = {stage.facts.get("checkpoint_id"): stage for stage in stages if stage.stage == "evaluate"}
    facts = {
        "champion": champion or (serving and f"none yet; the built-in model {serving} serves"),
        "warning": warning,
        "decision": _decision(by_stage),
        "mean_nsdr_db": scored[serving].facts["mean_nsdr_db"] if serving in scored else None,
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
