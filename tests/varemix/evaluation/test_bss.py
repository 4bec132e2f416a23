"""BSS Eval against mir_eval, an orthogonalisation of the delayed references, and planted answers."""

import warnings

import numpy as np
import pytest
from mir_eval.separation import bss_eval_sources
from numpy.typing import NDArray
from scipy.signal import lfilter

from varemix.errors import EvaluationError
from varemix.evaluation.bss import NUM_TAPS, BssScores, References, bss_eval, nsdr_db

FloatArray = NDArray[np.float64]


def _noise(*shape: int, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape)


def _music_like(num_sources: int, num_samples: int) -> FloatArray:
    """Coloured, mutually correlated sources [N, S]."""
    coloured = lfilter([1.0], [1.0, -0.99], _noise(num_sources, num_samples))
    return coloured + 0.3 * np.roll(coloured, 1, axis=0)


def _stack(scores: BssScores) -> FloatArray:
    return np.stack([scores.sdr_db, scores.sir_db, scores.sar_db])


def _mir_eval(references: FloatArray, estimates: FloatArray) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it announces that mir_eval 0.9 will not have it
        return np.stack(bss_eval_sources(references, estimates, compute_permutation=False)[:3])


def _by_orthogonalisation(references: FloatArray, estimates: FloatArray) -> FloatArray:
    """SDR, SIR and SAR by a QR decomposition of all delayed references: slow, without a Gram matrix."""
    num_sources, num_samples = references.shape
    delayed = np.zeros((num_sources, num_samples + NUM_TAPS - 1, NUM_TAPS))
    for source, tap in np.ndindex(num_sources, NUM_TAPS):
        delayed[source, tap : tap + num_samples, tap] = references[source]
    scores = np.empty((3, num_sources))
    for source in range(num_sources):
        order = [source, *(index for index in range(num_sources) if index != source)]
        basis = np.linalg.qr(np.concatenate(delayed[order], axis=1)).Q
        coordinates = basis[:num_samples].T @ estimates[source]
        target, interference = np.sum(coordinates[:NUM_TAPS] ** 2), np.sum(coordinates[NUM_TAPS:] ** 2)
        residual = np.pad(estimates[source], (0, NUM_TAPS - 1)) - basis @ coordinates
        artefacts = residual @ residual
        ratios = [
            target / (interference + artefacts),
            target / interference,
            (target + interference) / artefacts,
        ]
        scores[:, source] = 10 * np.log10(ratios)
    return scores


@pytest.mark.parametrize("num_sources", [2, 3])
@pytest.mark.parametrize("num_samples", [1100, 9001])
def test_scores_of_independent_sources_agree_with_mir_eval(num_sources: int, num_samples: int) -> None:
    references = _noise(num_sources, num_samples)
    estimates = references + 0.3 * _noise(num_sources, num_samples, seed=2)
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(scores, _mir_eval(references, estimates), atol=1e-4)


@pytest.mark.parametrize("num_sources", [2, 3])
@pytest.mark.parametrize("leakage", [0.0, 0.05, 2.0])
def test_scores_of_correlated_sources_agree_with_mir_eval(num_sources: int, leakage: float) -> None:
    references = _music_like(num_sources, 11025)
    estimates = references + leakage * references.sum(axis=0) + 0.02 * _noise(num_sources, 11025, seed=2)
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(scores, _mir_eval(references, estimates), atol=1e-4)


def test_scores_of_sources_of_very_different_level_agree_with_mir_eval() -> None:
    references = _music_like(3, 11025) * np.array([[1e-6], [1.0], [1e-3]])
    estimates = references + 1e-7 * _noise(3, 11025, seed=2) + 1e-6 * references.sum(axis=0)
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(scores, _mir_eval(references, estimates), atol=1e-4)


@pytest.mark.parametrize("snr_db", [40.0, 60.0, 80.0, 100.0, 120.0])
def test_very_high_scores_agree_with_mir_eval(snr_db: float) -> None:
    references = _music_like(2, 11025)
    noise_gain = references.std() * 10 ** (-snr_db / 20)
    estimates = references + noise_gain * _noise(2, 11025, seed=2)
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(scores, _mir_eval(references, estimates), atol=1e-4)


@pytest.mark.slow
def test_scores_of_six_seconds_agree_with_mir_eval() -> None:
    references = _music_like(2, 6 * 44100)
    estimates = references + 0.1 * references.sum(axis=0) + 0.05 * _noise(2, 6 * 44100, seed=2)
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(scores, _mir_eval(references, estimates), atol=1e-4)


def test_scores_of_the_mix_itself_agree_with_mir_eval() -> None:
    references = _music_like(2, 11025)
    mixes = np.tile(references.sum(axis=0), (2, 1))
    scores = _stack(bss_eval(references, mixes))
    np.testing.assert_allclose(scores[:2], _mir_eval(references, mixes)[:2], atol=1e-4)
    assert (scores[2] > 200).all()  # a sum of the references holds no artefact: rounding noise


def test_tones_that_make_the_least_squares_singular_are_scored_like_an_orthogonalisation() -> None:
    # Tones in single precision: the Gram matrix is singular in double precision, and solving it regardless is
    # off by decibels. The tolerance is for what a rank floor of 1e-13 leaves out.
    time_s = np.arange(2000) / 44100
    chords = [sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 9)) for hz in (220.0, 277.18)]
    references = (np.stack(chords) * np.hanning(2000)).astype(np.float32).astype(np.float64)
    gate = 0.5 + 0.5 * np.sin(np.arange(2000) / 300)
    estimates = references * gate + 0.3 * references[::-1] * (1 - gate)
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(scores, _by_orthogonalisation(references, estimates), atol=0.1)


@pytest.mark.parametrize("snr_db", [0.0, 15.0, 50.0])
def test_white_noise_of_a_known_level_gives_that_sdr(snr_db: float) -> None:
    references = _noise(2, 100_000)
    noise = 10 ** (-snr_db / 20) * _noise(2, 100_000, seed=2)
    scores = bss_eval(references, references + noise)
    # The filters explain 512 to 1024 of the noise's 100,000 dimensions.
    np.testing.assert_allclose(scores.sdr_db, snr_db, atol=0.3)
    np.testing.assert_allclose(scores.sar_db, snr_db, atol=0.5)


def test_leakage_of_a_known_level_gives_that_sir_and_no_artefacts() -> None:
    references = _noise(2, 100_000)
    scores = bss_eval(references, references + 0.1 * references[::-1])
    np.testing.assert_allclose(scores.sir_db, 20, atol=0.3)
    np.testing.assert_allclose(scores.sdr_db, scores.sir_db, atol=1e-6)
    assert (scores.sar_db > 150).all()


def test_a_delay_within_the_filters_is_perfect_and_a_longer_one_leaves_no_target() -> None:
    references = np.pad(_noise(2, 20_000), ((0, 0), (0, NUM_TAPS)))
    assert (bss_eval(references, np.roll(references, NUM_TAPS - 1, axis=-1)).sdr_db > 150).all()
    assert (bss_eval(references, np.roll(references, NUM_TAPS, axis=-1)).sdr_db < -10).all()


def test_a_reference_through_a_filter_of_512_taps_is_perfect() -> None:
    references = np.pad(_noise(2, 20_000), ((0, 0), (0, NUM_TAPS)))
    taps = _noise(NUM_TAPS, seed=3)
    filtered = np.stack([np.convolve(taps, signal[:-NUM_TAPS]) for signal in references])
    estimates = np.pad(filtered, ((0, 0), (0, 1)))
    assert (bss_eval(references, estimates).sdr_db > 150).all()


def test_estimates_equal_to_the_references_are_perfect() -> None:
    references = _music_like(2, 10_000)
    assert (_stack(bss_eval(references, references)) > 150).all()


def test_a_lone_source_has_no_interference() -> None:
    references = _noise(1, 400)
    scores = bss_eval(references, references + 0.1 * _noise(1, 400, seed=2))
    np.testing.assert_array_equal(scores.sir_db, [np.inf])
    np.testing.assert_allclose(scores.sdr_db, scores.sar_db)


def test_gains_of_references_and_estimates_do_not_matter() -> None:
    references = _music_like(2, 10_000)
    estimates = references + 0.2 * references[::-1] + 0.1 * _noise(2, 10_000, seed=2)
    scores = _stack(bss_eval(references, estimates))
    for gain in (1e-200, -3.0, 1e200):
        np.testing.assert_allclose(_stack(bss_eval(references, gain * estimates)), scores, atol=1e-9)
        np.testing.assert_allclose(_stack(bss_eval(gain * references, estimates)), scores, atol=1e-9)


def test_the_order_of_the_sources_does_not_matter() -> None:
    references = _music_like(3, 10_000)
    estimates = references + 0.2 * references.sum(axis=0) + 0.1 * _noise(3, 10_000, seed=2)
    order = [2, 0, 1]
    scores = _stack(bss_eval(references, estimates))
    np.testing.assert_allclose(_stack(bss_eval(references[order], estimates[order])), scores[:, order], atol=1e-9)


def test_conditions_scored_together_score_as_they_do_alone() -> None:
    references = _music_like(2, 10_000)
    mixes = np.tile(references.sum(axis=0), (2, 1))
    conditions = np.stack([references + gain * _noise(2, 10_000, seed=2) for gain in (1e-3, 0.1, 1.0)] + [mixes])
    together = bss_eval(references, conditions)
    shared = References(references)
    assert together.sdr_db.shape == (4, 2)
    for index, condition in enumerate(conditions):
        alone = shared.score(condition)
        np.testing.assert_allclose(together.sdr_db[index], alone.sdr_db, atol=1e-6)
        np.testing.assert_allclose(together.sir_db[index], alone.sir_db, atol=1e-6)


def test_what_identical_references_share_is_no_interference() -> None:
    signals = _music_like(2, 10_000)
    references = np.stack([signals[0], signals[0], signals[1]])
    estimates = references + 0.1 * _noise(3, 10_000, seed=2)
    without_copy = bss_eval(references[1:], estimates[1:])
    scores = bss_eval(references, estimates)
    np.testing.assert_allclose(_stack(scores)[:, 1:], _stack(without_copy), atol=1e-4)
    np.testing.assert_array_equal(bss_eval(references[:2], estimates[:2]).sir_db, [np.inf, np.inf])


def test_a_silent_estimate_leaves_the_other_scores_and_says_why() -> None:
    references = _noise(2, 5000)
    conditions = np.stack([references + 0.1 * _noise(2, 5000, seed=2)] * 2)
    complete = _stack(bss_eval(references, conditions))
    conditions[1, 0] = 0
    scores = bss_eval(references, conditions)
    assert np.isnan(_stack(scores)[:, 1, 0]).all()
    complete[:, 1, 0] = np.nan
    np.testing.assert_array_equal(_stack(scores), complete)
    assert scores.gaps == ["Estimate 1, 0 is silent."]


def test_a_silent_reference_leaves_the_whole_set_undefined_and_says_why() -> None:
    references = _noise(2, 5000)
    references[1] = 0
    scores = bss_eval(references, _noise(2, 5000, seed=2))
    assert np.isnan(_stack(scores)).all()
    assert scores.gaps == ["Reference 1 is silent."]


def test_defined_scores_have_no_gaps() -> None:
    references = _noise(2, 5000)
    assert bss_eval(references, references + _noise(2, 5000, seed=2)).gaps == []


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_values_that_are_no_finite_numbers_are_refused(broken: float) -> None:
    signals = _noise(2, 5000)
    broken_signals = signals.copy()
    broken_signals[1, 17] = broken
    with pytest.raises(EvaluationError, match="references hold 1 of 10000 values"):
        bss_eval(broken_signals, signals)
    with pytest.raises(EvaluationError, match="estimates hold 1 of 10000 values"):
        bss_eval(signals, broken_signals)


@pytest.mark.parametrize("shape", [(5000,), (5000, 2), (0, 5000), (1, 2, 5000)])
def test_references_of_another_shape_than_sources_by_samples_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EvaluationError, match="references have shape"):
        References(_noise(*shape))


@pytest.mark.parametrize("shape", [(5000,), (2, 4999), (3, 5000), (0, 2, 5000), (1, 1, 2, 5000)])
def test_estimates_that_do_not_match_the_references_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EvaluationError, match="estimates have shape"):
        bss_eval(_noise(2, 5000), _noise(*shape))


def test_signals_so_short_that_filters_could_make_anything_are_refused() -> None:
    with pytest.raises(EvaluationError, match="2 sources need at least 514 samples"):
        bss_eval(_noise(2, 513), _noise(2, 513, seed=2))
    references, estimates = _noise(2, 514), _noise(2, 514, seed=2)
    # One dimension of 1025 is left to the artefacts, so the equations are badly conditioned.
    np.testing.assert_allclose(_stack(bss_eval(references, estimates)), _mir_eval(references, estimates), atol=1e-3)


def test_signals_of_different_lengths_and_of_other_types_are_refused() -> None:
    with pytest.raises(EvaluationError, match="cannot be stacked"):
        References([[0.0, 1.0], [0.0]])
    with pytest.raises(EvaluationError, match="complex128"):
        References(_noise(2, 5000) + 0j)


def test_single_precision_and_integers_are_scored_as_the_numbers_they_hold() -> None:
    pcm = np.round(1e4 * _noise(2, 5000)).astype(np.int16)
    estimates = pcm + np.round(1e3 * _noise(2, 5000, seed=2)).astype(np.int16)
    expected = _stack(bss_eval(pcm.astype(np.float64), estimates.astype(np.float64)))
    np.testing.assert_array_equal(_stack(bss_eval(pcm, estimates)), expected)
    np.testing.assert_array_equal(_stack(bss_eval(pcm.astype(np.float32), estimates.astype(np.float32))), expected)


def test_nsdr_of_the_mix_is_zero() -> None:
    references = _music_like(2, 10_000)
    mix = references.sum(axis=0)
    np.testing.assert_array_equal(nsdr_db(references, np.stack([mix, mix]), mix), [0.0, 0.0])


def test_nsdr_is_the_gain_in_sdr_over_the_mix() -> None:
    references = _noise(2, 100_000)
    mix = references.sum(axis=0)
    conditions = np.stack([references + gain * references[::-1] for gain in (0.1, 2.0)])
    np.testing.assert_allclose(nsdr_db(references, conditions, mix), [[20.0, 20.0], [-6.02, -6.02]], atol=0.2)


def test_nsdr_wants_one_mono_mix() -> None:
    references = _noise(2, 5000)
    with pytest.raises(EvaluationError, match="mix has shape"):
        nsdr_db(references, references, references)
    with pytest.raises(EvaluationError, match="estimates have shape"):
        nsdr_db(references, references, _noise(4999))
