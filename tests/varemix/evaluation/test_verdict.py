"""The sentence that a report begins with."""

import pandas as pd
import pytest

from varemix.evaluation.verdict import verdict


def scores(**nsdrs_db: dict[str, float]) -> pd.DataFrame:
    rows = [
        {"condition": condition, "instrument": instrument, "nsdr_db": nsdr_db}
        for condition, by_instrument in nsdrs_db.items()
        for instrument, nsdr_db in by_instrument.items()
    ]
    return pd.DataFrame(rows, columns=["condition", "instrument", "nsdr_db"])


def test_it_says_how_well_and_of_how_much_and_which_is_best_and_worst():
    found = scores(image={"violin": 3.0, "acoustic_guitar": 7.0}, ideal_ratio={"violin": 15.0, "acoustic_guitar": 17.0})
    assert verdict(found) == (
        "**Verdict: asked for by a still picture, instruments are separated fairly well: 5.0 dB of the 16.0 dB that "
        "ideal masks reach, best acoustic guitar (7.0 dB) and worst violin (3.0 dB).**"
    )


@pytest.mark.parametrize(("nsdr_db", "how"), [(8.0, "well"), (7.9, "fairly well"), (3.9, "poorly"), (-2.0, "poorly")])
def test_one_instrument_asked_for_by_name_has_no_best_and_worst(nsdr_db: float, how: str):
    said = f"**Verdict: asked for by name, instruments are separated {how}: {nsdr_db:.1f} dB.**"
    assert verdict(scores(name={"violin": nsdr_db})) == said


def test_it_says_nothing_where_nothing_was_scored():
    assert verdict(scores(ideal_ratio={"violin": 15.0}, image={"violin": float("nan")})) == ""
