"""PEAQ against what two other programs say of the same signals; data/README.md tells which and how close they come."""

import csv
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.varemix.evaluation.peaq.conftest import DATA
from varemix.evaluation.peaq import ModelOutputVariables, PeaqResult, peaq
from varemix.evaluation.peaq.odg import distortion_index, objective_difference_grade

FloatArray = NDArray[np.float64]
Pairs = dict[str, tuple[FloatArray, FloatArray]]

BETWEEN_PROGRAMS: dict[str, dict[str, Any]] = {
    "bandwidth_ref_bins": {"abs": 1.0},
    "bandwidth_test_bins": {"abs": 1.0},
    "total_nmr_db": {"abs": 0.07},
    "win_mod_diff1": {"rel": 0.04},
    "adb": {"abs": 0.01},
    "ehs": {"abs": 0.35},
    "avg_mod_diff1": {"rel": 0.04},
    "avg_mod_diff2": {"rel": 0.04},
    "rms_noise_loud_sone": {"rel": 0.04},
    "mfpd": {"abs": 0.001},
    "rel_dist_frames": {"abs": 0.005},
    "odg": {"abs": 0.05},
}


def _golden() -> dict[tuple[str, str], dict[str, float]]:
    with (DATA / "golden.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row.pop("test"), row.pop("program")): {name: float(row[name]) for name in row} for row in rows}


GOLDEN = _golden()
WITH_SIGNALS = ["string_separated", "string_half_gain", "string_lowpass_7khz", "band_clipped"]


@pytest.fixture(scope="module")
def results(pairs: Pairs) -> dict[str, PeaqResult]:
    return {name: peaq(reference, test, 48000) for name, (reference, test) in pairs.items()}


@pytest.mark.parametrize("test", WITH_SIGNALS)
def test_variables_and_grade_are_those_of_gstpeaq_but_for_rounding(test: str, results: dict[str, PeaqResult]) -> None:
    golden = GOLDEN[test, "gstpeaq"]
    for name, value in asdict(results[test].movs).items():
        assert value == pytest.approx(golden[name], rel=1e-4, abs=1e-6), name
    assert results[test].di == pytest.approx(golden["di"], abs=1e-3)
    assert results[test].odg == pytest.approx(golden["odg"], abs=1e-3)


@pytest.mark.parametrize("test", WITH_SIGNALS)
def test_variables_and_grade_are_as_close_to_pyevalaudio_as_other_programs(
    test: str, results: dict[str, PeaqResult]
) -> None:
    golden = GOLDEN[test, "PyEvalAudio"]
    for name, value in {**asdict(results[test].movs), "odg": results[test].odg}.items():
        assert value == pytest.approx(golden[name], **BETWEEN_PROGRAMS[name]), name


@pytest.mark.parametrize(("test", "program"), GOLDEN)
def test_the_network_makes_of_other_programs_variables_what_they_make_of_them(test: str, program: str) -> None:
    golden = dict(GOLDEN[test, program])
    di, odg = golden.pop("di"), golden.pop("odg")
    index = distortion_index(ModelOutputVariables(**golden))
    tolerance = 1e-9 if program == "PyEvalAudio" else 1e-3  # gstpeaq prints three decimals
    assert index == pytest.approx(di, abs=tolerance)
    assert objective_difference_grade(di) == pytest.approx(odg, abs=tolerance)
