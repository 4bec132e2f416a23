"""Published values beside ours: whose they are, and which of our settings are the best."""

import math

import pandas as pd
import pytest

from varemix.evaluation.published import best_settings, published_table, smoothing_table


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]


def smoothings(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Return scores of masks, method, settings and gain, of a mix each."""
    return pd.DataFrame(
        [
            {"pair_id": f"pair {number}", "masks": masks, "method": method, "settings": name, "gain_db": gain_db}
            for number, (masks, method, name, gain_db) in enumerate(rows)
        ],
        columns=["pair_id", "masks", "method", "settings", "gain_db"],
    )


def test_published_scores_say_where_they_are_from_and_that_it_is_another_catalog() -> None:
    header, _, *rows = cells(published_table())
    assert header == ["system", "NSDR [dB]", "SIR [dB]", "SAR [dB]", "measured on", "source"]
    assert [row[1:4] for row in rows] == [
        ["8.87", "15.02", "12.28"],
        ["8.56", "13.75", "14.19"],
        ["3.14", "6.70", "10.10"],
    ]
    assert {row[4] for row in rows} == {"another catalog"}
    assert all("2018" in row[5] for row in rows)


def test_the_best_settings_are_those_with_the_highest_mean() -> None:
    scores = smoothings(
        *(("image", "zlbm", "smoothing_s=0.017", gain_db) for gain_db in (0.1, 3.0, -2.0)),
        *(("image", "zlbm", "smoothing_s=0.052", gain_db) for gain_db in (0.5, 0.7, math.nan)),
    )
    best = best_settings(scores)
    assert best is not None
    assert best.settings == "smoothing_s=0.052"
    assert best.gain_db.mean == pytest.approx(0.6)
    assert best.gain_db.num_values == 2
    assert best_settings(scores.assign(gain_db=math.nan)) is None
    assert best_settings(scores[:0]) is None


def test_smoothing_is_told_for_both_kinds_of_masks_beside_the_published_gain() -> None:
    table = smoothing_table(
        smoothings(
            ("ideal", "zlbm", "smoothing_s=0.052", 0.75),
            ("image", "zlbm", "smoothing_s=0.11", 1.25),
            ("ideal", "cbm", "beta_pitch=0.4 beta_peak=0.8", -0.5),
        )
    )
    _, _, zlbm, cbm = cells(table)
    assert zlbm == [
        "ZLBM",
        "smoothing_s=0.052",
        "+0.75 (+0.75 to +0.75)",
        "smoothing_s=0.11",
        "+1.25 (+1.25 to +1.25)",
        "+0.72",
    ]
    assert cbm == ["CBM", "beta_pitch=0.4 beta_peak=0.8", "-0.50 (-0.50 to -0.50)", "none", "none", "+0.065"]
    assert "Yang, Wei, Lerch 2020" in table


def test_no_smoothing_at_all_still_gives_the_table() -> None:
    _, _, *rows = cells(smoothing_table(smoothings()))
    assert [row[1:5] for row in rows] == [["none"] * 4] * 2
