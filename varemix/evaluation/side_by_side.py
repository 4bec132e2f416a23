"""Several checkpoints side by side in one table: the same mixes, a column a checkpoint.

Belongs here: which figures stand in the table, and their order. Stays out: whether one checkpoint is better beyond
doubt (`compare`), and the report of one alone (`findings`, `sound_findings`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from numpy.typing import ArrayLike

from varemix.evaluation.bootstrap import mean_interval
from varemix.evaluation.condition_names import BLANK_IMAGE, IMAGE, IMAGES_TOGETHER, NAME, WRONG_IMAGE
from varemix.evaluation.findings import Findings
from varemix.evaluation.mixing_levels import REMIX, WEIGHT_TENTHS
from varemix.evaluation.presence import measures_by_name_db, measures_db, roc_auc, share_found, wrongly_detected
from varemix.evaluation.sound_findings import PARTS, SoundFindings
from varemix.evaluation.tables import BSS_SCORES, TITLES, in_words, wish_in_words
from varemix.wording import markdown

_ASKED_BY = (IMAGE, NAME, IMAGES_TOGETHER, WRONG_IMAGE, BLANK_IMAGE)
_GRADES = {"odg": "PEAQ grade", "delta_snr_db": "delta-SNR [dB]"}
_FOUND, _WRONG = "found of what plays [%]", "taken to play of what does not, mean number"
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
    yield TITLES[IMAGE], "detection, ROC area", lambda column: _area(*measures_db(column.clips.scores))
    yield TITLES[NAME], "detection, ROC area", lambda column: _area(*_by_name_db(column.clips))
    yield TITLES[NAME], _FOUND, lambda column: _share_found(column.clips.presences, _played(column.clips))
    yield TITLES[NAME], _WRONG, lambda column: _wrongly(column.clips.presences, _played(column.clips))


def _balances(columns: list[Column]) -> Iterator[tuple[str, str, _Cell]]:
    """Yield the rows of remixes at each balance, their masks smoothed as they are for listening."""
    smoothing_s = max((longest for column in columns for longest in column.clips.remixes["smoothing_s"]), default=0.0)
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
                yield f"{title}, set to {wish_in_words(wished_db)}", measured, _of_gains(part, wished_db, score)
        for name in sorted({name for sounds in found for name in sounds.of(part)["instrument"]}):
            yield f"{title}, {name}", "NSDR [dB]", _of_part(part, "nsdr_db", name)
    for material, title in {"pair": "pairs with a further instrument", "ensemble": PARTS["ensemble"]}.items():
        yield title, _FOUND, _of_presences(material, _share_found)
        yield title, _WRONG, _of_presences(material, _wrongly)
    yield "strangers alone", _WRONG, _of_presences("stranger", _wrongly)


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


def _of_presences(material: str, found: Callable[[pd.DataFrame, Collection[str]], str]) -> _Cell:
    def cell(column: Column) -> str:
        if column.sounds is None:
            return _NONE
        return found(_chosen(column.sounds.presences, material=material), column.sounds.instruments)

    return cell


def _by_name_db(clips: Findings) -> tuple[ArrayLike, ArrayLike]:
    return measures_by_name_db(clips.presences, _played(clips))


def _played(clips: Findings) -> Collection[str]:
    return set(clips.scores["instrument"])


def _area(present_db: ArrayLike, absent_db: ArrayLike) -> str:
    area = roc_auc(present_db, absent_db)
    return _NONE if pd.isna(area) else f"{area:.3f}"


def _share_found(presences: pd.DataFrame, instruments: Collection[str]) -> str:
    share = share_found(presences, instruments)
    return _NONE if pd.isna(share) else f"{100 * share:.0f}"


def _wrongly(presences: pd.DataFrame, instruments: Collection[str]) -> str:
    counts = wrongly_detected(presences, instruments)
    return in_words(mean_interval(counts.to_numpy(float), seed=_SEED))


def _chosen(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return the rows in which each column that is given a value has it."""
    for column, value in values.items():
        if value is not None:
            table = table[table[column] == value]
    return table


def _mean(rows: pd.DataFrame, column: str) -> str:
    return in_words(mean_interval(rows[column].to_numpy(float), rows["pair_id"].to_numpy(), seed=_SEED))
