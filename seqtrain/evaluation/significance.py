"""Significance tests: two-sided p-values for the difference of two results."""

import math
from collections.abc import Sequence
from statistics import fmean, variance

import numpy as np

from seqtrain.evaluation.uncertainty import FEWEST, Statistic, resamples

CRITICAL = 1.959964  # of the normal distribution, for p = 0.05, two-sided
MOST_EXACT = 1_000  # discordant examples up to which the test is exact


def mcnemar(only_first: int, only_second: int) -> float:
    """Return McNemar's p-value: the null hypothesis is that two networks are right equally often.

    For numbers it is the sign test: the null hypothesis is that each network is closer equally
    often. J. Arbuthnot, Philosophical Transactions 27, 1710.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12(2), 1947. The p-value is exact, by the binomial distribution.
    With more than 1,000 discordant examples it is by chi-squared, with the continuity correction
    of A. L. Edwards, Psychometrika 13(3), 1948.

    Args:
        only_first: examples that only the first gets right, or gets closer.
        only_second: examples that only the second gets right, or gets closer.
    """
    apart = only_first + only_second
    if apart > MOST_EXACT:
        chi_squared = max(abs(only_first - only_second) - 1, 0) ** 2 / apart
        return math.erfc(math.sqrt(chi_squared / 2))
    tail = sum(math.comb(apart, hits) for hits in range(min(only_first, only_second) + 1))
    return float(min(1, 2 * tail / 2**apart))


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Welch's p-value: the null hypothesis is equal means; None if neither sample varies.

    B. L. Welch, "The generalization of 'Student's' problem when several different population
    variances are involved", Biometrika 34(1/2), 1947.

    Args:
        first: two values or more.
        second: two values or more.
    """
    from scipy.special import stdtr

    errors = [variance(values) / len(values) for values in (first, second)]
    if not sum(errors):
        return None
    t = (fmean(first) - fmean(second)) / math.sqrt(sum(errors))
    parts = zip(errors, (first, second), strict=True)
    freedom = sum(errors) ** 2 / sum(error**2 / (len(values) - 1) for error, values in parts)
    return float(2 * stdtr(freedom, -abs(t)))


def paired_bootstrap(difference: Statistic, examples: int) -> float:
    """Return a bootstrap p-value: the null hypothesis is that two networks have equal scores.

    It is twice the share of resamples of the examples in which the difference has the other sign:
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section 16.3; for two
    systems on the same examples P. Koehn, "Statistical Significance Tests for Machine Translation
    Evaluation", EMNLP, 2004. It is 1 for fewer than 10 examples.

    Args:
        difference: computes the difference of the scores in resamples.
        examples: the number of examples.
    """
    if examples < FEWEST:
        return 1.0
    found = np.concatenate([difference(counts) for counts in resamples(examples)])
    tail = min(int((found <= 0).sum()), int((found >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(found) + 1))


def diebold_mariano(
    ours: np.ndarray, theirs: np.ndarray, series: np.ndarray, times: np.ndarray, horizon: int
) -> float:
    """Return a p-value: the null hypothesis is that two forecasts have equal expected losses.

    F. X. Diebold and R. S. Mariano, "Comparing Predictive Accuracy", Journal of Business &
    Economic Statistics 13(3), 1995, with the correction for few origins of D. Harvey, S. Leybourne
    and P. Newbold, International Journal of Forecasting 13(2), 1997. Forecasts from neighbouring
    origins overlap, so the variance takes the autocovariances below the horizon into account, with
    the weights of W. K. Newey and K. D. West, Econometrica 55(3), 1987. With 10 series or more the
    test compares the mean losses of the series instead. It is 1 for fewer than 10 origins.

    Args:
        ours: the loss of each origin, float64 of shape (N,).
        theirs: of the other forecast.
        series: the number of the series of each origin.
        times: of each origin.
        horizon: the number of steps of each forecast.
    """
    from scipy.special import stdtr

    _, group = np.unique(series, return_inverse=True)
    difference = ours - theirs
    many = int(group.max()) + 1 >= FEWEST
    if many:
        difference = np.bincount(group, difference) / np.bincount(group)
    else:
        difference = difference[np.lexsort((times, group))]
    number = len(difference)
    lags = 0 if many else min(horizon - 1, number - 2)
    if number < FEWEST:
        return 1.0
    centred = difference - difference.mean()
    covariances = [centred[lag:] @ centred[: number - lag] / number for lag in range(lags + 1)]
    weights = [1.0, *(2 * (1 - lag / (lags + 1)) for lag in range(1, lags + 1))]
    variance = float(np.dot(weights, covariances)) / number
    if not variance > 0:
        return float(not difference.mean())
    steps = lags + 1
    correction = (number + 1 - 2 * steps + steps * (steps - 1) / number) / number
    statistic = difference.mean() / math.sqrt(variance) * math.sqrt(max(correction, 1 / number))
    return float(2 * stdtr(number - 1, -abs(statistic)))


def tells_apart(labels: np.ndarray, probabilities: np.ndarray) -> bool:
    """Return whether a class gets a significantly higher probability where it is true.

    The mean probability of the true class is compared with its distribution under shuffled
    labels, whose mean and variance are known exactly: W. Hoeffding, "A Combinatorial Central
    Limit Theorem", Annals of Mathematical Statistics 22(4), 1951, theorem 2. This shows learning
    even where classes are so unequal that a network never predicts one of them.

    Args:
        labels: shape (N,), N > 1.
        probabilities: shape (N, classes).
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    shares = counts / len(labels)
    gaps = probabilities - probabilities.mean(axis=0, dtype=np.float64)
    gaps -= (gaps @ shares)[:, None]
    chosen = gaps[np.arange(len(labels)), labels].sum()
    variance = (counts * (gaps**2).sum(axis=0)).sum() / max(len(labels) - 1, 1)
    return bool(variance > 0 and chosen / math.sqrt(variance) > CRITICAL)
