"""Calibrate forecast intervals on validation, so that they hold the share that they should."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]  # truth, outputs and series of some origins

FEWEST = 20  # validation origins from which on each step has its own correction
MORE = 2  # spans with which what is known of a series is weighed
MOST = 10.0  # times as large, or as small, may the errors of a series be as those of all


@dataclass(frozen=True)
class Intervals:
    """How the outputs of a network become intervals that hold their share.

    Attributes:
        corrections: what is added to the quantiles of each step, of shape (H, 3), as a multiple of
            the errors of the series; none before they are fitted.
        errors: how large the errors of each series are, as a multiple of those of all; none for 1.
        stretches: by what the interval of each series is multiplied first; none for 1.
    """

    corrections: tuple[tuple[float, ...], ...] = ()
    errors: tuple[float, ...] = ()
    stretches: tuple[float, ...] = ()

    def apply(self, outputs: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Return calibrated quantiles, rising; float64, shape (N, H, 3).

        Args:
            outputs: as `outside` takes them.
            series: the number of the series of each, shape (N,).
        """
        if not self.corrections:
            return outputs
        errors = _each(self.errors, series)[:, None, None]
        return rising(self._stretched(outputs, series) + np.array(self.corrections) * errors)

    def _stretched(self, outputs: np.ndarray, series: np.ndarray) -> np.ndarray:
        middle = outputs[:, :, [outputs.shape[2] // 2]]
        factors = _each(self.stretches, series)[:, None, None]
        return np.asarray(middle + (outputs - middle) * factors)

    @classmethod
    def fitted(
        cls, batches: Callable[[], Iterable[Batch]], spans: np.ndarray, share: float
    ) -> Intervals:
        """Return the intervals that hold their share of the validation values.

        A network that learns from all series gives each much the same interval, in standard
        deviations, but some series follow their past more closely than others. Where some have no
        validation part, all are calibrated together.

        Args:
            batches: yields the truth and the outputs of origins, as `outside` takes them, and the
                numbers of their series.
            spans: how many spans of a horizon of each series do not overlap, shape (S,).
            share: of the true values that the interval should hold.
        """
        found = cls()
        if len(spans) > 1 and spans.all():
            errors, widths = (ratios(mean, spans) for mean in _means(batches(), len(spans)))
            found = cls((), tuple(errors.tolist()), tuple((errors / widths).tolist()))
        off = [
            outside(truth, found._stretched(outputs, series)) / _each(found.errors, series)[:, None]
            for truth, outputs, series in batches()
        ]
        corrections = fit(np.concatenate(off), share).tolist()
        return cls(tuple(map(tuple, corrections)), found.errors, found.stretches)


def _each(of_series: Sequence[float], series: np.ndarray) -> np.ndarray:
    """Return the value of the series of each origin, 1 if there are none."""
    return np.asarray(of_series)[series] if of_series else np.ones(len(series))


def _means(batches: Iterable[Batch], number: int) -> np.ndarray:
    """Return the mean absolute error and the mean width of each series; shape (2, S)."""
    totals = np.zeros((3, number))
    for truth, outputs, series in batches:
        middle = outputs[:, :, outputs.shape[2] // 2]
        errors = np.nanmean(np.abs(truth - middle), axis=1)
        widths = (outputs[:, :, -1] - outputs[:, :, 0]).mean(axis=1)
        for total, values in zip(totals, (errors, widths, np.ones(len(series))), strict=True):
            np.add.at(total, series, values)
    return np.asarray(totals[:2] / totals[2])


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
