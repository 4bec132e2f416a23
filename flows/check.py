"""Whether a home is whole: every table can be read, every file that a row names is there and as it was written."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from catalog.named_files import Problem, checked
from catalog.store import Catalog
from varemix.wording import markdown

_MADE_AGAIN = {
    **dict.fromkeys(("videos", "clips", "sounds", "photos"), "refresh"),
    "masks": "masks",
    "remixes": "remix",
}
"""The tables whose files a command makes again when they are missing."""


def check(catalog: Catalog, *, remixes: bool = False, mend: bool = False) -> dict[str, Any]:
    """Return how many files of each table were looked at, and every problem.

    With `mend`, files that are not what was written are removed where a command makes them again, from the bucket of a
    home too; a checkpoint, a file outside the home, and one that could not be reached never is.
    """
    looked_at: Counter[str] = Counter()
    problems: list[Problem] = []
    for table, problem in checked(catalog, remixes=remixes):
        looked_at[table] += 1
        problems += [problem] if problem else []
    told = [
        {"table": problem.table, "item": problem.item, "found": problem.found + _mended(catalog, problem, mend=mend)}
        for problem in problems
    ]
    return {
        "home": catalog.home.address,
        "files": {table: count - 1 for table, count in looked_at.items() if count > 1},
        "problems": told,
        "advice": _advice(problems),
    }


def page(found: dict[str, Any]) -> str:
    """Return what was found as Markdown, and what to do."""
    counts = ", ".join(f"{count} of {table}" for table, count in found["files"].items()) or "none"
    problems = found["problems"]
    parts = ["# Check", f"Data folder {found['home']}. Files read: {counts}. Problems: {len(problems) or 'none'}."]
    if problems:
        rows = [[problem["table"], problem["item"], problem["found"]] for problem in problems]
        parts += [markdown([["table", "item", "what is wrong"], *rows]), *found["advice"]]
    return "\n\n".join(parts)


def _advice(problems: Sequence[Problem]) -> list[str]:
    """Return what to do, a sentence for each kind of problem."""
    files = {problem.table for problem in problems if problem.path}
    commands = sorted({f"`varemix {_MADE_AGAIN[table]}`" for table in files if table in _MADE_AGAIN})
    advice = []
    if commands:
        advice.append(
            f"What is missing is made again by {', '.join(commands)}; what is changed too, once `varemix check --mend` "
            "has removed it."
        )
    if "checkpoints" in files:
        advice.append("A model comes back only from a backup: copy its file from there.")
    if any(problem.path is None for problem in problems):
        advice.append(
            "A table comes back only from a backup: move the data folder away, then run `varemix restore BACKUP`."
        )
    return advice


def _mended(catalog: Catalog, problem: Problem, *, mend: bool) -> str:
    is_ours = problem.table in _MADE_AGAIN and problem.table != "remixes"
    if not (mend and is_ours and problem.path and problem.is_reached) or problem.path.is_dir():
        return ""
    name = catalog.home.relative(problem.path)
    if not catalog.home.holds(name):
        return ""
    catalog.home.remove(name)
    return f"; removed, `varemix {_MADE_AGAIN[problem.table]}` makes it again"
