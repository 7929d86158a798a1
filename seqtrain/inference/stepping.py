"""A recurrent network in NumPy, whose state is carried from step to step.

It computes what Keras's layers compute, without a backend: a text is begun at once, goes on from
its whole past, and is the same whichever backend trained the network.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.errors import reason
from seqtrain.inference.model_file import CONFIG, WEIGHTS, read
from seqtrain.io.regular_file import checked

State = list[tuple[np.ndarray, ...]]  # of each recurrent layer: h, and for an LSTM c; (n, units)
Function = Callable[[np.ndarray], np.ndarray]
Gates = dict[str, np.ndarray]

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
LEAKY_SLOPE = 0.2  # of Keras's leaky_relu


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the logistic function, by way of tanh."""
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)


def _exponential(x: np.ndarray) -> np.ndarray:
    """Return exp(x) - 1 where x is negative, and 0 elsewhere."""
    return np.asarray(np.expm1(np.minimum(x, 0)))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(x, 0.0))


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return np.asarray(0.5 * x * (1 + erf(x / np.sqrt(2.0))))


# Keras's activation functions by name; see `models.base.Activation`.
ACTIVATIONS: dict[str, Function] = {
    "celu": lambda x: np.maximum(x, 0) + _exponential(x),
    "elu": lambda x: np.maximum(x, 0) + _exponential(x),
    "gelu": _gelu,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": lambda x: np.where(x > 0, x, LEAKY_SLOPE * x),
    "linear": lambda x: x,
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: SELU_SCALE * (np.maximum(x, 0) + SELU_ALPHA * _exponential(x)),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
}


@dataclass(frozen=True)
class Recurrence:
    """A recurrent layer.

    Attributes:
        cell: `SimpleRNN`, `LSTM` or `GRU`.
        kernel: of the inputs, float32 of shape (inputs, gates · units).
        recurrent: of the state, shape (units, gates · units).
        bias: added to the product of the inputs.
        recurrent_bias: added to the product of the state; None unless it is a GRU.
        activation: of the candidate and the output.
    """

    cell: str
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray
    recurrent_bias: np.ndarray | None
    activation: Function

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.recurrent)

    @cached_property
    def _halves(self) -> np.ndarray:
        """By what the sums of an LSTM are multiplied, so that tanh gives their logistic function.

        1 for the candidate, and a half for the gates; float32 of shape (4 · units,).
        """
        return np.repeat(np.array([0.5, 0.5, 1, 0.5], np.float32), self.units)

    def begin(self, number: int) -> tuple[np.ndarray, ...]:
        """Return zeros as the state of so many sequences."""
        states = 2 if self.cell == "LSTM" else 1
        return tuple(np.zeros((number, self.units), np.float32) for _ in range(states))

    def step(
        self, p: np.ndarray, state: tuple[np.ndarray, ...], gates: Gates | None = None
    ) -> tuple[np.ndarray, ...]:
        """Return the state after a step.

        Args:
            p: the product of the inputs with their bias, shape (n, gates · units).
            state: before the step.
            gates: where to keep the gates by name, if they are wanted.
        """
        r = state[0] @ self.recurrent
        if self.cell == "LSTM":
            return self._lstm(p + r, state[1], gates)
        if self.cell == "GRU":
            return self._gru(p, r + self.recurrent_bias, state[0], gates)
        return (self.activation(p + r),)

    def _lstm(self, z: np.ndarray, c: np.ndarray, gates: Gates | None) -> tuple[np.ndarray, ...]:
        units, value = self.units, self.activation
        parts = [slice(part * units, (part + 1) * units) for part in range(4)]
        if value is np.tanh:  # one call for all gates, because calls take longer than numbers
            half = np.tanh(z * self._halves)
            candidate, both = half[:, parts[2]], 0.5 * half + 0.5
        else:
            candidate, both = value(z[:, parts[2]]), sigmoid(z)
        i, f, o = (both[:, parts[part]] for part in (0, 1, 3))
        c = f * c + i * candidate
        if gates is not None:
            gates |= {"input": i, "forget": f, "output": o}
        return o * value(c), c

    def _gru(
        self, p: np.ndarray, r: np.ndarray, h: np.ndarray, gates: Gates | None
    ) -> tuple[np.ndarray, ...]:
        units = self.units
        both = sigmoid(p[:, : 2 * units] + r[:, : 2 * units])
        update, reset = both[:, :units], both[:, units:]
        candidate = self.activation(p[:, 2 * units :] + reset * r[:, 2 * units :])
        if gates is not None:
            gates |= {"update": update, "reset": reset}
        return (update * h + (1 - update) * candidate,)


@dataclass(frozen=True)
class Affine:
    """A dense layer: a function of x · kernel + bias."""

    kernel: np.ndarray
    bias: np.ndarray
    activation: Function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs, shape (…, units)."""
        return self.activation(x @ self.kernel + self.bias)


@dataclass(frozen=True)
class Stack:
    """An embedding, recurrent layers, and dense layers, of which the last gives logits.

    Attributes:
        table: of each id, its product with the first kernel, and the bias; (ids, gates · units).
        recurrences: the recurrent layers.
        dense: the dense layers.
    """

    table: np.ndarray
    recurrences: Sequence[Recurrence]
    dense: Sequence[Affine]

    @classmethod
    def of(cls, layers: Sequence[tuple[str, dict[str, Any], list[np.ndarray]]]) -> Stack:
        """Return a network from the class, the config and the weights of each layer.

        Raises:
            ValueError: a layer is of another kind.
        """
        vectors = np.zeros((0, 0), np.float32)
        recurrences: list[Recurrence] = []
        dense: list[Affine] = []
        tied = False
        for kind, config, weights in layers:
            if kind in ("Embedding", "ReversibleEmbedding"):
                vectors, tied = weights[0], kind != "Embedding"
            elif kind in ("SimpleRNN", "LSTM", "GRU"):
                recurrences.append(_recurrence(kind, config, weights))
            elif kind == "Dense":
                kernel, bias = weights
                dense.append(Affine(kernel, bias, _activation(config["activation"])))
            elif kind not in ("Activation", "Dropout", "InputLayer"):
                raise ValueError(f"a layer `{kind}` cannot be computed step by step")
        if tied:
            dense.append(
                Affine(vectors.T, np.zeros(len(vectors), np.float32), ACTIVATIONS["linear"])
            )
        if not (recurrences and dense and len(vectors)):
            raise ValueError("it is not a recurrent network over tokens")
        dense[-1] = Affine(dense[-1].kernel, dense[-1].bias, ACTIVATIONS["linear"])
        first = recurrences[0]
        return cls(vectors @ first.kernel + first.bias, recurrences, dense)

    @property
    def ids(self) -> int:
        """The number of ids."""
        return len(self.table)

    def begin(self, number: int = 1) -> State:
        """Return the state of so many sequences before their first token."""
        return [layer.begin(number) for layer in self.recurrences]

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Return the logits of the token after the next, and the state.

        Args:
            ids: the next token of each of n sequences, shape (n,).
            state: of the sequences before it.

        Returns:
            float32 of shape (n, ids), and the state.
        """
        p, after = self.table[ids], []
        for number, (layer, old) in enumerate(zip(self.recurrences, state, strict=True)):
            new = layer.step(p, old)
            after.append(new)
            if number + 1 < len(self.recurrences):
                following = self.recurrences[number + 1]
                p = new[0] @ following.kernel + following.bias
        return self.logits(after[-1][0]), after

    def read(
        self, ids: np.ndarray, state: State, inside: list[Gates] | None = None
    ) -> tuple[np.ndarray, State]:
        """Read T tokens of each of n sequences.

        Args:
            ids: shape (n, T).
            state: before the first.
            inside: filled with the gates and states of each layer, if wanted: by name, float32 of
                shape (n, T, units).

        Returns:
            The outputs of the last recurrent layer, float32 of shape (n, T, units), and the state
            after the last token.
        """
        after: State = []
        x = np.zeros((0,))
        for number, (layer, old) in enumerate(zip(self.recurrences, state, strict=True)):
            p = x @ layer.kernel + layer.bias if number else None
            kept: dict[str, list[np.ndarray]] = {}
            h = np.empty((*ids.shape, layer.units), np.float32)
            for t in range(ids.shape[1]):
                gates: Gates | None = None if inside is None else {}
                old = layer.step(self.table[ids[:, t]] if p is None else p[:, t], old, gates)
                h[:, t] = old[0]
                if gates is not None:
                    gates |= dict(zip(("hidden", "cell"), old, strict=False))
                    for name, value in gates.items():
                        kept.setdefault(name, []).append(value)
            after.append(old)
            if inside is not None:
                inside.append({name: np.stack(found, axis=1) for name, found in kept.items()})
            x = h
        return x, after

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits of features of the last recurrent layer; shape (…, ids)."""
        for layer in self.dense:
            features = layer(features)
        return features


def _activation(name: Any) -> Function:
    if name == "softmax":
        return ACTIVATIONS["linear"]
    if name not in ACTIVATIONS:
        raise ValueError(f"the activation `{name}` cannot be computed step by step")
    return ACTIVATIONS[name]


def _recurrence(kind: str, config: dict[str, Any], weights: list[np.ndarray]) -> Recurrence:
    kernel, recurrent, bias = weights
    of_input, of_state = (bias[0], bias[1]) if kind == "GRU" else (bias, None)
    value = _activation(config["activation"])
    return Recurrence(kind, kernel, recurrent, of_input, of_state, value)


def of_model(model: Any) -> Stack:
    """Return the network of a Keras model, with copies of its weights.

    Raises:
        ValueError: it has layers that are not supported.
    """
    return Stack.of(
        [
            (type(layer).__name__, layer.get_config(), [*map(np.asarray, layer.get_weights())])
            for layer in model.layers
        ]
    )


def of_file(file: Path) -> Stack:
    """Return the network of a `.keras` file, without Keras.

    Raises:
        ValueError: the file is damaged, or has layers that are not supported.
    """
    import h5py

    read(file)  # refuses what is no model of ours
    try:
        with zipfile.ZipFile(checked(file)) as archive:
            described = json.loads(archive.read(CONFIG))["config"]["layers"]
            content = io.BytesIO(archive.read(WEIGHTS))
        counted: dict[str, int] = {}
        layers = []
        with h5py.File(content) as weights:
            for layer in described:
                kind = layer["class_name"]
                if kind == "InputLayer":
                    continue
                number = counted[kind] = counted.get(kind, -1) + 1
                layers.append((kind, layer["config"], _weights(weights, kind, number)))
        return Stack.of(layers)
    except (KeyError, OSError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(reason(error)) from error


FOLDERS = {
    "Embedding": "embedding",
    "ReversibleEmbedding": "reversible_embedding",
    "SimpleRNN": "simple_rnn",
    "LSTM": "lstm",
    "GRU": "gru",
}


def _weights(file: Any, kind: str, number: int) -> list[np.ndarray]:
    """Return the weights of the layer of a class with a number from 0, in the order of Keras."""
    folder = FOLDERS.get(kind, kind.lower())
    path = f"layers/{folder}{f'_{number}' if number else ''}"
    path = f"{path}/cell/vars" if kind in ("SimpleRNN", "LSTM", "GRU") else f"{path}/vars"
    found = file.get(path, {})
    return [np.asarray(found[name]) for name in sorted(found, key=int)]
