"""Pooling: from the features of every step to those of the whole sequence.

Each pooling is a stock layer, or a model of stock layers. It leaves out masked steps. These are
exact zeros from the layers before, because Keras passes no mask to the maximum, nor to a model
within a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import keras

Pooling = Literal["last", "mean", "max", "attention"]

MASKED = -1e9  # below every output of a recurrent layer
ATTENTION, WEIGHTS = "attention", "weights"  # names of a model, and of a layer in it


def over_steps(pooling: str, features: int, mask: bool) -> keras.Layer:
    """Return the layer that pools all steps.

    Args:
        pooling: `mean`, `max` or `attention`.
        features: of each step.
        mask: whether steps may be masked.
    """
    import keras

    if pooling == "mean":
        return keras.layers.GlobalAveragePooling1D()
    if pooling == "attention":
        return attention(features)
    return masked_max(features) if mask else keras.layers.GlobalMaxPooling1D()


def parameters(pooling: str | None, features: int) -> int:
    """Return the number of weights of `over_steps`."""
    return features * (features + 2) if pooling == "attention" else 0


def _counts(sequence: Any) -> Any:
    """Return which steps are not all zero, bool of shape (batch, T, 1)."""
    from keras import ops

    return ops.any(ops.not_equal(sequence, 0.0), axis=-1, keepdims=True)


def masked_max(features: int) -> keras.Layer:
    """Return a model that takes the maximum over the steps that are not masked.

    With `relu` an unmasked step can be all zeros, too. Zero is then the smallest value of any
    step, so the maximum is the same without that step, and zero if no other step is left.
    The mask ends here, as in Keras's own pooling layers.

    Args:
        features: of each step; the number of steps may vary.
    """
    import keras
    from keras import ops

    sequence = keras.Input((None, features))
    maximum = ops.max(ops.where(_counts(sequence), sequence, MASKED), axis=1)
    maximum = ops.where(ops.greater(maximum, MASKED), maximum, 0.0)
    return keras.Model(sequence, maximum, name="masked_max")


def attention(features: int) -> keras.Layer:
    """Return a model that takes the mean over the steps, weighted by attention.

    The weight of a step with features h is the softmax, over the unmasked steps, of
    v · tanh(W h + b). Z. Yang et al., "Hierarchical Attention Networks for Document
    Classification", NAACL 2016, equations 5 to 7.

    Args:
        features: of each step; the number of steps may vary.
    """
    import keras
    from keras import ops

    sequence = keras.Input((None, features))
    hidden = keras.layers.Dense(features, activation="tanh", name="hidden")(sequence)
    scores = keras.layers.Dense(1, use_bias=False, name="scores")(hidden)
    scores = ops.where(_counts(sequence), scores, MASKED)
    weights = keras.layers.Softmax(axis=1, name=WEIGHTS)(scores)
    return keras.Model(sequence, ops.sum(weights * sequence, axis=1), name=ATTENTION)


def attention_weights(layer: Any, sequence: Any) -> Any:
    """Return the weight of each step, shape (batch, T); the weights sum to 1.

    Args:
        layer: a layer from `attention`.
        sequence: its input, shape (batch, T, features).
    """
    import keras

    inner = keras.Model(layer.inputs, layer.get_layer(WEIGHTS).output)
    return inner(sequence)[..., 0]
