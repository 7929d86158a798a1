"""What a network says of an example while it reads it.

"After t steps" means: the whole network, run on the first t steps alone, padded as in training.
So it is defined for every architecture, whatever its pooling and its directions. A network that
reads in both directions is run on the last steps alone, too.
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
    """What a network says of the beginnings, or of the ends, of an example of T steps.

    Attributes:
        direction: `forward`: index t holds what it predicts of the steps 0 … t; `backward`: of
            t … T - 1.
        predictions: as `Task.reading` has them: the probability of each class, float64 of shape
            (T, classes), or a number, shape (T, 1).
        scores: what changes are counted in, of the same shape: log-odds, or the number.
    """

    direction: str
    predictions: np.ndarray
    scores: np.ndarray

    @property
    def end(self) -> int:
        """The index at which all steps have been read."""
        return -1 if self.direction == "forward" else 0

    def changes(self, index: int) -> np.ndarray:
        """Return by how much each step changed a score.

        Args:
            index: of its column.

        Returns:
            float64, shape (T,); NaN at the step that is read first, for no network is run on
            nothing. The others sum to what separates the first answer from the last.
        """
        scores = self.scores[:, index]
        found = np.full(len(scores), np.nan)
        if self.direction == "forward":
            found[1:] = scores[1:] - scores[:-1]
        else:
            found[:-1] = scores[:-1] - scores[1:]
        return found


def readings(model: Any, x: np.ndarray, padding: End, task: Task) -> list[Reading]:
    """Return what a network predicts as it reads an example, for each direction in which it reads.

    Args:
        model: opened for this alone: the activation of its head is taken away. One of features
            hides padding.
        x: one example as the network reads it, shape (T,) or (T, F), padding included.
        padding: the end at which short examples are filled up.
        task: what it predicts.
    """
    network = task.before_answer(model)
    found = {
        direction: task.reading(outputs(network, parts(x, direction, padding)).astype(np.float64))
        for direction in directions_of(model)
    }
    return [Reading(direction, one.predictions, one.scores) for direction, one in found.items()]


def directions_of(model: Any) -> tuple[str, ...]:
    """Return the directions in which the layers of a network read."""
    return (
        DIRECTIONS if any(len(directions(layer)) == 2 for layer in model.layers) else DIRECTIONS[:1]
    )


def parts(x: np.ndarray, direction: str, padding: End) -> np.ndarray:
    """Return each beginning (`forward`) or end (`backward`) of an example, padded as it is.

    Args:
        x: shape (T,) or (T, F), of which n steps are not padding.
        direction: `forward` or `backward`.
        padding: the end at which the parts are filled up to T.

    Returns:
        Of the type of `x`, shape (n, T) or (n, T, F): at index t the steps 0 … t, or t … n - 1.
    """
    steps = x[real(x[None])[0]]
    filled = np.full((len(steps), *x.shape), PAD if x.ndim == 1 else MASK_VALUE, x.dtype)
    for index, row in enumerate(filled):
        part = steps[: index + 1] if direction == "forward" else steps[index:]
        row[slice(len(part)) if padding == "post" else slice(len(x) - len(part), len(x))] = part
    return filled


def inside(model: Any, x: np.ndarray) -> tuple[dict[Place, dict[str, np.ndarray]], Any]:
    """Return what happens within a network as it reads a whole example.

    Args:
        model: the network.
        x: one example as the network reads it, shape (T,) or (T, F), padding included.

    Returns:
        The gates and states of every recurrent layer and direction: by layer and direction, then
        by name, float32 of shape (n, units), without padding. And how much each step counts in
        the pooling, float32 of shape (n,), where that is learned; else None.
    """
    counts, found = real(x[None])[0], trace(model, x[None])
    attention = None if found.attention is None else np.asarray(found.attention)[0][counts]
    steps = {
        place: {name: np.asarray(values)[0][counts] for name, values in of.items()}
        for place, of in found.steps.items()
    }
    return steps, attention
