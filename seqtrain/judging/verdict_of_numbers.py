"""Whether a network answers numbers well: it beside simple models, on the same test examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtrain.datasets.scaling import Target
from seqtrain.judging import regression, uncertainty
from seqtrain.judging.baselines import MEAN, Baseline, baselines
from seqtrain.judging.causes import Trained, causes
from seqtrain.judging.verdict import FAR, ranking
from seqtrain.tasks import readable


def judged(labels: np.ndarray, predictions: np.ndarray, trained: Trained) -> dict[str, Any]:
    """Return `baselines` and `verdict`, as `metrics.json` holds them.

    Args:
        labels: of the test examples, shape (N,).
        predictions: what the network says of them, shape (N,).
        trained: how it was trained.
    """
    others = baselines(trained.dataset, with_linear=trained.training.baselines)
    target = trained.dataset.target or Target()
    found = {other.name: compared(labels, predictions, other, target) for other in others}
    return {"baselines": found, "verdict": verdict(labels, predictions, found, trained)}


def compared(
    labels: np.ndarray, predictions: np.ndarray, other: Baseline, target: Target
) -> dict[str, Any]:
    """Return the scores of a simple model, and by how much the network's error is larger.

    The interval is of the difference on the same examples, by bootstrap.
    """
    ours, theirs = (np.abs(regression.errors(labels, p)) for p in (predictions, other.answers))
    larger = uncertainty.mean(ours - theirs)
    ends = uncertainty.bootstrap({"mae": larger}, len(labels))["mae"]
    return {
        **regression.scores("test", labels, other.answers, target),
        "intervals": regression.intervals("test", labels, other.answers, target),
        "trained_on": other.trained_on,
        "converged": other.converged,
        "difference": {"mae": float((ours - theirs).mean()), "interval": list(ends or ())},
    }


def verdict(
    labels: np.ndarray, predictions: np.ndarray, found: dict[str, Any], trained: Trained
) -> dict[str, Any]:
    """Return `learned`, the `sentence` that says why, and where it is false likely `causes`.

    A network has learned if its error is smaller than that of saying the mean of the labels each
    time, and if it is not far above that of the linear model: larger, and with less than half of
    what the linear model gains over the mean.
    """
    error, of_mean = regression.mae(labels, predictions), found[MEAN]["test_mae"]
    better = beats(found[MEAN])
    lacking = None
    if not better:
        lacking = (
            f"the network has learned nothing that shows on the test examples: mae "
            f"{readable(error)}, {MEAN} {readable(of_mean)}"
        )
    for name, other in found.items():
        gain = of_mean - other["test_mae"]
        if lacking is None and loses(other) and of_mean - error < FAR * gain:
            lacking = (
                f"the network has learned little: mae {readable(error)}, where {name} reaches "
                f"{readable(other['test_mae'])}"
            )
    simple = {
        name: loses(other) if better else other["test_r2"] is not None and other["test_r2"] > 0
        for name, other in found.items()
        if name != MEAN
    }
    return {
        "learned": lacking is None,
        "sentence": lacking or ranking(found, "mae", beats, loses),
        "causes": causes(trained, len(labels), better, simple) if lacking else [],
    }


def beats(other: dict[str, Any]) -> bool:
    """Return whether the network's error is smaller than that of a simple model."""
    ends = other["difference"]["interval"]
    return bool(ends and ends[1] < 0)


def loses(other: dict[str, Any]) -> bool:
    """Return whether the network's error is larger than that of a simple model."""
    ends = other["difference"]["interval"]
    return bool(ends and ends[0] > 0)
