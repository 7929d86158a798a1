"""Compares the loops of `seqtrain.kernels` with Keras's own; run with KERAS_BACKEND=jax.

Prints JSON: for each case, the largest difference of the output and of all gradients, as a share
of the largest value; and whether the case has a loop of ours.
"""

import json

import jax
import keras
import numpy as np

from seqtrain import kernels

CASES = [
    (cell, *case)
    for cell in ("SimpleRNN", "LSTM", "GRU")
    for case in (("whole", "last", "relu"), ("masked", "last", "tanh"), ("masked", "all", "tanh"))
]
PADDING = -9.0


def network(cell: str, mask: str, output: str, **keys: object) -> keras.Sequential:
    sequences = output == "all"
    layer = getattr(keras.layers, cell)(
        7,
        return_sequences=sequences,
        zero_output_for_mask=sequences,
        bias_initializer="random_normal",
        **keys,
    )
    masking = [] if mask == "whole" else [keras.layers.Masking(PADDING)]
    both_ways = keras.layers.Bidirectional(layer)
    pooling = [keras.layers.GlobalAveragePooling1D()] if sequences else []
    return keras.Sequential([keras.Input((11, 5)), *masking, both_ways, *pooling])


def examples(mask: str) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(6, 11, 5)).astype("float32")
    if mask == "masked":
        for row in range(6):
            x[row, 11 - row :] = PADDING
        x[3, 4] = PADDING
    return x


def gradients(model: keras.Sequential, x: np.ndarray) -> list[np.ndarray]:
    weights = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def loss(weights: list[jax.Array], x: jax.Array) -> jax.Array:
        out, _ = model.stateless_call(weights, others, x)
        return (out * np.cos(np.arange(out.size)).reshape(out.shape)).sum()

    found = jax.jit(jax.value_and_grad(loss, (0, 1)))(weights, x)
    return list(map(np.asarray, jax.tree.leaves(found)))


def difference(*case: str) -> float:
    *shape, activation = case
    keras.utils.set_random_seed(1)
    model, x = network(*shape, activation=activation), examples(shape[1])
    expected = gradients(model, x)
    kernels.install(model)
    found = gradients(model, x)
    return max(
        float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(expected, found, strict=True)
    )


def replaced(**keys: object) -> bool:
    model = network("LSTM", "whole", "last", **keys)
    kernels.install(model)
    return "inner_loop" in vars(model.layers[0].forward_layer)


print(
    json.dumps(
        {
            "differences": {" ".join(case): difference(*case) for case in CASES},
            "replaced": {
                "plain": replaced(),
                "recurrent_dropout": replaced(recurrent_dropout=0.5),
                "activation": replaced(activation="selu"),
            },
        }
    )
)
