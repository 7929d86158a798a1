"""Beam search: write several targets side by side, and keep the likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqtrain.data.pair_encoding import END
from seqtrain.data.vocabulary import PAD, START
from seqtrain.inference.decoding import Encoding, Translator, allowed, greedy, log_softmax
from seqtrain.inference.stepping import State

LENGTH_PENALTY = 0.6


@dataclass(frozen=True)
class Hypothesis:
    """A target that was written.

    Attributes:
        ids: of its tokens, with the end if it was reached.
        logs: the logarithm of the probability of each.
        score: their sum, divided by the length penalty.
    """

    ids: tuple[int, ...]
    logs: tuple[float, ...]
    score: float


def penalty(length: int, alpha: float) -> float:
    """Return by what the logarithm of the probability of a target is divided.

    Without it, short targets would win, because each token makes a target less likely. Y. Wu et
    al., "Google's Neural Machine Translation System", arXiv 1609.08144, 2016, equation 14.

    Args:
        length: the number of tokens, with the end.
        alpha: 0 for no penalty.
    """
    return float(((5 + length) / 6) ** alpha)


@dataclass
class _Beam:
    """The search for one source: what is still written, and what is finished."""

    alive: list[Hypothesis]
    finished: list[Hypothesis]


def search(
    translator: Translator, seen: Encoding, steps: int, beams: int, alpha: float = LENGTH_PENALTY
) -> list[list[Hypothesis]]:
    """Return for each source at most `beams` targets, the best first.

    A search can drop what greedy decoding writes, and end with worse; so that is one of them.

    Args:
        translator: the network.
        seen: the encoding of n sources.
        steps: the most tokens of a target.
        beams: how many targets are written side by side.
        alpha: see `penalty`.
    """
    searches = [_Beam([Hypothesis((), (), 0.0)], []) for _ in range(len(seen.mask))]
    rows = np.arange(len(searches))  # the source of each hypothesis that is alive
    state = translator.begin(seen)
    for _ in range(steps):
        before = np.array([one.ids[-1] if one.ids else START for one in _alive(searches)])
        logits, state, _ = translator.step(before, state, seen.take(rows))
        parents = _extend(searches, log_softmax(logits), rows, steps, beams, alpha)
        if not len(parents):
            break
        rows, state = rows[parents], _taken(state, parents)
    for one, other in zip(searches, _greedy(translator, seen, steps, alpha), strict=True):
        if other.ids[-1] == END and other.ids not in {found.ids for found in one.finished}:
            one.finished.append(other)
    return [_best(one, beams) for one in searches]


def _greedy(translator: Translator, seen: Encoding, steps: int, alpha: float) -> list[Hypothesis]:
    """Return what greedy decoding writes for each source."""
    found = zip(*greedy(translator, seen, steps), strict=True)
    return [hypothesis(ids, logs, alpha) for ids, logs in found]


def hypothesis(ids: np.ndarray, logs: np.ndarray, alpha: float) -> Hypothesis:
    """Return a target with its score.

    Args:
        ids: of its tokens, padded with zeros; shape (steps,).
        logs: the logarithm of the probability of each, of the same shape.
        alpha: see `penalty`.
    """
    size = int((ids != PAD).sum())
    each = tuple(logs[:size].tolist())
    written = tuple(ids[:size].astype(int).tolist())
    return Hypothesis(written, each, sum(each) / penalty(size, alpha))


def _alive(searches: Sequence[_Beam]) -> list[Hypothesis]:
    return [one for search in searches for one in search.alive]


def _taken(state: State, rows: np.ndarray) -> State:
    return [tuple(part[rows] for part in layer) for layer in state]


def _extend(
    searches: Sequence[_Beam],
    logs: np.ndarray,
    rows: np.ndarray,
    steps: int,
    beams: int,
    alpha: float,
) -> np.ndarray:
    """Write the next token of every hypothesis; return the row from which each new one comes."""
    possible = allowed(logs)
    parents: list[int] = []
    for number in np.unique(rows).tolist():
        mine = np.flatnonzero(rows == number)
        search = searches[number]
        parents += [int(mine[parent]) for parent in _step(search, possible[mine], beams, alpha)]
        if _is_decided(search, steps, beams, alpha):
            parents = parents[: len(parents) - len(search.alive)]
            search.alive = []
    return np.array(parents, np.int64)


def _step(search: _Beam, logs: np.ndarray, beams: int, alpha: float) -> list[int]:
    """Replace what is alive by its best continuations; return which hypothesis each continues."""
    totals = np.array([sum(one.logs) for one in search.alive])[:, None] + logs
    number = min(2 * beams, int(np.isfinite(totals).sum()))
    order = np.argsort(-totals, axis=None, kind="stable")[:number]
    alive: list[Hypothesis] = []
    parents: list[int] = []
    for parent, token in zip(*np.unravel_index(order, totals.shape), strict=True):
        old = search.alive[parent]
        new = (*old.logs, float(logs[parent, token]))
        score = sum(new) / penalty(len(new), alpha)
        one = Hypothesis((*old.ids, int(token)), new, score)
        if token == END:
            search.finished.append(one)
        elif len(alive) < beams:
            alive.append(one)
            parents.append(int(parent))
    search.alive = alive
    return parents


def _is_decided(search: _Beam, steps: int, beams: int, alpha: float) -> bool:
    """Return whether nothing that is alive can still become one of the best."""
    if not search.alive:
        return True
    if len(search.finished) < beams:
        return False
    worst = sorted((one.score for one in search.finished), reverse=True)[beams - 1]
    possible = max(sum(one.logs) for one in search.alive) / penalty(steps, alpha)
    return possible <= worst


def _best(search: _Beam, beams: int) -> list[Hypothesis]:
    """Return the best finished targets; after them those that were cut."""
    finished = sorted(search.finished, key=lambda one: -one.score)
    cut = sorted(search.alive, key=lambda one: -one.score)
    return (finished + cut)[:beams]
