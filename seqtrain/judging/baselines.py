"""Simple models on the same splits: what a network must beat to have learned something.

scikit-learn's: always the most frequent class, or the mean of the labels that are numbers; and a
linear model, of TF-IDF for words and of all values of all steps for features. None of them knows
the order of words.
"""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.datasets.dataset import MASK_VALUE, Dataset
from seqtrain.text import START

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MAJORITY = "majority class"
MEAN = "mean of the labels"
LINEAR = {"classification": "logistic regression", "regression": "ridge regression"}
OF_WORDS = "TF-IDF + "
LARGEST = 16_000_000  # values of the training examples that a linear model learns from
# Products of values and weights in one pass; those of sparse counts take ten times as long.
WORK_OF_WORDS, WORK_OF_VALUES = 30_000_000, 160_000_000
MOST_WEIGHTS = 2_000_000  # of which L-BFGS keeps twenty copies
FEWEST = 100  # training examples; from fewer a linear model is not worth its name
ITERATIONS = 50  # steps of L-BFGS, or of LSQR
PENALTY_OF_WORDS, PENALTY_OF_VALUES = 1.0, 0.1  # C: less is simpler; 1 is scikit-learn's own
SEED = 0  # of the sample of training examples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Baseline:
    """What a simple model says of the test examples.

    Attributes:
        name: what it is called in tables.
        answers: probabilities of each class, float64 of shape (N, classes); in regression
            numbers, shape (N,).
        trained_on: how many of the training examples it has seen.
        converged: whether its fit ended by itself, not at the limit of its iterations.
    """

    name: str
    answers: np.ndarray
    trained_on: int
    converged: bool = True


def baselines(dataset: Dataset, with_linear: bool = True) -> list[Baseline]:
    """Fit the simple models on the training examples, and let them judge the test examples.

    The linear model learns from a random sample where all would take more than a few seconds, and
    is left out where even few would.
    """
    found = [mean(dataset) if dataset.target else majority(dataset)]
    most = _most_examples(dataset)
    if not with_linear or most < FEWEST:
        return found
    sample = _sample(len(dataset.train), most)
    if len(np.unique(dataset.train.labels[sample])) > 1:
        started = time.perf_counter()
        found.append(linear(dataset, sample))
        log.info("%s took %.1f s", found[-1].name, time.perf_counter() - started)
    return found


def majority(dataset: Dataset) -> Baseline:
    """Say of every example what share of the training examples each class has."""
    labels = dataset.train.labels
    shares = np.bincount(labels, minlength=len(dataset.classes)) / len(labels)
    return Baseline(MAJORITY, np.tile(shares, (len(dataset.test), 1)), len(labels))


def mean(dataset: Dataset) -> Baseline:
    """Say of every example the mean of the labels of the training examples."""
    labels = dataset.train.labels
    return Baseline(MEAN, np.full(len(dataset.test), labels.mean(dtype=np.float64)), len(labels))


def _most_examples(dataset: Dataset) -> int:
    """Return from how many examples a linear model can learn in a few seconds."""
    values, classes = int(np.prod(dataset.shape)), len(dataset.classes)
    outputs = classes if classes > 2 else 1
    if outputs * (dataset.vocabulary_size or values) > MOST_WEIGHTS:
        return 0
    work = WORK_OF_WORDS if dataset.vocabulary_size else WORK_OF_VALUES
    return min(LARGEST // values, work // (values * outputs))


def _sample(examples: int, most: int) -> np.ndarray:
    """Return the indices of the training examples that a linear model learns from."""
    if examples <= most:
        return np.arange(examples)
    return np.sort(np.random.default_rng(SEED).choice(examples, most, replace=False))


def linear(dataset: Dataset, sample: np.ndarray) -> Baseline:
    """Fit a logistic or ridge regression to some training examples, as the network reads them.

    One thread computes it: on so small products several would mostly wait for one another.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    of_words = dataset.vocabulary_size is not None
    read = bags if of_words else flat
    model = _model(dataset)
    with warnings.catch_warnings(record=True) as raised, threadpool_limits(1):
        warnings.simplefilter("ignore")  # steps that are always padded have no mean
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(read(dataset.train.x[sample], dataset), _labels(dataset)[sample])
    x = dataset.test.x
    at_once = max(LARGEST // int(np.prod(dataset.shape)), 1)
    parts = [x[start : start + at_once] for start in range(0, len(x), at_once)]
    answer = model.predict if dataset.target else model.predict_proba
    said = np.concatenate([answer(read(part, dataset)) for part in parts])
    name = f"{OF_WORDS if of_words else ''}{LINEAR[dataset.task]}"
    if dataset.target:
        answers = said.astype(np.float64) * dataset.target.deviation + dataset.target.mean
        converged = bool(model[-1].n_iter_[0] < ITERATIONS)
        return Baseline(name, answers, len(sample), converged)
    answers = np.zeros((len(x), len(dataset.classes)))
    answers[:, model.classes_] = said
    return Baseline(name, answers, len(sample), converged=not raised)


def _labels(dataset: Dataset) -> np.ndarray:
    """Return what is learned of the training examples: classes, or numbers on a scale of 1."""
    labels = dataset.train.labels
    if not dataset.target:
        return labels
    return (labels.astype(np.float64) - dataset.target.mean) / dataset.target.deviation


def _model(dataset: Dataset) -> Any:
    """Return a linear model of TF-IDF, or of standardised values, padded ones being the mean."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    of_words = dataset.vocabulary_size is not None
    penalty = PENALTY_OF_WORDS if of_words else PENALTY_OF_VALUES
    model: Any = LogisticRegression(C=penalty, max_iter=ITERATIONS)
    if dataset.target:
        model = Ridge(1 / penalty, max_iter=ITERATIONS, solver="lsqr")
    if of_words:
        return make_pipeline(TfidfTransformer(), model)
    zeros = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    return make_pipeline(StandardScaler(), zeros, model)


def bags(x: np.ndarray, dataset: Dataset) -> csr_matrix:
    """Return how often each id stands in each text, without padding and start.

    Args:
        x: ids, shape (N, T).
        dataset: which has so many ids.

    Returns:
        float64, shape (N, vocabulary_size).
    """
    from scipy.sparse import csr_matrix

    words = x > START
    ends = np.concatenate([[0], np.cumsum(words.sum(axis=1))])
    shape = (len(x), dataset.vocabulary_size)
    counts = csr_matrix((np.ones(ends[-1]), x[words], ends), shape=shape)
    counts.sum_duplicates()
    return counts


def flat(x: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return all values of all steps in a row, NaN where a step is padded.

    Args:
        x: features, shape (N, T, F).
        dataset: which may have masked steps.

    Returns:
        float32, shape (N, T * F).
    """
    rows = x.reshape(len(x), -1)
    return np.where(rows == MASK_VALUE, np.float32("nan"), rows) if dataset.mask else rows
