"""Calibrate forecast intervals on validation, so that they hold the share that they should."""

from __future__ import annotations

import math

import numpy as np

FEWEST = 20  # validation origins from which on each step has its own correction
MORE = 2  # spans with which what is known of a series is weighed
MOST = 10.0  # times as large, or as small, may the errors of a series be as those of all


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


def ratios(values: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Return how large the values of each series are, as a multiple of those of all.

    A ratio is drawn towards 1 as if the series had `MORE` spans, in which it were like all.

    Args:
        values: the mean of each series, float64 of shape (S,).
        spans: how many spans of a horizon it rests on, shape (S,).
    """
    mean = np.average(values, weights=spans)
    if not mean:
        return np.ones(len(values))
    found = np.clip(values / mean, 1 / MOST, MOST)
    return np.asarray(found ** (spans / (spans + MORE)))


def stretched(outputs: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return quantiles of shape (N, H, Q), farther from the middle one by factors, shape (N,)."""
    middle = outputs[:, :, [outputs.shape[2] // 2]]
    return np.asarray(middle + (outputs - middle) * factors[:, None, None])


def fit(found: np.ndarray, share: float) -> np.ndarray:
    """Return what must be added to the outputs so that the interval holds its share.

    Split conformal prediction. For quantiles, both ends move outwards (or inwards) by the quantile
    of how far the truth lies outside: Y. Romano, E. Patterson and E. Candès, "Conformalized
    Quantile Regression", NeurIPS 2019. A forecast without quantiles gets ends at the quantile of
    its absolute errors: J. Lei et al., "Distribution-Free Predictive Inference for Regression",
    JASA 113, 2018. Each step of the horizon has its own correction, and all share one if there are
    fewer than 20 origins. The middle quantile does not change.

    Args:
        found: how far the truth of the validation origins lies `outside`, float64 of shape (N, H),
            in units of the errors of their series.
        share: of the true values that the interval should hold.

    Returns:
        float64 of shape (H, 3).
    """
    if np.isfinite(found).sum(axis=0).min() < FEWEST:
        more = np.full(found.shape[1], _quantile(found.ravel(), share))
    else:
        more = np.array([_quantile(step, share) for step in found.T])
    return np.stack([-more, np.zeros_like(more), more], axis=1)


def apply(outputs: np.ndarray, corrections: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return corrected quantiles, rising; float64, shape (N, H, 3).

    Args:
        outputs: as `outside` takes them.
        corrections: the result of `fit`.
        errors: how large those of the series of each are, shape (N,).
    """
    return rising(outputs + corrections * errors[:, None, None])


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
