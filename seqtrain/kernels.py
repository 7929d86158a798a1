"""Recurrent layers on JAX for processors: Keras's formulas, in fewer and larger operations.

Keras lets JAX differentiate a loop over the time steps that multiplies inputs and state in every
step. Here the inputs of all steps are one product, and the gradient is written by hand, so that
those of the weights are one product each as well. The gates of a step stay in one array until
they are computed, because XLA computes a function of a slice element by element.

The layers stay Keras's own, with their weights; only `inner_loop` is replaced, and a layer that
is set to something else than what stands here keeps its loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
from jax import Array, lax

States = tuple[Array, ...]
at_once = lax.optimization_barrier  # keeps XLA from computing an array anew for each of its uses


class Activation(NamedTuple):
    """A function of a step, and its slope as a function of its value."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]


ACTIVATIONS = {
    "tanh": Activation(jnp.tanh, lambda y: 1 - y * y),
    "relu": Activation(jax.nn.relu, lambda y: (y > 0).astype(y.dtype)),
}


def sigmoid(x: Array) -> Array:
    """Return the logistic function, by way of tanh, which XLA vectorises."""
    return 0.5 * jnp.tanh(0.5 * x) + 0.5


@dataclass(frozen=True)
class SimpleRNN:
    """h' = f(p + r), where p comes from the inputs and r from the state."""

    activation: str
    states = 1

    def forward(self, p: Array, r: Array, old: States) -> tuple[States, Any]:
        """Return the new states, and what `backward` needs besides them.

        Args:
            p: product with the inputs, shape (batch, gates · units).
            r: product with the state h, shape (batch, gates · units).
            old: the states before, each of shape (batch, units).
        """
        return (ACTIVATIONS[self.activation].value(p + r),), None

    def backward(
        self, d: States, kept: Any, old: States, new: States
    ) -> tuple[Array, Array, States]:
        """Return the gradients of p, of r, and of the old states but for the way through r."""
        dp = d[0] * ACTIVATIONS[self.activation].slope(new[0])
        return dp, dp, (jnp.zeros_like(d[0]),)


@dataclass(frozen=True)
class LSTM:
    """Gates i, f, g, o of p + r; c' = f c + i g, h' = o f(c') (Gers et al. 2000)."""

    activation: str
    states = 2

    def forward(self, p: Array, r: Array, old: States) -> tuple[States, Any]:
        """Return (h', c') and the gates; see `SimpleRNN.forward`."""
        value = ACTIVATIONS[self.activation].value
        z = p + r
        gates = at_once(jnp.where(self._candidate(z), value(z), sigmoid(z)))
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = at_once(f * old[1] + i * g)
        return (o * value(c), c), gates

    def backward(
        self, d: States, kept: Any, old: States, new: States
    ) -> tuple[Array, Array, States]:
        """Return the gradients; see `SimpleRNN.backward`."""
        value, slope = ACTIVATIONS[self.activation]
        i, f, g, o = jnp.split(kept, 4, axis=-1)
        y = value(new[1])
        dc = at_once(d[1] + d[0] * o * slope(y))
        by_gate = at_once(jnp.concatenate([dc * g, dc * old[1], dc * i, d[0] * y], axis=-1))
        dp = by_gate * jnp.where(self._candidate(kept), slope(kept), kept * (1 - kept))
        return dp, dp, (jnp.zeros_like(dc), dc * f)

    @staticmethod
    def _candidate(gates: Array) -> Array:
        """Return where g stands among the gates."""
        return jnp.repeat(jnp.array([False, False, True, False]), gates.shape[-1] // 4)


@dataclass(frozen=True)
class GRU:
    """Gates z, r of the sums, g = f(p + r · product); h' = z h + (1 - z) g (Cho et al. 2014).

    The reset gate comes after the product, as in cuDNN and in Keras's default.
    """

    activation: str
    states = 1

    def forward(self, p: Array, r: Array, old: States) -> tuple[States, Any]:
        """Return h' and the gates; see `SimpleRNN.forward`."""
        value = ACTIVATIONS[self.activation].value
        units = old[0].shape[-1]
        update_reset = at_once(sigmoid(p[:, : 2 * units] + r[:, : 2 * units]))
        update, reset = jnp.split(update_reset, 2, axis=-1)
        product = r[:, 2 * units :]
        g = at_once(value(p[:, 2 * units :] + reset * product))
        return (update * old[0] + (1 - update) * g,), (update_reset, g, product)

    def backward(
        self, d: States, kept: Any, old: States, new: States
    ) -> tuple[Array, Array, States]:
        """Return the gradients; see `SimpleRNN.backward`."""
        update_reset, g, product = kept
        update, reset = jnp.split(update_reset, 2, axis=-1)
        dg = at_once(d[0] * (1 - update) * ACTIVATIONS[self.activation].slope(g))
        by_gate = at_once(jnp.concatenate([d[0] * (old[0] - g), dg * product], axis=-1))
        by_gate = by_gate * update_reset * (1 - update_reset)
        dp = jnp.concatenate([by_gate, dg], axis=-1)
        dr = jnp.concatenate([by_gate, dg * reset], axis=-1)
        return dp, dr, (d[0] * update,)


Cell = SimpleRNN | LSTM | GRU
CELLS: dict[type, Callable[[str], Cell]] = {
    keras.layers.SimpleRNN: SimpleRNN,
    keras.layers.LSTM: LSTM,
    keras.layers.GRU: GRU,
}


def install(model: keras.Model) -> None:
    """Replace the loop of each recurrent layer of a model that is as `ACTIVATIONS` has it."""
    for layer in model._flatten_layers():
        if type(layer) in CELLS and _known(layer):
            layer.inner_loop = partial(inner_loop, layer)


def _known(layer: Any) -> bool:
    """Return whether the loop here computes what the layer is set to."""
    gates = getattr(layer, "recurrent_activation", keras.activations.sigmoid)
    return (
        keras.activations.serialize(layer.activation) in ACTIVATIONS
        and gates is keras.activations.sigmoid
        and not (layer.dropout or layer.recurrent_dropout or layer.stateful or layer.return_state)
        and layer.use_bias
        and getattr(layer, "reset_after", True)
    )


def inner_loop(
    layer: Any, sequences: Array, initial_state: Any, mask: Array | None, training: bool = False
) -> tuple[Array, Array, list[Array]]:
    """Return the last output, all outputs in the order in which they were made, and the state.

    Args:
        layer: one of `CELLS`.
        sequences: shape (batch, T, inputs).
        initial_state: zeros, as a layer that is not stateful has it.
        mask: shape (batch, T), true where a step counts; None where all do.
        training: as it changes nothing without dropout, it is not looked at.
    """
    cell = CELLS[type(layer)](keras.activations.serialize(layer.activation))
    x = jnp.swapaxes(jnp.asarray(sequences), 0, 1)
    steps, batch, inputs = x.shape
    bias, recurrent_bias = jnp.asarray(layer.cell.bias), None
    if isinstance(cell, GRU):
        bias, recurrent_bias = bias
    counts = None if mask is None else jnp.swapaxes(jnp.asarray(mask), 0, 1)[:, :, None]
    # in two dimensions, because XLA transposes all of x for the gradient of three
    p = x.reshape(steps * batch, inputs) @ jnp.asarray(layer.cell.kernel) + bias
    weights = jnp.asarray(layer.cell.recurrent_kernel)
    h = loop(
        *(cell, layer.go_backwards, p.reshape(steps, batch, -1)),
        *(weights, recurrent_bias, counts),
    )
    if counts is not None and layer.zero_output_for_mask:
        h = jnp.where(counts, h, 0)
    if layer.go_backwards:
        h = jnp.flip(h, axis=0)
    return h[-1], jnp.swapaxes(h, 0, 1), [h[-1]]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def loop(
    cell: Cell, reverse: bool, p: Array, weights: Array, bias: Array | None, counts: Array | None
) -> Array:
    """Return h of every step, at its place in time; shape (T, batch, units).

    Args:
        cell: what is computed in each step.
        reverse: begin at the last step.
        p: product of the inputs and their weights, shape (T, batch, gates · units).
        weights: of the state, shape (units, gates · units).
        bias: added to the product of state and weights, shape (gates · units,).
        counts: shape (T, batch, 1); where it is false, the states stay as they are.
    """
    return _forward(cell, reverse, p, weights, bias, counts)[0]


def _forward(
    cell: Cell, reverse: bool, p: Array, weights: Array, bias: Array | None, counts: Array | None
) -> tuple[Array, Any]:
    def step(old: States, given: Any) -> tuple[States, Any]:
        p, counts = given
        r = old[0] @ weights
        new, kept = cell.forward(p, r if bias is None else r + bias, old)
        if counts is not None:
            new = tuple(jnp.where(counts, *pair) for pair in zip(new, old, strict=True))
        return new, (new, kept)

    zeros = jnp.zeros((p.shape[1], weights.shape[0]), p.dtype)
    _, (states, kept) = lax.scan(step, (zeros,) * cell.states, (p, counts), reverse=reverse)
    return states[0], (states, kept, weights, bias, counts)


def _backward(cell: Cell, reverse: bool, known: Any, dh: Array) -> tuple[Any, ...]:
    states, kept, weights, bias, counts = known
    transposed = weights.T

    def step(d: States, given: Any) -> tuple[States, Any]:
        dh, kept, old, new, counts = given
        d = (d[0] + dh, *d[1:])
        counted = d if counts is None else tuple(part * counts for part in d)
        dp, dr, (direct, *others) = cell.backward(counted, kept, old, new)
        before = (direct + dr @ transposed, *others)
        if counts is not None:
            before = tuple(jnp.where(counts, *pair) for pair in zip(before, d, strict=True))
        return before, (dp, dr if dr is not dp else None)

    olds = tuple(_before(state, reverse) for state in states)
    zeros = tuple(jnp.zeros_like(state[0]) for state in states)
    given = (dh, kept, olds, states, counts)
    _, (dp, dr) = lax.scan(step, zeros, given, reverse=not reverse)
    flat = (dp if dr is None else dr).reshape(-1, weights.shape[1])
    dweights = olds[0].reshape(-1, weights.shape[0]).T @ flat
    return dp, dweights, None if bias is None else flat.sum(axis=0), None


def _before(states: Array, reverse: bool) -> Array:
    """Return the state before each step; zeros before the first."""
    zeros = jnp.zeros_like(states[:1])
    parts = [states[1:], zeros] if reverse else [zeros, states[:-1]]
    return jnp.concatenate(parts)


loop.defvjp(_forward, _backward)
