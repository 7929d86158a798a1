"""Metrics: functions of labels and probabilities.

Each takes `labels`, int of shape (N,), and `probabilities`, float of shape (N, classes), and
returns a number. A function marked `@metric` is computed for every run.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]
EPSILON = 1e-7  # Keras's keras.config.epsilon(), to which its losses clip probabilities
# What scores of a split begin with, as Keras has it; `data` are examples that a person gives.
PREFIXES = {"train": "train", "validation": "val", "test": "test", "data": "data"}

_METRICS: dict[str, tuple[Metric, int | None]] = {}


def metric(classes: int | None = None) -> Callable[[Metric], Metric]:
    """Mark a function as a metric; with `classes`, only where there are so many classes."""

    def register(function: Metric) -> Metric:
        _METRICS[function.__name__] = (function, classes)
        return function

    return register


def metrics_for(number_of_classes: int) -> dict[str, Metric]:
    """Return the metrics that are defined for so many classes, by name."""
    return {
        name: function
        for name, (function, classes) in _METRICS.items()
        if classes in (None, number_of_classes)
    }


@metric()
def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean cross-entropy in nats, as Keras computes it for sigmoid and softmax heads."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, EPSILON, 1 - EPSILON)).mean())


@metric()
def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of examples whose most probable class is the true one."""
    return float((predictions(probabilities) == labels).mean())


@metric(classes=2)
def roc_auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the ROC curve; NaN where only one class is present."""
    from sklearn.metrics import roc_auc_score

    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, probabilities[:, 1]))


def predictions(probabilities: np.ndarray) -> np.ndarray:
    """Return the index of the most probable class, shape (N,).

    Of two equal probabilities the first counts, so 0.5 from a sigmoid is the class at 0, as
    Keras's `BinaryAccuracy` has it.
    """
    return np.asarray(probabilities.argmax(axis=1))


def confusion_matrix(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return counts of shape (classes, classes): a row for each true class."""
    size = probabilities.shape[1]
    pairs = labels * size + predictions(probabilities)
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def scores(prefix: str, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Return every metric as `<prefix>_<name>`; None where one is not defined."""
    values = {
        f"{prefix}_{name}": function(labels, probabilities)
        for name, function in metrics_for(probabilities.shape[1]).items()
    }
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each class.

    They are 0 where their denominator is, as scikit-learn has it.

    Args:
        matrix: counts, shape (classes, classes), a row for each true class.
        classes: their names.
    """
    hits = matrix.diagonal()
    support, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    columns = {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(support, 1),
        "f1": 2 * hits / np.maximum(support + predicted, 1),
        "support": support,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [
        {"name": name, **dict(zip(columns, row, strict=True))}
        for name, row in zip(classes, rows, strict=True)
    ]


def evaluate(
    prefix: str, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Return the scores, and under `prefix` the classes and the confusion matrix."""
    matrix = confusion_matrix(labels, probabilities)
    detail = {"classes": per_class(matrix, classes), "confusion_matrix": matrix.tolist()}
    return {**scores(prefix, labels, probabilities), prefix: detail}
