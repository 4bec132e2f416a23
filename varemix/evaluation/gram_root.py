"""Square roots of Gram matrices, regular or not: the arithmetic under the least squares of `bss`.

Belongs here: factorising a Gram matrix and solving with the factor. Stays out: where the matrix comes from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, eigh, solve_triangular

FloatArray = NDArray[np.float64]

# For vectors of length 1: the rounding of a sum of 512 products. Directions weaker than this are noise of the
# Gram matrix. With tones, keeping them costs decibels, and leaving them out costs hundredths of a decibel.
_RANK_FLOOR = 1e-13


@dataclass(frozen=True)
class TriangularRoot:
    """The Cholesky factor L [K, K] of a regular Gram matrix L L'."""

    lower: FloatArray

    def whiten(self, products: FloatArray) -> FloatArray:
        """Return orthonormal coordinates [K, M] of vectors with these inner products [K, M]."""
        return solve_triangular(self.lower, products, lower=True, check_finite=False)

    def unwhiten(self, coordinates: FloatArray) -> FloatArray:
        """Return the weights [K, M] that combine to vectors with these coordinates [K, M]."""
        return solve_triangular(self.lower, coordinates, lower=True, trans="T", check_finite=False)


@dataclass(frozen=True)
class SpectralRoot:
    """The scaled eigenvectors B [K, rank] of a singular Gram matrix G, such that B' G B = 1."""

    basis: FloatArray

    def whiten(self, products: FloatArray) -> FloatArray:
        """Return orthonormal coordinates [rank, M] of vectors with these inner products [K, M]."""
        return self.basis.T @ products

    def unwhiten(self, coordinates: FloatArray) -> FloatArray:
        """Return the smallest weights [K, M] that combine to vectors with these coordinates [rank, M]."""
        return self.basis @ coordinates


GramRoot = TriangularRoot | SpectralRoot


def gram_root(gram: FloatArray) -> GramRoot:
    """Return a root of a Gram matrix [K, K] of vectors of length 1 or less.

    The Cholesky factor; where that fails or has a pivot that is mere rounding (vectors that depend on each
    other), the eigenvectors whose eigenvalues are more than rounding.
    """
    if gram.size == 0:
        return SpectralRoot(np.zeros((0, 0)))
    try:
        lower = cholesky(gram, lower=True, check_finite=False)
    except LinAlgError:
        return _spectral_root(gram)
    if np.square(lower.diagonal()).min() < _RANK_FLOOR:
        return _spectral_root(gram)
    return TriangularRoot(lower)


def _spectral_root(gram: FloatArray) -> SpectralRoot:
    eigenvalues, eigenvectors = eigh(gram, check_finite=False)
    kept = eigenvalues > _RANK_FLOOR
    return SpectralRoot(eigenvectors[:, kept] / np.sqrt(eigenvalues[kept]))
