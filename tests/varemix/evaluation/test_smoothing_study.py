"""What smoothing gains: masks whose best smoothing is planted, and the paper's equation taken at its word."""

from dataclasses import replace

import numpy as np
import pytest

from tests.grids import FINE_GRID
from varemix.errors import EvaluationError
from varemix.evaluation.smoothing_study import SEARCHED, Smoothing, smoothing_gains_db
from varemix.remix.mixer import separate
from varemix.signal.cepstral_smoothing import CepstralSmoothing, cbm
from varemix.signal.grid import PAPER_GRID, Grid
from varemix.signal.masks import Masks
from varemix.signal.smoothing import zlbm
from varemix.signal.smoothing_time import decay_of, smoothing_of

NUM_SAMPLES = 20_000
ZLBM = [smoothing for smoothing in SEARCHED if smoothing.method == "zlbm"]


def noise() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(NUM_SAMPLES).astype(np.float32)


def binary_masks(grid: Grid = PAPER_GRID) -> Masks:
    shape = (2, grid.num_bins, grid.num_frames(NUM_SAMPLES))
    values = (np.random.default_rng(1).random(shape) > 0.5).astype(np.float32)
    return Masks(values=values, grid=grid.on_bins())


def scaled(masks: Masks, by: float | np.ndarray) -> Masks:
    return replace(masks, values=(by * masks.values).astype(np.float32))


def rms(signals: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(signals, dtype=np.float64), axis=-1))


def test_the_gain_is_equation_2_with_its_sign_turned(grid: Grid) -> None:
    mix, binary = noise(), binary_masks(grid)
    ratio = replace(binary, values=np.random.default_rng(2).random(binary.values.shape, dtype=np.float32))
    smoothings = [Smoothing(smoothing_s=0.03), Smoothing(cepstral=CepstralSmoothing(floor=0.1))]
    values = [zlbm(binary.values, decay_of(0.03, grid)), cbm(binary.values, CepstralSmoothing(floor=0.1))]
    smooths = [replace(binary, values=own) for own in values]
    wanted, unsmoothed, *smoothed = (separate(mix[None], masks)[:, 0] for masks in (ratio, binary, *smooths))
    expected_db = [-20 * np.log10(rms(wanted - s) / rms(wanted - unsmoothed)) for s in smoothed]
    np.testing.assert_allclose(smoothing_gains_db(mix, binary, ratio, smoothings), expected_db, atol=1e-3)


def test_no_smoothing_gains_nothing() -> None:
    gains_db = smoothing_gains_db(noise(), binary_masks(), scaled(binary_masks(), 0.5), [Smoothing(smoothing_s=0.0)])
    np.testing.assert_array_equal(gains_db, [[0.0, 0.0]])


def test_the_search_finds_the_smoothing_that_made_the_reference(grid: Grid) -> None:
    binary = binary_masks(grid)
    made = Smoothing(smoothing_s=smoothing_of(0.6))
    reference = replace(binary, values=made.apply(binary.values, binary.grid))
    gains_db = smoothing_gains_db(noise(), binary, reference, ZLBM)
    best = [ZLBM[place].name for place in gains_db.argmax(axis=0)]
    assert best == ["zlbm smoothing_s=0.0227"] * 2
    assert (gains_db.max(axis=0) > 100).all()


def test_a_mask_that_flickers_around_the_ideal_gains_and_one_that_is_nearly_ideal_loses() -> None:
    binary = scaled(binary_masks(), 0)
    binary.values[..., ::2] = 1
    ratio = replace(binary, values=np.stack([np.full_like(binary.values[0], 0.5), 0.99 * binary.values[1]]))
    flickering, nearly_ideal = smoothing_gains_db(noise(), binary, ratio, [Smoothing(smoothing_s=0.11)])[0]
    assert flickering > 10
    assert nearly_ideal < -10


def test_what_is_silent_or_already_ideal_has_no_gain() -> None:
    mix, binary = noise(), binary_masks()
    smoothings = ZLBM[:1]
    assert np.isnan(smoothing_gains_db(np.zeros_like(mix), binary, scaled(binary, 0.5), smoothings)).all()
    partly = scaled(binary, np.array([[[1]], [[0]]]))  # equal to its binary mask; a silent reference
    assert np.isnan(smoothing_gains_db(mix, binary, partly, smoothings)).all()
    first, second = smoothing_gains_db(mix, partly, scaled(binary, 0.5), smoothings)[0]
    assert np.isfinite(first)
    assert np.isnan(second)  # a binary mask that lets nothing through


def test_masks_of_different_shapes_or_grids_are_refused() -> None:
    binary = binary_masks()
    others = [
        binary[:1],
        binary_masks(FINE_GRID),
        replace(binary, grid=replace(binary.grid, floor=1e-3)),
    ]
    for other in others:
        with pytest.raises(EvaluationError, match="the same linear bins were expected"):
            smoothing_gains_db(noise(), binary, other, ZLBM)


def test_masks_on_log_rows_are_refused() -> None:
    rows = Masks(values=binary_masks().values[:, :256], grid=PAPER_GRID)
    with pytest.raises(EvaluationError, match="the same linear bins were expected"):
        smoothing_gains_db(noise(), rows, rows, ZLBM)


def test_what_is_searched_is_told_apart_by_name_and_holds_the_usual_settings() -> None:
    names = [smoothing.name for smoothing in SEARCHED]
    assert len(set(names)) == len(names) == 36
    assert "zlbm smoothing_s=0.052" in names
    assert "cbm beta_envelope=0 beta_pitch=0.4 beta_peak=0.8 num_envelope=8 floor=0.05" in names


def test_the_time_constants_that_are_searched_are_the_decays_of_the_papers_grid() -> None:
    decays = [decay_of(smoothing.smoothing_s, PAPER_GRID) for smoothing in ZLBM]
    assert decays == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97])


def test_a_smoothing_knows_its_method_settings_and_time_constant() -> None:
    first, last = SEARCHED[0], SEARCHED[-1]
    assert (first.method, first.settings_text) == ("zlbm", "smoothing_s=0.00504")
    assert first.smoothing_s == pytest.approx(0.00504, abs=5e-6)
    assert last.method == "cbm"
    assert np.isnan(last.smoothing_s)
