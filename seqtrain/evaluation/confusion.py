"""What stands out in a confusion matrix of many classes: the largest, and the pairs confused."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pair:
    """A class that is taken for another.

    Attributes:
        true: the number of the class.
        predicted: the number of the other.
        count: how many examples.
    """

    true: int
    predicted: int
    count: int


def confused(matrix: np.ndarray | Sequence[Sequence[int]]) -> list[Pair]:
    """Return which classes are taken for which others, the most frequent first."""
    counts = np.array(matrix)
    np.fill_diagonal(counts, 0)
    rows, columns = np.nonzero(counts)
    found = [
        Pair(*cell, int(counts[cell])) for cell in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return sorted(found, key=lambda pair: -pair.count)


def by_size(matrix: np.ndarray) -> np.ndarray:
    """Return the numbers of the classes, that with the most true examples first."""
    return np.argsort(-matrix.sum(axis=1), kind="stable")
