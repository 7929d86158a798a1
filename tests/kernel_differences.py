"""Compares the loops of `backend.kernels` with Keras's own, on the backend of KERAS_BACKEND.

With the argument `some` it compares each cell once, and each kind of output. Prints
JSON: for each case, the largest difference of the gradients of all weights and of the
inputs, as a share of the largest value; and whether the case has a loop of ours.
"""

import json
import sys

import keras
import numpy as np

from seqtrain.backend import kernels
from seqtrain.interpretation.autodiff import gradient

OF_EACH = [("whole", "last", "relu", "training"), ("masked", "all", "tanh", "training")]
CASES = [(cell, *case) for cell in ("SimpleRNN", "LSTM", "GRU") for case in OF_EACH]
CASES += [
    ("LSTM", "whole", "last", "tanh", "inference"),
    ("LSTM", "masked", "last", "tanh", "training"),
]
if keras.backend.backend() == "tensorflow":  # on JAX a loop is a loop
    CASES += [(cell, "unrolled", "all", "tanh", "training") for cell in ("SimpleRNN", "GRU")]
CASES += [(cell, "whole", "states", "tanh", "training") for cell in ("SimpleRNN", "GRU")]
CASES += [("LSTM", "masked", "states", "tanh", phase) for phase in ("training", "inference")]
SOME = [
    ("SimpleRNN", "whole", "last", "relu", "training"),
    ("LSTM", "masked", "all", "tanh", "training"),
    ("GRU", "whole", "states", "tanh", "training"),
]
assert {*SOME} < {*CASES}
PADDING, STEPS = -9.0, 7
ROWS = STEPS + 1  # of which the last is padding alone


def network(cell: str, mask: str, output: str, **keys: object) -> keras.Sequential:
    sequences = output == "all"
    layer = getattr(keras.layers, cell)(
        7,
        return_sequences=sequences,
        zero_output_for_mask=sequences,
        bias_initializer="random_normal",
        unroll=mask == "unrolled",
        **keys,
    )
    masking = [] if mask == "whole" else [keras.layers.Masking(PADDING)]
    both_ways = keras.layers.Bidirectional(layer)
    flat = [keras.layers.Flatten()] if sequences else []
    return keras.Sequential([keras.Input((STEPS, 5)), *masking, both_ways, *flat])


def with_states(cell: str, mask: str, **keys: object) -> keras.Model:
    """A network of a reader in both directions, and of a layer that begins with its last states."""
    whole = keras.Input((STEPS, 5))
    x = whole if mask == "whole" else keras.layers.Masking(PADDING)(whole)
    kind = getattr(keras.layers, cell)
    ends = {"return_sequences": True, "return_state": True, "bias_initializer": "random_normal"}
    read, *states = keras.layers.Bidirectional(kind(7, **ends, **keys))(x)
    half = len(states) // 2
    pairs = zip(states[:half], states[half:], strict=True)
    begin = [keras.layers.Concatenate()([*pair]) for pair in pairs]
    out, *last = kind(14, go_backwards=True, **ends, **keys)(read, initial_state=begin)
    flat = keras.layers.Flatten()(out)
    return keras.Model(whole, keras.layers.Concatenate()([flat, *last]))


def examples(mask: str) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(ROWS, STEPS, 5)).astype("float32")
    if mask == "masked":
        for row in range(ROWS):
            x[row, STEPS - row :] = PADDING
        x[3, 2] = PADDING
    return x


def gradients(model: keras.Sequential, x: np.ndarray, training: bool) -> list[np.ndarray]:
    others = [np.asarray(variable) for variable in model.non_trainable_variables]

    def value(of: tuple[list, object]) -> object:
        weights, x = of
        out, _ = model.stateless_call(weights, others, x, training=training)
        different = np.cos(np.arange(out.shape[1])).astype("float32")
        return keras.ops.sum(keras.ops.square(out) * different)

    weights = [np.asarray(variable) for variable in model.trainable_variables]
    return keras.tree.flatten(gradient(value)((weights, x)))


def difference(*case: str) -> float:
    *shape, activation, phase = case
    keras.utils.set_random_seed(1)
    cell, mask, output = shape
    model = (
        with_states(cell, mask, activation=activation)
        if output == "states"
        else network(*shape, activation=activation)
    )
    x = examples(mask)
    expected = gradients(model, x, phase == "training")
    kernels.install(model)
    found = gradients(model, x, phase == "training")
    return max(
        float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(expected, found, strict=True)
    )


def replaced(**keys: object) -> bool:
    model = network("LSTM", "whole", "last", **keys)
    kernels.install(model)
    return "inner_loop" in vars(model.layers[0].forward_layer)


chosen = SOME if sys.argv[1:] == ["some"] else CASES
print(
    json.dumps(
        {
            "differences": {" ".join(case): difference(*case) for case in chosen},
            "replaced": {
                "plain": replaced(),
                "recurrent_dropout": replaced(recurrent_dropout=0.5),
                "activation": replaced(activation="selu"),
            },
        }
    )
)
