"""Score a text as one pass over all of it: the state is carried from its beginning to its end."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtrain.data.dataset import Examples
from seqtrain.inference.stepping import Stack, State, of_model
from seqtrain.tasks import Task

LANES = 32  # parts of a text that are read side by side
SHORTEST = 512  # tokens of a part
BLOCK = 128  # tokens of each part that are read at once
CLOSE = 1e-5  # largest difference of two states that count as equal


def predictions(model: Any, examples: Examples, task: Task) -> np.ndarray:
    """Return the predictions of a Keras network for the steps of a text; see `of_text`."""
    return of_text(of_model(model), examples.x, examples.labels, task)  # type: ignore[arg-type]


def of_text(stack: Stack, x: np.ndarray, labels: np.ndarray, task: Task) -> np.ndarray:
    """Return the predictions of M tokens, as of a single pass.

    The text is read in parts side by side. Each part begins with the state at the end of the part
    before it, which is first estimated, and the reading is repeated until no beginning changes. As
    a network forgets, this is after the first time as a rule; the first part is right at once, the
    second at the latest when it is repeated, and so on, so it ends.

    Args:
        stack: the network.
        x: ids, shape (M, 1).
        labels: of the task, shape (M,).
        task: turns logits into predictions.
    """
    ids = x[:, 0]
    lanes = max(min(LANES, len(ids) // SHORTEST), 1)
    length = -(-len(ids) // lanes)
    lanes = -(-len(ids) // length)
    padded = np.zeros((lanes, length), ids.dtype)
    padded.ravel()[: len(ids)] = ids
    begins = _beginnings(stack, padded)
    for _ in range(lanes):
        parts, ends = _read(stack, padded, begins, labels, task)
        after = _moved(stack, ends)
        if _close(after, begins):
            break
        begins = after
    return np.concatenate(parts)


def _beginnings(stack: Stack, ids: np.ndarray) -> State:
    """Estimate the state at the beginning of each part from the last tokens before it."""
    if len(ids) == 1:
        return stack.begin()
    return _moved(stack, stack.read(ids[:, -SHORTEST:], stack.begin(len(ids)))[1])


def _moved(stack: Stack, ends: State) -> State:
    """Return the states at the ends of parts as those at the beginnings of the next ones."""
    first = stack.begin(1)
    return [
        tuple(np.concatenate([zero, end[:-1]]) for zero, end in zip(zeros, of, strict=True))
        for zeros, of in zip(first, ends, strict=True)
    ]


def _close(states: State, others: State) -> bool:
    return all(
        np.allclose(one, other, rtol=CLOSE, atol=CLOSE)
        for some, more in zip(states, others, strict=True)
        for one, other in zip(some, more, strict=True)
    )


def _read(
    stack: Stack, ids: np.ndarray, state: State, labels: np.ndarray, task: Task
) -> tuple[list[np.ndarray], State]:
    """Return the predictions of each part, and the states at their ends."""
    lanes, length = ids.shape
    parts: list[list[np.ndarray]] = [[] for _ in range(lanes)]
    for first in range(0, length, BLOCK):
        features, state = stack.read(ids[:, first : first + BLOCK], state)
        for lane in range(lanes):
            begin = lane * length + first
            true = labels[begin : min(begin + features.shape[1], (lane + 1) * length)]
            if len(true):
                logits = stack.logits(features[lane, : len(true)])
                parts[lane].append(task.predictions(logits, true))
    return [np.concatenate(found) for found in parts if found], state
