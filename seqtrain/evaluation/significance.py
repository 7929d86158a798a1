"""Whether two results differ by more than chance: p-values, two-sided."""

import math
from collections.abc import Sequence
from statistics import fmean, variance

import numpy as np

from seqtrain.evaluation.uncertainty import FEWEST, Statistic, resamples

CRITICAL = 1.959964  # of the normal distribution, for p = 0.05, two-sided
MOST_EXACT = 1_000  # examples that tell two networks apart, up to which all cases are counted


def mcnemar(only_first: int, only_second: int) -> float:
    """Return McNemar's p-value that two networks are right equally often.

    Of examples that are answered by numbers it is the sign test, whether each network is nearer
    equally often: J. Arbuthnot, Philosophical Transactions 27, 1710.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12(2), 1947. Exact, by the binomial distribution, which never
    says too little; of more than 1,000 examples that tell the networks apart, by chi-squared
    with the continuity correction of A. L. Edwards, Psychometrika 13(3), 1948.

    Args:
        only_first: examples that the first alone gets right, or more nearly.
        only_second: examples that the second alone gets right, or more nearly.
    """
    apart = only_first + only_second
    if apart > MOST_EXACT:
        chi_squared = max(abs(only_first - only_second) - 1, 0) ** 2 / apart
        return math.erfc(math.sqrt(chi_squared / 2))
    tail = sum(math.comb(apart, hits) for hits in range(min(only_first, only_second) + 1))
    return float(min(1, 2 * tail / 2**apart))


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Welch's p-value that two samples have the same mean; None where neither varies.

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
    """Return the p-value that two networks have the same score, of any kind.

    In how many resamples of the examples the difference lies on the other side of 0, both sides
    counted: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section
    16.3; as a test of two systems on the same examples P. Koehn, "Statistical Significance Tests
    for Machine Translation Evaluation", EMNLP, 2004. 1 of fewer than 10 examples.

    Args:
        difference: between the scores of the two.
        examples: that both answer.
    """
    if examples < FEWEST:
        return 1.0
    found = np.concatenate([difference(counts) for counts in resamples(examples)])
    tail = min(int((found <= 0).sum()), int((found >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(found) + 1))


def tells_apart(labels: np.ndarray, probabilities: np.ndarray) -> bool:
    """Return whether classes are more probable where they are true than elsewhere.

    The mean probability of the true class is compared with what it would be if the labels were
    shuffled, of which mean and variance are known exactly: W. Hoeffding, "A Combinatorial Central
    Limit Theorem", Annals of Mathematical Statistics 22(4), 1951, theorem 2. It finds what a
    network has learned also where classes are so unequal that it never predicts one of them.

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
