"""A confusion matrix as tables, and the most confused pairs if there are many classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtrain.display.columns import table
from seqtrain.display.numbers import interval, score

CLASS_SCORES = ("precision", "recall", "f1")
MOST_CLASSES = 16  # classes whose confusion matrix fits on a terminal; with more, pairs are listed
MOST_PAIRS = 15


@dataclass(frozen=True)
class Pair:
    """A class that is confused with another.

    Attributes:
        true: the index of the class.
        predicted: the index of the other class.
        count: the number of examples.
    """

    true: int
    predicted: int
    count: int


def confused(matrix: np.ndarray | Sequence[Sequence[int]]) -> list[Pair]:
    """Return the pairs of confused classes, the most frequent first."""
    counts = np.array(matrix)
    np.fill_diagonal(counts, 0)
    rows, columns = np.nonzero(counts)
    found = [
        Pair(*cell, int(counts[cell])) for cell in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return sorted(found, key=lambda pair: -pair.count)


def by_size(matrix: np.ndarray) -> np.ndarray:
    """Return the indices of the classes, the one with the most examples first."""
    return np.argsort(-matrix.sum(axis=1), kind="stable")


def tables(classes: Sequence[Mapping[str, Any]], matrix: Sequence[Sequence[int]]) -> list[str]:
    """Return the scores of each class and the confusion matrix, as aligned tables.

    With many classes, the confused pairs are listed instead.

    Args:
        classes: as `classification_metrics.per_class` returns them.
        matrix: counts, a row for each true class.
    """
    if len(classes) > MOST_CLASSES:
        by_support = sorted(classes, key=lambda row: -row["support"])
        return [_of_each(by_support), _pairs(classes, matrix)]
    names = [row["name"] for row in classes]
    rows = [
        [name, *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, matrix, strict=True)
    ]
    return [_of_each(classes), table(["true \\ predicted", *names], rows)]


def _of_each(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores of each class, with one decimal less because they are less certain."""
    header = ["class", *(cell for key in CLASS_SCORES for cell in (key, "95 %")), "support"]
    cells = [
        [
            row["name"],
            *(
                cell
                for key in CLASS_SCORES
                for cell in (score(row[key], 3), interval(row["intervals"][key], 3))
            ),
            f"{row['support']:,}",
        ]
        for row in rows
    ]
    return table(header, cells)


def _pairs(classes: Sequence[Mapping[str, Any]], matrix: Sequence[Sequence[int]]) -> str:
    """Return the most confused pairs of classes as a table."""
    pairs = confused(matrix)
    rows = [
        [
            classes[pair.true]["name"],
            classes[pair.predicted]["name"],
            f"{pair.count:,}",
            f"{pair.count / classes[pair.true]['support']:.1%}",
        ]
        for pair in pairs[:MOST_PAIRS]
    ]
    if not rows:
        return "no class is taken for another"
    left = len(pairs) - len(rows)
    more = f"\nand {left:,} more pairs; `--json` has the whole confusion matrix" if left else ""
    return table(["true", "taken for", "examples", "of the true class"], rows) + more
