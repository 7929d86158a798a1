"""Metrics: functions of labels and probabilities.

Each takes `labels`, int of shape (N,), and `probabilities`, float of shape (N, classes), and
returns a number. A function marked `@metric` is computed for every run, with its 95 % interval.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtrain.evaluation import calibration, uncertainty
from seqtrain.evaluation.significance import mcnemar, paired_bootstrap, tells_apart
from seqtrain.evaluation.uncertainty import Statistic

Metric = Callable[[np.ndarray, np.ndarray], float]
Resampled = Callable[[np.ndarray, np.ndarray], Statistic]
EPSILON = 1e-7  # Keras's keras.config.epsilon(), to which its losses clip probabilities


@dataclass(frozen=True)
class Registered:
    """A metric and its properties.

    Attributes:
        function: computes it.
        classes: the number of classes for which it is defined; None for any number.
        share: whether it is a share of the examples, so that its interval is binomial.
        resampled: computes it in many resamples at once; None if it must be recomputed.
        too_high: whether it is biased upwards on few examples, and more so in resamples. Its
            interval is then symmetric around its value, but not below 0.
    """

    function: Metric
    classes: int | None
    share: bool
    resampled: Resampled | None
    too_high: bool


_METRICS: dict[str, Registered] = {}


def metric(
    classes: int | None = None,
    share: bool = False,
    resampled: Resampled | None = None,
    too_high: bool = False,
) -> Callable[[Metric], Metric]:
    """Mark a function as a metric; see `Registered`."""

    def register(function: Metric) -> Metric:
        _METRICS[function.__name__] = Registered(function, classes, share, resampled, too_high)
        return function

    return register


def metrics_for(number_of_classes: int) -> dict[str, Registered]:
    """Return the metrics that are defined for so many classes, by name."""
    return {
        name: registered
        for name, registered in _METRICS.items()
        if registered.classes in (None, number_of_classes)
    }


def losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each example in nats, as Keras computes it; shape (N,)."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.clip(chosen, EPSILON, 1 - EPSILON)))


@metric(resampled=lambda labels, probabilities: uncertainty.mean(losses(labels, probabilities)))
def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean cross-entropy in nats, as Keras computes it for sigmoid and softmax heads."""
    return float(losses(labels, probabilities).mean())


@metric(share=True)
def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of examples whose most probable class is the true one."""
    return float((predictions(probabilities) == labels).mean())


def _of_classes(mean: Callable[..., np.ndarray]) -> Resampled:
    """Return a function that computes a mean over classes in many resamples.

    Args:
        mean: takes three counts of each class, each of shape (B, classes): correct predictions,
            true examples, and predictions; returns shape (B,).
    """

    def resampled(labels: np.ndarray, probabilities: np.ndarray) -> Statistic:
        predicted, size = predictions(probabilities), probabilities.shape[1]
        right = predicted == labels
        each = ((right, labels[right]), (slice(None), labels), (slice(None), predicted))

        def statistic(counts: np.ndarray) -> np.ndarray:
            sums = [
                np.array([np.bincount(of, row[chosen], size) for row in counts])
                for chosen, of in each
            ]
            return mean(*sums)

        return statistic

    return resampled


def _macro_f1(hits: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    f1 = 2 * hits / np.maximum(true + predicted, 1)
    return uncertainty.ratio(f1.sum(axis=1), (true + predicted > 0).sum(axis=1))


def _balanced_accuracy(hits: np.ndarray, true: np.ndarray, _: np.ndarray) -> np.ndarray:
    recall = hits / np.maximum(true, 1)
    return uncertainty.ratio(recall.sum(axis=1), (true > 0).sum(axis=1))


macro_f1_of, balanced_accuracy_of = _of_classes(_macro_f1), _of_classes(_balanced_accuracy)


@metric(resampled=macro_f1_of)
def macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over classes of F1 = 2 · hits / (true + predicted), all classes with equal weight.

    The classes are those that occur among labels or predictions, as in scikit-learn's
    `f1_score(average="macro")`; a class without hits has an F1 of 0. D. D. Lewis, "Evaluating
    Text Categorization", Speech and Natural Language, 1991.
    """
    return float(macro_f1_of(labels, probabilities)(np.ones((1, len(labels))))[0])


def macro_f1_difference(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> Statistic:
    """Return by how much the macro F1 of some probabilities is above that of others."""
    first, second = macro_f1_of(labels, ours), macro_f1_of(labels, theirs)
    return lambda counts: first(counts) - second(counts)


@metric(resampled=balanced_accuracy_of)
def balanced_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean recall over classes: the accuracy if all classes were equally frequent.

    The classes are those that occur among the labels, as in scikit-learn's
    `balanced_accuracy_score`. K. H. Brodersen et al., "The Balanced Accuracy and Its Posterior
    Distribution", ICPR, 2010.
    """
    return float(balanced_accuracy_of(labels, probabilities)(np.ones((1, len(labels))))[0])


@metric(classes=2, resampled=lambda labels, out: uncertainty.roc_auc(labels, out[:, 1]))
def roc_auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the ROC curve; NaN where only one class is present."""
    from sklearn.metrics import roc_auc_score

    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, probabilities[:, 1]))


@metric(classes=2, resampled=lambda labels, out: uncertainty.average_precision(labels, out[:, 1]))
def average_precision(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the precision–recall curve of the second class, by steps; NaN if it is absent."""
    from sklearn.metrics import average_precision_score

    if not labels.any():
        return float("nan")
    return float(average_precision_score(labels, probabilities[:, 1]))


def _calibration(labels: np.ndarray, probabilities: np.ndarray) -> Statistic:
    right = predictions(probabilities) == labels
    return calibration.expected_error(right, confidences(probabilities))


@metric(resampled=_calibration, too_high=True)
def ece(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error, see `calibration.expected_error`."""
    return float(_calibration(labels, probabilities)(np.ones((1, len(labels))))[0])


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> calibration.Reliability:
    """Return the accuracy of predictions by their confidence."""
    right = predictions(probabilities) == labels
    return calibration.reliability(right, confidences(probabilities))


def roc_curve(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the false and the true positive rate of the second of two classes, by threshold."""
    from sklearn.metrics import roc_curve

    false_positives, true_positives, _ = roc_curve(labels, probabilities[:, 1])
    return false_positives, true_positives


def precision_recall_curve(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the recall and the precision of the second of two classes, by threshold."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, probabilities[:, 1])
    return recall, precision


def confidences(probabilities: np.ndarray) -> np.ndarray:
    """Return the probability of the predicted class, float64 of shape (N,)."""
    return np.asarray(probabilities.max(axis=1), dtype=np.float64)


def predictions(probabilities: np.ndarray) -> np.ndarray:
    """Return the index of the most probable class, shape (N,).

    With equal probabilities the first class wins. So 0.5 from a sigmoid is class 0, as in
    Keras's `BinaryAccuracy`.
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
        f"{prefix}_{name}": registered.function(labels, probabilities)
        for name, registered in metrics_for(probabilities.shape[1]).items()
    }
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def intervals(
    prefix: str, labels: np.ndarray, probabilities: np.ndarray
) -> dict[str, list[float] | None]:
    """Return the 95 % interval of every metric as `<prefix>_<name>`; None where it has none."""
    found = metrics_for(probabilities.shape[1])
    statistics = {
        name: (registered.resampled or _recomputed(registered.function))(labels, probabilities)
        for name, registered in found.items()
        if not registered.share
    }
    ends = uncertainty.bootstrap(statistics, len(labels))
    for name, registered in found.items():
        value = registered.function(labels, probabilities)
        if registered.share:
            low, high = uncertainty.binomial(round(value * len(labels)), len(labels)).tolist()
            ends[name] = low, high
        elif registered.too_high and (known := ends[name]):
            ends[name] = max(0.0, 2 * value - known[1]), known[1]
    return {f"{prefix}_{name}": list(ends[name] or ()) or None for name in found}


def _recomputed(function: Metric) -> Resampled:
    return lambda labels, probabilities: uncertainty.recomputed(function, labels, probabilities)


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each class, with the intervals of the three.

    They are 0 where their denominator is 0, as in scikit-learn.

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
    ends = {
        "precision": uncertainty.binomial(hits, predicted),
        "recall": uncertainty.binomial(hits, support),
        "f1": uncertainty.f1(hits, support + predicted - 2 * hits),
    }
    return [
        {
            "name": name,
            **{key: values[row].item() for key, values in columns.items()},
            "intervals": {key: values[row].tolist() for key, values in ends.items()},
        }
        for row, name in enumerate(classes)
    ]


def evaluate(
    prefix: str, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Return scores and `intervals`, and under `prefix` the classes and the confusion matrix."""
    matrix = confusion_matrix(labels, probabilities)
    detail = {"classes": per_class(matrix, classes), "confusion_matrix": matrix.tolist()}
    return {
        **scores(prefix, labels, probabilities),
        "intervals": intervals(prefix, labels, probabilities),
        prefix: detail,
    }


def compare(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """Return by how much one model is better than another, and whether the other has learned.

    McNemar's test compares how often each is right on the same examples. Overlapping intervals
    would not be enough, because both models find the same examples hard. T. G. Dietterich,
    "Approximate Statistical Tests for Comparing Supervised Classification Learning Algorithms",
    Neural Computation 10(7), 1998. Macro F1 is not a share of examples, so it needs a bootstrap.

    Args:
        labels: shape (N,).
        ours: probabilities, shape (N, classes).
        theirs: those of the other model.
    """
    right, their_right = (predictions(p) == labels for p in (ours, theirs))
    more = right.astype(float) - their_right
    difference = macro_f1_difference(labels, ours, theirs)
    ends = uncertainty.bootstrap(
        {"accuracy": uncertainty.mean(more), "macro_f1": difference}, len(labels)
    )
    return {
        "tells_apart": tells_apart(labels, theirs),
        "difference": {
            "accuracy": float(more.mean()),
            "interval": list(ends["accuracy"] or ()),
            "p_value": mcnemar(int((more > 0).sum()), int((more < 0).sum())),
            "macro_f1": float(difference(np.ones((1, len(labels))))[0]),
            "macro_f1_interval": list(ends["macro_f1"] or ()),
            "macro_f1_p_value": paired_bootstrap(difference, len(labels)),
        },
    }


def mistakes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the indices of wrongly predicted examples, the most confident first."""
    found = confidences(probabilities)
    wrong = np.flatnonzero(predictions(probabilities) != labels)
    return np.asarray(wrong[np.argsort(-found[wrong], kind="stable")])


def loss_of_logits(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross-entropy of logits, in nats.

    Args:
        logits: shape (N, classes), or (N, 1) for the second of two classes.
        labels: shape (N,).
    """
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    chosen = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return float((np.logaddexp.reduce(logits, axis=1) - chosen).mean())


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of each class from the logits of a head.

    For two classes the logit of a sigmoid is the log-odds of the second. Of a softmax over
    logits z, it is z_k - log Σ exp z_j over the classes j ≠ k.

    Args:
        logits: shape (N, 1) or (N, classes).

    Returns:
        Shape (N, classes).
    """
    if logits.shape[1] == 1:
        return np.concatenate([-logits, logits], axis=1)
    others = (np.delete(logits, index, axis=1) for index in range(logits.shape[1]))
    rest = np.stack([np.logaddexp.reduce(other, axis=1) for other in others], axis=1)
    return np.asarray(logits - rest)
