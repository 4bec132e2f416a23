"""Flow: one shard of a step, ordered by a run elsewhere: `--runner deployments` starts one a shard."""

from prefect import Task, flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from catalog.files import Home
from tasks.download import download_videos
from tasks.evaluate import evaluate_mixtures
from tasks.evaluate_separators import evaluate_separators
from tasks.evaluate_sounds import evaluate_sounds
from tasks.library import scan_tracks
from tasks.masks import make_masks
from tasks.orders import read_order, write_answer
from tasks.photos import prepare_photos
from tasks.preprocess import preprocess_videos
from tasks.remix import remix_tracks
from tasks.separate import separate_tracks
from tasks.separator_weights import fetch_weights
from tasks.shards import Outcome, explained
from tasks.sounds import prepare_sounds
from tasks.studies import study_mixtures
from varemix.errors import UsageError

_ALL: tuple[Task[..., list[Outcome]], ...] = (
    *(download_videos, preprocess_videos, prepare_sounds, prepare_photos, scan_tracks, make_masks),
    *(remix_tracks, separate_tracks, evaluate_mixtures, study_mixtures, evaluate_sounds, evaluate_separators),
    fetch_weights,
)
STEPS = {task.name: task for task in _ALL}
"""Every step that works in shards, by its name."""


@flow(name="shard", flow_run_name="{step} {shard}")
def shard(step: str, order: str, shard: str, home: str) -> State[None]:
    """Do one shard of a step that another run ordered, and tell it what became of each item.

    Args:
        step: name of the step, such as `masks`.
        order: name of the order, which lies in the home.
        shard: which shard it is, for people.
        home: the home folder, or the address of its bucket.

    """
    if step not in STEPS:
        raise UsageError(f"There is no step '{step}'; the steps are {', '.join(STEPS)}.")
    place, task = Home.open(home), STEPS[step]
    state: State[list[Outcome]] = task(**read_order(place, task.fn, order), shard=shard, home=home, return_state=True)
    result = state.result(raise_on_failure=False)
    told = explained(result) if isinstance(result, BaseException) else result
    write_answer(place, order, told)
    return Failed(message=told) if isinstance(told, str) else Completed(message=_in_words(told))


def _in_words(outcomes: list[Outcome]) -> str:
    """Return how many items ended in which way."""
    statuses = [outcome.status for outcome in outcomes]
    return ", ".join(f"{statuses.count(status)} {status}" for status in sorted(set(statuses)))
