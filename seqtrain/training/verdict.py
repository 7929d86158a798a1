"""The verdict: whether a network has learned, compared with baselines on the same examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqtrain.display.numbers import readable
from seqtrain.display.sentences import listed
from seqtrain.evaluation.baselines import Baseline, titles
from seqtrain.evaluation.metric import Metric
from seqtrain.tasks import Task
from seqtrain.training.diagnosis import TrainingRecord, causes, still_improving

FAR = 0.5  # share of the gain of the linear over the constant baseline; less is far below it

Found = Mapping[str, Mapping[str, Any]]  # the baselines by name, as in metrics.json


def judged(predictions: np.ndarray, trained: TrainingRecord) -> dict[str, Any]:
    """Return `baselines` and `verdict` for `metrics.json`.

    Args:
        predictions: of the test examples, in the form of the task.
        trained: the training of the network.
    """
    task = trained.dataset.task
    others = task.baselines(trained.dataset, trained.training.baselines, trained.weighed)
    found = {other.name: compared(predictions, other, trained) for other in others}
    return {"baselines": found, "verdict": verdict(predictions, found, trained)}


def compared(predictions: np.ndarray, other: Baseline, trained: TrainingRecord) -> dict[str, Any]:
    """Return the metrics of a baseline, and its comparison with the network."""
    task, labels = trained.dataset.task, trained.dataset.test.labels
    evaluated = task.evaluate("test", labels, other.predictions)
    return {
        **{name: value for name, value in evaluated.items() if name != "test"},
        "trained_on": other.trained_on,
        "converged": other.converged,
        **task.compare(labels, predictions, other.predictions),
    }


def verdict(predictions: np.ndarray, found: Found, trained: TrainingRecord) -> dict[str, Any]:
    """Return whether a network has learned, with reasons.

    A network has learned if its predictions depend on the labels, if it is better than the
    constant baseline, and if it is not far below the linear baseline. It is far below if it is
    significantly worse and has less than half of the linear baseline's gain over the constant one.
    It is enough to have learned by one of the metrics in `Task.judged_by`.

    Args:
        predictions: of the test examples, in the form of the task.
        found: the baselines; the constant one first.
        trained: the training of the network.

    Returns:
        `learned`, and a `sentence` with the reason; if not learned, likely `causes`; if learned,
        `warnings` and `advice`, which may be empty; and the metrics `judged_by`.
    """
    task, labels = trained.dataset.task, trained.dataset.test.labels
    floor = next(iter(found))
    apart = task.shows(labels, predictions, found[floor])
    ours = task.scores("test", labels, predictions)
    yardsticks = task.yardsticks(trained.judged_by)
    lacking = _lacking(apart, ours, found, yardsticks, task)
    primary = yardsticks[0][1]
    simple = {
        name: task.better(other, primary) < 0 if apart else task.finds(other)
        for name, other in found.items()
        if name != floor and other["trained_on"]  # what has not learned shows nothing about labels
    }
    why = causes(trained, len(labels), apart, simple) if lacking else []
    return {
        "learned": lacking is None,
        "sentence": lacking or _ranked(found, yardsticks, task),
        "causes": why,
        "warnings": [] if lacking else [*task.warnings(ours, found[floor], trained.weighed)],
        "judged_by": [metric.name for metric in trained.judged_by],
        "advice": list(still_improving(trained, why)),
    }


def _lacking(
    apart: bool,
    ours: Mapping[str, Any],
    found: Found,
    yardsticks: Sequence[tuple[Metric, Metric]],
    task: Task,
) -> str | None:
    """Return the reason why a network has not learned; None if it has."""
    if not apart:
        beside = _beside(ours, found, [shown for shown, _ in yardsticks])
        return f"the network has learned nothing that shows on the test {task.example}s: {beside}"
    reasons = [_lacking_by(*yardstick, ours, found, task) for yardstick in yardsticks]
    return reasons[0] if all(reasons) else None


def _lacking_by(
    shown: Metric, measured: Metric, ours: Mapping[str, Any], found: Found, task: Task
) -> str | None:
    """Return the reason why a network has not learned by one metric; None if it has."""
    key, name = f"test_{measured.name}", f"test_{shown.name}"
    title, floor = next(iter(found.items()))
    if task.better(floor, measured) <= 0:
        best = max(found, key=lambda other: measured.gain(found[other][key], floor[key]))
        more = ""
        if best != title and measured.gain(found[best][key], ours[key]) > 0:
            more = f"; {titles(found)[best]} has {readable(found[best][name])}"
        return (
            f"the network {task.apart}is not {measured.better} the "
            f"{title}: {_beside(ours, found, [shown])}{more}"
        )
    for other_title, other in found.items():
        worse = task.better(other, measured) < 0
        gain, possible = (measured.gain(of[key], floor[key]) for of in (ours, other))
        if worse and gain < FAR * possible:
            return (
                f"the network has learned little: {shown.title} {readable(ours[name])}, where "
                f"{titles(found)[other_title]} reaches {readable(other[name])}"
            )
    return None


def _beside(ours: Mapping[str, Any], found: Found, metrics: Sequence[Metric]) -> str:
    """Return metrics of the network, each followed by that of the constant baseline."""
    title, floor = next(iter(found.items()))
    keys = [(metric.title, f"test_{metric.name}") for metric in metrics]
    pairs = [(word, readable(ours[key]), readable(floor[key])) for word, key in keys]
    return ", ".join(f"{word} {our}, {title} {their}" for word, our, their in pairs)


def _ranked(found: Found, yardsticks: Sequence[tuple[Metric, Metric]], task: Task) -> str:
    """Return the baselines that a network beats, and those that beat it, by each metric."""
    first, *others = (ranking(found, *yardstick, task) for yardstick in yardsticks)
    named = [
        f"by {shown.title} {said}" for (shown, _), said in zip(yardsticks[1:], others, strict=True)
    ]
    return "; ".join([first, *named])


def ranking(found: Found, shown: Metric, measured: Metric, task: Task) -> str:
    """Return the baselines that a network beats, and those that beat it, by one metric."""
    word = "" if shown.bare else f"{shown.title} "
    named = {
        name: f"{title} ({word}{readable(found[name][f'test_{shown.name}'])})"
        for name, title in titles(found).items()
    }
    sides = {name: task.better(other, measured) for name, other in found.items()}
    beaten, level, better = (
        [named[n] for n, side in sides.items() if side == s] for s in (1, 0, -1)
    )
    sentence = f"the network beats {listed(beaten, 'and')}" if beaten else ""
    if better:
        beat = f"{listed(better, 'and')} beat{'' if len(better) > 1 else 's'} it"
        sentence = f"{sentence}, but {beat}" if sentence else beat
    who = "it" if sentence else "the network"
    none = f"{who} is not significantly different from {listed(level, 'or')}" if level else ""
    return "; ".join(filter(None, (sentence, none)))
