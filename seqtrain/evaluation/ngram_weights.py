"""Weights of n-grams, by which their counts are multiplied before a linear model is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def inverse_frequencies(counts: csr_matrix) -> np.ndarray:
    """Return the weight of each n-gram, larger for rarer ones, as scikit-learn's TF-IDF has it.

    Args:
        counts: how often each n-gram stands in each text, shape (N, n-grams).

    Returns:
        float64, shape (n-grams,).
    """
    found: np.ndarray = np.log((1 + counts.shape[0]) / (1 + documents(counts))) + 1
    return found


def log_count_ratios(counts: csr_matrix, labels: np.ndarray, weighed: bool) -> np.ndarray:
    """Return the weight of each n-gram, larger where it tells the classes apart.

    For a class it is |log (p / q)|. p is one more than the number of its texts in which the n-gram
    stands, as a share of that of all n-grams; q is the same for the texts of the other classes (S.
    Wang and C. Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification",
    ACL 2012). For all classes it is the root of the mean of the squares, in which each class
    counts by its share of the texts.

    Args:
        counts: how often each n-gram stands in each text, shape (N, n-grams).
        labels: the classes, shape (N,).
        weighed: whether all classes have equal weight.

    Returns:
        float64, shape (n-grams,).
    """
    everywhere, squares = documents(counts), np.zeros(counts.shape[1])
    classes, sizes = np.unique(labels, return_counts=True)
    for one, size in zip(classes, sizes, strict=True):
        inside = documents(counts[labels == one])
        p, q = inside + 1.0, everywhere - inside + 1.0
        share = 1 / len(classes) if weighed else size / len(labels)
        squares += share * np.log(p / p.sum() * q.sum() / q) ** 2
    return np.sqrt(squares)


def documents(counts: csr_matrix) -> np.ndarray:
    """Return in how many texts each n-gram stands; int64, shape (n-grams,)."""
    return np.bincount(counts.indices, minlength=counts.shape[1])
