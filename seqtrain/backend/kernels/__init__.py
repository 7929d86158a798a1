"""Recurrent layers for processors: Keras's formulas, in fewer and larger operations.

Keras multiplies inputs and state in every time step, and lets the backend differentiate that loop.
Here one product covers the inputs of all steps. The gradient is written by hand, so one product
gives the gradient of each weight matrix, too.

The layers and their weights stay Keras's own; only `inner_loop` is replaced. A layer with settings
that are not supported here keeps Keras's loop.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from seqtrain.backend.kernels.backend import scan
from seqtrain.backend.kernels.cells import ACTIVATIONS, CELLS, Cell, States, biases


def install(model: keras.Model) -> None:
    """Replace the loop of each recurrent layer whose activations are in `ACTIVATIONS`."""
    for layer in model._flatten_layers():
        if type(layer) in CELLS and _known(layer):
            layer.inner_loop = partial(inner_loop, layer)


def _known(layer: Any) -> bool:
    """Return whether this loop supports the settings of a layer."""
    gates = getattr(layer, "recurrent_activation", keras.activations.sigmoid)
    return (
        keras.activations.serialize(layer.activation) in ACTIVATIONS
        and gates is keras.activations.sigmoid
        and not (layer.dropout or layer.recurrent_dropout or layer.stateful)
        and layer.use_bias
        and getattr(layer, "reset_after", True)
    )


def inner_loop(
    layer: Any, sequences: Any, initial_state: Any, mask: Any | None, training: bool = False
) -> tuple[Any, Any, list[Any]]:
    """Return the last output, all outputs in the order of computation, and the last states.

    Args:
        layer: one of `CELLS`.
        sequences: shape (batch, T, inputs).
        initial_state: the states before the first step, each of shape (batch, units).
        mask: shape (batch, T), true where a step counts; None where all do.
        training: whether a gradient will be asked for.
    """
    cell = CELLS[type(layer)](ACTIVATIONS[keras.activations.serialize(layer.activation)])
    x = ops.swapaxes(ops.convert_to_tensor(sequences), 0, 1)
    bias, recurrent_bias = biases(layer)
    counts = None if mask is None else ops.swapaxes(ops.convert_to_tensor(mask), 0, 1)[:, :, None]
    p = product_of_inputs(x, ops.convert_to_tensor(layer.cell.kernel), bias)
    weights = ops.convert_to_tensor(layer.cell.recurrent_kernel)
    loop = Loop(cell, layer.go_backwards, layer.unroll, counts, layer.return_state)
    run = loop.differentiable if training else loop.outputs
    h, *others = loop.parted(run(p, weights, recurrent_bias, tuple(initial_state)))
    last = h[0] if layer.go_backwards else h[-1]
    if counts is not None and layer.zero_output_for_mask:
        h = ops.where(counts, h, 0.0)
    if layer.go_backwards:
        h = ops.flip(h, axis=0)
    return h[-1], ops.swapaxes(h, 0, 1), [last, *others]


def product_of_inputs(x: Any, weights: Any, bias: Any) -> Any:
    """Return x · weights + bias, shape (T, batch, outputs), for x of shape (T, batch, inputs)."""
    if batch_is_shared():
        return ops.matmul(x, weights) + bias
    steps, _, inputs = ops.shape(x)
    # in two dimensions, because XLA transposes all of x for the gradient of three
    flat = ops.matmul(ops.reshape(x, (-1, inputs)), weights)
    return ops.reshape(flat + bias, (steps, -1, bias.shape[-1]))


def product_of_all_steps(left: Any, right: Any) -> Any:
    """Return the sum over all steps and examples of the outer products of their last axes."""
    if batch_is_shared():
        return ops.tensordot(left, right, [[0, 1], [0, 1]])
    flat, other = (ops.reshape(side, (-1, side.shape[-1])) for side in (left, right))
    return ops.matmul(ops.transpose(flat), other)


def batch_is_shared() -> bool:
    """Return whether several devices share each batch.

    The axes of steps and batch are then not merged: each device would need all rows for that.
    """
    return keras.distribution.distribution() is not None


class Loop:
    """A cell's steps, one after another.

    Args:
        cell: computes one step.
        reverse: begin at the last step.
        unroll: repeat the operations for each step, where the backend can.
        counts: shape (T, batch, 1); where it is false, the states stay as they are.
        ends: also return the last of the states other than h.
    """

    def __init__(
        self, cell: Cell, reverse: bool, unroll: bool, counts: Any | None, ends: bool = False
    ) -> None:
        self.others = cell.states - 1 if ends else 0
        self.cell = cell
        self.reverse = reverse
        self.unroll = unroll
        self.counts = counts

    def outputs(self, p: Any, weights: Any, bias: Any | None, first: States) -> Any:
        """Return h of every step, at its place in time; shape (T, batch, units).

        After it come the last of the other states, if they are asked for; see `parted`.

        Args:
            p: product of the inputs and their weights, shape (T, batch, gates · units).
            weights: of the state, shape (units, gates · units).
            bias: added to the product of state and weights, shape (gates · units,).
            first: the states before the first step, each of shape (batch, units).
        """
        if not self.others:
            return self._forward(p, weights, bias, first, lambda new, kept: new[0])
        return self._joined(self._forward(p, weights, bias, first, lambda new, kept: new))

    def differentiable(self, p: Any, weights: Any, bias: Any | None, first: States) -> Any:
        """Return the outputs with the gradient of `_backward`."""

        def run(p: Any, weights: Any, *given: Any) -> Any:
            first, (bias,) = given[: self.cell.states], given[self.cell.states :] or (None,)
            states, kept = self._forward(p, weights, bias, first, lambda *both: both)

            def gradient(dh: Any) -> tuple[Any, ...]:
                dp, dr, dfirst = self._backward(dh, weights, first, states, kept)
                before = self._before(states[0], first[0])
                dbias = () if bias is None else (ops.sum(dr, axis=(0, 1)),)
                return dp, product_of_all_steps(before, dr), *dfirst, *dbias

            return self._joined(states), gradient

        given = (*first,) if bias is None else (*first, bias)
        return ops.custom_gradient(run)(p, weights, *given)

    def parted(self, joined: Any) -> list[Any]:
        """Return h of every step, and the last of the other states that were asked for."""
        if not self.others:
            return [joined]
        return [joined[: -self.others], *(joined[-place] for place in range(self.others, 0, -1))]

    def _joined(self, states: States) -> Any:
        """Return h of every step, and after it the last of the other states, in one array.

        Both backends differentiate functions with one result in the same manner.
        """
        if not self.others:
            return states[0]
        lasts = (state[:1] if self.reverse else state[-1:] for state in states[1:])
        return ops.concatenate([states[0], *lasts], axis=0)

    def _forward(
        self,
        p: Any,
        weights: Any,
        bias: Any | None,
        first: States,
        keep: Callable[[States, Any], Any],
    ) -> Any:
        def step(old: States, given: Any) -> tuple[States, Any]:
            p, counts = given
            r = ops.matmul(old[0], weights)
            new, kept = self.cell.forward(p, r if bias is None else r + bias, old)
            new = self._where(counts, new, old)
            return new, keep(new, kept)

        return scan(step, first, (p, self.counts), self.reverse, self.unroll)[1]

    def _backward(
        self, d: Any, weights: Any, first: States, states: States, kept: Any
    ) -> tuple[Any, Any, States]:
        """Return the gradients of both products of every step, and of the first states.

        The products are those of the inputs, and of the state.
        """
        dh, *ends = self.parted(d)
        transposed = ops.transpose(weights)

        def step(d: States, given: Any) -> tuple[States, Any]:
            dh, slopes, counts = given
            d = (d[0] + dh, *d[1:])
            counted = d if counts is None else tuple(ops.where(counts, part, 0.0) for part in d)
            dp, dr, (direct, *others) = self.cell.backward(counted, slopes)
            through = ops.matmul(dr, transposed)
            before = (through if direct is None else direct + through, *others)
            return self._where(counts, before, d), (dp, None if dr is dp else dr)

        zeros = tuple(ops.zeros_like(state[0]) for state in states)
        lasts = (zeros[0], *ends) if ends else zeros
        olds = tuple(self._before(*pair) for pair in zip(states, first, strict=True))
        given = (dh, self.cell.slopes(kept, olds, states), self.counts)
        dfirst, (dp, dr) = scan(step, lasts, given, not self.reverse, self.unroll)
        return dp, dp if dr is None else dr, dfirst

    def _before(self, states: Any, first: Any) -> Any:
        """Return the state before each step."""
        parts = [states[1:], first[None]] if self.reverse else [first[None], states[:-1]]
        return ops.concatenate(parts, axis=0)

    @staticmethod
    def _where(counts: Any | None, new: States, old: States) -> States:
        if counts is None:
            return new
        return tuple(ops.where(counts, *pair) for pair in zip(new, old, strict=True))
