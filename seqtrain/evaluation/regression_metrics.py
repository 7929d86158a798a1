"""Scores of regression: functions of labels and predictions, both float of shape (N,)."""

from typing import Any

import numpy as np

from seqtrain.data.scaling import Target
from seqtrain.evaluation import uncertainty
from seqtrain.evaluation.uncertainty import Statistic

PERCENTILES = (50, 90, 99, 100)


def errors(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return predictions - labels; float64, shape (N,)."""
    return predictions.astype(np.float64) - labels.astype(np.float64)


def mae(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Mean absolute error, in the units of the labels."""
    return float(np.abs(errors(labels, predictions)).mean())


def rmse(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Root of the mean squared error, in the units of the labels."""
    return float(np.sqrt(np.square(errors(labels, predictions)).mean()))


def r2(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Coefficient of determination: 1 is perfect, 0 equals the mean; NaN for equal labels."""
    variance = labels.astype(np.float64).var()
    if not variance:
        return float("nan")
    return float(1 - np.square(errors(labels, predictions)).mean() / variance)


def loss(labels: np.ndarray, predictions: np.ndarray, target: Target) -> float:
    """Mean squared error on the standardised scale: the loss of the training.

    Its unit is the variance of the training labels. Predicting their mean scores about 1.
    """
    return float(np.square(errors(labels, predictions) / target.std).mean())


def wrong(labels: np.ndarray, predictions: np.ndarray, tolerance: float) -> int:
    """Number of predictions with an error of at least the tolerance."""
    return int((np.abs(errors(labels, predictions)) >= tolerance).sum())


def scores(
    prefix: str, labels: np.ndarray, predictions: np.ndarray, target: Target
) -> dict[str, float | None]:
    """Return every score as `<prefix>_<name>`; None where one is not defined."""
    found: dict[str, float] = {"loss": loss(labels, predictions, target)}
    found |= {of.__name__: of(labels, predictions) for of in (mae, rmse, r2)}
    if target.tolerance is not None:
        found["wrong"] = wrong(labels, predictions, target.tolerance)
    return {f"{prefix}_{name}": None if np.isnan(v) else v for name, v in found.items()}


def intervals(
    prefix: str, labels: np.ndarray, predictions: np.ndarray, target: Target
) -> dict[str, list[float] | None]:
    """Return the 95 % interval of every score as `<prefix>_<name>`; None where it has none."""
    off = errors(labels, predictions)
    squares = uncertainty.mean(np.square(off))
    of_labels = labels.astype(np.float64) - labels.mean(dtype=np.float64)
    variance = _variance(of_labels)
    ends: dict[str, Any] = uncertainty.bootstrap(
        {
            "loss": lambda counts: squares(counts) / target.std**2,
            "mae": uncertainty.mean(np.abs(off)),
            "rmse": lambda counts: np.sqrt(squares(counts)),
            "r2": lambda counts: 1 - uncertainty.ratio(squares(counts), variance(counts)),
        },
        len(labels),
    )
    if target.tolerance is not None:
        shares = uncertainty.binomial(wrong(labels, predictions, target.tolerance), len(labels))
        ends["wrong"] = (shares * len(labels)).tolist()
    return {f"{prefix}_{name}": list(found or ()) or None for name, found in ends.items()}


def _variance(centred: np.ndarray) -> Statistic:
    first, second = uncertainty.mean(centred), uncertainty.mean(np.square(centred))
    return lambda counts: second(counts) - np.square(first(counts))


def evaluate(
    prefix: str, labels: np.ndarray, predictions: np.ndarray, target: Target
) -> dict[str, Any]:
    """Return scores and `intervals`, and under `prefix` quantiles of the absolute errors."""
    sizes = np.percentile(np.abs(errors(labels, predictions)), PERCENTILES).tolist()
    return {
        **scores(prefix, labels, predictions, target),
        "intervals": intervals(prefix, labels, predictions, target),
        prefix: {"absolute_errors": dict(zip(map(str, PERCENTILES), sizes, strict=True))},
    }


def compare(
    labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, target: Target
) -> dict[str, Any]:
    """Return by how much the loss of one model is larger than that of another.

    The loss is what the training minimises, and the mean of the labels is its best constant. The
    interval of the difference on the same examples is a bootstrap interval.
    """
    squares, their_squares = (
        np.square(errors(labels, predictions) / target.std) for predictions in (ours, theirs)
    )
    more = squares - their_squares
    ends = uncertainty.bootstrap({"loss": uncertainty.mean(more)}, len(labels))["loss"]
    return {"difference": {"loss": float(more.mean()), "interval": list(ends or ())}}


def mistakes(labels: np.ndarray, predictions: np.ndarray, least: float | None) -> np.ndarray:
    """Return the indices of predictions with an error of at least `least`, the largest first.

    Without `least`, return all that have an error.
    """
    off = np.abs(errors(labels, predictions))
    found = np.flatnonzero(off >= (np.nextafter(0, 1) if least is None else least))
    return np.asarray(found[np.argsort(-off[found], kind="stable")])
