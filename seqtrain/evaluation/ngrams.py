"""Count n-grams of ids in texts, for linear models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqtrain.data.vocabulary import START

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST_TEXTS = 2  # texts that must contain an n-gram; one text alone shows nothing
MOST = 300_000  # grams of each length

# The ids of all texts one after another, and for each the row of its text.
Flat = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Grams:
    """The n-grams of ids that a linear model knows, such as words and pairs of words.

    Attributes:
        size: the number of ids; the id `size` marks the ends of a text.
        known: for each length 1, 2, … the sorted keys of the n-grams. The key of n ids is
            (the index of its first n - 1 ids among the known keys) · size + the last id, so that
            it fits into 64 bits for any length.
        ends: whether the start and the end of a text count as ids.
    """

    size: int
    known: tuple[np.ndarray, ...]
    ends: bool

    def counts(self, x: np.ndarray) -> csr_matrix:
        """Count each n-gram in each text.

        Args:
            x: ids, shape (N, T); padding does not count.

        Returns:
            float64, shape (N, grams known).
        """
        from scipy.sparse import hstack

        texts = flat(x, self.size, self.ends)
        parts, places = [], np.zeros(0, np.int64)
        for length, known in enumerate(self.known, 1):
            places = _places(_keys(texts, places, length, self.size), known)
            parts.append(_counted(places, texts, (len(x), len(known))))
        return hstack(parts, format="csr")


def fit(x: np.ndarray, size: int, longest: int, ends: bool, most: int = MOST) -> Grams:
    """Find the n-grams of some texts up to a length, without the rarest.

    Args:
        x: ids of the training texts, shape (N, T).
        size: ids in use, see `Grams`.
        longest: ids of a gram.
        ends: whether the ends of a text count as ids.
        most: grams of each length, the most frequent ones.
    """
    texts = flat(x, size, ends)
    found: list[np.ndarray] = []
    places = np.zeros(0, np.int64)
    for length in range(1, longest + 1):
        keys = _keys(texts, places, length, size)
        every = np.unique(keys[keys >= 0])
        held = _counted(_places(keys, every), texts, (len(x), len(every)))
        least = LEAST_TEXTS if length > 1 else 1
        texts_of = np.bincount(held.indices, minlength=len(every))
        found.append(every[_frequent(texts_of, least, min(most, MOST))])
        places = _places(keys, found[-1])
    return Grams(size, tuple(found), ends)


def flat(x: np.ndarray, size: int, ends: bool) -> Flat:
    """Concatenate the ids of texts without padding, and return the text of each.

    Args:
        x: ids, shape (N, T).
        size: the id of the end of a text.
        ends: whether its start and its end stay, too.
    """
    real = x >= START if ends else x > START
    ids, rows = x[real].astype(np.int64), np.nonzero(real)[0]
    if not ends:
        return ids, rows
    last = np.cumsum(real.sum(axis=1))
    return np.insert(ids, last, size), np.insert(rows, last, np.arange(len(x)))


def _keys(texts: Flat, places: np.ndarray, length: int, size: int) -> np.ndarray:
    """Return the key of each n-gram of this length, -1 if its beginning is unknown."""
    ids, rows = texts
    if length == 1:
        return ids
    beginnings, within = places[:-1], rows[: 1 - length] == rows[length - 1 :]
    keys = beginnings * (size + 1) + ids[length - 1 :]
    return np.where(within & (beginnings >= 0), keys, -1)


def _places(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the index of each key among the known ones, -1 if it is unknown."""
    if not len(known):
        return np.full(len(keys), -1)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, places, -1)


def _counted(places: np.ndarray, texts: Flat, shape: tuple[int, int]) -> csr_matrix:
    from scipy.sparse import csr_matrix

    some = places >= 0
    rows = texts[1][: len(places)][some]
    counts = csr_matrix((np.ones(len(rows)), (rows, places[some])), shape)
    counts.sum_duplicates()
    return counts


def _frequent(texts: np.ndarray, least: int, most: int) -> np.ndarray:
    """Return the sorted n-grams that are in enough texts and among the most frequent."""
    first = np.argsort(-texts, kind="stable")[:most]
    return np.sort(first[texts[first] >= least])
