"""What a run did, as a record for programs, a page for the Prefect UI, and a table for the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prefect.artifacts import create_markdown_artifact

from tasks.shards import Outcome
from varemix.wording import facts_in_words, markdown

_SHOWN = 200
_ALL_DONE, _NOTHING_DONE, _DONE_BUT_FOR_SOME = 0, 1, 3


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a stage did with each of its items, what it found out, and how long it took."""

    stage: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many items ended in which way."""
        return dict(Counter(outcome.status for outcome in self.outcomes))

    @property
    def failed(self) -> list[Outcome]:
        """The items that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    @property
    def exit_code(self) -> int:
        """0 all done; 1 nothing could be done; 3 done but for some."""
        lost = [outcome for outcome in self.outcomes if outcome.status in {"failed", "unavailable"}]
        if self.outcomes and len(lost) == len(self.outcomes):
            return _NOTHING_DONE
        return _DONE_BUT_FOR_SOME if self.failed else _ALL_DONE

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for programs."""
        return {
            "stage": self.stage,
            "counts": self.counts,
            "seconds": round(self.seconds, 1),
            "failed": [{"item": outcome.item, "reason": outcome.reason} for outcome in self.failed],
            **self.facts,
        }


def overall_exit_code(summaries: Sequence[Summary]) -> int:
    """Return the exit code of one stage, or of several and the last, which sums them up.

    Several were all in vain only if the last one before the sum was.
    """
    codes = [summary.exit_code for summary in summaries[:-1] or summaries]
    if not any(codes):
        return _ALL_DONE
    return _NOTHING_DONE if codes[-1] == _NOTHING_DONE else _DONE_BUT_FOR_SOME


def publish(summary: Summary) -> Summary:
    """Show the summary in the Prefect UI as an artifact of the run, and return it."""
    create_markdown_artifact(key=summary.stage, markdown=page(summary), description=headline(summary))
    return summary


def headline(summary: Summary) -> str:
    """Return the summary in one line."""
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.counts.items())) or "no failures"
    return f"{summary.stage}: {counts}, {summary.seconds:.1f} s"


def page(summary: Summary) -> str:
    """Return the summary as Markdown: what was done, what was found out, and why the rest was not done."""
    parts = [f"# {summary.stage.capitalize()}", headline(summary).partition(": ")[2] + "."]
    if summary.facts:
        parts.append(markdown([["what", "value"], *facts_in_words(summary.facts)]))
    if summary.report:
        parts.append(summary.report)
    told = sorted((o for o in summary.outcomes if o.reason), key=lambda outcome: outcome.status != "failed")
    if told:
        rows = [[outcome.item, outcome.status, outcome.reason] for outcome in told[:_SHOWN]]
        parts.append("## Why\n\n" + markdown([["item", "status", "reason"], *rows]))
        if len(told) > _SHOWN:
            parts.append(f"and {len(told) - _SHOWN} more; `varemix status` lists them all.")
    return "\n\n".join(parts)
