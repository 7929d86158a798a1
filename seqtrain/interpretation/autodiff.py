"""Gradients of any function of arrays, on either backend of Keras."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


def gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile the gradient of a function with respect to its first argument.

    Args:
        function: takes a tree of arrays, and further arrays; returns a number.

    Returns:
        A function of the same arguments; it returns NumPy arrays in the tree of the first.
    """
    on_jax = keras.backend.backend() == "jax"
    compiled = _gradient_on_jax(function) if on_jax else _gradient_on_tensorflow(function)
    return lambda *given: keras.tree.map_structure(np.asarray, compiled(*given))


def _gradient_on_tensorflow(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def found(at: Any, *others: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = function(at, *others)
        return tf.nest.map_structure(tf.convert_to_tensor, tape.gradient(value, at))

    return lambda *given: found(*tf.nest.map_structure(tf.convert_to_tensor, given))


def _gradient_on_jax(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    return jax.jit(jax.grad(function))


@contextmanager
def double_precision() -> Iterator[None]:
    """Allow float64 on JAX in the body; TensorFlow always allows it."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield
