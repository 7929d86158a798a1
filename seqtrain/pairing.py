"""Rows of a comparison tested against the best of the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqtrain.comparison import Measured, Row, main_score, more_is_better
from seqtrain.errors import SeqtrainError
from seqtrain.judging.significance import mcnemar, welch
from seqtrain.run import Run

if TYPE_CHECKING:
    import numpy as np

SPLITTING = ("name", "split_seed", "test", "train_pairs")  # keys that decide what is tested on


@dataclass(frozen=True)
class Tested:
    """What came of testing a row against another.

    Attributes:
        against: the row that is best on validation among those of the same data.
        test: `McNemar` of two runs on the same test examples, or where they answer numbers `sign`;
            `Welch` of several seeds each.
        p: the chance of such a difference where there is none; None if it cannot be told.
        reason: why it cannot.
    """

    against: Row
    test: str | None = None
    p: float | None = None
    reason: str | None = None


def tested(table: Sequence[Row]) -> dict[Row, Tested]:
    """Return what came of testing each row that has a better one on the same data.

    The better one is chosen by validation: chosen by the test examples it would be lucky there.
    """
    found: dict[Row, Tested] = {}
    of_data: dict[str | None, list[Row]] = {}
    for row in table:
        if any(one.finished for one in row.counted):
            of_data.setdefault(row.members[0].data, []).append(row)
    for data, alike in of_data.items():
        if data is not None and len(alike) > 1:
            best = min(alike, key=_rank)
            found |= {row: _test(row, best) for row in alike if row is not best}
    return found


def _rank(row: Row) -> float:
    name = f"val_{main_score(row)}"
    value = row.mean(name)
    if value is None:
        return float("inf")
    return -value if more_is_better(name) else value


def _test(row: Row, best: Row) -> Tested:
    seeds = [len(one.counted) for one in (row, best)]
    if min(seeds) > 1:
        name = f"test_{main_score(best)}"
        p = welch(row.values(name), best.values(name))
        return Tested(best, "Welch", p, "no seed differs from another" if p is None else None)
    if max(seeds) > 1:
        return Tested(best, reason="one seed cannot be tested against several")
    return _paired(row, best)


def _paired(row: Row, best: Row) -> Tested:
    """Test two runs on each test example, if they were judged by the same ones."""
    first, second = row.counted[0], best.counted[0]
    try:
        (labels, wrong), (labels_of_best, wrong_of_best) = _judged(first.run), _judged(second.run)
    except SeqtrainError:
        return Tested(best, reason="predictions are missing or damaged")
    same_labels = labels.tolist() == labels_of_best.tolist()
    if not (same_labels and _split_alike(first, second)):
        return Tested(best, reason="other test examples")
    p = mcnemar(int((wrong < wrong_of_best).sum()), int((wrong > wrong_of_best).sum()))
    return Tested(best, "McNemar" if wrong.dtype == bool else "sign", p)


def _judged(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return the test labels, shape (N,), and how wrong each answer is, of the same shape.

    Of classes that is bool; of numbers the absolute error.
    """
    from seqtrain.judging.metrics import predictions

    labels, answers = run.predictions()
    return labels, abs(answers - labels) if answers.ndim == 1 else predictions(answers) != labels


def _split_alike(first: Measured, second: Measured) -> bool:
    keys = [f"dataset.{key}" for key in SPLITTING]
    return all(first.keys.get(key) == second.keys.get(key) for key in keys)
