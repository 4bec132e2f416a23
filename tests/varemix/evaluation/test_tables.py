"""Tables of scores: means that can be worked out by hand, and Markdown that holds together."""

import math
import re

import pandas as pd
import pytest

from varemix.evaluation.bootstrap import MeanInterval, mean_interval
from varemix.evaluation.condition_names import CONDITIONS
from varemix.evaluation.recognition import Recognition
from varemix.evaluation.tables import (
    conditions_table,
    image_deviations_db,
    in_words,
    instruments_table,
    mean_level_db,
    means,
    mistakes_table,
    share_of_ceiling,
)
from varemix.wording import markdown


def frame(*rows: tuple[str, str, float], pair_id: str | None = None) -> pd.DataFrame:
    """Return scores of condition, instrument and NSDR, of one pair or each of its own.

    SIR lies 1 dB above the NSDR, SAR 2 dB, the level 10 dB below.
    """
    return pd.DataFrame(
        [
            {
                "pair_id": pair_id or str(number),
                "condition": condition,
                "instrument": instrument,
                "nsdr_db": db,
                "sir_db": db + 1,
                "sar_db": db + 2,
                "level_db": db - 10,
            }
            for number, (condition, instrument, db) in enumerate(rows)
        ],
        columns=["pair_id", "condition", "instrument", "nsdr_db", "sir_db", "sar_db", "level_db"],
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


def test_table_one_has_a_row_for_each_condition() -> None:
    scores = frame(*((condition, "violin", 1.0) for condition in reversed(CONDITIONS)))
    header, *rows = rows_of(conditions_table(scores))
    assert header == ["masks made from", "NSDR [dB]", "SIR [dB]", "SAR [dB]", "level [dB]", "scores"]
    assert len(rows) == len(CONDITIONS)
    assert len({row[0] for row in rows}) == len(CONDITIONS)
    assert rows[0][0] == "ideal binary mask"


def test_table_one_gives_means_within_their_intervals(scores: pd.DataFrame) -> None:
    rows = {row[0]: row for row in rows_of(conditions_table(scores))}
    still = rows["still image"]
    assert still[4] == "-5.0"
    assert still[5] == "4"  # the silent one counts as a score that was asked for
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


def test_table_one_leaves_out_the_conditions_that_were_not_scored(scores: pd.DataFrame) -> None:
    _, *rows = rows_of(conditions_table(scores))
    assert [row[0] for row in rows] == ["ideal binary mask", "unprocessed mix", "video frames", "still image"]


def test_a_condition_whose_estimates_are_all_silent_says_so() -> None:
    _, *rows = rows_of(conditions_table(frame(("blank_image", "violin", math.nan))))
    assert rows == [["blank image", "none", "none", "none", "none", "1"]]


def test_no_scores_at_all_still_give_the_tables() -> None:
    empty = frame()
    assert len(rows_of(conditions_table(empty))) == 1
    assert len(rows_of(instruments_table(empty))) == 1


def test_the_same_scores_and_seed_give_the_same_table() -> None:
    scores = frame(*(("image", "violin", number**1.5) for number in range(40)))
    assert conditions_table(scores, seed=1) == conditions_table(scores, seed=1)
    assert conditions_table(scores, seed=1) != conditions_table(scores, seed=2)


def test_instruments_stand_in_alphabetical_order_with_their_means(scores: pd.DataFrame) -> None:
    named = pd.concat([scores, frame(("name", "cello", 8.0))])
    _, *rows = rows_of(instruments_table(named))
    assert rows == [
        ["cello", "nan", "9.00", "8.00", "nan"],
        ["tuba", "nan", "nan", "nan", "11.50"],
        ["violin", "7.00", "3.00", "nan", "nan"],
    ]


def test_levels_are_averaged_over_a_condition(scores: pd.DataFrame) -> None:
    assert mean_level_db(scores, "image") == -5.0
    assert math.isnan(mean_level_db(scores, "blank_image"))


def test_the_share_of_the_ceiling_is_over_sources_that_have_both() -> None:
    scores = pd.concat(
        [
            frame(
                ("image", "violin", 3.0), ("ideal_binary", "violin", 8.0), ("ideal_ratio", "violin", 9.0), pair_id="a"
            ),
            frame(("image", "cello", 5.0), ("ideal_binary", "cello", 12.0), pair_id="a"),
            frame(("image", "tuba", math.nan), ("ideal_binary", "tuba", 100.0), pair_id="b"),
            frame(("ideal_binary", "flute", 100.0), pair_id="c"),
        ]
    )
    assert share_of_ceiling(scores, "ideal_binary") == 0.4
    assert share_of_ceiling(scores, "ideal_ratio") == pytest.approx(1 / 3)
    assert math.isnan(share_of_ceiling(frame(), "ideal_ratio"))


def test_the_deviation_is_over_the_images_of_a_source_and_then_averaged() -> None:
    scores = pd.concat(
        [
            frame(("image", "violin", 1.0), ("image_2", "violin", 3.0), ("wrong_image", "violin", 50.0), pair_id="a"),
            frame(("image", "violin", 9.0), ("image_2", "violin", 9.0), ("image_10", "violin", 9.0), pair_id="b"),
            frame(("image", "cello", 0.0), ("image_2", "cello", 6.0), pair_id="b"),
            frame(("image", "tuba", 7.0), ("image_2", "tuba", math.nan), pair_id="b"),
        ]
    )
    found = image_deviations_db(scores)
    root = math.sqrt(2)
    assert found["violin"] == pytest.approx(root / 2)
    assert found["cello"] == pytest.approx(3 * root)
    assert math.isnan(found["tuba"])
    assert found["all"] == pytest.approx((root + 0 + 3 * root) / 3)
    header, *rows = rows_of(instruments_table(scores))
    assert header[-1] == "deviation over images [dB]"
    assert {row[0]: row[-1] for row in rows} == {"cello": "4.24", "tuba": "nan", "violin": "0.71"}


def test_one_image_a_source_has_no_deviation(scores: pd.DataFrame) -> None:
    lone = frame(("image", "violin", 1.0))
    assert math.isnan(image_deviations_db(lone)["all"])
    assert "deviation" not in instruments_table(lone)


def test_mistaken_pictures_are_named_the_commonest_mistake_first() -> None:
    taken = [("flute", "flute"), ("tuba", "flute"), *[("violin", "cello")] * 7]
    found = [Recognition(picture=f"{i}.jpg", instrument=s, taken_for=t) for i, (s, t) in enumerate(taken)]
    _, *rows = rows_of(mistakes_table(found))
    assert rows == [
        ["violin", "cello", "7", "2.jpg, 3.jpg, 4.jpg, 5.jpg, 6.jpg and 2 more"],
        ["tuba", "flute", "1", "1.jpg"],
    ]


def test_an_interval_in_words_shows_its_sign_when_asked_to() -> None:
    interval = MeanInterval(mean=1.234, low=-0.5, high=12.0, num_values=3, num_ignored=0)
    assert in_words(interval) == "1.23 (-0.50 to 12.00)"
    assert in_words(interval, is_signed=True) == "+1.23 (-0.50 to +12.00)"
    assert in_words(mean_interval([math.nan], seed=0)) == "none"


def test_markdown_puts_the_rule_under_the_header() -> None:
    assert markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_markdown_escapes_what_would_break_the_table() -> None:
    table = markdown([["name", "reason"], ["a|b.wav", "first line\nsecond line"]])
    assert table.splitlines()[2] == r"| a\|b.wav | first line second line |"
    assert len(rows_of(table)) == 2


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028"])
def test_a_cell_never_begins_a_line_of_its_own(line_end: str) -> None:
    assert len(markdown([["reason"], [f"a{line_end}b"]]).splitlines()) == 3
