"""Steps: a training -> a bundle for a bare host; what comes back -> checkpoint."""

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from catalog.files import Home, write_atomically
from catalog.ids import content_id, file_digest
from catalog.store import Catalog
from tasks.progress import bar
from tasks.shards import Outcome, is_transient
from tasks.train import in_words_of
from tasks.trained import Origin, keep_trained, stands
from tasks.training_plan import TrainingPlan, plan_training
from tasks.training_rows import training_rows
from varemix.bundle import parcels
from varemix.bundle.order import BundleOrder
from varemix.errors import UsageError
from varemix.training.recipe import with_trunk, without_trunk
from varemix.training.soundbank import Recording, recordings_of

RUNNER = "varemix_bundle"
STATE = "state.pt"
_RUNNER_FILES = {"__init__.py": "__init__.py", "start.py": "__main__.py", "parcels.py": "parcels.py"}

Keep = Callable[[Path, str], None]


@task(task_run_name="bundle {recipe}", retries=1, retry_condition_fn=is_transient, cache_policy=NO_CACHE)
def write_bundle(
    *, out: Path, recipe: str, home: str, photos: str | None = None, start: str | None = None, kbps: float = 48
) -> Outcome:
    """Write all that a bare host needs to train what `train` would train now.

    Into a folder that holds a bundle of the same training only what is new is written, such as a state that came back.
    Raises UsageError for a folder that holds another one.
    """
    catalog = Catalog(Home.open(home))
    plan = plan_training(catalog, recipe, photos, start)
    without_trunk(plan.recipe)  # refused before anything is written
    check_place(out, plan.checkpoint_id)
    recordings = recordings_of(plan.material.clips, plan.material.sounds)

    def keep(path: Path, name: str) -> None:
        parcels.send(path, out, name)

    plan.folder.mkdir(parents=True, exist_ok=True)
    _put_code(plan.folder, keep)
    _put_beginning(plan, recordings, keep)
    _put_sounds(plan, recordings, out, kbps, keep)
    _put_order(plan, recordings, keep)
    state = plan.folder / f"returned-{STATE}"
    if state.exists():
        keep(state, STATE)
    num_bytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Outcome(item=str(out), status="done", reason=f"{num_bytes / 1e6:.0f} MB in parts of at most 15 MB")


@task(task_run_name="take {result}", retries=1, retry_condition_fn=is_transient, cache_policy=NO_CACHE)
def take_result(*, result: Path, home: str, device: str = "auto") -> tuple[str | None, Outcome]:
    """Keep what came back from a bare host: a checkpoint where one was finished, and the state for the next bundle.

    Returns the checkpoint's id, None for an unfinished training. Raises UsageError for a folder that lacks something.
    """
    from varemix.training.state import History

    catalog = Catalog(Home.open(home))
    check_result(result)
    order = BundleOrder.from_json(
        parcels.receive(result, "order.json", catalog.home.root / "work" / ".order.json").read_text()
    )
    folder = catalog.home.work(order.bundle_id)
    folder.mkdir(parents=True, exist_ok=True)
    parcels.receive(result, STATE, folder / f"returned-{STATE}")
    history = History.of(
        json.loads(parcels.receive(result, "result.json", folder / "result.json").read_text())["history"]
    )
    if "checkpoint.safetensors" not in parcels.names(result):
        reason = f"unfinished after {in_words_of(history)}; the next bundle goes on from there"
        return None, Outcome(item=order.bundle_id, status="done", reason=reason)
    returned = parcels.receive(result, "checkpoint.safetensors", folder / "returned.safetensors")
    origin = _origin(order, returned)
    if not stands(catalog, origin.checkpoint_id):
        _keep(catalog, origin, returned, history, folder, device)
    return origin.checkpoint_id, Outcome(item=origin.checkpoint_id, status="done", reason=in_words_of(history))


def check_place(out: Path, bundle_id: str) -> None:
    """Raise UsageError where a folder holds the bundle of another training."""
    told = _order_of(out)
    if told and told.bundle_id != bundle_id:
        raise UsageError(
            f"'{out}' holds the bundle of another training: other material, recipe or start. Give an empty folder."
        )


def check_result(result: Path) -> None:
    """Raise UsageError unless a folder holds what a bare host wrote, whole."""
    missing = parcels.lacking(result)
    if not missing and "result.json" not in parcels.names(result):
        missing = ["it holds no result; the folder that the host called 'result' is wanted"]
    if missing:
        raise UsageError(f"'{result}' cannot be taken: {'; '.join(missing[:5])}. Fetch it from the host again.")


def _keep(catalog: Catalog, origin: Origin, returned: Path, history: Any, folder: Path, device: str) -> None:
    """Give the returned network its trunk, and a head where it learnt by name; keep it as a checkpoint."""
    from varemix.model.checkpoint import read_header, save_checkpoint
    from varemix.training.loop import with_head, with_own_trunk

    material = training_rows(catalog, origin.recipe).material(catalog.home)
    whole = with_head(origin.recipe, with_own_trunk(origin.recipe, returned), material, folder)
    trained = folder / "checkpoint.safetensors"
    save_checkpoint(trained, whole, provenance=read_header(returned)["provenance"])
    keep_trained(
        catalog,
        origin,
        trained,
        history,
        clips=material.clips["val"],
        sounds=material.val_sounds,
        device=device,
    )


def _origin(order: BundleOrder, returned: Path) -> Origin:
    facts = dict(order.facts)
    return Origin(
        checkpoint_id=content_id("checkpoint", bundle=order.bundle_id, digest=file_digest(returned)),
        recipe=with_trunk(order.recipe),
        versions=facts["versions"],
        trained_on=facts["trained_on"],
        parent_id=facts["parent_id"],
    )


def _put_code(work: Path, keep: Keep) -> None:
    from varemix.bundle.packing import code_archive, installed_wheels

    source = Path(str(files("varemix.bundle")))
    contents = {f"{RUNNER}/{target}": (source / own).read_bytes() for own, target in _RUNNER_FILES.items()}
    contents["code.zip"] = code_archive()
    contents |= {f"wheels/{name}": wheel for name, wheel in installed_wheels()}
    for name, content in contents.items():
        write_atomically(work / "part", content)
        keep(work / "part", name)


def _put_beginning(plan: TrainingPlan, recordings: list[Recording], keep: Keep) -> None:
    """Put the weights that are begun with, and the features of pictures where the recipe learns from these."""
    from varemix.model.checkpoint import save_checkpoint
    from varemix.training.loop import beginning

    separator, features = beginning(plan.recipe, plan.material, recordings, plan.folder, plan.start)
    start = plan.folder / "start.safetensors"
    save_checkpoint(start, separator, provenance={}, is_half=True)
    keep(start, start.name)
    if features:
        keep(features, "features")


def _put_sounds(plan: TrainingPlan, recordings: list[Recording], out: Path, kbps: float, keep: Keep) -> None:
    from varemix.bundle.packing import packs_of, write_packs
    from varemix.training.loop import laid_down_samples

    names = {f"sounds/{number:03d}.ogg" for number in range(len(packs_of(recordings)))}
    told = _order_of(out)
    if told and told.bundle_id == plan.checkpoint_id and names <= set(parcels.names(out)):
        return
    bank = laid_down_samples(plan.recipe, plan.material, plan.folder)
    with bar("sounds", len(names)) as advance:
        for _ in write_packs(recordings, np.load(bank, mmap_mode="r"), plan.folder, kbps, keep):
            advance(1)
    bank.unlink()  # it is large, and what it holds is sent


def _put_order(plan: TrainingPlan, recordings: list[Recording], keep: Keep) -> None:
    from varemix.bundle.packing import packs_of

    origin = plan.origin
    facts: Mapping[str, Any] = {
        "versions": dict(origin.versions),
        "trained_on": list(origin.trained_on),
        "parent_id": origin.parent_id,
    }
    order = BundleOrder(
        bundle_id=plan.checkpoint_id,
        recipe=without_trunk(plan.recipe),
        recordings=recordings,
        packs=packs_of(recordings),
        is_new=plan.start is None and plan.recipe.asked == "names",  # the others' codes are taught here
        facts=facts,
    )
    write_atomically(plan.folder / "order.json", order.as_json().encode())
    keep(plan.folder / "order.json", "order.json")


def _order_of(out: Path) -> BundleOrder | None:
    """Return the order of the bundle that a folder holds, None where it holds none that can be read."""
    path = out / "order.json"
    return BundleOrder.from_json(path.read_text()) if path.is_file() else None
