"""95 % intervals: exact for shares, by bootstrap for all other metrics.

They describe the variation over samples of as many examples, not the variation over seeds.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
FEWEST = 10  # examples that are drawn from
RESAMPLES = 1_000
LEAST_RESAMPLES = 200
DRAWS = 50_000_000  # examples drawn in all, from which on there are fewer resamples
DRAWN_AT_ONCE = 100_000  # so that the computation stays in the processor's cache
SEED = 0  # seed of the resamples: equal examples get equal intervals

Interval = tuple[float, float]
# From the counts of N examples in B resamples, int64 of shape (B, N), to the value of a metric in
# each resample, shape (B,).
Statistic = Callable[[np.ndarray], np.ndarray]


def binomial(hits: np.ndarray | int, trials: np.ndarray | int) -> np.ndarray:
    """Return the exact interval of a share; 0 to 1 without trials.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
    case of the binomial", Biometrika 26(4), 1934, in its form with the beta distribution.

    Args:
        hits: integers of any shape.
        trials: integers of the same shape.

    Returns:
        float64 of that shape and a last axis of the two ends.
    """
    from scipy.special import betaincinv

    hits, trials = np.asarray(hits), np.asarray(trials)
    missed = trials - hits
    low = betaincinv(np.maximum(hits, 1), missed + 1, TAILS[0])
    high = betaincinv(hits + 1, np.maximum(missed, 1), TAILS[1])
    return np.stack([np.where(hits == 0, 0.0, low), np.where(missed == 0, 1.0, high)], axis=-1)


def f1(hits: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the exact interval of the F1 of each class, float64 of shape (classes, 2).

    F1 is 2q / (1 + q), where q is the share of hits among the examples of which the class is
    true or predicted, or both.

    Args:
        hits: how many examples of each class are predicted as it, shape (classes,).
        others: how often each class is true or predicted, but not both, shape (classes,).
    """
    q = binomial(hits, hits + others)
    return np.asarray(2 * q / (1 + q))


def bootstrap(statistics: Mapping[str, Statistic], examples: int) -> dict[str, Interval | None]:
    """Return the percentile interval of each statistic.

    It is None if no resample has a value, if all resamples have the same value (such as a perfect
    score), or with fewer than 10 examples, which are too few to resample.

    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Args:
        statistics: by name; all see the same resamples.
        examples: N.
    """
    if examples < FEWEST:
        return dict.fromkeys(statistics)
    values: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for counts in resamples(examples):
        for name, statistic in statistics.items():
            values[name].append(statistic(counts))
    return {name: _percentiles(np.concatenate(parts)) for name, parts in values.items()}


def _percentiles(values: np.ndarray) -> Interval | None:
    values = values[np.isfinite(values)]
    if not len(values) or values.min() == values.max():
        return None
    low, high = np.quantile(values, TAILS).tolist()
    return low, high


def resamples(examples: int) -> Iterator[np.ndarray]:
    """Yield the counts of each example in some resamples, int64 of shape (some, N).

    There are 1,000 resamples; with more than 50,000 examples fewer, but at least 200.
    """
    random = np.random.default_rng(SEED)
    left = max(min(RESAMPLES, DRAWS // examples), LEAST_RESAMPLES)
    while left > 0:
        some = min(left, max(1, DRAWN_AT_ONCE // examples))
        drawn = random.integers(0, examples, (some, examples))
        drawn += np.arange(0, some * examples, examples)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=some * examples)
        yield counts.reshape(some, examples)
        left -= some


def mean(values: np.ndarray) -> Statistic:
    """Return the statistic that is the mean of one value per example, shape (N,)."""
    return lambda counts: np.asarray(counts.astype(np.float64) @ values / len(values))


def recomputed(metric: Callable[..., float], *arrays: np.ndarray) -> Statistic:
    """Return the statistic that computes a metric from the rows of each resample."""

    def statistic(counts: np.ndarray) -> np.ndarray:
        rows = [np.repeat(np.arange(len(row)), row) for row in counts]
        return np.array([metric(*(array[chosen] for array in arrays)) for chosen in rows])

    return statistic


def roc_auc(labels: np.ndarray, scores: np.ndarray) -> Statistic:
    """Return the area under the ROC curve: the share of pairs in the right order; ties count half.

    Args:
        labels: 0 or 1, shape (N,).
        scores: larger where 1 is more likely, shape (N,).
    """
    order, first, last = _ranked(scores)
    positive = labels[order] == 1

    def statistic(counts: np.ndarray) -> np.ndarray:
        ordered = np.take(counts, order, axis=1)
        positives = ordered * positive
        negatives = np.cumsum(ordered - positives, axis=1)
        before = np.pad(negatives, ((0, 0), (1, 0)))
        below = np.take(before, first, axis=1) + np.take(negatives, last, axis=1)
        pairs = positives.sum(axis=1) * negatives[:, -1]
        return ratio((positives * below).sum(axis=1) / 2, pairs)

    return statistic


def average_precision(labels: np.ndarray, scores: np.ndarray) -> Statistic:
    """Return the mean precision at each positive example, as scikit-learn defines it.

    Args:
        labels: 0 or 1, shape (N,).
        scores: larger where 1 is more likely, shape (N,).
    """
    order, _, last = _ranked(-scores)
    positive = labels[order] == 1

    def statistic(counts: np.ndarray) -> np.ndarray:
        ordered = np.take(counts, order, axis=1)
        positives = ordered * positive
        hits, predicted = np.cumsum(positives, axis=1), np.cumsum(ordered, axis=1)
        precision = np.take(hits / np.maximum(predicted, 1), last, axis=1)
        return ratio((positives * precision).sum(axis=1), hits[:, -1])

    return statistic


def _ranked(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the order of rising scores, and for each position the first and last equal score."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right") - 1
    return order, first, last


def ratio(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return values / of, NaN where `of` is 0."""
    return np.asarray(np.divide(values, of, out=np.full(len(values), np.nan), where=of > 0))
