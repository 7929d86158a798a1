"""Simple forecasts that a network must beat, from the same origins."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from seqtrain.data import inputs
from seqtrain.evaluation.linear_models import Linear

if TYPE_CHECKING:
    from seqtrain.data.dataset import Dataset, Examples, Split
    from seqtrain.data.time_series import SeriesData

LAST, SEASONAL, DRIFT, THETA = "last value", "seasonal naive", "drift", "Theta method"
LARGEST = 16_000_000  # values of the windows of a regression; of more windows some are taken
MOST_FITS = 2_000  # of the Theta method, of which each takes 10 ms
PENALTIES = (1e-3, 1e-1, 1e1, 1e3)  # of the ridge regression, of which validation chooses

log = logging.getLogger(__name__)


def naive_forecasts(
    found: SeriesData, series: np.ndarray, times: np.ndarray, horizon: int, season: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the naive forecasts with their names; float64, shape (N, H), in units of the data.

    R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition,
    2021, section 5.2.

    Args:
        found: the series.
        series: the number of the series of each origin, shape (N,).
        times: the time of the last known value of each, shape (N,).
        horizon: H.
        season: the number of steps of a season; 1 leaves the seasonal forecast out.
    """
    firsts = found.firsts[series]
    lasts = firsts + times - found.starts[series]
    steps = np.arange(1, horizon + 1)
    last, first = found.values[lasts][:, None], found.values[firsts][:, None]
    slope = (last - first) / np.maximum(lasts - firsts, 1)[:, None]
    yield LAST, np.broadcast_to(last, (len(series), horizon))
    if season > 1:
        rows = lasts[:, None] - season + 1 + (steps - 1) % season
        there = rows >= firsts[:, None]
        yield SEASONAL, np.where(there, found.values[np.where(there, rows, 0)], last)
    yield DRIFT, last + slope * steps


def theta_forecasts(
    found: SeriesData, series: np.ndarray, times: np.ndarray, horizon: int, season: int
) -> np.ndarray | None:
    """Return the forecasts of the Theta method, fitted anew on the values up to each origin.

    V. Assimakopoulos and K. Nikolopoulos, "The theta model: a decomposition approach to
    forecasting", International Journal of Forecasting 16(4), 2000; computed by statsmodels, which
    also removes a significant season.

    Args:
        found: see `naive_forecasts`.
        series: see there.
        times: see there.
        horizon: see there.
        season: see there.

    Returns:
        float64 of shape (N, H), in units of the data; None if statsmodels is not installed, or if
        there are so many origins that it would take minutes.
    """
    if find_spec("statsmodels") is None:
        return None
    if len(series) > MOST_FITS:
        log.info("the %s is left out: it is fitted at most %s times", THETA, f"{MOST_FITS:,}")
        return None
    firsts = found.firsts[series]
    ends = firsts + times - found.starts[series] + 1
    pairs = zip(firsts.tolist(), ends.tolist(), strict=True)
    return np.stack([_theta(found.values[first:end], horizon, season) for first, end in pairs])


def _theta(values: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Return the next values of one series by the Theta method; float64, shape (H,)."""
    from statsmodels.tsa.forecasting.theta import ThetaModel

    last = np.full(horizon, values[-1])
    if (values == values[0]).all():
        return last
    has_seasons = season > 1 and len(values) >= 2 * season
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of searches that end without the best value
        model = ThetaModel(values, period=season if has_seasons else 1, deseasonalize=has_seasons)
        points = np.asarray(model.fit().forecast(horizon), np.float64)
    return np.where(np.isfinite(points), points, last)


def regression_on_windows(dataset: Dataset) -> np.ndarray:
    """Forecast the test origins by ridge regression, see `fit_windows`.

    Returns:
        float64 of shape (N, H), in the scale of the network.
    """
    return forecast_linearly(fit_windows(dataset), dataset.test)


def forecast_linearly(model: Linear, examples: Examples) -> np.ndarray:
    """Return the outputs of a linear model of windows; float64, shape (N, H)."""
    parts = (flat(examples, rows) for rows in inputs.pieces(len(examples)))
    return np.concatenate([part.astype(np.float64) @ model.kernel + model.bias for part in parts])


def fit_windows(dataset: Dataset) -> Linear:
    """Fit a ridge regression of the next values on all values that the network reads.

    It is fitted on train, in the scale of the network, so it also has its preprocessing. Its
    penalty is the best on validation.

    Returns:
        The model, with H outputs.
    """
    from scipy.linalg import LinAlgWarning
    from sklearn.linear_model import Ridge
    from threadpoolctl import threadpool_limits

    horizon = dataset.test.labels["truth"].shape[1]
    with threadpool_limits(1):
        x, y = _of_split(dataset, "train", horizon)
        beside, truth = _of_split(dataset, "validation", horizon)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LinAlgWarning)  # centred windows are collinear
            fits = [Ridge(penalty).fit(x, y) for penalty in PENALTIES]
        errors = [np.abs(fit.predict(beside).reshape(truth.shape) - truth).mean() for fit in fits]
        best = fits[int(np.argmin(errors))]
        kernel = np.atleast_2d(best.coef_).T.astype(np.float64)
        return Linear(kernel, np.atleast_1d(best.intercept_).astype(np.float64))


def _of_split(dataset: Dataset, split: Split, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows of a split in rows, and their next values, both in the network's scale.

    Of many windows every second, third and so on is taken.
    """
    part = dataset.learned_split(split)
    values = len(part) * flat(part, slice(0, 1)).shape[1]
    rows = np.arange(0, len(part), -(-values // LARGEST))
    truth = part.labels[rows, :horizon]
    known = np.isfinite(truth).all(axis=1)
    if known.any():  # else each has a gap after it
        rows, truth = rows[known], truth[known]
    x = [flat(part, rows[some]) for some in inputs.pieces(len(rows))]
    return np.concatenate(x), np.nan_to_num(truth)


def flat(examples: Examples, rows: slice | np.ndarray) -> np.ndarray:
    """Return all values of each example in one row, without ids; float32, shape (N, values)."""
    parts = [one for one in inputs.arrays(inputs.rows(examples.x, rows)) if one.dtype.kind == "f"]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
