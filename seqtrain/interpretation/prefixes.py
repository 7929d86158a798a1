"""The predictions of a network for the beginnings and ends of an example.

"After t steps" means: the whole network, run on only the first t steps, padded as in training.
This is defined for every architecture, pooling and direction. A bidirectional network is also run
on only the last steps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtrain.data.dataset import MASK_VALUE, real
from seqtrain.data.vocabulary import PAD
from seqtrain.inference.network import outputs
from seqtrain.interpretation.trace import Place, directions, trace
from seqtrain.models.recurrent import DIRECTIONS
from seqtrain.schema.sections import End
from seqtrain.tasks import Task


@dataclass(frozen=True)
class Reading:
    """The predictions for the beginnings, or the ends, of an example of T steps.

    Attributes:
        direction: `forward`: index t holds the prediction for the steps 0 … t; `backward`: for
            t … T - 1.
        predictions: from `Task.reading`: the probability of each class, float64 of shape
            (T, classes), or a number, shape (T, 1).
        scores: the quantity whose changes are shown, of the same shape: log-odds, or the number.
    """

    direction: str
    predictions: np.ndarray
    scores: np.ndarray

    @property
    def end(self) -> int:
        """The index of the prediction for all steps."""
        return -1 if self.direction == "forward" else 0

    def changes(self, index: int) -> np.ndarray:
        """Return by how much each step changed a score.

        Args:
            index: the column of the score.

        Returns:
            float64, shape (T,); NaN at the step that is read first. The other changes sum to the
            difference of the last and the first score.
        """
        scores = self.scores[:, index]
        found = np.full(len(scores), np.nan)
        if self.direction == "forward":
            found[1:] = scores[1:] - scores[:-1]
        else:
            found[:-1] = scores[:-1] - scores[1:]
        return found


def readings(model: Any, x: np.ndarray, padding: End, task: Task) -> list[Reading]:
    """Return the predictions for all parts of an example, for each direction of a network.

    Args:
        model: a network for this use only: the activation of its head is removed. A network of
            features must hide padding.
        x: one input of the network, shape (T,) or (T, F), with padding.
        padding: the end at which short examples are padded.
        task: the task of the network.
    """
    network = task.before_answer(model)
    found = {
        direction: task.reading(outputs(network, parts(x, direction, padding)).astype(np.float64))
        for direction in directions_of(model)
    }
    return [Reading(direction, one.predictions, one.scores) for direction, one in found.items()]


def directions_of(model: Any) -> tuple[str, ...]:
    """Return the directions of the recurrent layers of a network."""
    return (
        DIRECTIONS if any(len(directions(layer)) == 2 for layer in model.layers) else DIRECTIONS[:1]
    )


def parts(x: np.ndarray, direction: str, padding: End) -> np.ndarray:
    """Return each beginning (`forward`) or end (`backward`) of an example, padded to T.

    Args:
        x: shape (T,) or (T, F), of which n steps are not padding.
        direction: `forward` or `backward`.
        padding: the end at which the parts are padded.

    Returns:
        Shape (n, T) or (n, T, F), of the type of `x`: at index t the steps 0 … t, or t … n - 1.
    """
    steps = x[real(x[None])[0]]
    filled = np.full((len(steps), *x.shape), PAD if x.ndim == 1 else MASK_VALUE, x.dtype)
    for index, row in enumerate(filled):
        part = steps[: index + 1] if direction == "forward" else steps[index:]
        row[slice(len(part)) if padding == "post" else slice(len(x) - len(part), len(x))] = part
    return filled


def inside(model: Any, x: np.ndarray) -> tuple[dict[Place, dict[str, np.ndarray]], Any]:
    """Return the gates and states of a network for a whole example.

    Args:
        model: the network.
        x: one input of the network, shape (T,) or (T, F), with padding.

    Returns:
        The gates and states of every recurrent layer and direction: by layer and direction, then
        by name, float32 of shape (n, units), without padding. And the attention weight of each
        step, float32 of shape (n,), if the pooling is attention; else None.
    """
    counts, found = real(x[None])[0], trace(model, x[None])
    attention = None if found.attention is None else np.asarray(found.attention)[0][counts]
    steps = {
        place: {name: np.asarray(values)[0][counts] for name, values in of.items()}
        for place, of in found.steps.items()
    }
    return steps, attention
