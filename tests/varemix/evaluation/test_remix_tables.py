import math

import pandas as pd
import pytest

from varemix.evaluation.remix_tables import achieved_gains_table, improvements, mixing_levels_table


def remixes(*rows: tuple[str, int, str, float, float, float]) -> pd.DataFrame:
    columns = ["pair_id", "weight_tenths", "method", "odg", "nsdr_db", "lsd_db"]
    return pd.DataFrame(rows, columns=columns).assign(smoothing_s=0.052)


PAIRS = remixes(
    ("a", 3, "remix", -1.0, 5.0, 2.0),
    ("a", 3, "separate_and_add", -2.0, 6.0, 5.0),
    ("b", 3, "separate_and_add", -2.0, 1.0, 1.0),
    ("b", 3, "remix", -3.0, 4.0, 2.0),
)


def test_an_improvement_is_positive_whether_more_or_less_is_better() -> None:
    found = improvements(PAIRS).set_index("pair_id")
    assert found.loc["a", ["odg", "nsdr_db", "lsd_db"]].tolist() == [1.0, -1.0, 3.0]
    assert found.loc["b", ["odg", "nsdr_db", "lsd_db"]].tolist() == [-1.0, 3.0, -1.0]


def test_the_table_tells_means_and_how_many_pairs_are_improved() -> None:
    [row] = mixing_levels_table(PAIRS).splitlines()[2:]
    assert row == "| 3:7 | ZLBM 52 ms | +0.00, 50% of 2 | +1.00, 50% of 2 | +1.00, 50% of 2 |"


def test_grades_that_were_not_given_are_told() -> None:
    [row] = mixing_levels_table(PAIRS.assign(odg=math.nan)).splitlines()[2:]
    assert "none measured" in row


def test_without_remixes_the_tables_are_empty() -> None:
    assert len(mixing_levels_table(PAIRS[:0]).splitlines()) == 2
    gains = pd.DataFrame(columns=["instrument", "wished_db", "target_db", "rest_db"], dtype=float)
    assert len(achieved_gains_table(gains).splitlines()) == 2


def test_achieved_gains_are_told_by_wish_from_mute_up_with_the_instruments_of_least_and_most_effect() -> None:
    gains = pd.DataFrame(
        [
            ("tuba", 6.0, 5.0, 1.0),
            ("flute", 6.0, 2.0, 0.0),
            ("tuba", -math.inf, -20.0, -1.0),
            ("flute", 6.0, math.nan, 0),
        ],
        columns=["instrument", "wished_db", "target_db", "rest_db"],
    )
    mute, louder = achieved_gains_table(gains).splitlines()[2:]
    assert mute.startswith("| mute | -20.00 | -1.00 |")
    assert louder == "| +6 | +3.50 | +0.50 | +2.00 (flute) | +5.00 (tuba) | 2 |"


@pytest.mark.parametrize("method", ["remix", "separate_and_add"])
def test_a_pair_of_which_one_method_is_missing_is_left_out_of_means(method: str) -> None:
    lost = PAIRS[~((PAIRS["pair_id"] == "b") & (PAIRS["method"] == method))]
    [row] = mixing_levels_table(lost).splitlines()[2:]
    assert row.count("% of 1") == 3
