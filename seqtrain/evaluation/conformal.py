"""Calibrate forecast intervals on validation, so that they hold the share that they should."""

from __future__ import annotations

import math

import numpy as np

FEWEST = 20  # validation origins from which on each step has its own correction


def outside(truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return how far the truth lies outside of the interval, below 0 inside.

    Args:
        truth: of N origins, float64 of shape (N, H); NaN where not known.
        outputs: quantiles, float64 of shape (N, H, Q), or (N, H, 1) of a forecast without them,
            whose interval is a point.

    Returns:
        float64 of shape (N, H).
    """
    return np.asarray(np.maximum(outputs[:, :, 0] - truth, truth - outputs[:, :, -1]))


def fit(found: np.ndarray, share: float) -> np.ndarray:
    """Return what must be added to the outputs so that the interval holds its share.

    Split conformal prediction. For quantiles, both ends move outwards (or inwards) by the quantile
    of how far the truth lies outside: Y. Romano, E. Patterson and E. Candès, "Conformalized
    Quantile Regression", NeurIPS 2019. A forecast without quantiles gets ends at the quantile of
    its absolute errors: J. Lei et al., "Distribution-Free Predictive Inference for Regression",
    JASA 113, 2018. Each step of the horizon has its own correction, and all share one if there are
    fewer than 20 origins. The middle quantile does not change.

    Args:
        found: how far the truth of the validation origins lies `outside`.
        share: of the true values that the interval should hold.

    Returns:
        float64 of shape (H, 3).
    """
    if np.isfinite(found).sum(axis=0).min() < FEWEST:
        more = np.full(found.shape[1], _quantile(found.ravel(), share))
    else:
        more = np.array([_quantile(step, share) for step in found.T])
    return np.stack([-more, np.zeros_like(more), more], axis=1)


def apply(outputs: np.ndarray, corrections: np.ndarray) -> np.ndarray:
    """Return corrected quantiles, rising; float64, shape (N, H, 3).

    Args:
        outputs: as `outside` takes them.
        corrections: the result of `fit`.
    """
    return rising(outputs + corrections)


def rising(quantiles: np.ndarray) -> np.ndarray:
    """Return quantiles whose ends do not cross the middle one, which stays as it is.

    Args:
        quantiles: float64 of shape (N, H, Q), with the middle one in the middle.
    """
    found = quantiles.copy()
    middle = found[:, :, found.shape[2] // 2]
    found[:, :, 0] = np.minimum(found[:, :, 0], middle)
    found[:, :, -1] = np.maximum(found[:, :, -1], middle)
    return found


def _quantile(values: np.ndarray, share: float) -> float:
    """Return the quantile that a further value does not exceed with at least this probability."""
    values = values[np.isfinite(values)]
    rank = min(math.ceil((len(values) + 1) * share), len(values))
    return float(np.partition(values, rank - 1)[rank - 1])
