"""Linear models of scikit-learn: baselines, and the wide part of a network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ITERATIONS, ITERATIONS_BESIDE = 50, 100  # steps of a fit
NEVER = -10.0  # logit of a class that no training example has; 10 where all have it
SEED = 0  # seed of the order of the examples in a fit


@dataclass(frozen=True)
class Fit:
    """A linear model, its predictions for a matrix of examples, and whether its fit converged."""

    predict: Callable[[Any], np.ndarray]
    converged: bool


@dataclass(frozen=True)
class Linear:
    """A linear model: `kernel` of shape (features, outputs), and `bias`, both float64."""

    kernel: np.ndarray
    bias: np.ndarray


def logistic(
    x: Any, labels: np.ndarray, classes: int, penalty: float, weighed: bool, sparse: bool
) -> Fit:
    """Fit a logistic regression; for sparse examples one for each class, which is faster."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    solver: dict[str, Any] = {"solver": "liblinear", "dual": True} if sparse else {}
    model: Any = LogisticRegression(
        C=penalty,
        max_iter=ITERATIONS,
        class_weight="balanced" if weighed else None,
        random_state=SEED,
        **solver,
    )
    if sparse and len(np.unique(labels)) > 2:
        model = OneVsRestClassifier(model)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(x, labels)

    def predict(of: Any) -> np.ndarray:
        found = np.zeros((of.shape[0], classes))
        found[:, model.classes_] = model.predict_proba(of)
        return found

    return Fit(predict, not raised)


def ridge(x: Any, labels: np.ndarray, mean: float, std: float, penalty: float) -> Fit:
    """Fit a ridge regression to standardised labels."""
    from sklearn.linear_model import Ridge

    model = Ridge(1 / penalty, max_iter=ITERATIONS, solver="lsqr")
    model.fit(x, (labels.astype(np.float64) - mean) / std)
    converged = bool(model.n_iter_[0] < ITERATIONS)
    return Fit(lambda of: model.predict(of).astype(np.float64) * std + mean, converged)


def inverse_frequencies(counts: csr_matrix) -> np.ndarray:
    """Return the weight of each n-gram, larger for rarer ones, as scikit-learn's TF-IDF has it.

    Args:
        counts: how often each n-gram stands in each text, shape (N, n-grams).

    Returns:
        float64, shape (n-grams,).
    """
    found: np.ndarray = np.log((1 + counts.shape[0]) / (1 + documents(counts))) + 1
    return found


def log_count_ratios(counts: csr_matrix, labels: np.ndarray, weighed: bool) -> np.ndarray:
    """Return the weight of each n-gram, larger where it tells the classes apart.

    For a class it is |log (p / q)|. p is one more than the number of its texts in which the n-gram
    stands, as a share of that of all n-grams; q is the same for the texts of the other classes (S.
    Wang and C. Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification",
    ACL 2012). For all classes it is the root of the mean of the squares, in which each class
    counts by its share of the texts.

    Args:
        counts: how often each n-gram stands in each text, shape (N, n-grams).
        labels: the classes, shape (N,).
        weighed: whether all classes have equal weight.

    Returns:
        float64, shape (n-grams,).
    """
    everywhere, squares = documents(counts), np.zeros(counts.shape[1])
    classes, sizes = np.unique(labels, return_counts=True)
    for one, size in zip(classes, sizes, strict=True):
        inside = documents(counts[labels == one])
        p, q = inside + 1.0, everywhere - inside + 1.0
        share = 1 / len(classes) if weighed else size / len(labels)
        squares += share * np.log(p / p.sum() * q.sum() / q) ** 2
    return np.sqrt(squares)


def documents(counts: csr_matrix) -> np.ndarray:
    """Return in how many texts each n-gram stands; int64, shape (n-grams,)."""
    return np.bincount(counts.indices, minlength=counts.shape[1])


def logistic_beside(
    x: csr_matrix, labels: np.ndarray, outputs: int, penalty: float, weighed: bool
) -> Linear:
    """Fit a logistic regression for each output: for each class, or for the second of two."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    kernel, bias = np.zeros((x.shape[1], outputs)), np.full(outputs, NEVER)
    model = LogisticRegression(
        C=penalty,
        solver="liblinear",
        dual=True,
        max_iter=ITERATIONS_BESIDE,
        class_weight="balanced" if weighed else None,
        random_state=SEED,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for output in range(outputs):
            true = labels == (output if outputs > 1 else 1)
            if true.all():
                bias[output] = -NEVER
            elif true.any():
                model.fit(x, true)
                kernel[:, output], bias[output] = model.coef_[0], model.intercept_[0]
    return Linear(kernel, bias)


def ridge_beside(x: csr_matrix, standardised: np.ndarray, penalty: float) -> Linear:
    """Fit a ridge regression to labels that are standardised."""
    from sklearn.linear_model import Ridge

    model = Ridge(1 / penalty, solver="lsqr", max_iter=ITERATIONS_BESIDE)
    model.fit(x, standardised)
    return Linear(model.coef_[:, None], np.array([model.intercept_]))
