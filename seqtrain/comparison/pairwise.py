"""Significance tests between the rows of a comparison."""

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

SPLITTING = ("name", "split_seed", "test", "train_pairs")  # keys that decide the test examples


@dataclass(frozen=True)
class Significance:
    """The result of testing one row against another.

    Attributes:
        against: the row with the best validation score on the same data and metric.
        test: for two runs on the same test examples `McNemar`, for macro F1 `bootstrap`, for
            numbers `sign`, for forecasts `Diebold–Mariano`, for texts that are written
            `paired bootstrap`; for groups of seeds `Welch`.
        p: the p-value; None if no test is possible.
        reason: why no test is possible.
    """

    against: Row
    test: str | None = None
    p: float | None = None
    reason: str | None = None


def tested(table: Sequence[Row]) -> dict[Row, Significance]:
    """Test each row against the best row of the same data and metric.

    Validation chooses the best row. If the test examples chose it, their test would be biased.
    """
    found: dict[Row, Significance] = {}
    comparable: dict[tuple[str, str], list[Row]] = {}
    for row in table:
        data = row.members[0].data
        if data is not None and any(one.finished for one in row.counted):
            comparable.setdefault((data, _kind(row)), []).append(row)
    answers = lru_cache(maxsize=2)(_answers)  # keep the best; drop all other runs
    for alike in comparable.values():
        metric = common_metric(alike)
        best = min(alike, key=_rank(alike, metric))
        found |= {row: _test(row, best, metric, answers) for row in alike if row is not best}
    return found


def _kind(row: Row) -> str:
    """Return the name of the task of a row; only rows of one task can be compared."""
    task = row.members[0].task
    return task.name if task else ""


def _rank(table: Sequence[Row], metric: Metric) -> Callable[[Row], float]:
    """Return a sort key, smallest for the best validation score; fall back to a metric all have."""
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
    """Test two runs example by example, if they have the same test examples."""
    first, second = row.counted[0], best.counted[0]
    try:
        (labels, ours), (labels_of_best, theirs) = answers(first.run), answers(second.run)
        task = first.run.fitted_task
    except SeqtrainError:
        return Significance(best, reason="predictions are missing or damaged")
    same_labels = len(labels) == len(labels_of_best) and task.same(labels, labels_of_best)
    if not (same_labels and _split_alike(first, second)):
        return Significance(best, reason="other test examples")
    return Significance(best, *task.paired(metric, labels, ours, theirs))


def _answers(run: Run) -> Answers:
    return run.predictions()


def _split_alike(first: RunNumbers, second: RunNumbers) -> bool:
    keys = [f"dataset.{key}" for key in SPLITTING]
    return all(first.keys.get(key) == second.keys.get(key) for key in keys)
