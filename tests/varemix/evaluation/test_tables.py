"""Tables of scores: means that can be worked out by hand, and Markdown that holds together."""

import math
import re

import pandas as pd
import pytest

from varemix.evaluation.conditions import CONDITIONS
from varemix.evaluation.tables import conditions_table, instruments_table, markdown, means


def frame(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Return scores of condition, instrument and NSDR; SIR lies 1 dB above it, SAR 2 dB."""
    return pd.DataFrame(
        [
            {"condition": condition, "instrument": instrument, "nsdr_db": db, "sir_db": db + 1, "sar_db": db + 2}
            for condition, instrument, db in rows
        ],
        columns=["condition", "instrument", "nsdr_db", "sir_db", "sar_db"],
    )


@pytest.fixture
def scores() -> pd.DataFrame:
    return frame(
        ("image", "violin", 2.0),
        ("image", "violin", 4.0),
        ("image", "cello", 9.0),
        ("image", "cello", math.nan),
        ("video", "violin", 7.0),
        ("mix", "violin", 0.0),
        ("ideal_binary", "tuba", 11.5),
    )


def rows_of(table: str) -> list[list[str]]:
    """Return the cells of a Markdown table, the header first, the rule left out."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
    assert len({len(line) for line in lines}) == 1
    assert set(lines[1]) == {" --- "}
    return [[cell.strip() for cell in line] for line in [lines[0], *lines[2:]]]


def test_means_are_per_instrument_and_over_all_scores(scores: pd.DataFrame) -> None:
    assert means(scores, "image") == {"violin": 3.0, "cello": 9.0, "all": 5.0}


def test_a_condition_without_scores_has_no_mean(scores: pd.DataFrame) -> None:
    assert list(means(scores, "blank_image")) == ["all"]
    assert math.isnan(means(scores, "blank_image")["all"])


def test_table_one_has_a_row_for_each_condition(scores: pd.DataFrame) -> None:
    header, *rows = rows_of(conditions_table(scores))
    assert header == ["masks made from", "NSDR [dB]", "SIR [dB]", "SAR [dB]", "scores"]
    assert len(rows) == len(CONDITIONS)
    assert len({row[0] for row in rows}) == len(CONDITIONS)


def test_table_one_gives_means_within_their_intervals(scores: pd.DataFrame) -> None:
    rows = {row[0]: row for row in rows_of(conditions_table(scores))}
    still = rows["still image"]
    assert still[4] == "4"  # the silent one counts as a score that was asked for
    for cell, expected in zip(still[1:4], (5.0, 6.0, 7.0), strict=True):
        match = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", cell)
        assert match is not None
        mean, low, high = map(float, match.groups())
        assert mean == expected
        assert low < mean < high


def test_an_interval_of_one_score_has_no_width(scores: pd.DataFrame) -> None:
    rows = {row[0]: row for row in rows_of(conditions_table(scores))}
    assert rows["video frames"][1] == "7.00 (7.00 to 7.00)"


def test_the_unprocessed_mix_has_no_artefacts_to_tell_of(scores: pd.DataFrame) -> None:
    rows = {row[0]: row for row in rows_of(conditions_table(scores))}
    assert rows["unprocessed mix"][3] == ""


def test_a_condition_without_scores_says_so(scores: pd.DataFrame) -> None:
    rows = {row[0]: row for row in rows_of(conditions_table(scores))}
    assert rows["blank image"][1:] == ["none", "none", "none", "0"]


def test_no_scores_at_all_still_give_the_tables() -> None:
    empty = frame()
    assert len(rows_of(conditions_table(empty))) == 1 + len(CONDITIONS)
    assert len(rows_of(instruments_table(empty))) == 1


def test_the_same_scores_and_seed_give_the_same_table() -> None:
    scores = frame(*(("image", "violin", number**1.5) for number in range(40)))
    assert conditions_table(scores, seed=1) == conditions_table(scores, seed=1)
    assert conditions_table(scores, seed=1) != conditions_table(scores, seed=2)


def test_instruments_stand_in_alphabetical_order_with_their_means(scores: pd.DataFrame) -> None:
    _, *rows = rows_of(instruments_table(scores))
    assert rows == [
        ["cello", "nan", "9.00", "nan"],
        ["tuba", "nan", "nan", "11.50"],
        ["violin", "7.00", "3.00", "nan"],
    ]


def test_markdown_puts_the_rule_under_the_header() -> None:
    assert markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_markdown_escapes_what_would_break_the_table() -> None:
    table = markdown([["name", "reason"], ["a|b.wav", "first line\nsecond line"]])
    assert table.splitlines()[2] == r"| a\|b.wav | first line second line |"
    assert len(rows_of(table)) == 2


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028"])
def test_a_cell_never_begins_a_line_of_its_own(line_end: str) -> None:
    assert len(markdown([["reason"], [f"a{line_end}b"]]).splitlines()) == 3
