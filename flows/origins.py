"""Where remixes come from, as a page for the Prefect UI: their masks, the checkpoint, its scores, and the runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact

from catalog.store import Catalog
from flows.links import run_link
from varemix.evaluation.condition_names import IMAGE
from varemix.wording import markdown

_SHOWN = 100


def show_origins(catalog: Catalog, checkpoint: dict[str, Any], out_paths: Sequence[Path], out: Path) -> None:
    """Show the page as an artifact of the run."""
    page = origins_page(catalog, checkpoint, out_paths, out)
    create_markdown_artifact(key="where-remixes-come-from", markdown=page, description="Where the remixes come from")


def origins_page(catalog: Catalog, checkpoint: dict[str, Any], out_paths: Sequence[Path], out: Path) -> str:
    """Return the page: what served and how well it separates, then a row a remix, masks and runs beside it."""
    parts = ["# Where the remixes come from", _checkpoint(catalog, checkpoint), _remixes(catalog, out_paths, out)]
    if len(out_paths) > _SHOWN:
        parts.append(f"The first {_SHOWN} of {len(out_paths)}; the table `remixes` of the catalog holds all.")
    return "\n\n".join(parts)


def _checkpoint(catalog: Catalog, row: dict[str, Any]) -> str:
    own = row["checkpoint_id"]
    facts = [
        ["checkpoint", f"{own}, {row['stage']}: {row['reason'] or ''}"],
        ["its file", f"{catalog.home.address}/{row['path']}"],
        ["trained by", run_link(row["run_id"], f"a run of recipe {row['recipe']}")],
        ["scores", _scores(catalog, own)],
    ]
    return markdown([["what analysed the recordings", ""], *facts])


def _scores(catalog: Catalog, checkpoint_id: str) -> str:
    where = {"checkpoint_id": checkpoint_id, "condition": IMAGE, "num_sources": 2}
    scores = catalog.read("scores", columns=["split", "nsdr_db", "run_id", "updated_at"], where=where)
    told = []
    for split, own in scores.sort_values("updated_at").groupby("split"):
        mean = f"mean NSDR {own['nsdr_db'].mean():.2f} dB on {len(own)} scores of {split}"
        told.append(run_link(own["run_id"].iloc[-1], mean))
    return "; ".join(told) or f"none yet: varemix evaluate --model {checkpoint_id}"


def _remixes(catalog: Catalog, out_paths: Sequence[Path], out: Path) -> str:
    paths = sorted(map(str, out_paths))[:_SHOWN]
    made = catalog.read_rows("remixes", where={"out_path": paths})
    newest = {row["out_path"]: row for row in sorted(made, key=lambda row: row["updated_at"])}
    ids = [row["mask_id"] for row in newest.values() if row["mask_id"]]
    masks = {row["mask_id"]: row for row in catalog.read_rows("masks", where={"mask_id": ids})} if ids else {}
    rows = [["remix", "made by", "masks", "heard by"]]
    for path in paths:
        if path in newest:
            remix = newest[path]
            heard = masks.get(remix["mask_id"])
            cells = [heard["path"], run_link(heard["run_id"], "run")] if heard else ["none", ""]
            rows.append([str(Path(path).relative_to(out)), run_link(remix["run_id"], "run"), *cells])
    return markdown(rows)
