"""One step of each recurrent layer and its gradient, by Keras's formulas.

The gates of a step stay in one array until they are computed, because XLA computes a function of
a slice element by element.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from seqtrain.backend.kernels.backend import at_once, sigmoid

States = tuple[Any, ...]


class Activation(NamedTuple):
    """An activation function, and its derivative as a function of its value."""

    value: Callable[[Any], Any]
    slope: Any = None  # only `slopes` needs it


ACTIVATIONS = {
    "tanh": Activation(ops.tanh, lambda y: 1 - y * y),
    "relu": Activation(ops.relu, lambda y: ops.cast(y > 0, y.dtype)),
}


@dataclass(frozen=True)
class SimpleRNN:
    """h' = f(p + r), where p comes from the inputs and r from the state."""

    activation: Activation
    gate: Any = None  # it has no gates
    states = 1

    def forward(self, p: Any, r: Any, old: States) -> tuple[States, Any]:
        """Return the new states, and the other values that `slopes` needs.

        Args:
            p: product with the inputs, shape (batch, gates · units).
            r: product with the state h, shape (batch, gates · units).
            old: the states before, each of shape (batch, units).
        """
        return (self.activation.value(p + r),), None

    def gates(self, kept: Any) -> dict[str, Any]:
        """Return the gates by name, from the second result of `forward`."""
        return {}

    def slopes(self, kept: Any, old: States, new: States) -> Any:
        """Return what `backward` needs of each step, for all steps at once.

        Args:
            kept: the second result of `forward` of each step, of shape (T, batch, …).
            old: the states before each step, of shape (T, batch, units).
            new: the states after it.
        """
        return self.activation.slope(new[0])

    def backward(self, d: States, slopes: Any) -> tuple[Any, Any, States]:
        """Return the gradients of p, of r, and of the old states but for the way through r.

        None stands for zeros.

        Args:
            d: the gradients of the new states of a step.
            slopes: its part of what `slopes` returns.
        """
        dp = d[0] * slopes
        return dp, dp, (None,)


@dataclass(frozen=True)
class LSTM:
    """Gates i, f, g, o of p + r; c' = f c + i g, h' = o f(c') (Gers et al. 2000)."""

    activation: Activation
    gate: Any = sigmoid  # the activation function of the gates
    states = 2

    def forward(self, p: Any, r: Any, old: States, nudge: Any = None) -> tuple[States, Any]:
        """Return (h', c') and the gates; see `SimpleRNN.forward`.

        A nudge, shape (batch, units), is added to c' before h' is computed.
        """
        value = self.activation.value
        z = p + r
        gates = at_once(self._all_gates(z))
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = at_once(f * old[1] + i * g)
        if nudge is not None:
            c = c + nudge
        return (o * value(c), c), gates

    def _all_gates(self, z: Any) -> Any:
        """Return i, f, g, o side by side; where all are tanh, by a single one."""
        candidate = self._candidate(z)
        if self.activation.value is not ops.tanh or self.gate is not sigmoid:
            return ops.where(candidate, self.activation.value(z), self.gate(z))
        half = np.where(candidate, 1, 0.5).astype(keras.backend.standardize_dtype(z.dtype))
        return ops.tanh(z * half) * half + (1 - half)

    def gates(self, kept: Any) -> dict[str, Any]:
        """Return the gates by name; see `SimpleRNN.gates`."""
        i, f, _, o = ops.split(kept, 4, axis=-1)
        return {"input": i, "forget": f, "output": o}

    def slopes(self, kept: Any, old: States, new: States) -> Any:
        """Return that of c' by h', those by the gates, and the forget gate."""
        value, slope = self.activation
        i, f, g, o = ops.split(kept, 4, axis=-1)
        y = value(new[1])
        of_gates = ops.where(self._candidate(kept), slope(kept), kept * (1 - kept))
        return o * slope(y), ops.concatenate([g, old[1], i, y], axis=-1) * of_gates, f

    def backward(self, d: States, slopes: Any) -> tuple[Any, Any, States]:
        """Return the gradients; see `SimpleRNN.backward`."""
        of_carry, of_gates, f = slopes
        dc = at_once(d[1] + d[0] * of_carry)
        dp = at_once(ops.concatenate([dc, dc, dc, d[0]], axis=-1)) * of_gates
        return dp, dp, (None, dc * f)

    @staticmethod
    def _candidate(gates: Any) -> np.ndarray:
        """Return which columns of the gates are g; bool, shape (4 · units,)."""
        return np.repeat([False, False, True, False], gates.shape[-1] // 4)


@dataclass(frozen=True)
class GRU:
    """Gates z, r of the sums, g = f(p + r · product); h' = z h + (1 - z) g (Cho et al. 2014).

    The reset gate comes after the product, as in cuDNN and in Keras's default.
    """

    activation: Activation
    gate: Any = sigmoid  # the activation function of the gates
    states = 1

    def forward(self, p: Any, r: Any, old: States) -> tuple[States, Any]:
        """Return h' and the gates; see `SimpleRNN.forward`."""
        value = self.activation.value
        units = old[0].shape[-1]
        update_reset = at_once(self.gate(p[:, : 2 * units] + r[:, : 2 * units]))
        update, reset = ops.split(update_reset, 2, axis=-1)
        product = r[:, 2 * units :]
        g = at_once(value(p[:, 2 * units :] + reset * product))
        return (update * old[0] + (1 - update) * g,), (update_reset, g, product)

    def gates(self, kept: Any) -> dict[str, Any]:
        """Return the gates by name; see `SimpleRNN.gates`."""
        update, reset = ops.split(kept[0], 2, axis=-1)
        return {"update": update, "reset": reset}

    def slopes(self, kept: Any, old: States, new: States) -> Any:
        """Return those by p, the reset gate with which g's becomes that by r, and that of h."""
        update_reset, g, product = kept
        update, reset = ops.split(update_reset, 2, axis=-1)
        of_g = (1 - update) * self.activation.slope(g)
        by_gate = ops.concatenate([old[0] - g, of_g * product], axis=-1)
        by_gate = by_gate * update_reset * (1 - update_reset)
        return ops.concatenate([by_gate, of_g], axis=-1), reset, update

    def backward(self, d: States, slopes: Any) -> tuple[Any, Any, States]:
        """Return the gradients; see `SimpleRNN.backward`."""
        of_p, reset, update = slopes
        dp = at_once(ops.concatenate([d[0], d[0], d[0]], axis=-1) * of_p)
        units = reset.shape[-1]
        dr = ops.concatenate([dp[:, : 2 * units], dp[:, 2 * units :] * reset], axis=-1)
        return dp, dr, (d[0] * update,)


Cell = SimpleRNN | LSTM | GRU

CELLS: dict[type, type[Cell]] = {
    keras.layers.SimpleRNN: SimpleRNN,
    keras.layers.LSTM: LSTM,
    keras.layers.GRU: GRU,
}


def biases(layer: Any) -> tuple[Any, Any]:
    """Return the bias of the product with the inputs, and with the state; None for no bias."""
    bias = ops.convert_to_tensor(layer.cell.bias)
    return (bias[0], bias[1]) if isinstance(layer, keras.layers.GRU) else (bias, None)
