"""Recompute recurrent layers step by step, to see the gates and states that they hide.

Keras's layers only return their outputs. Here each recurrent layer is recomputed from its own
weights and activations by Keras's formulas, so that every gate and state is visible. A small
change, a nudge, can be added to each state: so the gradient of a loss by a state is the gradient
by its nudge. All other layers are called unchanged. Imports Keras, so `execution.start` must come
first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import layers, ops

from seqtrain.backend.kernels.cells import CELLS, Activation, biases
from seqtrain.models.pooling import ATTENTION, attention_weights
from seqtrain.models.recurrent import DIRECTIONS
from seqtrain.models.wide import BLEND, WIDE

Tensor = Any
Step = dict[str, Tensor]  # gates and states of one step, or of all


class Place(NamedTuple):
    """The place of a state: the number of its recurrent layer, from 1, and its direction."""

    layer: int
    direction: str


Nudges = Mapping[Place, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Trace:
    """All gates and states of a network for some examples.

    Attributes:
        output: of the last layer, shape (N, outputs).
        steps: for each recurrent layer and direction the gates and states by name, each of
            shape (N, T, units), in the order of time for both directions. A masked step
            repeats the values of the step that was read before it.
        attention: the attention weights, shape (N, T), if the pooling is attention.
    """

    output: Tensor
    steps: dict[Place, Step]
    attention: Tensor | None = None


NAMES = {
    layers.SimpleRNN: ("hidden",),
    layers.LSTM: ("input", "forget", "output", "cell", "hidden"),
    layers.GRU: ("update", "reset", "hidden"),
}
STATES = ("hidden", "cell")  # the states that a step passes on; all others are gates


def trace(model: Any, x: Any, nudges: Nudges | None = None) -> Trace:
    """Run a network without dropout, and keep every gate and state.

    The linear model of a wide network is left out, because it has no states.

    Args:
        model: a network that a model section built.
        x: inputs of the network, shape (N, T) or (N, T, F), or several by name.
        nudges: added to the states, by place and name, each of shape (N, T, units).
    """
    tracing = _Tracing(mask_of(model, x), nudges or {})
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            x = tracing(layer, x)
    else:
        x = model._run_through_graph(x, call_fn=tracing)
    return Trace(x, tracing.steps, tracing.attention)


class _Tracing:
    """Calls the layers of a network, and keeps the gates and states of the recurrent ones."""

    def __init__(self, mask: Tensor | None, nudges: Nudges) -> None:
        self.mask = mask
        self.nudges = nudges
        self.steps: dict[Place, Step] = {}
        self.attention: Tensor | None = None

    def __call__(self, layer: Any, x: Any, *others: Any, **named: Any) -> Any:
        """Return the output of a layer or an operation."""
        if both := directions(layer):
            return self._recurrent(layer, both, x, named.get("mask", self.mask))
        if layer.name == WIDE:
            return None
        if layer.name == BLEND:
            return x[0]
        if isinstance(layer, layers.Masking):  # in float64 it would not know its value again
            return ops.where(ops.expand_dims(self.mask, -1), x, 0)
        if isinstance(layer, layers.GlobalAveragePooling1D):
            return layer(x, mask=named.get("mask", self.mask))
        if layer.name == ATTENTION:
            self.attention = attention_weights(layer, x)
        return layer(x, *others, **named)

    def _recurrent(self, layer: Any, both: dict[str, Any], x: Tensor, mask: Any) -> Tensor:
        depth = 1 + max((place.layer for place in self.steps), default=0)
        places = {Place(depth, way): one for way, one in both.items()}
        for place, one in places.items():
            self.steps[place] = run(one, x, mask, self.nudges.get(place, {}))
        return joined(layer, [self.steps[place]["hidden"] for place in places], mask)


def recurrent(model: Any) -> dict[Place, Any]:
    """Return every recurrent layer of a network; a bidirectional layer counts as two."""
    stack = filter(None, map(directions, model.layers))
    return {
        Place(depth, way): layer
        for depth, both in enumerate(stack, start=1)
        for way, layer in both.items()
    }


def mask_of(model: Any, x: Any) -> Tensor | None:
    """Return the mask of examples, shape (N, T); None if there is none."""
    return next((layer.compute_mask(x) for layer in model.layers if hides(layer)), None)


def hides(layer: Any) -> bool:
    """Return whether a layer passes on a mask of the padding."""
    return hasattr(layer, "mask_value") or bool(getattr(layer, "mask_zero", False))


def directions(layer: Any) -> dict[str, Any]:
    """Return the recurrent layer of each direction; empty for any other layer."""
    if isinstance(layer, layers.Bidirectional):
        return {way: getattr(layer, f"{way}_layer") for way in DIRECTIONS}
    return {DIRECTIONS[0]: layer} if type(layer) in CELLS else {}


def states(layer: Any) -> list[str]:
    """Return the names of the states of a layer."""
    return [name for name in STATES if name in NAMES[type(layer)]]


def run(layer: Any, x: Tensor, mask: Tensor | None, nudge: Mapping[str, Tensor]) -> Step:
    """Return the gates and states of one recurrent layer; see `Trace.steps`.

    Args:
        layer: one of `CELLS`.
        x: shape (N, T, inputs).
        mask: shape (N, T), or None.
        nudge: added to the states, each of shape (N, T, units).
    """
    cell = CELLS[type(layer)](
        Activation(layer.activation), getattr(layer, "recurrent_activation", None)
    )
    names, of_states = NAMES[type(layer)], states(layer)
    x = ops.cast(x, layer.compute_dtype)
    bias, recurrent_bias = biases(layer)
    products = ops.matmul(x, layer.cell.kernel) + bias
    examples, length = x.shape[:2]
    counts = ops.ones((examples, length), "bool") if mask is None else mask
    zeros = ops.zeros((examples, layer.units), x.dtype)
    nowhere = ops.zeros((examples, length, layer.units), x.dtype)
    nudges = {name: nudge.get(name, nowhere) for name in of_states}

    def step(old: Step, given: Any) -> tuple[Step, Step]:
        p, counts, nudge = given
        r = ops.matmul(old["hidden"], layer.cell.recurrent_kernel)
        r = r if recurrent_bias is None else r + recurrent_bias
        within = {"nudge": nudge["cell"]} if "cell" in nudge else {}
        after, gates = cell.forward(p, r, tuple(old[name] for name in of_states), **within)
        new = {**cell.gates(gates), **dict(zip(of_states, after, strict=True))}
        new["hidden"] += nudge["hidden"]
        kept = {name: ops.where(counts, new[name], old[name]) for name in names}
        return kept, kept

    by_step = (
        _by_step(products),
        _by_step(ops.expand_dims(counts, -1)),
        {name: _by_step(value) for name, value in nudges.items()},
    )
    begin = dict.fromkeys(names, zeros)
    _, found = ops.scan(step, begin, by_step, reverse=layer.go_backwards)
    return {name: _by_step(found[name]) for name in names}


def _by_step(tensor: Tensor) -> Tensor:
    """Exchange the axes of examples and of steps."""
    return ops.swapaxes(tensor, 0, 1)


def joined(layer: Any, hidden: list[Tensor], mask: Tensor | None) -> Tensor:
    """Return the output of a layer from the hidden states of its directions.

    Args:
        layer: a recurrent or bidirectional layer.
        hidden: hidden states of each direction, shape (N, T, units).
        mask: shape (N, T), or None.

    Returns:
        All steps, zero where masked, shape (N, T, features); or the last state of each direction,
        shape (N, features).
    """
    if not layer.return_sequences:
        ends = zip(hidden, (-1, 0), strict=False)
        return ops.concatenate([states[:, end] for states, end in ends], axis=-1)
    sequences = ops.concatenate(hidden, axis=-1)
    return sequences if mask is None else ops.where(ops.expand_dims(mask, -1), sequences, 0)
