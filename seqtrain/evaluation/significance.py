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
    Economic Statistics 13(3), 1995. Forecasts from neighbouring origins overlap. So the variance of
    the mean difference is estimated from the lowest frequencies, fewer for a longer horizon, and
    the statistic has the t-distribution of L. Coroneo and F. Iacone, "Comparing predictive accuracy
    in small samples using fixed-smoothing asymptotics", Journal of Applied Econometrics 35(4),
    2020. Several series are averaged at each time. If there are 10 or more with few origins each,
    the means of the series are compared instead. It is 1 for fewer than 10 values.

    Args:
        ours: the loss of each origin, float64 of shape (N,).
        theirs: of the other forecast.
        series: the number of the series of each origin.
        times: of each origin.
        horizon: the number of steps of each forecast.
    """
    from scipy.special import stdtr

    _, group, each = np.unique(series, return_inverse=True, return_counts=True)
    by_series = len(each) >= FEWEST and each.max() < 2 * horizon
    if not by_series:
        _, group, each = np.unique(times, return_inverse=True, return_counts=True)
    difference = np.bincount(group, ours - theirs) / each
    number, mean = len(difference), float(difference.mean())
    if number < FEWEST:
        return 1.0
    if by_series:
        squared, freedom = float(difference.var(ddof=1)) / number, number - 1
    else:
        lowest = max(min(math.isqrt(number), number // (2 * horizon)), 1)
        spectrum = np.abs(np.fft.rfft(difference - mean)[1 : lowest + 1]) ** 2
        squared, freedom = float(spectrum.mean()) / number**2, 2 * lowest
    if not squared > 0:
        return float(not mean)
    return float(2 * stdtr(freedom, -abs(mean) / math.sqrt(squared)))


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
