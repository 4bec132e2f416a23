"""What there is to learn from: rows of clips, sounds and photos, counted by licence, split, kind and label.

A count is a record for programs: `licence` as its list tells it, `split`, `kind` ('video', the kind of a sound, or
'photo'), `label`, `num_rows`, and `seconds`, which photos have none of. Checkpoints keep such counts of what they
learnt from in their provenance, under `trained_on`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from catalog.csv_lists import UNSTATED
from catalog.sources import SPLITS
from catalog.store import Catalog
from varemix.errors import UsageError
from varemix.licences import family, for_business, is_allowed
from varemix.wording import markdown

TABLES = {
    "clips": ("licence", "split", "instrument", "duration_s"),
    "sounds": ("licence", "split", "kind", "label", "duration_s"),
    "photos": ("licence", "split", "instrument"),
}
"""The tables that hold what is learnt from, and the columns that are counted."""

Row = Mapping[str, Any]
_OWN = ("licence", "split", "kind", "label")


def learnable(
    catalog: Catalog,
    table: str,
    split: str,
    *,
    version: int | None = None,
    licences: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of one of TABLES that are ready, of a split, under allowed licences (None: any), by their key.

    Raises UsageError for no split.
    """
    if split not in SPLITS:
        raise UsageError(f"There is no split '{split}'; the splits are {', '.join(SPLITS)}.")
    rows = catalog.read_rows(table, where={"split": split, "status": "ready"}, version=version)
    return [row for row in rows if is_allowed(row["licence"], licences)]


def counted(table: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return how many rows of one of TABLES, and how many seconds, are of which licence, split, kind and label."""
    counts: dict[tuple[str, ...], tuple[int, float]] = {}
    for row in rows:
        label = row["label"] if table == "sounds" else row["instrument"]
        kind = {"clips": "video", "photos": "photo"}.get(table) or row["kind"]
        unit = (row["licence"] or UNSTATED, row["split"], kind, label)
        num_rows, seconds = counts.get(unit, (0, 0.0))
        counts[unit] = (num_rows + 1, seconds + (row.get("duration_s") or 0.0))
    return [
        dict(zip(_OWN, unit, strict=True)) | {"num_rows": num_rows, "seconds": round(seconds, 2)}
        for unit, (num_rows, seconds) in sorted(counts.items())
    ]


def ready_material(catalog: Catalog) -> list[dict[str, Any]]:
    """Return the counts of all that a catalog holds to learn from."""
    where = {"status": "ready"}
    return [
        count for table, columns in TABLES.items() for count in counted(table, catalog.read_rows(table, columns, where))
    ]


def licence_table(counts: Sequence[Row]) -> str:
    """Return counts as Markdown: of each licence what there is, how long, and what a business may do with it."""
    names = sorted({family(count["licence"]) for count in counts}, key=str.casefold)
    told = [
        [name, for_business(name), *_amounts([count for count in counts if family(count["licence"]) == name])]
        for name in names
    ]
    return markdown([["licence", "for a business", *_AMOUNTS], *told])


def kind_table(counts: Sequence[Row]) -> str:
    """Return counts as Markdown: of each split and kind what there is, and how long."""
    told = []
    for split, kind in sorted({(count["split"], count["kind"]) for count in counts}):
        own = [count for count in counts if (count["split"], count["kind"]) == (split, kind)]
        told.append([split, kind, str(len({count["label"] for count in own})), *_amounts(own)])
    return markdown([["split", "kind", "labels", *_AMOUNTS], *told])


_AMOUNTS = ("clips and sounds", "minutes", "photos")


def _amounts(counts: Sequence[Row]) -> list[str]:
    photos = sum(count["num_rows"] for count in counts if count["kind"] == "photo")
    num_rows, seconds = (sum(count[name] for count in counts) for name in ("num_rows", "seconds"))
    return [str(num_rows - photos), f"{seconds / 60:.1f}", str(photos)]


def card(checkpoint: Row, counts: Sequence[Row]) -> str:
    """Return the model card of a checkpoint that was trained here, as Markdown: what it is and what it learnt from."""
    facts = [
        ["checkpoint", checkpoint["checkpoint_id"]],
        ["recipe", checkpoint["recipe"]],
        ["steps", str(checkpoint["num_steps"])],
        ["validation loss", f"{checkpoint['validation_loss']:.4f}"],
    ]
    advice = (
        "'for a business' says whether a licence, as the list of the material tells it, lets a product be sold that "
        "was trained on it: 'share alike' may ask that the weights be shared under the same terms, 'no' stands too "
        "where nothing is known. It is no legal advice."
    )
    parts = ["# Model card", markdown([["what", "value"], *facts]), "## What it learnt from, by licence"]
    parts += [licence_table(counts), advice, "## By split and kind", kind_table(counts)]
    return "\n\n".join(parts) + "\n"
