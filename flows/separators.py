"""The separators of this host, for people and for programs: what each hears, who it is, what it lacks."""

from collections.abc import Sequence
from typing import Any

from varemix.separators.installed import OURS, described_separators, settings_file
from varemix.separators.known_weights import KNOWN_WEIGHTS, LICENCE
from varemix.wording import markdown


def separators() -> list[dict[str, Any]]:
    """Return what is known of each separator; of one that cannot be set up the reason."""
    return [one | {"licence": LICENCE if one["kind"] == "demucs" else None} for one in described_separators()]


def page(found: Sequence[dict[str, Any]]) -> str:
    """Return the separators as tables for people, in Markdown."""
    rows = [[OURS, "our own network", "all that `varemix instruments` lists, and pictures", "ready"]]
    rows += [
        [
            one["name"],
            " ".join(filter(None, [one["kind"], one["version"]])),
            ", ".join(one["hears"]),
            one["reason"] or "ready",
        ]
        for one in found
    ]
    parts = [markdown([["name", "what it is", "hears", "state"], *rows])]
    if placed := [[one["name"], str(one["weights"]), one["licence"] or "not known"] for one in found if one["weights"]]:
        parts.append(markdown([["name", "its weights", "their licence"], *placed]))
    known = [
        [name, one.hears, f"varemix separators --fetch {name} --into FOLDER"] for name, one in KNOWN_WEIGHTS.items()
    ]
    parts.append(
        f"Weights of Demucs that can be fetched ({LICENCE}):\n\n" + markdown([["model", "hears", "command"], *known])
    )
    parts.append(f"Which separators there are is said in '{settings_file()}'; docs/separators.md tells how.")
    return "\n\n".join(parts)
