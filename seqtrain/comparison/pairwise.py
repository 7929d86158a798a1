"""Rows of a comparison tested against the best of the same data and the same score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from seqtrain.comparison.run_rows import (
    Row,
    RunNumbers,
    common_metric,
)
from seqtrain.errors import SeqtrainError
from seqtrain.evaluation.metric import Metric
from seqtrain.evaluation.significance import welch
from seqtrain.runs.run import Run

if TYPE_CHECKING:
    import numpy as np

    Answers = tuple[np.ndarray, np.ndarray]

SPLITTING = ("name", "split_seed", "test", "train_pairs")  # keys that decide what is tested on


@dataclass(frozen=True)
class Significance:
    """What came of testing a row against another.

    Attributes:
        against: the row that is best on validation among those of the same data and score.
        test: `McNemar` of two runs on the same test examples, where macro F1 judges `bootstrap`,
            and where they answer numbers `sign`; `Welch` of several seeds each.
        p: the chance of such a difference where there is none; None if it cannot be told.
        reason: why it cannot.
    """

    against: Row
    test: str | None = None
    p: float | None = None
    reason: str | None = None


def tested(table: Sequence[Row]) -> dict[Row, Significance]:
    """Return what came of testing each row that has a better one, on the same data and score.

    The better one is chosen by validation: chosen by the test examples it would be lucky there.
    """
    found: dict[Row, Significance] = {}
    comparable: dict[tuple[str, str], list[Row]] = {}
    for row in table:
        data = row.members[0].data
        if data is not None and any(one.finished for one in row.counted):
            comparable.setdefault((data, _kind(row)), []).append(row)
    answers = lru_cache(maxsize=2)(_answers)  # the best stays; every other run is the one before
    for alike in comparable.values():
        metric = common_metric(alike)
        best = min(alike, key=_rank(alike, metric))
        found |= {row: _test(row, best, metric, answers) for row in alike if row is not best}
    return found


def _kind(row: Row) -> str:
    """Return the name of the task of a row: only those of one task can be compared."""
    task = row.members[0].task
    return task.name if task else ""


def _rank(table: Sequence[Row], metric: Metric) -> Callable[[Row], float]:
    """Return what is smallest for the best row on validation, by another metric if one lacks it."""
    if not all(row.values(f"val_{metric.name}") for row in table):
        task = table[0].members[0].task
        metric = task.primary() if task else metric

    def rank(row: Row) -> float:
        value = row.mean(f"val_{metric.name}")
        if value is None:
            return float("inf")
        return -value if metric.higher else value

    return rank


def _test(row: Row, best: Row, metric: Metric, answers: Callable[[Run], Answers]) -> Significance:
    if len(row.counted) == len(best.counted) == 1:
        return _paired(row, best, metric, answers)
    samples = [one.values(f"test_{metric.name}") for one in (row, best)]
    if min(map(len, samples)) > 1:
        p = welch(*samples)
        return Significance(best, "Welch", p, "no seed differs from another" if p is None else None)
    return Significance(best, reason="one seed cannot be tested against several")


def _paired(row: Row, best: Row, metric: Metric, answers: Callable[[Run], Answers]) -> Significance:
    """Test two runs on each test example, if they were judged by the same ones."""
    first, second = row.counted[0], best.counted[0]
    try:
        (labels, ours), (labels_of_best, theirs) = answers(first.run), answers(second.run)
        task = first.run.fitted_task
    except SeqtrainError:
        return Significance(best, reason="predictions are missing or damaged")
    same_labels = len(labels) == len(labels_of_best) and bool((labels == labels_of_best).all())
    if not (same_labels and _split_alike(first, second)):
        return Significance(best, reason="other test examples")
    return Significance(best, *task.paired(metric, labels, ours, theirs))


def _answers(run: Run) -> Answers:
    return run.predictions()


def _split_alike(first: RunNumbers, second: RunNumbers) -> bool:
    keys = [f"dataset.{key}" for key in SPLITTING]
    return all(first.keys.get(key) == second.keys.get(key) for key in keys)
