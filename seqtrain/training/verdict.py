"""Whether a network tells classes apart: it beside simple models, on the same test examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from seqtrain.evaluation import classification, uncertainty
from seqtrain.evaluation.baselines import MAJORITY, Baseline, baselines
from seqtrain.evaluation.significance import mcnemar, paired_bootstrap
from seqtrain.tasks import called, readable, titles
from seqtrain.training.diagnosis import Trained, causes, still_improving

Test = Callable[[dict[str, Any], str], bool]

ERROR = 0.05  # of a two-sided test: how often chance alone may look like a difference
FAR = 0.5  # of what the linear model gains over the majority class; less is far below it


def judged(labels: np.ndarray, probabilities: np.ndarray, trained: Trained) -> dict[str, Any]:
    """Return `baselines` and `verdict`, as `metrics.json` holds them.

    Args:
        labels: of the test examples, shape (N,).
        probabilities: what the network says of them, shape (N, classes).
        trained: how it was trained.
    """
    how = trained.training
    others = baselines(trained.dataset, how.baselines, weighed=how.class_weight is not None)
    found = {other.name: compared(labels, probabilities, other) for other in others}
    return {"baselines": found, "verdict": verdict(labels, probabilities, found, trained)}


def compared(labels: np.ndarray, probabilities: np.ndarray, other: Baseline) -> dict[str, Any]:
    """Return the metrics of a simple model, and by how much the network is better.

    McNemar's test compares how often the two are right on the same examples: two intervals that
    overlap could not tell, for both find the same examples hard. T. G. Dietterich, "Approximate
    Statistical Tests for Comparing Supervised Classification Learning Algorithms", Neural
    Computation 10(7), 1998. Macro F1 is no share of examples, so a bootstrap compares it.
    """
    right, theirs = (
        classification.predictions(p) == labels for p in (probabilities, other.answers)
    )
    more = right.astype(float) - theirs
    macro_f1 = classification.macro_f1_difference(labels, probabilities, other.answers)
    ends = uncertainty.bootstrap(
        {"accuracy": uncertainty.mean(more), "macro_f1": macro_f1}, len(labels)
    )
    return {
        **classification.scores("test", labels, other.answers),
        "intervals": classification.intervals("test", labels, other.answers),
        "trained_on": other.trained_on,
        "converged": other.converged,
        "tells_apart": tells_apart(labels, other.answers),
        "difference": {
            "accuracy": float(more.mean()),
            "interval": list(ends["accuracy"] or ()),
            "p_value": mcnemar(int((more > 0).sum()), int((more < 0).sum())),
            "macro_f1": float(macro_f1(np.ones((1, len(labels))))[0]),
            "macro_f1_interval": list(ends["macro_f1"] or ()),
            "macro_f1_p_value": paired_bootstrap(macro_f1, len(labels)),
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
    """Return whether a network has learned, and what is to be said of it.

    A network has learned if it tells the classes apart, if it is better than the majority class,
    and if it is not far below the linear model: significantly worse, and with less than half of
    what the linear model gains over the majority class. Better is more often right; where classes
    are weighed it is a higher macro F1, and where they are uneven, either of the two.

    Returns:
        `learned`, and the `sentence` that says why; where it has not learned, likely `causes`;
        `warnings` of a network that has, and `advice`, both of which may be empty; and by which
        scores it is `judged_by`.
    """
    apart = tells_apart(labels, probabilities)
    ours = classification.scores("test", labels, probabilities)
    lacking = _lacking(apart, ours, found, trained.judged_by)
    simple = {
        name: loses(other) if apart else other["tells_apart"]
        for name, other in found.items()
        if name != MAJORITY
    }
    ranked = (ranking(found, score, beats, loses) for score in trained.judged_by)
    why = causes(trained, len(labels), apart, simple) if lacking else []
    return {
        "learned": lacking is None,
        "sentence": lacking or "; by macro F1 ".join(ranked),
        "causes": why,
        "warnings": [] if lacking else list(_warnings(ours, found[MAJORITY], trained)),
        "judged_by": list(trained.judged_by),
        "advice": list(still_improving(trained, why)),
    }


def _lacking(
    apart: bool, ours: dict[str, Any], found: dict[str, Any], judged_by: Sequence[str]
) -> str | None:
    """Return what shows that a network has not learned; None where it has."""
    if not apart:
        return (
            "the network has learned nothing that shows on the test examples: "
            f"{_beside(ours, found[MAJORITY], MAJORITY, judged_by)}"
        )
    reasons = [_lacking_by(score, ours, found) for score in judged_by]
    return reasons[0] if all(reasons) else None


def _lacking_by(score: str, ours: dict[str, Any], found: dict[str, Any]) -> str | None:
    """Return what shows by one score that a network has not learned; None where it has."""
    key, floor = f"test_{score}", found[MAJORITY]
    if not beats(floor, score):
        return (
            f"the network tells the classes apart, but is not {BETTER[score]} the "
            f"{MAJORITY}: {_beside(ours, floor, MAJORITY, [score])}"
        )
    for name, other in found.items():
        gain = other[key] - floor[key]
        if loses(other, score) and ours[key] - floor[key] < FAR * gain:
            return (
                f"the network has learned little: {called(score)} {ours[key]:.4f}, where "
                f"{titles(found)[name]} reaches {other[key]:.4f}"
            )
    return None


def _beside(ours: dict[str, Any], other: dict[str, Any], name: str, scores: Sequence[str]) -> str:
    """Return scores of the network, and after each that of a simple model."""
    keys = [(called(score), f"test_{score}") for score in scores]
    return ", ".join(f"{word} {ours[k]:.4f}, {name} {other[k]:.4f}" for word, k in keys)


def _warnings(ours: dict[str, Any], majority: dict[str, Any], trained: Trained) -> Iterator[str]:
    """Yield what a person should know of a network that has learned."""
    if beats(majority):
        return
    how = "less" if loses(majority) else "not significantly more"
    why = (
        "; its classes are weighed, which gives accuracy for the recall of rare classes"
        " (`training.class_weight=null` aims at accuracy)"
        if trained.training.class_weight
        else ""
    )
    yield (
        f"the network is {how} often right than the {MAJORITY}: "
        f"{_beside(ours, majority, MAJORITY, ['accuracy'])}{why}"
    )


BETTER = {
    "accuracy": "significantly more often right than",
    "macro_f1": "significantly better by macro F1 than",
}
P_VALUES = {"accuracy": "p_value", "macro_f1": "macro_f1_p_value"}


def beats(other: dict[str, Any], score: str = "accuracy") -> bool:
    """Return whether the network is better than a simple model, by more than chance."""
    difference = other["difference"]
    return bool(difference[score] > 0 and difference[P_VALUES[score]] < ERROR)


def loses(other: dict[str, Any], score: str = "accuracy") -> bool:
    """Return whether the network is worse than a simple model, by more than chance."""
    difference = other["difference"]
    return bool(difference[score] < 0 and difference[P_VALUES[score]] < ERROR)


def ranking(found: dict[str, Any], score: str, beats: Test, loses: Test) -> str:
    """Return which of the simple models a network beats, which beat it, and which neither.

    Args:
        found: the simple models, by name.
        score: the name of theirs that is told.
        beats: whether the network is better than one of them by a score, by more than chance.
        loses: whether it is worse.
    """
    key, word = f"test_{score}", "" if score == "accuracy" else f"{called(score)} "
    named = {
        name: f"{title} ({word}{readable(found[name][key])})"
        for name, title in titles(found).items()
    }
    beaten = [named[name] for name, other in found.items() if beats(other, score)]
    better = [named[name] for name, other in found.items() if loses(other, score)]
    level = [named[name] for name in found if named[name] not in (*beaten, *better)]
    sentence = f"the network beats {' and '.join(beaten)}" if beaten else ""
    if better:
        beat = f"{' and '.join(better)} beat{'' if len(better) > 1 else 's'} it"
        sentence = f"{sentence}, but {beat}" if sentence else beat
    who = "it" if sentence else "the network"
    none = f"{who} is not significantly different from {' or '.join(level)}" if level else ""
    return "; ".join(filter(None, (sentence, none)))
