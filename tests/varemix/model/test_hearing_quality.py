"""How well an instrument is heard is told from the checkpoint's header, in words of its NSDR."""

import pytest

from varemix.model.checkpoint import read_header, save_checkpoint
from varemix.model.hearing_quality import HearingQuality, hearing_qualities


@pytest.mark.parametrize(
    ("nsdr_db", "words"),
    [
        (11.2, "well"),
        (6.0, "well"),
        (5.99, "fairly"),
        (3.0, "fairly"),
        (2.99, "poorly"),
        (0.0, "poorly"),
        (-0.01, "hardly at all"),
        (None, ""),
    ],
)
def test_the_words_follow_the_nsdr(nsdr_db: float | None, words: str) -> None:
    assert HearingQuality(instrument="tuba", nsdr_db=nsdr_db).words == words


def test_a_checkpoint_tells_how_well_it_hears_each_instrument_that_it_knows(tmp_path, separator) -> None:
    path = tmp_path / "measured.safetensors"
    save_checkpoint(path, separator, provenance={"nsdr_by_name_db": {"violin": 0.2, "kazoo": 9.0}})
    found = {quality.instrument: quality.nsdr_db for quality in hearing_qualities(read_header(path))}
    assert found == {"cello": None, "violin": 0.2}


@pytest.mark.parametrize("figures", [None, [6.5], "6.5", {"tuba": "6.5"}, {"tuba": float("nan")}, {"tuba": True}])
def test_what_is_no_finite_number_counts_as_not_measured(figures: object) -> None:
    header = {"instruments": ["tuba"], "provenance": {"nsdr_by_name_db": figures}}
    assert hearing_qualities(header) == (HearingQuality(instrument="tuba"),)


def test_a_header_without_provenance_measured_nothing() -> None:
    assert hearing_qualities({"instruments": ["tuba"]}) == (HearingQuality(instrument="tuba"),)
