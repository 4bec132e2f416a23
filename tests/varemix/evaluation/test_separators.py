"""Which separator is better for which instrument is told by planted scores, and only beyond doubt."""

import numpy as np
import pandas as pd

from varemix.evaluation.separators import better_than_ours, compared_with_ours, condition_of, separators_table

OURS = "varemix"


def planted() -> pd.DataFrame:
    """Return scores of 12 mixes: `good` is 3 dB ahead on the voice, 3 behind on drums; `other` 5 ahead on the voice."""
    draw, rows = np.random.default_rng(0), []
    ahead_db = {
        "good": {"voice": 3.0, "drums": -3.0},
        "other": {"voice": 5.0},
        OURS: {"voice": 0, "drums": 0, "harp": 0},
    }
    for pair in range(12):
        for name, by_instrument in ahead_db.items():
            rows += [
                {
                    "pair_id": str(pair),
                    "condition": condition_of(name),
                    "instrument": one,
                    "nsdr_db": 6 + db + draw.normal(0, 0.5),
                }
                for one, db in by_instrument.items()
            ]
    return pd.DataFrame(rows)


def test_the_best_that_is_better_beyond_doubt_is_named_for_each_instrument() -> None:
    found = compared_with_ours(planted(), OURS, ["good", "other", "absent"], seed=0)
    assert list(found) == ["good", "other"]
    verdicts = {(name, one.instrument): one.verdict for name, each in found.items() for one in each.instruments}
    assert verdicts == {("good", "drums"): "worse", ("good", "voice"): "better", ("other", "voice"): "better"}
    assert better_than_ours(found) == {"voice": "other"}


def test_one_table_tells_all_instruments_also_those_that_are_ours_alone() -> None:
    scores = planted()
    table = separators_table(scores, OURS, compared_with_ours(scores, OURS, ["good", "other"], seed=0))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert [(row[0], row[3], row[-1]) for row in rows] == [
        ("drums", "good", "worse"),
        ("harp", "", ""),
        ("voice", "good", "better"),
        ("voice", "other", "better"),
    ]


def test_what_only_one_was_scored_on_counts_for_neither() -> None:
    scores = planted()
    lone = scores[~((scores["condition"] == condition_of(OURS)) & (scores["pair_id"] == "3"))]
    assert compared_with_ours(lone, OURS, ["other"], seed=0)["other"].overall.num_scores == 11
