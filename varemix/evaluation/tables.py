"""Scores as tables that a person can read."""

from collections.abc import Sequence

import pandas as pd

from varemix.evaluation.bootstrap import mean_interval
from varemix.evaluation.conditions import CONDITIONS

_TITLES = {
    "ideal_binary": "ideal binary mask",
    "ideal_ratio": "ideal ratio mask",
    "random_binary": "random binary mask",
    "mix": "unprocessed mix",
    "video": "video frames",
    "image": "still image",
    "wrong_image": "wrong image",
    "blank_image": "blank image",
}
_COLUMNS = {"nsdr_db": "NSDR", "sir_db": "SIR", "sar_db": "SAR"}
_ALL = "all"


def means(scores: pd.DataFrame, condition: str) -> dict[str, float]:
    """Return the mean NSDR in dB of each instrument, and of all scores as `all`, under a condition."""
    chosen = scores[scores["condition"] == condition]
    by_instrument = chosen.groupby("instrument")["nsdr_db"].mean()
    return {str(name): float(value) for name, value in by_instrument.items()} | {_ALL: float(chosen["nsdr_db"].mean())}


def conditions_table(scores: pd.DataFrame, *, seed: int = 0) -> str:
    """Return the paper's Table I as Markdown: means in dB with bootstrap 95 % intervals, a row a condition.

    `scores` has the columns condition, nsdr_db, sir_db, sar_db. The mix's SAR is left out: nothing was done to it.
    """
    rows = [["masks made from", *(f"{title} [dB]" for title in _COLUMNS.values()), "scores"]]
    for condition in CONDITIONS:
        chosen = scores[scores["condition"] == condition]
        cells = [_interval(chosen[column], seed=seed) for column in _COLUMNS]
        if condition == "mix":
            cells[2] = ""
        rows.append([_TITLES[condition], *cells, str(len(chosen))])
    return markdown(rows)


def instruments_table(scores: pd.DataFrame) -> str:
    """Return the mean NSDR in dB of each instrument as Markdown: video frames, still image, and the ceiling."""
    shown = ("video", "image", "ideal_binary")
    columns = {condition: means(scores, condition) for condition in shown}
    rows = [["instrument", *(f"NSDR, {_TITLES[condition]} [dB]" for condition in shown)]]
    for name in sorted({name for column in columns.values() for name in column if name != _ALL}):
        rows.append([name, *(f"{columns[condition].get(name, float('nan')):.2f}" for condition in shown)])
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells, the first of them the header, as a Markdown table."""
    header, *body = [[" ".join(cell.replace("|", "\\|").splitlines()) for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _interval(values: "pd.Series[float]", *, seed: int) -> str:
    if values.notna().sum() == 0:
        return "none"
    mean, low, high = mean_interval(values.to_numpy(dtype=float), seed=seed)
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"
