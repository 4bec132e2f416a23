"""Scores as tables that a person can read."""

import math
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.condition_names import CONDITIONS, IMAGE, MIX, NAME
from varemix.evaluation.recognition import Recognition
from varemix.wording import markdown

TITLES = {
    "ideal_binary": "ideal binary mask",
    "ideal_ratio": "ideal ratio mask",
    "random_binary": "random binary mask",
    "mix": "unprocessed mix",
    "video": "video frames",
    "image": "still image",
    "name": "name",
    "images_together": "still images, nothing else",
    "wrong_image": "wrong image",
    "blank_image": "blank image",
    "separate_and_add": "separate-and-add, others at 0",
    "remix_others_muted": "remix, others muted",
}
BSS_SCORES = {"nsdr_db": "NSDR", "sir_db": "SIR", "sar_db": "SAR"}
_ALL = "all"
_NAMED = 5


def means(scores: pd.DataFrame, condition: str) -> dict[str, float]:
    """Return the mean NSDR in dB of each instrument, and of all scores as `all`, under a condition."""
    return _by_instrument(scores[scores["condition"] == condition], "nsdr_db")


def mean_level_db(scores: pd.DataFrame, condition: str) -> float:
    """Return the mean level in dB of the estimates under a condition, beside the mix."""
    return float(scores[scores["condition"] == condition]["level_db"].mean())


def share_of_ceiling(scores: pd.DataFrame, ceiling: str) -> float:
    """Return the mean NSDR of still images as a share of that of an ideal mask, over the sources that have both."""
    both = scores[scores["condition"].isin([IMAGE, ceiling])]
    paired = both.pivot_table(index=["pair_id", "instrument"], columns="condition", values="nsdr_db", dropna=False)
    whole = paired.reindex(columns=[IMAGE, ceiling]).dropna()
    return float(whole[IMAGE].mean() / whole[ceiling].mean()) if len(whole) else float("nan")


def image_deviations_db(scores: pd.DataFrame) -> dict[str, float]:
    """Return how much the NSDR in dB depends on which still picture asks, for each instrument and for `all`.

    It is the sample standard deviation over the pictures of a source, averaged over the sources; NaN where no source
    has two pictures with a score.
    """
    is_image = scores["condition"].str.fullmatch(rf"{IMAGE}(_\d+)?")
    by_source = scores[is_image].groupby(["pair_id", "instrument"])["nsdr_db"].std(ddof=1)
    return _by_instrument(by_source.reset_index(), "nsdr_db")


def conditions_table(scores: pd.DataFrame, *, seed: int = 0) -> str:
    """Return the paper's Table I as Markdown: means in dB with bootstrap 95 % intervals, a row a condition.

    `scores` has the columns pair_id, condition, nsdr_db, sir_db, sar_db, level_db. Mixes are resampled with all their
    sources, which are not independent. Conditions that were not scored are left out,
    and so is the mix's SAR: nothing was done to it.
    """
    rows = [["masks made from", *(f"{title} [dB]" for title in BSS_SCORES.values()), "level [dB]", "scores"]]
    for condition in CONDITIONS:
        chosen = scores[scores["condition"] == condition]
        if chosen.empty:
            continue
        cells = [_interval(chosen, column, seed=seed) for column in BSS_SCORES]
        if condition == MIX:
            cells[2] = ""
        level = f"{chosen['level_db'].mean():.1f}" if chosen["level_db"].notna().any() else "none"
        rows.append([TITLES[condition], *cells, level, str(len(chosen))])
    return markdown(rows)


def instruments_table(scores: pd.DataFrame) -> str:
    """Return the mean NSDR in dB of each instrument as Markdown: video frames, still image, name, and the ceiling.

    Where several still images asked for a source, the deviation over them comes last.
    """
    columns = {f"NSDR, {TITLES[name]} [dB]": means(scores, name) for name in ("video", IMAGE, NAME, "ideal_binary")}
    deviations_db = image_deviations_db(scores)
    if not pd.isna(deviations_db[_ALL]):
        columns["deviation over images [dB]"] = deviations_db
    rows = [["instrument", *columns]]
    for name in sorted({name for column in columns.values() for name in column if name != _ALL}):
        rows.append([name, *(f"{column.get(name, float('nan')):.2f}" for column in columns.values())])
    return markdown(rows)


def mistakes_table(recognitions: Sequence[Recognition]) -> str:
    """Return as Markdown which pictures are taken for another instrument, the commonest mistake first."""
    mistakes = [found for found in recognitions if not found.is_right]
    counted = Counter((found.instrument, found.taken_for) for found in mistakes)
    rows = [["shows", "taken for", "pictures", "which"]]
    for (shown, taken_for), count in sorted(counted.items(), key=lambda mistake: (-mistake[1], mistake[0])):
        names = [f.picture for f in mistakes if (f.instrument, f.taken_for) == (shown, taken_for)]
        more = f" and {count - _NAMED} more" if count > _NAMED else ""
        rows.append([shown, taken_for, str(count), ", ".join(names[:_NAMED]) + more])
    return markdown(rows)


def in_words(interval: MeanInterval, *, is_signed: bool = False) -> str:
    """Return an interval as a cell of a table, such as `2.31 (1.98 to 2.65)`; `none` where nothing was averaged."""
    if interval.num_values == 0:
        return "none"
    sign = "+" if is_signed else ""
    mean, low, high = (f"{value:{sign}.2f}" for value in interval)
    return f"{mean} ({low} to {high})"


def wish_in_words(wished_db: float) -> str:
    """Return a wished change of level as a cell of a table, such as `+6`, or `mute` for -inf."""
    return "mute" if math.isinf(wished_db) else f"{wished_db:+g}"


def _by_instrument(values: pd.DataFrame, column: str) -> dict[str, float]:
    """Return the mean of a column for each instrument, and for `all`."""
    by_instrument = values.groupby("instrument")[column].mean()
    return {str(name): float(value) for name, value in by_instrument.items()} | {_ALL: float(values[column].mean())}


def _interval(chosen: pd.DataFrame, column: str, *, seed: int) -> str:
    return in_words(mean_interval(chosen[column], chosen["pair_id"], seed=seed))
