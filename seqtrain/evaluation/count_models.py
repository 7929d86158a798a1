"""Language models that count: unigrams, and interpolated Kneser–Ney n-grams, in NumPy.

S. F. Chen and J. Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling",
Computer Speech & Language 13(4), 1999: the modified form with three discounts, interpolated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqtrain.data.token_stream import counts_of
from seqtrain.data.vocabulary import OOV, START

LONGEST = {"characters": 10}  # the longest n-grams that are tried, by what tokens are
LONGEST_OTHER = 6
MOST = 5_000_000  # tokens of train that are counted: the last ones
DISCOUNTED = 3  # counts with a discount of their own: 1, 2, and 3 or more


@dataclass(frozen=True)
class Counted:
    """What a model that counts makes of a text.

    Attributes:
        order: the number of tokens of the longest n-grams.
        log_probabilities: of each token of the text, in nats; float64, shape (M,).
        trained_on: the tokens that were counted.
    """

    order: int
    log_probabilities: np.ndarray
    trained_on: int


def unigram(train: np.ndarray, text: np.ndarray, ids: int) -> Counted:
    """Return a model of the frequencies of single tokens, with one more of each.

    Args:
        train: ids, shape (M,).
        text: ids of the text to judge.
        ids: the number of ids.
    """
    counts = counts_of(train, ids) + _possible(ids)
    return Counted(1, np.log(counts[text] / counts.sum()), len(train))


def _possible(ids: int) -> np.ndarray:
    """Return 1 for each id that a text can hold, and 0 for padding; float64, shape (ids,)."""
    possible = np.ones(ids)
    possible[: OOV + 2] = 0
    possible[[START, OOV]] = 1
    return possible


def kneser_ney(
    train: np.ndarray, validation: np.ndarray, text: np.ndarray, ids: int, longest: int
) -> Counted:
    """Return the interpolated Kneser–Ney model of the order that is best on validation.

    Args:
        train: ids, shape (M,); the last `MOST` are counted.
        validation: ids of the text that chooses the order.
        text: ids of the text to judge.
        ids: the number of ids.
        longest: the highest order.
    """
    train = train[-MOST:]
    parts = [train, validation, text]
    best: tuple[float, int, np.ndarray] | None = None
    for order, probabilities in _by_order(np.concatenate(parts), len(train), ids, longest):
        held, judged = np.split(np.log(probabilities), [len(validation)])
        score = -float(held.mean())
        if best is not None and score >= best[0]:
            break
        best = (score, order, judged)
    _, order, judged = best or (0.0, 1, np.zeros(len(text)))
    return Counted(order, judged, len(train))


def _by_order(
    tokens: np.ndarray, counted: int, ids: int, longest: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each order from 2 on, and the probability of each token after those counted.

    Args:
        tokens: ids, of which the first `counted` are counted.
        counted: how many.
        ids: the number of ids.
        longest: the last order.
    """
    possible = int(_possible(ids).sum())
    lower = np.full(len(tokens) - counted, 1 / possible)
    grams = _numbered(tokens.astype(np.int64) + 1)
    context = np.zeros(len(tokens), np.int64)  # the number of the tokens before each token
    for order in range(1, longest + 1):
        longer = _numbered(_before(grams) * (int(ids) + 1) + tokens)
        if order > 1:
            yield order, _interpolated(Grams.of(grams, context, None, counted), lower)
        lower = _interpolated(Grams.of(grams, context, longer, counted), lower)
        grams, context = longer, _before(grams)


def _numbered(codes: np.ndarray) -> np.ndarray:
    """Return equal numbers for equal codes, from 1; 0 stands for what comes before a text."""
    return np.asarray(np.unique(codes, return_inverse=True)[1].astype(np.int64) + 1)


def _before(grams: np.ndarray) -> np.ndarray:
    """Return what stands before each token."""
    return np.concatenate([[0], grams[:-1]])


@dataclass(frozen=True)
class Grams:
    """The n-grams of one order.

    Attributes:
        counts: how often each is in train, or after how many different tokens; shape (grams,).
        distinct: a position in train of each that is there.
        grams: the number of the n-gram that ends with each token.
        context: the number of what comes before the token.
        counted: the tokens that are counted.
    """

    counts: np.ndarray
    distinct: np.ndarray
    grams: np.ndarray
    context: np.ndarray
    counted: int

    @classmethod
    def of(
        cls, grams: np.ndarray, context: np.ndarray, longer: np.ndarray | None, counted: int
    ) -> Grams:
        """Count n-grams: of the longest their occurrences, of others what comes before them."""
        of_train = grams[:counted]
        if longer is not None:
            of_train = of_train[np.unique(longer[:counted], return_index=True)[1]]
        counts = np.bincount(of_train, minlength=int(grams.max(initial=0)) + 1)
        distinct = np.unique(grams[:counted], return_index=True)[1]
        return cls(counts, distinct, grams, context, counted)


def _interpolated(found: Grams, lower: np.ndarray) -> np.ndarray:
    """Return the probability of each token after those counted, from that of the order below.

    (c - D(c)) / Σ c + γ p, where γ gives what the discounts take to the order below.
    """
    of_gram = found.counts[found.grams[found.distinct]]
    context = found.context[found.distinct]
    number = int(found.context.max(initial=0)) + 1
    discounts = _discounts(of_gram)
    totals = np.bincount(context, of_gram, minlength=number)
    taken = np.bincount(context, discounts[np.minimum(of_gram, DISCOUNTED)], minlength=number)
    at = found.context[found.counted :]
    counts = found.counts[found.grams[found.counted :]]
    kept = np.maximum(counts - discounts[np.minimum(counts, DISCOUNTED)], 0.0)
    total = totals[at]
    known = total > 0
    safe = np.where(known, total, 1.0)
    return np.asarray(np.where(known, kept / safe + taken[at] / safe * lower, lower))


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Return the discount of a count of 0, 1, 2, and 3 or more; float64, shape (4,).

    Chen and Goodman, equation 26; where a text is too small for it, the discounts lie between 0
    and the count.
    """
    ones, twos, threes, fours = (float((counts == size).sum()) for size in (1, 2, 3, 4))
    y = ones / (ones + 2 * twos) if ones else 0.5
    found = [0.0]
    pairs = ((ones, twos), (twos, threes), (threes, fours))
    for size, (these, more) in enumerate(pairs, 1):
        discount = size - (size + 1) * y * more / these if these else 0.5
        found.append(min(max(discount, 0.1), size - 0.05))
    return np.array(found)
