"""Scores of decoded sequences: exact match, edit distance, token accuracy, BLEU and chrF.

Labels are of `pair_encoding.label_type`. Predictions are float32 of shape (N, 3, T): the ids that
were decoded, with the end; the logarithm of the probability of each; and that of each token of the
first right target, read with the tokens before it (teacher forcing). A logarithm of 1 is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from seqtrain.data.pair_encoding import END, TargetWriter
from seqtrain.data.vocabulary import OOV, PAD
from seqtrain.evaluation import uncertainty
from seqtrain.evaluation.significance import paired_bootstrap

UNKNOWN = 1.0  # a logarithm of a probability that is not known
NEVER = -1  # stands for an unknown token that was decoded: it equals none of a right target
LOST = "⁇"  # the same in a text
RATES = ("exact_match", "edit_rate", "token_accuracy")
OF_TEXT = ("bleu", "chrf")

Scores = dict[str, float | None]


def lengths(ids: np.ndarray) -> np.ndarray:
    """Return how many tokens come before the end, or before the padding; int64, shape (N,).

    Args:
        ids: shape (N, T).
    """
    stops = (ids == END) | (ids == PAD)
    return np.asarray(np.where(stops.any(axis=1), stops.argmax(axis=1), ids.shape[1]))


def distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return the edit distance of pairs of sequences; int64, shape (N,).

    V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals",
    Soviet Physics Doklady 10(8), 1966, by the algorithm of R. A. Wagner and M. J. Fischer (1974),
    for all pairs at once, a token of `ours` at a time.

    Args:
        ours: ids, shape (N, T); see `lengths`.
        theirs: ids, shape (N, U).
    """
    of_ours, of_theirs = lengths(ours), lengths(theirs)
    theirs = theirs[:, : max(int(of_theirs.max(initial=0)), 1)]
    places = np.arange(theirs.shape[1] + 1)
    row = np.tile(places, (len(ours), 1))
    found = of_theirs.copy()
    every = np.arange(len(ours))
    for number in range(1, int(of_ours.max(initial=0)) + 1):
        changed = row[:, :-1] + (ours[:, number - 1, None] != theirs)
        row[:, 0] = number
        row[:, 1:] = np.minimum(changed, row[:, 1:] + 1)
        row = np.minimum.accumulate(row - places, axis=1) + places
        ends = of_ours == number
        found[ends] = row[every[ends], of_theirs[ends]]
    return found


@dataclass(frozen=True)
class Compared:
    """What is counted of each of N predictions, beside the nearest of its right targets.

    Attributes:
        right: whether it equals a right target; bool, shape (N,).
        errors: tokens to change, insert or delete; int64, shape (N,).
        tokens: of that target.
        hits: tokens that stand at their place.
        places: the larger number of tokens of the two.
        nearest: the number of that target.
    """

    right: np.ndarray
    errors: np.ndarray
    tokens: np.ndarray
    hits: np.ndarray
    places: np.ndarray
    nearest: np.ndarray

    def sums(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return for each rate what is counted, and of how many."""
        ones = np.ones(len(self.right))
        return {
            "exact_match": (self.right.astype(np.float64), ones),
            "edit_rate": (self.errors.astype(np.float64), self.tokens.astype(np.float64)),
            "token_accuracy": (self.hits.astype(np.float64), self.places.astype(np.float64)),
        }


def decoded(predictions: np.ndarray) -> np.ndarray:
    """Return the decoded ids; int64, shape (N, T)."""
    return predictions[:, 0].astype(np.int64)


def compared(labels: np.ndarray, predictions: np.ndarray) -> Compared:
    """Compare predictions with the nearest of their right targets."""
    ours = decoded(predictions)
    ours[ours == OOV] = NEVER
    targets = labels["targets"]
    found = np.full(targets.shape[:2], np.iinfo(np.int64).max)
    for number in range(targets.shape[1]):
        there = targets[:, number, 0] != PAD
        found[there, number] = distances(ours[there], targets[there, number])
    nearest, every = found.argmin(axis=1), np.arange(len(ours))
    theirs, errors = targets[every, nearest], found[every, nearest]
    shorter = min(ours.shape[1], theirs.shape[1])
    least = np.minimum(lengths(ours), lengths(theirs))
    same = ours[:, :shorter] == theirs[:, :shorter]
    hits = (same & (np.arange(shorter) < least[:, None])).sum(axis=1)
    return Compared(
        right=(errors == 0) & _ended(ours, theirs),
        errors=errors,
        tokens=lengths(theirs),
        hits=hits,
        places=np.maximum(lengths(ours), lengths(theirs)),
        nearest=nearest,
    )


def _ended(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return whether both sequences have an end, so that neither is the beginning of a longer."""
    return np.asarray((ours == END).any(axis=1) & (theirs == END).any(axis=1))


def loss(labels: np.ndarray, predictions: np.ndarray) -> float | None:
    """Return the cross-entropy of a target token in nats; None where it is not known."""
    targets = labels["targets"][:, 0]
    steps = min(targets.shape[1], predictions.shape[2])
    logs, counts = predictions[:, 2, :steps].astype(np.float64), targets[:, :steps] != PAD
    if not counts.any() or (logs[counts] > 0).any():
        return None
    return float(-logs[counts].mean())


@dataclass(frozen=True)
class OfTexts:
    """BLEU and chrF of texts, by sacrebleu.

    K. Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002;
    M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015; M. Post, "A
    Call for Clarity in Reporting BLEU Scores", WMT 2018.

    Attributes:
        ours: the predicted texts.
        theirs: of each the texts that are right.
    """

    ours: Sequence[str]
    theirs: Sequence[Sequence[str]]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The metrics by name."""
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF

        return {"bleu": BLEU(), "chrf": CHRF()}

    @cached_property
    def counts(self) -> dict[str, np.ndarray]:
        """The counts of each text from which a metric of many follows; shape (N, counts)."""
        most = max(map(len, self.theirs), default=1)
        streams = [
            [some[n] if n < len(some) else None for some in self.theirs] for n in range(most)
        ]
        return {
            name: np.array(metric._extract_corpus_statistics(self.ours, streams), np.float64)
            for name, metric in self.metrics.items()
        }

    def score(self, name: str, counts: np.ndarray) -> np.ndarray:
        """Return a metric of samples, between 0 and 100; shape (samples,).

        Args:
            name: of the metric.
            counts: the sums of the counts in each sample, shape (samples, counts).
        """
        score = self.metrics[name]._compute_score_from_stats
        return np.array([score(row).score for row in counts.round().astype(int).tolist()])

    def whole(self, name: str) -> float:
        """Return a metric of all texts."""
        return float(self.score(name, self.counts[name].sum(axis=0, keepdims=True))[0])

    def statistic(self, name: str) -> uncertainty.Statistic:
        """Return a metric as a function of how often each text is drawn."""
        return lambda drawn: self.score(name, drawn.astype(np.float64) @ self.counts[name])


def of_texts(labels: np.ndarray, predictions: np.ndarray, writer: TargetWriter) -> OfTexts | None:
    """Return the texts for BLEU and chrF; None if sacrebleu is not installed."""
    if find_spec("sacrebleu") is None:
        return None
    ours = [_text(row, writer, LOST) for row in decoded(predictions)]
    theirs = [[_text(row, writer) for row in rows if row[0] != PAD] for rows in labels["targets"]]
    return OfTexts(ours, theirs)


def _text(ids: np.ndarray, writer: TargetWriter, unknown: str | None = None) -> str:
    """Return the text of ids, with another name for unknown tokens, which must equal none."""
    tokens = writer.tokens(ids)
    if unknown and (ids == OOV).any():
        lost = writer.vocabulary.names([OOV])[0]
        tokens = [unknown if token == lost else token for token in tokens]
    return writer.vocabulary.tokeniser.joined(tokens)


def scores(
    prefix: str, labels: np.ndarray, predictions: np.ndarray, writer: TargetWriter, texts: bool
) -> Scores:
    """Return the loss and every metric as `<prefix>_<name>`; BLEU and chrF only of texts.

    Args:
        prefix: what their names begin with.
        labels: see above.
        predictions: see above.
        writer: makes texts of ids.
        texts: whether targets are texts of several words, of which BLEU and chrF say something.
    """
    sums = compared(labels, predictions).sums()
    found: Scores = {f"{prefix}_loss": loss(labels, predictions)}
    found |= {f"{prefix}_{name}": _share(*sums[name]) for name in RATES}
    if texts:
        judged = of_texts(labels, predictions, writer)
        found |= {f"{prefix}_{name}": judged.whole(name) if judged else None for name in OF_TEXT}
    return found


def _share(values: np.ndarray, of: np.ndarray) -> float:
    return float(values.sum() / max(of.sum(), 1))


def _ratio(values: np.ndarray, of: np.ndarray) -> uncertainty.Statistic:
    return lambda drawn: uncertainty.ratio(drawn @ values, drawn @ of)


def evaluate(
    prefix: str, labels: np.ndarray, predictions: np.ndarray, writer: TargetWriter, texts: bool
) -> dict[str, Any]:
    """Return the scores, their bootstrap intervals, and under `prefix` their details."""
    found = scores(prefix, labels, predictions, writer, texts)
    one = compared(labels, predictions)
    sums = one.sums()
    statistics = {f"{prefix}_{name}": _ratio(*sums[name]) for name in RATES}
    judged = of_texts(labels, predictions, writer) if texts else None
    if judged:
        statistics |= {f"{prefix}_{name}": judged.statistic(name) for name in OF_TEXT}
    ends = uncertainty.bootstrap(statistics, len(labels))
    hits = int(one.right.sum())
    low, high = uncertainty.binomial(hits, len(labels)).tolist()
    ends[f"{prefix}_exact_match"] = (low, high)
    intervals = {name: list(ends.get(name) or ()) or None for name in found}
    return {**found, "intervals": intervals, prefix: details(labels, predictions, one)}


def details(labels: np.ndarray, predictions: np.ndarray, one: Compared) -> dict[str, Any]:
    """Return how long sources are, and the scores of those of a length."""
    sizes = labels["source_length"]
    groups = []
    for low, high in by_length(sizes):
        chosen = (sizes >= low) & (sizes <= high)
        sums = {name: (a[chosen], b[chosen]) for name, (a, b) in one.sums().items()}
        groups.append(
            {
                "from": low,
                "to": high,
                "examples": int(chosen.sum()),
                **{name: _share(*sums[name]) for name in RATES},
            }
        )
    return {
        "targets": int((labels["targets"][:, :, 0] != PAD).sum()),
        "unfinished": int((~(decoded(predictions) == END).any(axis=1)).sum()),
        "by_length": groups,
    }


def by_length(sizes: np.ndarray, most: int = 8) -> list[tuple[int, int]]:
    """Return the first and the last length of at most so many groups of about equal size."""
    different = np.unique(sizes)
    if len(different) <= most:
        return [(int(size), int(size)) for size in different]
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, most + 1), method="lower"))
    bounds = [int(edge) for edge in edges[1:-1]]
    starts = [int(sizes.min()), *(bound + 1 for bound in bounds)]
    ends = [*bounds, int(sizes.max())]
    return [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]


def difference(
    labels: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    writer: TargetWriter,
    names: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Return by how much a model scores more than another, and the p-value of that.

    The null hypothesis of the paired bootstrap over sources is that both are equally good.

    Args:
        labels: see above.
        ours: predictions.
        theirs: those of the other model.
        writer: makes texts of ids.
        names: the metrics to compare.
    """
    statistics = _differences(labels, ours, theirs, writer, names)
    whole = np.ones((1, len(labels)))
    return {
        name: {
            "difference": float(statistic(whole)[0]),
            "p": paired_bootstrap(statistic, len(labels)),
        }
        for name, statistic in statistics.items()
    }


def _differences(
    labels: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    writer: TargetWriter,
    names: Sequence[str],
) -> dict[str, uncertainty.Statistic]:
    sums = [compared(labels, one).sums() for one in (ours, theirs)]
    pairs: dict[str, tuple[uncertainty.Statistic, uncertainty.Statistic]] = {
        name: (_ratio(*sums[0][name]), _ratio(*sums[1][name])) for name in RATES if name in names
    }
    if {*names} & {*OF_TEXT}:
        texts = [of_texts(labels, one, writer) for one in (ours, theirs)]
        if texts[0] and texts[1]:
            pairs |= {
                name: (texts[0].statistic(name), texts[1].statistic(name))
                for name in OF_TEXT
                if name in names
            }
    return {name: _less(*pair) for name, pair in pairs.items()}


def _less(
    one: uncertainty.Statistic, other: uncertainty.Statistic
) -> Callable[[np.ndarray], np.ndarray]:
    return lambda drawn: one(drawn) - other(drawn)
