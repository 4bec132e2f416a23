"""How a flow run ends in the Prefect UI: in words, and as failed where nothing could be done."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from prefect.states import Completed, Failed

from flows.summary import Summary, headline
from varemix.errors import VaremixError

_NAMED = 3
_Result = TypeVar("_Result")


class NothingDoneError(VaremixError):
    """A run in which something could not be done at all; it carries what the run would have returned."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


def ended(summary: Summary) -> Summary:
    """Return what ends the run of a stage: a flow returns it as its last act, and its caller gets the summary.

    Prefect shows in words how it went. Where all was lost the run has failed, and its caller gets a NothingDoneError.
    """
    return ended_with(summary, in_words(summary), is_failed=summary.exit_code == 1)


def ended_with(result: _Result, message: str, *, is_failed: bool) -> _Result:
    """Return what ends a run with this message: Prefect takes such a state for the run's, and hands on the result."""
    if is_failed:
        return cast(_Result, Failed(message=message, data=NothingDoneError(message, result)))
    return cast(_Result, Completed(message=message, data=result))


def done_by(run: Callable[[], _Result]) -> _Result:
    """Return what a run did, also where that was nothing; other errors go on."""
    try:
        return run()
    except NothingDoneError as error:
        return cast(_Result, error.result)


def in_words(summary: Summary) -> str:
    """Return how a stage went and, where items failed, the first of them, why, and where the others are told."""
    lost = summary.failed or [outcome for outcome in summary.outcomes if outcome.status == "unavailable"]
    if not lost or summary.exit_code == 0:
        return headline(summary)
    if [outcome.item for outcome in lost] == [summary.stage]:
        return f"{summary.stage}: {lost[0].reason}"
    first = " ".join(f"{outcome.item}: {outcome.reason.rstrip('.')}." for outcome in lost[:_NAMED])
    more = f" {len(lost) - _NAMED} more are listed under Artifacts." if len(lost) > _NAMED else ""
    return f"{headline(summary)}. {first}{more}"
