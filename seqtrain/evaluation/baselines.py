"""Baselines: simple models on the same splits, which a network must beat.

The constant baseline predicts the most frequent class or the mean of the labels. The linear
baseline is scikit-learn's linear model of TF-IDF of words and pairs of words (or of up to five
characters), or of all values of all steps. It is fitted on every training example, unless that
would take too long.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.data.dataset import MASK_VALUE, Dataset, stratified
from seqtrain.data.vocabulary import START
from seqtrain.evaluation import ngrams
from seqtrain.evaluation.linear_models import Fit

if TYPE_CHECKING:
    from seqtrain.tasks.labelled_task import LabelledTask

Read = Callable[[np.ndarray], Any]  # from examples to a matrix, dense or sparse

OF_WORDS = "TF-IDF + "
LONGEST_WORDS, LONGEST_LETTERS = 2, 5  # words or characters in the longest n-grams
# Most values, or n-grams, of the training examples of a linear model: more would take more than a
# gigabyte.
LARGEST_OF_WORDS, LARGEST = 20_000_000, 64_000_000
# Nonzero values times classes: how many can be fitted in half a minute, and how many so fast that
# several penalties can be tried.
WORK_OF_WORDS, WORK_OF_VALUES = 80_000_000, 600_000_000
CHOOSING_OF_WORDS, CHOOSING_OF_VALUES = 40_000_000, 60_000_000
MOST_WEIGHTS = 2_000_000  # of values; L-BFGS keeps twenty copies
MOST_WEIGHTS_OF_WORDS = 30_000_000
FEWEST = 100  # training examples; a linear model needs at least so many
# C; a smaller C is a simpler model. The default comes first and wins ties.
PENALTIES_OF_WORDS, PENALTIES_OF_VALUES = (10.0, 1.0, 100.0, 0.1), (0.1, 0.01, 1.0)
HELD_BACK = 0.2  # of train, to choose the penalty where no validation examples are left for that
SEED = 0  # of the sample of training examples, and of what is held back

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Baseline:
    """A simple model and its predictions of the test examples.

    Attributes:
        name: its name in tables.
        predictions: in the form of the task, float64.
        trained_on: the number of its training examples.
        converged: whether its fit converged before the limit of iterations.
    """

    name: str
    predictions: np.ndarray
    trained_on: int
    converged: bool = True


def baselines(
    dataset: Dataset, task: LabelledTask, with_linear: bool = True, weighed: bool = False
) -> list[Baseline]:
    """Fit the baselines on the training examples, and predict the test examples.

    Args:
        dataset: the data. The test examples choose nothing.
        task: its task.
        with_linear: whether to fit a linear model, too. It is left out if there are fewer than
            100 examples, or so many values that they would not fit into memory.
        weighed: whether it weighs the classes, as the network does.
    """
    found = [constant(dataset, task)]
    started = time.perf_counter()
    if with_linear and (model := linear(dataset, task, weighed)):
        found.append(model)
        log.info("%s took %.1f s", model.name, time.perf_counter() - started)
    return found


def constant(dataset: Dataset, task: LabelledTask) -> Baseline:
    """Predict the same for every example: the most frequent class or the mean of train."""
    labels = dataset.train.labels
    return Baseline(*task.constant(labels, len(dataset.test)), len(labels))


def linear(dataset: Dataset, task: LabelledTask, weighed: bool = False) -> Baseline | None:
    """Fit a logistic or ridge regression, and choose its penalty by the validation examples.

    Examples with several inputs have no linear baseline.

    It uses one thread, because with such small products several would mostly wait.
    """
    from threadpoolctl import threadpool_limits

    if isinstance(dataset.train.x, dict):
        return None
    rows = _sample(len(dataset.train), _at_once(dataset, dataset.train.first))
    of_words = dataset.vocabulary_size is not None
    too_wide = not of_words and np.prod(dataset.shape) * dataset.outputs > MOST_WEIGHTS
    if len(rows) < FEWEST or too_wide:
        return None
    with threadpool_limits(1):
        read = (_of_tokens if of_words else _of_values)(dataset, rows)
        x = read(dataset.train.first[rows])
        work = x.size * dataset.outputs  # of a sparse matrix what is not 0
        kept = _sample(len(rows), int(len(rows) * _limit(of_words) / max(work, 1)))
        if len(kept) < len(rows):
            x, rows = x[kept], rows[kept]
        if len(rows) < FEWEST or len(np.unique(dataset.train.labels[rows])) < 2:
            return None
        return _fitted(dataset, task, read, x, rows, weighed)


def _at_once(dataset: Dataset, x: np.ndarray) -> int:
    """Return how many examples can be converted at once."""
    if dataset.vocabulary_size is None:
        return LARGEST // int(np.prod(dataset.shape))
    words = max((x > START).sum(), 1) * _longest(dataset)
    return int(LARGEST_OF_WORDS * len(x) // words)


def _longest(dataset: Dataset) -> int:
    """Return the length of the longest n-grams."""
    return LONGEST_LETTERS if _letters(dataset) else LONGEST_WORDS


def _letters(dataset: Dataset) -> bool:
    return dataset.tokens == "characters"


def _limit(of_words: bool) -> int:
    return WORK_OF_WORDS if of_words else WORK_OF_VALUES


def _sample(examples: int, most: int) -> np.ndarray:
    """Return the indices of the training examples that a linear model learns from."""
    if examples <= most:
        return np.arange(examples)
    return np.sort(np.random.default_rng(SEED).choice(examples, most, replace=False))


def _fitted(
    dataset: Dataset, task: LabelledTask, read: Read, x: Any, rows: np.ndarray, weighed: bool
) -> Baseline:
    sparse = dataset.vocabulary_size is not None
    fit_one = partial(task.fit_linear, weighed=weighed, sparse=sparse)
    labels = dataset.train.labels[rows]
    best = _chosen(dataset, task, fit_one, read, x, labels, weighed)
    test = dataset.test.first
    at_once = max(_at_once(dataset, test) // 4, 1)
    parts = [test[start : start + at_once] for start in range(0, len(test), at_once)]
    predictions = np.concatenate([best.predict(read(part)) for part in parts])
    name = f"{OF_WORDS if sparse else ''}{task.linear}"
    return Baseline(name, predictions, len(rows), best.converged)


def _chosen(
    dataset: Dataset,
    task: LabelledTask,
    fit_one: Callable[..., Fit],
    read: Read,
    x: Any,
    labels: np.ndarray,
    weighed: bool,
) -> Fit:
    """Return the fit with the best penalty on the validation examples.

    If validation is the test set, a part of train takes its place.
    """
    of_words = dataset.vocabulary_size is not None
    penalties = PENALTIES_OF_WORDS if of_words else PENALTIES_OF_VALUES
    most = CHOOSING_OF_WORDS if of_words else CHOOSING_OF_VALUES
    if x.size * dataset.outputs > most:
        return fit_one(x, labels, penalties[0])
    rank = partial(task.rank, weighed=weighed)
    validation = dataset.validation
    if validation is not dataset.test and len(validation):
        beside = read(validation.first)
        fits = [fit_one(x, labels, penalty) for penalty in penalties]
        return max(fits, key=lambda fit: rank(validation.labels, fit.predict(beside)))
    kept, held = stratified(task.strata(labels), HELD_BACK, SEED)
    if len(np.unique(labels[kept])) < 2:
        return fit_one(x, labels, penalties[0])
    tried = {
        penalty: rank(labels[held], fit_one(x[kept], labels[kept], penalty).predict(x[held]))
        for penalty in penalties
    }
    return fit_one(x, labels, max(tried, key=tried.__getitem__))


def _of_tokens(dataset: Dataset, rows: np.ndarray) -> Read:
    """Return a function from texts to TF-IDF of words and pairs, or of up to 5 characters."""
    from sklearn.feature_extraction.text import TfidfTransformer

    longest = _longest(dataset)
    most = MOST_WEIGHTS_OF_WORDS // dataset.outputs // longest
    x = dataset.train.first[rows]
    known = ngrams.fit(x, dataset.vocabulary_size or 0, longest, _letters(dataset), most)
    weights = TfidfTransformer(sublinear_tf=True).fit(known.counts(x))
    return lambda x: weights.transform(known.counts(x))


def _of_values(dataset: Dataset, rows: np.ndarray) -> Read:
    """Return a function from features to standardised values; padded values become the mean."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    zeros = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    scaled = make_pipeline(StandardScaler(), zeros)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # steps that are always padded have no mean
        scaled.fit(flat(dataset.train.first[rows], dataset))
    return lambda x: scaled.transform(flat(x, dataset))


def flat(x: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return all values of all steps of an example in one row, NaN where a step is padded.

    Args:
        x: features, shape (N, T, F).
        dataset: their dataset, which may have masked steps.

    Returns:
        float32, shape (N, T * F).
    """
    rows = x.reshape(len(x), -1)
    return np.where(rows == MASK_VALUE, np.float32("nan"), rows) if dataset.mask else rows


def titles(baselines: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the title of each baseline, with its number of training examples if these are not all.

    Args:
        baselines: from `metrics.json`, with `trained_on`; at least one used all examples.
    """
    seen = {name: found.get("trained_on") or 0 for name, found in baselines.items()}
    every = max(seen.values(), default=0)
    return {
        name: f"{name} on {rows:,} of {every:,} rows" if 0 < rows < every else name
        for name, rows in seen.items()
    }
