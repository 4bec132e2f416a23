"""BSS Eval, version 3: how well estimated sources match the true ones (SDR, SIR, SAR).

Belongs here: the scores of estimates against their references. Stays out: who made the estimates, and
statistics over many pairs (`bootstrap`).

Conventions: references are [N, S] and estimates [N, S] or [M, N, S] for M conditions, row n of an estimate
being meant for reference n (no permutation is sought). All scores are in decibels and do not depend on the
gain of any signal. Reference and estimate are mono, at one rate, and start at the same sample.

An estimate is split by least squares into what 512-tap filters can make of its own reference (target), what
they can make of the other references in addition (interference), and the rest (artefacts). The three parts
are orthogonal:

    SDR = target / (interference + artefacts)
    SIR = target / interference
    SAR = (target + interference) / artefacts

Rules where this says nothing:

* A silent (all zero) reference: all scores of the set are NaN, for nothing was mixed.
* A silent estimate: the scores of this estimate are NaN; the others stand.
* A part that is exactly zero below the fraction gives +inf; a target that is exactly zero gives -inf.
* References that are filtered copies of each other: what they share counts as target, not as interference.
* What a reference holds only as rounding noise (130 dB down, as pure tones or brick-wall low-passes leave it)
  makes nothing. There the least squares have no solution in double precision; `mir_eval`, which agrees to
  1e-6 dB elsewhere, solves them all the same and is off by hundredths, with tones by decibels.
* Above some 150 dB the scores are rounding noise.
* Signals so short that the filters could make any sound of the references are refused, as are NaN and inf.

Source: Vincent, Gribonval, Fevotte: Performance measurement in blind audio source separation, IEEE TASLP
14(4), 2006: the three ratios, with time-invariant filters as the distortion that is forgiven.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import toeplitz

from varemix.errors import EvaluationError
from varemix.evaluation.gram_root import GramRoot, gram_root

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
BoolArray = NDArray[np.bool_]

NUM_TAPS = 512
"""Length of the distortion filters that BSS Eval forgives, in samples."""

_LONGEST_FFT = 8192
# Artefacts weaker than this, relative to the estimate, are filtered out and summed instead of being the
# difference of two nearly equal energies. That is good to 1e-4 dB down to about 1e-8; this leaves room.
_WEAK_ARTEFACTS = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class BssScores:
    """Scores in decibels, each [N] or [M, N] like the estimates, NaN where a signal is silent.

    `silent_references` [N] and `silent_estimates` [N] or [M, N] say which signals were silent.
    """

    sdr_db: FloatArray
    sir_db: FloatArray
    sar_db: FloatArray
    silent_references: BoolArray
    silent_estimates: BoolArray

    @property
    def gaps(self) -> list[str]:
        """Why scores are NaN, one sentence per silent signal; empty when all are defined."""
        references = [f"Reference {source} is silent." for source in np.flatnonzero(self.silent_references)]
        estimates = [
            f"Estimate {', '.join(str(index) for index in indices)} is silent."
            for indices in np.argwhere(self.silent_estimates)
        ]
        return references + estimates


def bss_eval(references: ArrayLike, estimates: ArrayLike) -> BssScores:
    """Return SDR, SIR and SAR of estimates [N, S] or [M, N, S] against references [N, S].

    For conditions that do not fit into memory together, keep one `References` and call its `score` for each.

    Raises EvaluationError for wrong shapes, values that are no finite numbers, and too short signals.
    """
    return References(references).score(estimates)


def nsdr_db(references: ArrayLike, estimates: ArrayLike, mix: ArrayLike) -> FloatArray:
    """Return SDR(estimate) - SDR(mix) in decibels, [N] or [M, N], for the unprocessed mix [S].

    NaN where a signal is silent, and where both ratios are infinite.

    Raises EvaluationError as `bss_eval` does.
    """
    shared = References(references)
    estimate_sdr_db = shared.score(estimates).sdr_db
    mix_signal = _as_finite(mix, name="mix")
    if mix_signal.ndim != 1:
        raise EvaluationError(f"The mix has shape {list(mix_signal.shape)}; [S] was expected. Pass one mono mix.")
    mix_sdr_db = shared.score(np.tile(mix_signal, (shared.num_sources, 1))).sdr_db
    with np.errstate(invalid="ignore"):
        return estimate_sdr_db - mix_sdr_db


class References:
    """The true sources of one mix [N, S], with all that the scoring of any number of estimates can share.

    Raises EvaluationError for wrong shapes, values that are no finite numbers, and too short signals.
    """

    def __init__(self, references: ArrayLike) -> None:
        signals = _as_finite(references, name="references")
        _check_reference_shape(signals.shape)
        self.num_sources, self.num_samples = signals.shape
        self.silent = _is_silent(signals)
        self._signals = _to_unit_energy(signals)
        self._fft_samples = min(_LONGEST_FFT, next_fast_len(self.num_samples + NUM_TAPS - 1, real=True))

    def score(self, estimates: ArrayLike) -> BssScores:
        """Return SDR, SIR and SAR of estimates [N, S] or [M, N, S].

        Raises EvaluationError for wrong shapes and for values that are no finite numbers.
        """
        signals = _as_finite(estimates, name="estimates")
        self._check_estimate_shape(signals.shape)
        silent = _is_silent(signals)
        if self.silent.any():
            parts = np.full((*silent.shape, 3), np.nan)
        else:
            parts = self._energies(signals.reshape(-1, *signals.shape[-2:])).reshape(*silent.shape, 3)
        target, interference, artefacts = np.moveaxis(np.where(silent[..., None], np.nan, parts), -1, 0)
        return BssScores(
            sdr_db=_ratio_db(target, interference + artefacts),
            sir_db=_ratio_db(target, interference),
            sar_db=_ratio_db(target + interference, artefacts),
            silent_references=self.silent,
            silent_estimates=silent,
        )

    def _energies(self, estimates: FloatArray) -> FloatArray:
        """Energies [M, N, 3] of target, interference and artefacts, relative to the estimate."""
        energies = np.empty((*estimates.shape[:2], 3))
        for source, span in enumerate(self._spans):
            signals = _to_unit_energy(estimates[:, source])
            products = np.stack([self._lagged_products(signal) for signal in signals], axis=-1)
            target, interference = span.whiten(products)
            target_energy, interference_energy = _sum_squares(target), _sum_squares(interference)
            artefact_energy = 1 - target_energy - interference_energy
            weak = np.flatnonzero(artefact_energy < _WEAK_ARTEFACTS)
            taps = span.taps(target[:, weak], interference[:, weak])
            for column, condition in enumerate(weak):
                artefact_energy[condition] = self._residual_energy(signals[condition], taps[..., column])
            energies[:, source] = np.stack([target_energy, interference_energy, artefact_energy], axis=-1)
        return energies

    def _residual_energy(self, signal: FloatArray, taps: FloatArray) -> float:
        """Energy of a signal [S] less the references filtered with taps [N, 512]."""
        from scipy.signal import oaconvolve  # as in `peaq.bands`

        residual = -oaconvolve(self._signals, taps, axes=-1).sum(axis=0)
        residual[: self.num_samples] += signal
        return float(residual @ residual)

    @cached_property
    def _spans(self) -> list["_Span"]:
        products = np.stack([self._lagged_products(signal) for signal in self._signals])
        return [_Span.of_source(source, products) for source in range(self.num_sources)]

    def _lagged_products(self, signal: FloatArray) -> FloatArray:
        """Inner products [N, 512] of a signal [S] with each reference delayed by 0 to 511 samples.

        Correlated block by block; the spectra of the blocks are summed, which leaves one short inverse FFT.
        """
        hop_samples = self._fft_samples - NUM_TAPS + 1
        padded = np.pad(signal, (0, self._num_blocks * hop_samples + NUM_TAPS - 1 - signal.size))
        spectra = rfft(sliding_window_view(padded, self._fft_samples)[::hop_samples])
        cross_spectra = np.einsum("bf,nbf->nf", spectra, self._conjugate_spectra)
        return irfft(cross_spectra, n=self._fft_samples)[:, :NUM_TAPS]

    @cached_property
    def _conjugate_spectra(self) -> ComplexArray:
        """Conjugate spectra [N, blocks, F] of the references' blocks, which do not overlap."""
        hop_samples = self._fft_samples - NUM_TAPS + 1
        padded = np.pad(self._signals, ((0, 0), (0, self._num_blocks * hop_samples - self.num_samples)))
        blocks = padded.reshape(self.num_sources, self._num_blocks, hop_samples)
        return np.conj(rfft(blocks, n=self._fft_samples))

    @property
    def _num_blocks(self) -> int:
        return ceil(self.num_samples / (self._fft_samples - NUM_TAPS + 1))

    def _check_estimate_shape(self, shape: tuple[int, ...]) -> None:
        expected = (self.num_sources, self.num_samples)
        if len(shape) not in {2, 3} or shape[-2:] != expected or 0 in shape:
            raise EvaluationError(
                f"The estimates have shape {list(shape)}; {list(expected)} was expected, after the references, "
                "or several of these stacked. Give one estimate per reference and trim both to one length."
            )


@dataclass(frozen=True)
class _Span:
    """Orthonormal coordinates of all that the filters can make of the references, those of one target first.

    The Gram matrix of the delayed references is factorised in blocks: the target's own, then what the other
    references add to it (their Schur complement). The interference is so found directly, not as a difference.
    """

    order: list[int]
    target_root: GramRoot
    coupling: FloatArray
    other_root: GramRoot

    @classmethod
    def of_source(cls, source: int, products: FloatArray) -> "_Span":
        """Return the span for one target source, from the lagged products [N, N, 512] of the references."""
        others = [index for index in range(len(products)) if index != source]
        target_root = gram_root(_gram_matrix([source], [source], products))
        coupling = target_root.whiten(_gram_matrix([source], others, products))
        schur_complement = _gram_matrix(others, others, products) - coupling.T @ coupling
        return cls([source, *others], target_root, coupling, gram_root(schur_complement))

    def whiten(self, products: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the coordinates of the target and of the interference in lagged products [N, 512, M]."""
        ordered = products[self.order]
        num_signals = products.shape[-1]
        target = self.target_root.whiten(ordered[0])
        others = ordered[1:].reshape(-1, num_signals) - self.coupling.T @ target
        return target, self.other_root.whiten(others)

    def taps(self, target: FloatArray, interference: FloatArray) -> FloatArray:
        """Return the filters [N, 512, M] that make the signals with these coordinates from the references."""
        other_taps = self.other_root.unwhiten(interference)
        target_taps = self.target_root.unwhiten(target - self.coupling @ other_taps)
        taps = np.empty((len(self.order), NUM_TAPS, target.shape[-1]))
        taps[self.order] = np.concatenate([target_taps, other_taps]).reshape(taps.shape)
        return taps


def _gram_matrix(rows: list[int], columns: list[int], products: FloatArray) -> FloatArray:
    """Inner products of the delayed references, [512 per row source, 512 per column source]."""
    if not columns:
        return np.zeros((len(rows) * NUM_TAPS, 0))
    # A product of two delayed references depends on the difference of the delays: the blocks are Toeplitz.
    return np.block([[toeplitz(products[q, p], products[p, q]) for q in columns] for p in rows])


def _to_unit_energy(signals: FloatArray) -> FloatArray:
    """Scale every signal [..., S] to energy 1, by way of its peak, so that no square overflows."""
    peak = np.abs(signals).max(axis=-1, keepdims=True)
    to_peak = signals / np.where(peak > 0, peak, 1)
    norm = np.sqrt(np.square(to_peak).sum(axis=-1, keepdims=True))
    return to_peak / np.where(norm > 0, norm, 1)


def _is_silent(signals: FloatArray) -> BoolArray:
    return np.abs(signals).max(axis=-1) == 0


def _sum_squares(columns: FloatArray) -> FloatArray:
    return np.square(columns).sum(axis=0)


def _ratio_db(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_db = 10 * (np.log10(numerator) - np.log10(denominator))
    return np.where(denominator == 0, np.inf, ratio_db)


def _as_finite(signals: ArrayLike, *, name: str) -> FloatArray:
    try:
        array = np.asarray(signals)
    except ValueError as error:
        raise EvaluationError(
            f"The {name} cannot be stacked ({error}); signals of one length were expected. Trim them first."
        ) from error
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise EvaluationError(
            f"The {name} have the type {array.dtype}; real numbers were expected. Pass samples of float type."
        )
    if not np.isfinite(array).all():
        num_broken = int(array.size - np.isfinite(array).sum())
        raise EvaluationError(
            f"The {name} hold {num_broken} of {array.size} values that are NaN or infinite; finite samples "
            "were expected. Look for a division by zero where they were made."
        )
    return array.astype(np.float64)


def _check_reference_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or shape[0] == 0:
        raise EvaluationError(
            f"The references have shape {list(shape)}; [N, S] was expected. Stack mono signals of one length."
        )
    shortest_samples = (shape[0] - 1) * NUM_TAPS + 2
    if shape[1] < shortest_samples:
        raise EvaluationError(
            f"The references have shape {list(shape)}; {shape[0]} sources need at least {shortest_samples} "
            f"samples, or {NUM_TAPS}-tap filters could make any sound of them. Pass longer signals, "
            "with the samples as the last axis."
        )
