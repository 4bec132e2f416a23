"""Checkpoints side by side, and what was found on sounds: planted rows whose means can be worked out by hand."""

import math
import re

import pandas as pd
import pytest

from varemix.evaluation.findings import Findings
from varemix.evaluation.presence import measures_by_name_db, wrongly_detected
from varemix.evaluation.side_by_side import Column, side_by_side_table
from varemix.evaluation.sound_findings import SoundFindings

INSTRUMENTS = ("flute", "tuba")


def scored(rows: list[tuple[str, str, str, float]], material: str | None = None) -> pd.DataFrame:
    """Return rows of `scores` of pair, condition, instrument and NSDR; SIR is 1 dB above it, SAR 2 dB."""
    table = pd.DataFrame(rows, columns=["pair_id", "condition", "instrument", "nsdr_db"])
    return table.assign(
        material=material,
        status="scored",
        sir_db=table["nsdr_db"] + 1,
        sar_db=table["nsdr_db"] + 2,
        level_db=-10.0,
        other_instrument="",
        shown_instrument=table["instrument"],
        presence_db=math.nan,
    )


def measured(rows: list[tuple[str, str, str, float]], material: str | None = None) -> pd.DataFrame:
    """Return rows of `presence_scores` of mix, what sounds, instrument asked for and measure; -20 dB are needed."""
    table = pd.DataFrame(rows, columns=["pair_id", "sounding", "instrument", "presence_db"])
    plays = [
        name in sounding.split(" + ") for name, sounding in zip(table["instrument"], table["sounding"], strict=True)
    ]
    return table.assign(material=material, threshold_db=-20.0, status=["plays" if p else "absent" for p in plays])


def clips(nsdr_db: float) -> Findings:
    return Findings(
        scores=scored([("a", "image", "flute", nsdr_db), ("a", "name", "flute", nsdr_db + 3), ("a", "mix", "tuba", 0)]),
        presences=measured(
            [
                ("a", "flute", "flute", -5),
                ("a", "flute", "tuba", -10),
                ("b", "tuba", "flute", -30),
                ("b", "tuba", "tuba", -25),
            ]
        ),
        remixes=pd.DataFrame(
            {
                "pair_id": "a",
                "method": "remix",
                "weight_tenths": [3],
                "smoothing_s": 0.0,
                "odg": -1.5,
                "delta_snr_db": 4.0,
            }
        ),
        gains=pd.DataFrame(),
        smoothings=pd.DataFrame(),
        recognised=[],
        threshold_db=-20.0,
    )


@pytest.fixture(scope="module")
def sounds() -> SoundFindings:
    pairs = scored(
        [("p", "name", "piano", 2.0), ("p", "name", "flute", 4.0), ("p", "ideal_ratio", "piano", 9.0)], "pair"
    )
    return SoundFindings(
        scores=pd.concat([pairs, scored([("e", "name", "tuba", 7.0)], "ensemble")], ignore_index=True),
        gains=pd.DataFrame(
            {
                "pair_id": "p",
                "instrument": "flute",
                "wished_db": [-6.0, -math.inf],
                "odg": [-2.0, -3.0],
                "delta_snr_db": 5.0,
            }
        ),
        presences=pd.concat(
            [
                measured([("p", "piano + flute", "flute", -5.0)], "pair"),
                measured([("e", "tuba", "tuba", -5.0)], "ensemble"),
                measured(
                    [("s", "piano", "flute", -5), ("s", "piano", "tuba", -19), ("s", "piano", "piano", -1)], "stranger"
                ),
                measured([("t", "piano", "flute", -50), ("t", "piano", "tuba", -60)], "stranger"),
            ],
            ignore_index=True,
        ),
        instruments=INSTRUMENTS,
    )


def rows_of(table: str) -> dict[tuple[str, str], list[str]]:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return {(line[0], line[1]): line[2:] for line in lines}


def test_every_checkpoint_has_a_column_and_what_none_measured_has_no_row(sounds: SoundFindings) -> None:
    table = side_by_side_table(
        {"old": Column(clips=clips(1.0), sounds=None), "new": Column(clips=clips(2.5), sounds=sounds)}
    )
    rows = rows_of(table)
    assert rows["mixes", "measured"] == ["old", "new"]
    assert [cell[:4] for cell in rows["still image", "NSDR [dB]"]] == ["1.00", "2.50"]
    assert [cell[:4] for cell in rows["name", "SAR [dB]"]] == ["6.00", "7.50"]
    assert [cell[:4] for cell in rows["flute, name", "NSDR [dB]"]] == ["4.00", "5.50"]
    assert rows["remix at 3:7, smoothed 0 ms", "delta-SNR [dB]"] == ["4.00 (4.00 to 4.00)"] * 2
    assert rows["pairs: the further instrument, piano", "NSDR [dB]"] == ["none", "2.00 (2.00 to 2.00)"]
    assert rows["pairs: beside a further instrument, set to mute", "PEAQ grade"] == ["none", "-3.00 (-3.00 to -3.00)"]
    assert rows["pairs with a further instrument", "found of what plays [%]"] == ["none", "100"]
    assert rows["strangers alone", "taken to play of what does not, mean number"] == ["none", "1.00 (0.00 to 2.00)"]
    assert rows["ensembles of one piece", "SIR [dB]"] == ["none", "8.00 (8.00 to 8.00)"]
    assert not [part for part, _ in rows if part in {"wrong image", "blank image"} or "tuba, name" in part[:9]]


def test_presence_by_name_counts_what_is_found_and_what_is_taken_to_play_wrongly() -> None:
    rows = rows_of(side_by_side_table({"one": Column(clips=clips(1.0), sounds=None)}))
    assert rows["name", "found of what plays [%]"] == ["50"]  # the tuba at -25 dB is not
    assert rows["name", "taken to play of what does not, mean number"][0].startswith("0.50")
    assert rows["name", "detection, ROC area"] == ["0.750"]  # of four pairs, -25 dB is below -10 dB


def test_the_numbers_of_one_checkpoint_tell_presence_by_name() -> None:
    assert clips(1.0).numbers()["presence_by_name"] == {"roc_auc": 0.75, "found_share": 0.5, "wrong_in_a_mix": 0.5}


def test_measures_by_name_are_those_of_the_instruments_that_count() -> None:
    presences = clips(0.0).presences
    present_db, absent_db = measures_by_name_db(presences, ["flute"])
    assert (present_db.tolist(), absent_db.tolist()) == ([-5.0], [-30.0])
    assert wrongly_detected(presences, INSTRUMENTS).to_dict() == {"a": 1, "b": 0}
    assert wrongly_detected(presences, ["flute"]).to_dict() == {"a": 0, "b": 0}


def test_strangers_tell_how_many_of_the_instruments_are_taken_to_play(sounds: SoundFindings) -> None:
    assert sounds.strangers_detected().mean == 1.0  # two on one piano, none on the other; piano itself does not count
    assert sounds.numbers() == {
        "sounds": {
            "beside_further_nsdr_db": 4.0,
            "further_nsdr_db": 2.0,
            "ensemble_nsdr_db": 7.0,
            "strangers": {"sounds": 2, "detected_mean": 1.0, "of": 2},
        }
    }


def test_the_tables_of_sounds_tell_materials_instruments_wishes_and_strangers(sounds: SoundFindings) -> None:
    text = sounds.tables()
    for words in (
        r"\| pairs: the further instrument \| 2\.00 .* \| 9\.00 \(9\.00 to 9\.00\) \| 1 \|",
        r"\| pairs: the further instrument \| piano \| 2\.0 \| 3\.0 \| 4\.0 \| 1 \|",
        r"\| mute \| pairs: beside a further instrument \| 5\.00 .* \| -3\.00",
        r"instruments \(flute, tuba\) are taken to play .*: 1\.00 \(0\.00 to 2\.00\) on average",
        r"\| piano \| 2 \| 1\.00 \| flute 1, tuba 1 \|",
    ):
        assert re.search(words, text), words


def test_without_sounds_of_a_material_nothing_is_said_of_it(sounds: SoundFindings) -> None:
    stems = SoundFindings(
        scores=sounds.scores[sounds.scores["material"] == "ensemble"],
        gains=sounds.gains[:0],
        presences=sounds.presences[sounds.presences["material"] == "ensemble"],
        instruments=INSTRUMENTS,
    )
    assert "Strangers" not in stems.tables()
    assert stems.numbers() == {"sounds": {"ensemble_nsdr_db": 7.0}}
