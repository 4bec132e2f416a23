"""Several checkpoints side by side in one table: the same mixes, a column a checkpoint.

Belongs here: which figures stand in the table, and their order. Stays out: whether one checkpoint is better beyond
doubt (`compare`), and the report of one alone (`findings`, `sound_findings`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from numpy.typing import ArrayLike

from varemix.evaluation.bootstrap import mean_interval
from varemix.evaluation.conditions import BLANK_IMAGE, IMAGE, IMAGES_TOGETHER, NAME, WRONG_IMAGE
from varemix.evaluation.findings import Findings
from varemix.evaluation.mixing_levels import REMIX, WEIGHT_TENTHS
from varemix.evaluation.presence import measures_by_name_db, measures_db, roc_auc, wrongly_detected
from varemix.evaluation.sound_findings import PARTS, SoundFindings
from varemix.evaluation.tables import BSS_SCORES, TITLES, in_words, wish_in_words
from varemix.wording import markdown

_ASKED_BY = (IMAGE, NAME, IMAGES_TOGETHER, WRONG_IMAGE, BLANK_IMAGE)
_GRADES = {"odg": "PEAQ grade", "delta_snr_db": "delta-SNR [dB]"}
_NONE = "none"
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Column:
    """What was found of one checkpoint: on mixes of clips, and on sounds without pictures where there were some."""

    clips: Findings
    sounds: SoundFindings | None


_Cell = Callable[[Column], str]


def side_by_side_table(columns: Mapping[str, Column]) -> str:
    """Return as Markdown what was found of each checkpoint, by what each is called: means, bootstrap 95 % intervals.

    Rows that nothing was measured for are left out.
    """
    rows = [["mixes", "measured", *columns]]
    for part, measured, cell in _rows(list(columns.values())):
        cells = [cell(column) for column in columns.values()]
        if set(cells) != {_NONE}:
            rows.append([part, measured, *cells])
    return markdown(rows)


def _rows(columns: list[Column]) -> Iterator[tuple[str, str, _Cell]]:
    """Yield the rows: what was mixed or how it was asked for, what was measured, and what makes a checkpoint's cell."""
    yield from _conditions()
    yield from _presences()
    yield from _balances(columns)
    yield from _instruments(columns)
    yield from _sounds(columns)


def _conditions() -> Iterator[tuple[str, str, _Cell]]:
    for condition in _ASKED_BY:
        for score, title in BSS_SCORES.items():
            yield TITLES[condition], f"{title} [dB]", _of_scores(condition, score)
        yield TITLES[condition], "level [dB]", _of_scores(condition, "level_db")


def _presences() -> Iterator[tuple[str, str, _Cell]]:
    yield TITLES[IMAGE], "presence, ROC area", lambda column: _area(*measures_db(column.clips.scores))
    yield TITLES[NAME], "presence, ROC area", lambda column: _area(*_by_name_db(column.clips))
    yield TITLES[NAME], "found of what plays [%]", lambda column: _share_found(column.clips)
    yield TITLES[NAME], "taken to play of what does not, in a mix", lambda column: _wrongly(column.clips)


def _balances(columns: list[Column]) -> Iterator[tuple[str, str, _Cell]]:
    smoothings_s = sorted({smoothing_s for column in columns for smoothing_s in column.clips.remixes["smoothing_s"]})
    for smoothing_s in smoothings_s:
        for tenths in WEIGHT_TENTHS:
            part = f"remix at {tenths}:{10 - tenths}, smoothed {1000 * smoothing_s:.0f} ms"
            for score, title in _GRADES.items():
                yield part, title, _of_remixes(tenths, smoothing_s, score)


def _instruments(columns: list[Column]) -> Iterator[tuple[str, str, _Cell]]:
    for name in sorted({name for column in columns for name in column.clips.scores["instrument"]}):
        for condition in (IMAGE, NAME):
            yield f"{name}, {TITLES[condition]}", "NSDR [dB]", _of_scores(condition, "nsdr_db", name)


def _sounds(columns: list[Column]) -> Iterator[tuple[str, str, _Cell]]:
    found = [column.sounds for column in columns if column.sounds is not None]
    for part, title in PARTS.items():
        for score, measured in BSS_SCORES.items():
            yield title, f"{measured} [dB]", _of_part(part, score)
        for wished_db in sorted({wish for sounds in found for wish in sounds.gains_of(part)["wished_db"]}):
            for score, measured in _GRADES.items():
                yield f"{title}, wished {wish_in_words(wished_db)}", measured, _of_gains(part, wished_db, score)
        for name in sorted({name for sounds in found for name in sounds.of(part)["instrument"]}):
            yield f"{title}, {name}", "NSDR [dB]", _of_part(part, "nsdr_db", name)
    yield "strangers alone", "taken to play of what does not, in a sound", _strangers


def _of_scores(condition: str, score: str, instrument: str | None = None) -> _Cell:
    return lambda column: _mean(_chosen(column.clips.scores, condition=condition, instrument=instrument), score)


def _of_remixes(tenths: int, smoothing_s: float, score: str) -> _Cell:
    return lambda column: _mean(
        _chosen(column.clips.remixes, method=REMIX, weight_tenths=tenths, smoothing_s=smoothing_s), score
    )


def _of_part(part: str, score: str, instrument: str | None = None) -> _Cell:
    return lambda column: (
        _mean(_chosen(column.sounds.of(part), instrument=instrument), score) if column.sounds else _NONE
    )


def _of_gains(part: str, wished_db: float, score: str) -> _Cell:
    return lambda column: (
        _mean(_chosen(column.sounds.gains_of(part), wished_db=wished_db), score) if column.sounds else _NONE
    )


def _strangers(column: Column) -> str:
    return in_words(column.sounds.strangers_detected()) if column.sounds else _NONE


def _by_name_db(clips: Findings) -> tuple[ArrayLike, ArrayLike]:
    return measures_by_name_db(clips.presences, clips.scores["instrument"].unique())


def _area(present_db: ArrayLike, absent_db: ArrayLike) -> str:
    area = roc_auc(present_db, absent_db)
    return _NONE if pd.isna(area) else f"{area:.3f}"


def _share_found(clips: Findings) -> str:
    playing = _chosen(clips.presences, status="plays")
    is_found = playing["presence_db"] >= playing["threshold_db"]
    return f"{100 * is_found.mean():.0f}" if len(playing) else _NONE


def _wrongly(clips: Findings) -> str:
    counts = wrongly_detected(clips.presences, clips.scores["instrument"].unique())
    return in_words(mean_interval(counts.to_numpy(float), seed=_SEED))


def _chosen(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return the rows in which each column that is given a value has it."""
    for column, value in values.items():
        if value is not None:
            table = table[table[column] == value]
    return table


def _mean(rows: pd.DataFrame, column: str) -> str:
    return in_words(mean_interval(rows[column].to_numpy(float), rows["pair_id"].to_numpy(), seed=_SEED))
