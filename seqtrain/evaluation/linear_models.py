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
