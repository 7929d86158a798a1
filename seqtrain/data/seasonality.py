"""The seasonal pattern of a time series."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CRITICAL = 1.645  # of the normal distribution, for a test at 90 %
ROUNDING = 1e-12  # of the largest value: differences below it are none
FEWEST_SEASONS = 3  # whole seasons, with fewer none is estimated


def seasonal_indices(values: np.ndarray, season: int) -> np.ndarray | None:
    """Estimate the additive seasonal indices by classical decomposition.

    Each index is the mean difference of the values at its place from the centred moving average
    over a season; their mean is 0. S. Makridakis, S. C. Wheelwright and R. J. Hyndman,
    "Forecasting: Methods and Applications", 3rd edition, 1998, chapter 3.

    Args:
        values: float64 of shape (steps,).
        season: its number of steps.

    Returns:
        float64 of shape (season,), by place in `values` modulo `season`; None if the values have
        no significant season, or fewer than three whole ones.
    """
    import numpy as np

    if season < 2 or len(values) < FEWEST_SEASONS * season or not is_seasonal(values, season):
        return None
    weights = np.ones(season)
    if season % 2 == 0:
        weights = np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    before = len(weights) // 2
    trend = np.convolve(values, weights / season, "valid")
    detrended = values[before : before + len(trend)] - trend
    places = (np.arange(len(trend)) + before) % season
    indices = np.bincount(places, detrended, season) / np.bincount(places, minlength=season)
    return np.asarray(indices - indices.mean())


def is_seasonal(values: np.ndarray, season: int) -> bool:
    """Return whether the autocorrelation at the lag of a season is significant at 10 %.

    The test of the M3 and M4 competitions: J. A. Fiorucci et al., "Models for optimising the theta
    method and their relationship to state space models", International Journal of Forecasting
    32(4), 2016, with Bartlett's standard error.
    """
    import numpy as np

    centred = values - values.mean()
    variance = float(centred @ centred)
    if not variance > 0:
        return False
    found = [float(centred[lag:] @ centred[:-lag]) / variance for lag in range(1, season + 1)]
    error = np.sqrt((1 + 2 * np.square(found[:-1]).sum()) / len(values))
    return bool(abs(found[-1]) > CRITICAL * error)


def mase_scale(values: np.ndarray, season: int) -> float:
    """Return the mean absolute difference of values a season apart: the denominator of MASE.

    R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting 22(4), 2006. Without two seasons, or if the seasons are
    all the same, it is that of neighbouring values; 0 if it is undefined.

    Args:
        values: before the test part, float64 of shape (steps,).
        season: its number of steps.
    """
    import numpy as np

    for lag in (season, 1):
        if len(values) > lag:
            scale = float(np.abs(values[lag:] - values[:-lag]).mean())
            if scale > ROUNDING * np.abs(values).max():
                return scale
    return 0.0
