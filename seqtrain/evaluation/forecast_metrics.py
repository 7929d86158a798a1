"""Scores of forecasts: N origins of S series, H steps ahead of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtrain.data import inputs
from seqtrain.evaluation import uncertainty
from seqtrain.evaluation.significance import diebold_mariano

PERCENTILES = (50, 90, 95, 99, 100)
MANY_SERIES = 10  # series from which on whole series are resampled

Values = np.ndarray  # a value of each origin and step, float64 of shape (N, H)


@dataclass(frozen=True)
class Origins:
    """What is true after each origin.

    Attributes:
        truth: in units of the data, float64 of shape (N, H); NaN where it is not known, which no
            score counts.
        scale: MASE's denominator of each origin's series, 0 if undefined; float64, shape (N,).
        series: the number of the series of each origin, int64 of shape (N,).
        time: of each origin, int64 of shape (N,).
    """

    truth: np.ndarray
    scale: np.ndarray
    series: np.ndarray
    time: np.ndarray

    def take(self, rows: slice) -> Origins:
        """Return some of the origins."""
        return Origins(self.truth[rows], self.scale[rows], self.series[rows], self.time[rows])


def mase(origins: Origins, points: np.ndarray) -> Values:
    """Absolute error, divided by that of the seasonal naive forecast on train; NaN if undefined.

    R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting 22(4), 2006.
    """
    return np.asarray(mae(origins, points) / _known(origins))


def mae(origins: Origins, points: np.ndarray) -> Values:
    """Absolute error, in units of the data."""
    return np.asarray(np.abs(origins.truth - points))


def smape(origins: Origins, points: np.ndarray) -> Values:
    """Symmetric percentage error, between 0 and 200: 200 |y - f| / (|y| + |f|).

    S. Makridakis and M. Hibon, "The M3-Competition: results, conclusions and implications",
    International Journal of Forecasting 16(4), 2000.
    """
    off = mae(origins, points)
    both = np.abs(origins.truth) + np.abs(points)
    return np.asarray(np.divide(200 * off, both, out=0 * off, where=both > 0))


def pinball(origins: Origins, quantiles: np.ndarray, levels: Sequence[float]) -> Values:
    """Pinball loss, the mean over the levels, in units of MASE's denominator; NaN if undefined.

    R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46(1), 1978.
    """
    off = origins.truth[:, :, None] - quantiles
    loss = np.maximum(np.array(levels) * off, (np.array(levels) - 1) * off).mean(axis=2)
    return np.asarray(loss / _known(origins))


def coverage(origins: Origins, quantiles: np.ndarray) -> Values:
    """Whether the truth lies between the ends of the interval: 0 or 1."""
    inside = (quantiles[:, :, 0] <= origins.truth) & (origins.truth <= quantiles[:, :, -1])
    return np.where(np.isnan(origins.truth), np.nan, inside)


def width(origins: Origins, quantiles: np.ndarray) -> Values:
    """Width of the interval, in units of MASE's denominator; NaN if undefined."""
    return np.asarray((quantiles[:, :, -1] - quantiles[:, :, 0]) / _known(origins))


def errors(origins: Origins, quantiles: np.ndarray) -> np.ndarray:
    """Return the mean of `mase` over the steps of each origin; float64, shape (N,)."""
    off, middle = np.empty(len(quantiles)), points(quantiles)
    for rows in inputs.pieces(len(off)):
        off[rows] = np.nanmean(mae(origins.take(rows), middle[rows]), axis=1)
    return np.asarray(off / _known(origins)[:, 0])


def difference(origins: Origins, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the mean difference of `errors`, and the p-value of the Diebold–Mariano test."""
    first, second = errors(origins, ours), errors(origins, theirs)
    more, known = first - second, ~np.isnan(first)
    more = more[~np.isnan(more)]
    where = origins.series[known], origins.time[known], origins.truth.shape[1]
    p = diebold_mariano(first[known], second[known], *where)
    return float(more.mean()) if len(more) else 0.0, p


def points(quantiles: np.ndarray) -> np.ndarray:
    """Return the forecasts themselves, without their intervals; float64, shape (N, H)."""
    return np.asarray(quantiles[:, :, quantiles.shape[2] // 2])


def _known(origins: Origins) -> np.ndarray:
    """Return MASE's denominators, NaN if undefined; float64, shape (N, 1)."""
    return np.asarray(np.where(origins.scale > 0, origins.scale, np.nan)[:, None])


def every(origins: Origins, quantiles: np.ndarray, levels: Sequence[float]) -> dict[str, Values]:
    """Return each score of each origin and step, by name; NaN where it is not defined.

    Args:
        origins: the truth.
        quantiles: float64 of shape (N, H, Q), in units of the data.
        levels: the Q quantiles; the middle one is the forecast itself.
    """
    middle = points(quantiles)
    none = np.full(middle.shape, np.nan)
    has_interval = len(levels) > 1
    return {
        "mase": mase(origins, middle),
        "mae": mae(origins, middle),
        "rmse": np.square(mae(origins, middle)),
        "smape": smape(origins, middle),
        "pinball": pinball(origins, quantiles, levels) if has_interval else none,
        "coverage": coverage(origins, quantiles) if has_interval else none,
        "width": width(origins, quantiles) if has_interval else none,
    }


@dataclass(frozen=True)
class Sums:
    """The sums of a score over origins, and how many values each counts.

    Attributes:
        steps: of each step of the horizon, float64 of shape (H,).
        of_steps: their numbers of values, in the same form.
        groups: of each group of origins, float64 of shape (G,).
        of_groups: their numbers of values, in the same form.
    """

    steps: np.ndarray
    of_steps: np.ndarray
    groups: np.ndarray
    of_groups: np.ndarray

    def __add__(self, other: Sums) -> Sums:
        """Return the sums over the origins of both."""
        return Sums(
            self.steps + other.steps,
            self.of_steps + other.of_steps,
            self.groups + other.groups,
            self.of_groups + other.of_groups,
        )

    @classmethod
    def of(cls, values: Values, groups: np.ndarray, number: int) -> Sums:
        """Return the sums of finite values of origins, of which each is in one of some groups."""
        known = np.isfinite(values)
        values = np.where(known, values, 0.0)
        total = np.bincount(groups, values.sum(axis=1), number)
        count = np.bincount(groups, known.sum(axis=1), number)
        return cls(values.sum(axis=0), known.sum(axis=0), total, count)


def sums(
    origins: Origins, quantiles: np.ndarray, levels: Sequence[float], groups: np.ndarray
) -> dict[str, Sums]:
    """Return the sums of each score, by name; few origins at once are in memory.

    Args:
        origins: the truth.
        quantiles: see `every`.
        levels: see `every`.
        groups: the group of each origin, int64 of shape (N,).
    """
    number = int(groups.max()) + 1
    found: dict[str, Sums] = {}
    for rows in inputs.pieces(len(groups)):
        for name, values in every(origins.take(rows), quantiles[rows], levels).items():
            more = Sums.of(values, groups[rows], number)
            found[name] = found[name] + more if name in found else more
    return found


def scores(
    prefix: str, origins: Origins, quantiles: np.ndarray, levels: Sequence[float]
) -> dict[str, float | None]:
    """Return the mean of each score over origins and steps as `<prefix>_<name>`.

    RMSE is the root of the mean square. A score is None where it is not defined.
    """
    one = np.zeros(len(origins.time), np.int64)
    return _means(prefix, sums(origins, quantiles, levels, one))


def evaluate(
    prefix: str, origins: Origins, quantiles: np.ndarray, levels: Sequence[float]
) -> dict[str, Any]:
    """Return the scores, their `intervals`, and under `prefix` details.

    The details are `steps`, with each score of each step of the horizon, and quantiles of the
    absolute errors.
    """
    found = sums(origins, quantiles, levels, blocks(origins))
    sizes = np.nanpercentile(mae(origins, points(quantiles)), PERCENTILES).tolist()
    return {
        **_means(prefix, found),
        "intervals": {f"{prefix}_{name}": ends for name, ends in intervals(found).items()},
        prefix: {
            "steps": _by_step(found),
            "absolute_errors": dict(zip(map(str, PERCENTILES), sizes, strict=True)),
        },
    }


def by_step(
    origins: Origins, quantiles: np.ndarray, levels: Sequence[float]
) -> dict[str, list[float | None]]:
    """Return each score of each step of the horizon."""
    one = np.zeros(len(origins.time), np.int64)
    return _by_step(sums(origins, quantiles, levels, one))


def by_series(
    origins: Origins, quantiles: np.ndarray, levels: Sequence[float]
) -> dict[int, dict[str, float | None]]:
    """Return each score of each series, by the number of the series."""
    numbers, groups = np.unique(origins.series, return_inverse=True)
    found = sums(origins, quantiles, levels, groups)
    return {
        number: {
            name: _mean(name, one.groups[place], one.of_groups[place])
            for name, one in found.items()
        }
        for place, number in enumerate(numbers.tolist())
    }


def _by_step(found: Mapping[str, Sums]) -> dict[str, list[float | None]]:
    return {
        name: [_mean(name, *pair) for pair in zip(one.steps, one.of_steps, strict=True)]
        for name, one in found.items()
    }


def _means(prefix: str, found: Mapping[str, Sums]) -> dict[str, float | None]:
    return {
        f"{prefix}_{name}": _mean(name, one.steps.sum(), one.of_steps.sum())
        for name, one in found.items()
    }


def _mean(name: str, total: float, count: int) -> float | None:
    if not count:
        return None
    return float(np.sqrt(total / count) if name == "rmse" else total / count)


def intervals(found: Mapping[str, Sums]) -> dict[str, list[float] | None]:
    """Return the 95 % interval of each score, by bootstrap.

    Forecasts from neighbouring origins overlap, so single origins are not resampled. With many
    series whole series are; with few, blocks of neighbouring origins that are at least as long as
    the horizon: H. R. Künsch, "The Jackknife and the Bootstrap for General Stationary
    Observations", Annals of Statistics 17(3), 1989.

    Args:
        found: the sums of each score, by these `blocks`.
    """
    number = len(next(iter(found.values())).groups)
    statistics = {name: _ratio(name, one.groups, one.of_groups) for name, one in found.items()}
    ends = uncertainty.bootstrap(statistics, number)
    return {name: list(pair) if pair else None for name, pair in ends.items()}


def _ratio(name: str, total: np.ndarray, count: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def statistic(counts: np.ndarray) -> np.ndarray:
        mean = uncertainty.ratio(counts @ total, counts @ count)
        return np.asarray(np.sqrt(mean) if name == "rmse" else mean)

    return statistic


def spans(origins: Origins, number: int) -> np.ndarray:
    """Return how many spans of a horizon are forecast of each series that do not overlap.

    Args:
        origins: the origins.
        number: of all series, S.

    Returns:
        int64 of shape (S,), 0 for a series without origins.
    """
    first, last = np.full(number, np.iinfo(np.int64).max), np.full(number, -1)
    np.minimum.at(first, origins.series, origins.time)
    np.maximum.at(last, origins.series, origins.time)
    length = origins.truth.shape[1]
    return np.where(first <= last, np.maximum(last - first, 0) // length + 1, 0)


def blocks(origins: Origins) -> np.ndarray:
    """Return the group of each origin that is resampled as a whole; int64, shape (N,)."""
    _, series = np.unique(origins.series, return_inverse=True)
    if series.max() + 1 >= MANY_SERIES:
        return np.asarray(series)
    length = origins.truth.shape[1]
    firsts = np.full(series.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(firsts, series, origins.time)
    place = (origins.time - firsts[series]) // length
    _, groups = np.unique(np.stack([series, place], axis=1), axis=0, return_inverse=True)
    return np.asarray(groups).ravel()
