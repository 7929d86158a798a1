"""Scores of language models: bits per character, perplexity, and the share of tokens guessed right.

The predictions of M tokens are float of shape (M, 2): the natural logarithm of the probability of
the true token, and how many tokens were more probable, or -1 where that is not known.
"""

import math
from typing import Any

import numpy as np

from seqtrain.evaluation import uncertainty
from seqtrain.evaluation.significance import paired_bootstrap

BLOCK = 256  # fewest characters of a block
MOST_BLOCKS = 1_000

Scores = dict[str, float | None]


def bits(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the bits that each token costs; float64, shape (M,).

    A token that has no id costs the bits of its letters, too.
    """
    return np.asarray(-predictions[:, 0].astype(np.float64) / math.log(2) + labels["spelling"])


def scores(prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
    """Return the loss in nats a token, bits per character, perplexity and accuracy of tokens.

    Args:
        prefix: what their names begin with.
        labels: see `text_windows.LABEL`.
        predictions: see above.
    """
    cost = bits(labels, predictions)
    loss = float(-predictions[:, 0].mean(dtype=np.float64))
    known = len(predictions) and predictions[0, 1] >= 0
    return {
        f"{prefix}_loss": loss,
        f"{prefix}_bits_per_character": float(cost.sum() / max(labels["characters"].sum(), 1)),
        f"{prefix}_perplexity": math.exp(min(loss, 700.0)),
        f"{prefix}_token_accuracy": float((predictions[:, 1] == 0).mean()) if known else None,
    }


def blocks(labels: np.ndarray) -> np.ndarray:
    """Return the number of the block of each token; int64, shape (M,).

    Neighbouring tokens are not independent, so intervals and tests draw blocks of text.
    """
    ends = labels["characters"].cumsum(dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    number = min(max(total // BLOCK, 1), MOST_BLOCKS)
    return np.asarray(np.minimum((ends - 1).clip(0) * number // max(total, 1), number - 1))


def by_block(labels: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """Return the sum of values of tokens in each block; float64, shape (blocks,)."""
    block = blocks(labels)
    return [np.bincount(block, one.astype(np.float64)) for one in values]


def evaluate(prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Return the scores, their intervals over blocks, and under `prefix` their details."""
    found = scores(prefix, labels, predictions)
    cost, nats = bits(labels, predictions), -predictions[:, 0].astype(np.float64)
    right = predictions[:, 1] == 0
    ones = np.ones(len(labels))
    in_bits, in_nats, hits, tokens, characters = by_block(
        labels, cost, nats, right, ones, labels["characters"]
    )
    statistics = {
        f"{prefix}_loss": _ratio(in_nats, tokens),
        f"{prefix}_bits_per_character": _ratio(in_bits, characters),
        f"{prefix}_token_accuracy": _ratio(hits, tokens),
    }
    ends = uncertainty.bootstrap(statistics, len(tokens))
    loss = ends[f"{prefix}_loss"]
    if loss:
        low, high = (math.exp(min(end, 700.0)) for end in loss)
        ends[f"{prefix}_perplexity"] = (low, high)
    intervals = {
        name: list(ends[name] or ()) or None if found[name] is not None and name in ends else None
        for name in found
    }
    return {**found, "intervals": intervals, prefix: details(labels, predictions)}


def _ratio(values: np.ndarray, of: np.ndarray) -> uncertainty.Statistic:
    """Return the statistic that is the ratio of two sums over blocks."""
    return lambda counts: uncertainty.ratio(counts @ values, counts @ of)


def details(labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Return how much text there is, and the share and the cost of what has no id."""
    unknown = labels["spelling"] > 0
    cost = bits(labels, predictions)
    return {
        "tokens": len(labels),
        "characters": int(labels["characters"].sum(dtype=np.int64)),
        "unknown": float(unknown.mean()),
        "unknown_bits": float(cost[unknown].sum() / max(cost.sum(), 1e-12)),
    }


def difference(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return by how many bits per character a model is worse than another, and the p-value.

    The null hypothesis of the paired bootstrap over blocks is that both are equally good.
    """
    more = bits(labels, ours) - bits(labels, theirs)
    in_blocks, characters = by_block(labels, more, labels["characters"])
    p = paired_bootstrap(_ratio(in_blocks, characters), len(characters))
    return float(more.sum() / max(characters.sum(), 1.0)), p
