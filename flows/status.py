"""What the catalog holds, what failed and why."""

from typing import Any

from catalog.files import Home
from catalog.store import Catalog
from flows.remix_table import tracks_table
from tasks.decisions import KINDS, last_decisions
from tasks.material import kind_table, licence_table, ready_material
from varemix.weights import shipped_checkpoint
from varemix.wording import markdown

_ITEMS = {
    **{"videos": "video_id", "clips": "video_id", "sounds": "file", "photos": "file"},
    **{"tracks": "track_path", "masks": "mask_id", "remixes": "out_path"},
}
_OF_SOUND = ("masks", "remixes")
_OF_REMIX = (
    *("out_path", "status", "reason", "rule", "before_lufs", "after_lufs", "gain_db", "peak_db", "limited_samples"),
    *("clipped_samples", "seconds", "remix_id", "mask_id", "checkpoint_id"),
)
_SHOWN = 100

_NUM_DECISIONS = 5
_TOLD = ("kind", "challenger_id", "champion_before_id", "champion_after_id", "reason", "run_name")


def status(home: str | None = None) -> dict[str, Any]:
    """Return how many rows of each table ended in which way, the champion, the last decisions, remixes, failures."""
    catalog = Catalog(Home.open(home))
    tables = {name: catalog.read(name, columns=[item, "status", "reason"]) for name, item in _ITEMS.items()}
    held = set(catalog.read("tracks", columns=["content_digest"], where={"status": "ready"})["content_digest"])
    for name in _OF_SOUND:  # what failed with a sound that no track holds any more concerns nobody
        digests = catalog.read(name, columns=["content_digest"])["content_digest"]
        tables[name] = tables[name][(tables[name]["status"] != "failed") | digests.isin(held)]
    checkpoints = catalog.read_rows("checkpoints")
    shipped = shipped_checkpoint()
    champion = next((row for row in checkpoints if row["stage"] == "champion"), None)
    failures = [
        {"table": name, "item": row[_ITEMS[name]], "reason": row["reason"]}
        for name, frame in tables.items()
        for row in frame[frame["status"] == "failed"].to_dict("records")
    ]
    return {
        "home": catalog.home.address,
        "counts": {name: frame["status"].value_counts().to_dict() for name, frame in tables.items()},
        "versions": {name: catalog.version(name) for name in _ITEMS},
        "num_checkpoints": len(checkpoints),
        "champion": None if champion is None else {name: champion[name] for name in ("checkpoint_id", "reason")},
        "shipped_checkpoint": str(shipped) if shipped else None,
        "material": ready_material(catalog),
        "remixes": _remixes(catalog),
        "decisions": [_decision(row) for row in last_decisions(catalog, _NUM_DECISIONS)],
        "failures": failures,
    }


def _remixes(catalog: Catalog) -> list[dict[str, Any]]:
    """Return what became of each recording, newest first: the newest row of each file."""
    rows = sorted(catalog.read_rows("remixes"), key=lambda row: row["updated_at"])
    newest = {row["out_path"]: row for row in rows}
    return [{name: row[name] for name in _OF_REMIX} for row in reversed(newest.values())]


def _decision(row: dict[str, Any]) -> dict[str, Any]:
    return {"decided_at": row["decided_at"].isoformat(timespec="seconds"), **{name: row[name] for name in _TOLD}}


def page(found: dict[str, Any]) -> str:
    """Return the status as Markdown."""
    instead = "the built-in model serves" if found["shipped_checkpoint"] else ""
    champion = found["champion"] or {"checkpoint_id": "none yet", "reason": instead and f"({instead})"}
    counts = [
        [name, ", ".join(f"{count} {word}" for word, count in sorted(words.items())) or "none"]
        for name, words in found["counts"].items()
    ]
    facts = [
        ["data folder", found["home"]],
        *counts,
        ["models", str(found["num_checkpoints"])],
        ["champion", f"{champion['checkpoint_id']} {champion['reason'] or ''}"],
        ["built-in model", found["shipped_checkpoint"] or "none"],
    ]
    parts = ["# Status", markdown([["what", "there is"], *facts])]
    if found["material"]:
        heading = "## What there is to learn from\n\n"
        parts += [heading + kind_table(found["material"]), licence_table(found["material"])]
    if found["remixes"]:
        more = len(found["remixes"]) - _SHOWN
        told = f"\n\nand {more} more; `varemix status --json` lists them all." if more > 0 else ""
        parts.append("## Remixes\n\n" + tracks_table(found["remixes"][:_SHOWN]) + told)
    if found["decisions"]:
        rows = [
            [
                row["decided_at"][:16].replace("T", " "),
                KINDS[row["kind"]],
                row["champion_after_id"] or "none",
                row["reason"],
            ]
            for row in found["decisions"]
        ]
        heading = "## What was decided about the champion, the last first (UTC)\n\n"
        parts.append(heading + markdown([["when", "decision", "champion then", "reason"], *rows]))
    if found["failures"]:
        rows = [[failure["table"], failure["item"], failure["reason"]] for failure in found["failures"]]
        parts.append("## What failed\n\n" + markdown([["table", "item", "reason"], *rows]))
    return "\n\n".join(parts)
