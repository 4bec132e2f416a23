"""What the catalog holds, what failed and why."""

from typing import Any

from catalog.files import Home
from catalog.store import Catalog
from varemix.evaluation.tables import markdown
from varemix.weights import shipped_checkpoint

_ITEMS = {"videos": "video_id", "clips": "video_id", "tracks": "track_path", "masks": "mask_id", "remixes": "out_path"}
_OF_SOUND = ("masks", "remixes")


def status(home: str | None = None) -> dict[str, Any]:
    """Return how many rows of each table ended in which way, the champion, and every failure with its reason."""
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
        "failures": failures,
    }


def page(found: dict[str, Any]) -> str:
    """Return the status as Markdown."""
    instead = "the shipped checkpoint serves" if found["shipped_checkpoint"] else ""
    champion = found["champion"] or {"checkpoint_id": "none yet", "reason": instead and f"({instead})"}
    counts = [
        [name, ", ".join(f"{count} {word}" for word, count in sorted(words.items())) or "none"]
        for name, words in found["counts"].items()
    ]
    facts = [
        ["home", found["home"]],
        *counts,
        ["checkpoints", str(found["num_checkpoints"])],
        ["champion", f"{champion['checkpoint_id']} {champion['reason'] or ''}"],
        ["shipped checkpoint", found["shipped_checkpoint"] or "none"],
    ]
    parts = ["# Status", markdown([["what", "there is"], *facts])]
    if found["failures"]:
        rows = [[failure["table"], failure["item"], failure["reason"]] for failure in found["failures"]]
        parts.append("## What failed\n\n" + markdown([["table", "item", "reason"], *rows]))
    return "\n\n".join(parts)
