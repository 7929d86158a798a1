"""Whether a network tells classes apart: it beside simple models, on the same test examples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from seqtrain.judging import metrics, uncertainty
from seqtrain.judging.baselines import MAJORITY, Baseline, baselines
from seqtrain.judging.causes import Trained, causes
from seqtrain.judging.significance import mcnemar
from seqtrain.tasks import readable

Test = Callable[[dict[str, Any]], bool]

ERROR = 0.05  # of a two-sided test: how often chance alone may look like a difference
FAR = 0.5  # of what the linear model gains over the majority class; less is far below it


def judged(labels: np.ndarray, probabilities: np.ndarray, trained: Trained) -> dict[str, Any]:
    """Return `baselines` and `verdict`, as `metrics.json` holds them.

    Args:
        labels: of the test examples, shape (N,).
        probabilities: what the network says of them, shape (N, classes).
        trained: how it was trained.
    """
    others = baselines(trained.dataset, with_linear=trained.training.baselines)
    found = {other.name: compared(labels, probabilities, other) for other in others}
    return {"baselines": found, "verdict": verdict(labels, probabilities, found, trained)}


def compared(labels: np.ndarray, probabilities: np.ndarray, other: Baseline) -> dict[str, Any]:
    """Return the metrics of a simple model, and by how much the network is more often right.

    McNemar's test compares the two on the same examples: two intervals that overlap could not
    tell, for both find the same examples hard. T. G. Dietterich, "Approximate Statistical Tests
    for Comparing Supervised Classification Learning Algorithms", Neural Computation 10(7), 1998.
    """
    right, theirs = (metrics.predictions(p) == labels for p in (probabilities, other.answers))
    more = right.astype(float) - theirs
    ends = uncertainty.bootstrap({"accuracy": uncertainty.mean(more)}, len(labels))["accuracy"]
    return {
        **metrics.scores("test", labels, other.answers),
        "intervals": metrics.intervals("test", labels, other.answers),
        "trained_on": other.trained_on,
        "converged": other.converged,
        "tells_apart": tells_apart(labels, other.answers),
        "difference": {
            "accuracy": float(more.mean()),
            "interval": list(ends or ()),
            "p_value": mcnemar(int((more > 0).sum()), int((more < 0).sum())),
        },
    }


def tells_apart(labels: np.ndarray, probabilities: np.ndarray) -> bool:
    """Return whether classes are more probable where they are true than elsewhere.

    The mean probability of the true class is compared with what it would be if the labels were
    shuffled, of which mean and variance are known exactly: W. Hoeffding, "A Combinatorial Central
    Limit Theorem", Annals of Mathematical Statistics 22(4), 1951, theorem 2. It finds what a
    network has learned also where classes are so unequal that it never predicts one of them.

    Args:
        labels: shape (N,), N > 1.
        probabilities: shape (N, classes).
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    shares = counts / len(labels)
    gaps = probabilities - probabilities.mean(axis=0, dtype=np.float64)
    gaps -= (gaps @ shares)[:, None]
    chosen = gaps[np.arange(len(labels)), labels].sum()
    variance = (counts * (gaps**2).sum(axis=0)).sum() / max(len(labels) - 1, 1)
    return bool(variance > 0 and chosen / math.sqrt(variance) > CRITICAL)


CRITICAL = 1.959964  # of the normal distribution, for `ERROR`


def verdict(
    labels: np.ndarray, probabilities: np.ndarray, found: dict[str, Any], trained: Trained
) -> dict[str, Any]:
    """Return `learned`, the `sentence` that says why, and where it is false likely `causes`.

    A network has learned if it tells the classes apart, if it is more often right than the
    majority class (unless its classes are weighed, as then it does not aim at that), and if it is
    not far below the linear model: worse by McNemar's test, and with less than half of what the
    linear model gains over the majority class.
    """
    accuracy = metrics.accuracy(labels, probabilities)
    apart = tells_apart(labels, probabilities)
    simple = {
        name: loses(other) if apart else other["tells_apart"]
        for name, other in found.items()
        if name != MAJORITY
    }
    lacking = _lacking(apart, accuracy, found, trained)
    return {
        "learned": lacking is None,
        "sentence": lacking or ranking(found, "accuracy", beats, loses),
        "causes": causes(trained, len(labels), apart, simple) if lacking else [],
    }


def _lacking(apart: bool, accuracy: float, found: dict[str, Any], trained: Trained) -> str | None:
    """Return what shows that a network has not learned; None where it has."""
    floor = found[MAJORITY]["test_accuracy"]
    if not apart:
        return (
            f"the network has learned nothing that shows on the test examples: accuracy "
            f"{accuracy:.4f}, {MAJORITY} {floor:.4f}"
        )
    if not beats(found[MAJORITY]) and not trained.training.class_weight:
        return (
            f"the network tells the classes apart, but is not more often right than the "
            f"{MAJORITY}: accuracy {accuracy:.4f}, {MAJORITY} {floor:.4f}"
        )
    for name, other in found.items():
        gain = other["test_accuracy"] - floor
        if loses(other) and accuracy - floor < FAR * gain and not trained.training.class_weight:
            return (
                f"the network has learned little: accuracy {accuracy:.4f}, where {name} reaches "
                f"{other['test_accuracy']:.4f}"
            )
    return None


def beats(other: dict[str, Any]) -> bool:
    """Return whether the network is more often right than a simple model."""
    difference = other["difference"]
    return bool(difference["accuracy"] > 0 and difference["p_value"] < ERROR)


def loses(other: dict[str, Any]) -> bool:
    """Return whether the network is less often right than a simple model."""
    difference = other["difference"]
    return bool(difference["accuracy"] < 0 and difference["p_value"] < ERROR)


def ranking(found: dict[str, Any], score: str, beats: Test, loses: Test) -> str:
    """Return which of the simple models a network beats, which beat it, and which neither.

    Args:
        found: the simple models, by name.
        score: the name of theirs that is told.
        beats: whether the network is better than one of them, by more than chance.
        loses: whether it is worse.
    """
    key, word = f"test_{score}", "" if score == "accuracy" else f"{score} "
    named = {name: f"{name} ({word}{readable(other[key])})" for name, other in found.items()}
    beaten = [named[name] for name, other in found.items() if beats(other)]
    better = [named[name] for name, other in found.items() if loses(other)]
    level = [named[name] for name in found if named[name] not in (*beaten, *better)]
    sentence = f"the network beats {' and '.join(beaten)}" if beaten else ""
    if better:
        beat = f"{' and '.join(better)} beat{'' if len(better) > 1 else 's'} it"
        sentence = f"{sentence}, but {beat}" if sentence else beat
    none = f"no difference to {' and '.join(level)} shows" if level else ""
    return "; ".join(filter(None, (sentence, none)))
