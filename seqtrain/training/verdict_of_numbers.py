"""Whether a network answers numbers well: it beside simple models, on the same test examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtrain.data.scaling import Target
from seqtrain.evaluation import regression, uncertainty
from seqtrain.evaluation.baselines import MEAN, Baseline, baselines
from seqtrain.tasks import readable, titles
from seqtrain.training.diagnosis import Trained, causes, still_improving
from seqtrain.training.verdict import FAR, ranking


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
    """Return the scores of a simple model, and by how much the network's loss is larger.

    The loss is what is trained, and what the mean of the labels is the best constant for. The
    interval is of the difference on the same examples, by bootstrap.
    """
    ours, theirs = (
        np.square(regression.errors(labels, answers) / target.deviation)
        for answers in (predictions, other.answers)
    )
    ends = uncertainty.bootstrap({"loss": uncertainty.mean(ours - theirs)}, len(labels))["loss"]
    return {
        **regression.scores("test", labels, other.answers, target),
        "intervals": regression.intervals("test", labels, other.answers, target),
        "trained_on": other.trained_on,
        "converged": other.converged,
        "difference": {
            "loss": float((ours - theirs).mean()),
            "interval": list(ends or ()),
        },
    }


def verdict(
    labels: np.ndarray, predictions: np.ndarray, found: dict[str, Any], trained: Trained
) -> dict[str, Any]:
    """Return whether a network has learned, and what is to be said of it; see `verdict.verdict`.

    A network has learned if its loss is smaller than that of saying the mean of the labels each
    time, and if it is not far above that of the linear model: larger, and with less than half of
    what the linear model gains over the mean.
    """
    target = trained.dataset.target or Target()
    loss, of_mean = regression.loss(labels, predictions, target), found[MEAN]["test_loss"]
    error = readable(regression.rmse(labels, predictions))
    better = beats(found[MEAN])
    lacking = None
    if not better:
        lacking = (
            "the network has learned nothing that shows on the test examples: rmse "
            f"{error}, {MEAN} {readable(found[MEAN]['test_rmse'])}"
        )
    for name, other in found.items():
        gain = of_mean - other["test_loss"]
        if lacking is None and loses(other) and of_mean - loss < FAR * gain:
            lacking = (
                f"the network has learned little: rmse {error}, where {titles(found)[name]} "
                f"reaches {readable(other['test_rmse'])}"
            )
    simple = {
        name: loses(other) if better else _explains(other)
        for name, other in found.items()
        if name != MEAN
    }
    why = causes(trained, len(labels), better, simple) if lacking else []
    return {
        "learned": lacking is None,
        "sentence": lacking or ranking(found, "rmse", beats, loses),
        "causes": why,
        "warnings": [],
        "judged_by": list(trained.judged_by),
        "advice": list(still_improving(trained, why)),
    }


def _explains(other: dict[str, Any]) -> bool:
    """Return whether a simple model explains more of the labels than chance does, if that shows."""
    ends = other["intervals"]["test_r2"]
    return bool(ends[0] > 0 if ends else (other["test_r2"] or 0) > 0)


def beats(other: dict[str, Any], _: str = "loss") -> bool:
    """Return whether the network's loss is smaller than that of a simple model."""
    ends = other["difference"]["interval"]
    return bool(ends and ends[1] < 0)


def loses(other: dict[str, Any], _: str = "loss") -> bool:
    """Return whether the network's loss is larger than that of a simple model."""
    ends = other["difference"]["interval"]
    return bool(ends and ends[0] > 0)
