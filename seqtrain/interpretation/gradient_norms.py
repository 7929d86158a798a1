"""Norms of the gradient of the loss: by the state of each step, and by the weights.

The gradient by the hidden state h(t) includes every path from h(t) to the loss: through all later
steps, and through the layers above and the pooling. The gradient by an LSTM's cell state c(t)
includes the path through h(t), as in back-propagation through time (Werbos 1990). Y. Bengio,
P. Simard and P. Frasconi (1994) and R. Pascanu, T. Mikolov and Y. Bengio (2013) explain why it
vanishes or explodes. Imports Keras, so `execution.start` must come first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from seqtrain.data import inputs
from seqtrain.data.inputs import Inputs
from seqtrain.interpretation import autodiff
from seqtrain.interpretation.trace import Place, mask_of, recurrent, states, trace

SHARE = 0.5  # share of the examples that must have a step


@dataclass(frozen=True)
class Flow:
    """The gradient norm of one state at each step.

    Attributes:
        place: the layer and its direction.
        state: `hidden` or `cell`.
        norms: mean over the examples of the Euclidean norm of ∂(loss of the example)/∂state;
            float64, shape (K,), in the order of reading.
    """

    place: Place
    state: str
    norms: np.ndarray

    @property
    def three(self) -> tuple[float, float, float]:
        """The norms at the first step, in the middle, and at the last."""
        first, middle, last = (float(self.norms[at]) for at in (0, len(self.norms) // 2, -1))
        return first, middle, last

    @property
    def reach(self) -> float:
        """The norm at the first step as a multiple of that at the last; NaN where that is 0."""
        return float(self.norms[0] / self.norms[-1]) if self.norms[-1] else float("nan")


def flows(model: Any, loss: Any, x: Inputs, labels: np.ndarray) -> list[Flow]:
    """Return the gradient norms of each state of a network, step by step.

    They are computed in float64, which underflows only below 1e-308.

    Args:
        model: a network with its activation on the head.
        loss: its Keras loss, see `Task.keras_loss`.
        x: inputs of the network, shape (N, T) or (N, T, F); of several the first by name has
            the steps.
        labels: as the loss takes them, shape (N,) or (N, …).
    """
    shape = inputs.arrays(x)[0].shape[:2]
    with autodiff.double_precision():
        network = in_float64(model)
        nudges = {
            place: {state: np.zeros((*shape, layer.units)) for state in states(layer)}
            for place, layer in recurrent(network).items()
        }

        def total(nudges: Any, x: Any, labels: Any) -> Any:
            return ops.sum(losses(loss, labels, trace(network, x, nudges).output))

        found = autodiff.gradient(total)(nudges, x, labels)
        mask = mask_of(network, x)
    counts = np.ones(shape, bool) if mask is None else np.asarray(mask)
    return [
        Flow(place, state, mean_norms(_norms(found[place][state]), counts, place.direction))
        for place, by_state in nudges.items()
        for state in by_state
    ]


def _norms(gradient: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm over the units; scaled, so that no square underflows."""
    largest = np.abs(gradient).max(axis=-1)
    shares = gradient / np.where(largest > 0, largest, 1)[..., None]
    return np.asarray(largest * np.linalg.norm(shares, axis=-1))


def in_float64(model: Any) -> Any:
    """Return a copy of a network in float64, without the activation of its head.

    So no probability is rounded to 0 or 1, where the gradient of the loss would be 0.
    """
    copy = keras.models.model_from_json(model.to_json().replace('"float32"', '"float64"'))
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.linear
    return copy


def losses(loss: Any, labels: Any, scores: Any) -> Any:
    """Return the loss of each example, shape (N,), from scores of shape (N, outputs).

    Args:
        loss: the name of a Keras loss, or a function.
        labels: as the loss takes them, shape (N,) or (N, …).
        scores: the outputs of the head before its activation.
    """
    labels, found = in_rows(labels), keras.losses.get(loss)
    if str(loss).endswith("crossentropy"):
        return found(labels, scores, from_logits=True)
    return found(ops.cast(labels, scores.dtype), scores)


def in_rows(labels: Any) -> Any:
    """Return labels of shape (N, …) as they are, and those of shape (N,) as (N, 1)."""
    return labels if len(labels.shape) > 1 else ops.expand_dims(labels, -1)


def mean_norms(norms: np.ndarray, counts: np.ndarray, direction: str) -> np.ndarray:
    """Return the mean norm of each step, aligned at the step that is read last.

    Args:
        norms: of each example and step, shape (N, T).
        counts: which steps are not hidden by a mask, shape (N, T).
        direction: `forward` or `backward`.

    Returns:
        Shape (K,), in the order of reading; K is the number of steps that half of the examples
        have. The mean is over those that have the step.
    """
    by_reading = slice(None) if direction == "forward" else slice(None, None, -1)
    aligned, there = np.zeros(norms.shape), np.zeros(norms.shape, bool)
    for row, real in enumerate(counts[:, by_reading]):
        last = slice(len(real) - real.sum(), None)
        aligned[row, last], there[row, last] = norms[row, by_reading][real], True
    enough = there.mean(axis=0) >= SHARE
    return np.asarray(aligned[:, enough].mean(axis=0, where=there[:, enough]))


def largest_norms(
    model: Any,
    loss: Any,
    batches: Iterable[tuple[Inputs, np.ndarray]],
    class_weight: dict[int, float] | None = None,
) -> np.ndarray:
    """Return for each batch the largest norm of any weight's gradient, which `clipnorm` bounds.

    Keras clips the gradient of each weight separately. Dropout is active, as in training.

    Args:
        model: a network with its activation on the head.
        loss: its Keras loss, see `Task.keras_loss`.
        batches: x and labels.
        class_weight: the weight of each class, as in Keras's `fit`.

    Returns:
        float64, shape (batches,).
    """
    others = [variable.value for variable in model.non_trainable_variables]
    mean = keras.losses.get(loss)

    def total(weights: Any, x: Any, labels: Any, shares: Any) -> Any:
        out, _ = model.stateless_call(weights, others, x, training=True)
        return ops.mean(mean(in_rows(labels), out) * shares)

    def norm(x: Inputs, labels: np.ndarray) -> float:
        shares = np.ones(len(labels))
        if class_weight:
            shares = np.array([class_weight[int(label)] for label in labels.ravel()])
        found = gradient(weights, x, labels, shares.astype(np.float32))
        return float(np.max([np.linalg.norm(part.astype(np.float64)) for part in found]))

    gradient = autodiff.gradient(total)
    weights = [np.asarray(variable) for variable in model.trainable_variables]
    return np.array([norm(*batch) for batch in batches])
