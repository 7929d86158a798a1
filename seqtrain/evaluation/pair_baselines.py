"""Simple models of pairs, which a network must beat: they copy, repeat, or look up a target."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from seqtrain.data.dataset import Dataset
from seqtrain.data.pair_encoding import END, SOURCE, WHOLE, SourceReader, TargetWriter
from seqtrain.data.vocabulary import PAD
from seqtrain.evaluation.baselines import Baseline
from seqtrain.evaluation.sequence_metrics import UNKNOWN

MOST = 100_000  # training pairs that the nearest source is looked for in
AT_ONCE = 250  # sources whose neighbours are looked for at once
LETTERS, WORDS = (2, 4), (1, 2)  # tokens in the n-grams of a source
COMMON = 0.05  # share of the sources; n-grams of more of them say little, and take most of the time
MANY = 1_000  # sources from which on common n-grams are left out
SEED = 0

FREQUENT, COPY, NEAREST = "most frequent target", "copy of the source", "nearest training source"


def of_ids(ids: np.ndarray) -> np.ndarray:
    """Return decoded ids, shape (N, T), as predictions whose probabilities are not known."""
    found = np.full((len(ids), 3, ids.shape[1]), UNKNOWN, np.float32)
    found[:, 0] = ids
    return found


def cut(sequences: list[np.ndarray], steps: int) -> np.ndarray:
    """Return sequences as one array, padded with zeros; int64, shape (N, steps)."""
    found = np.full((len(sequences), steps), PAD, np.int64)
    for row, ids in zip(found, sequences, strict=True):
        row[: len(ids)] = ids[:steps]
    return found


def most_frequent(dataset: Dataset, writer: TargetWriter) -> Baseline:
    """Answer each source with the most frequent target of train."""
    targets = dataset.train.labels["targets"][:, 0, : writer.steps]
    counts = Counter(row.tobytes() for row in np.ascontiguousarray(targets))
    row = np.frombuffer(counts.most_common(1)[0][0], targets.dtype)
    every = np.tile(row, (len(dataset.test), 1))
    return Baseline(FREQUENT, of_ids(every), len(targets))


def copies(dataset: Dataset, reader: SourceReader, writer: TargetWriter) -> Baseline:
    """Answer each source with itself, whole, with what the network does not read or write."""
    if dataset.originals is None:
        texts = [reader.text(row) for row in _sources(dataset, "test")]
    else:
        texts = dataset.originals(np.arange(len(dataset.test)))
    sequences = writer.sequences(texts)
    longest = min(max(map(len, sequences), default=1), WHOLE * writer.steps)
    return Baseline(COPY, of_ids(cut(sequences, longest)), 0)


def nearest(dataset: Dataset, reader: SourceReader, writer: TargetWriter) -> Baseline:
    """Answer each source with the target of the training source that is nearest by TF-IDF."""
    train = _sources(dataset, "train")
    rows = np.arange(len(train))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, MOST, replace=False))
    letters = reader.vocabulary.tokeniser.kind == "characters"
    weights, known = _fitted(train[rows], LETTERS if letters else WORDS)
    asked = weights.transform(_sources(dataset, "test"))
    found = [_nearest(asked[start : start + AT_ONCE], known) for start in _starts(asked.shape[0])]
    targets = dataset.train.labels["targets"][rows[np.concatenate(found)], 0, : writer.steps]
    return Baseline(NEAREST, of_ids(targets), len(rows))


def _fitted(sources: np.ndarray, sizes: tuple[int, int]) -> tuple[Any, Any]:
    """Return a fitted vectoriser, and what it makes of the sources.

    Common n-grams are left out, unless there are few sources or only common n-grams.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    for most in (COMMON, 1.0) if len(sources) >= MANY else (1.0,):
        weights = TfidfVectorizer(
            analyzer=partial(_grams, sizes=sizes),
            sublinear_tf=True,
            max_df=most,
            dtype=np.float32,
        )
        with suppress(ValueError):  # no n-gram is left
            return weights, weights.fit_transform(sources)
    raise ValueError("the sources have no n-grams")


def _starts(number: int) -> range:
    return range(0, number, AT_ONCE)


def _nearest(asked: Any, known: Any) -> np.ndarray:
    """Return the index of the known row that is most similar to each asked one."""
    return np.asarray((asked @ known.T).toarray().argmax(axis=1))


def _sources(dataset: Dataset, name: Any) -> np.ndarray:
    x = dataset.split(name).x
    return x[SOURCE] if isinstance(x, dict) else x


def _grams(ids: np.ndarray, sizes: tuple[int, int]) -> list[bytes]:
    """Return the n-grams of a row of ids, the start and an end among its tokens."""
    kept = np.append(ids[ids != PAD], END).astype(np.int32)
    size = kept.itemsize
    written = kept.tobytes()
    return [
        written[first * size : (first + n) * size]
        for n in range(sizes[0], sizes[1] + 1)
        for first in range(len(kept) - n + 1)
    ]
