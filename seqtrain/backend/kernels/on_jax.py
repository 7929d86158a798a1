"""Operations for the loops, written in JAX."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

Step = Callable[[Any, Any], tuple[Any, Any]]

at_once: Callable[[Any], Any] = lax.optimization_barrier


def sigmoid(x: Any) -> Any:
    """Return the logistic function, by way of tanh, which XLA vectorises."""
    return 0.5 * jnp.tanh(0.5 * x) + 0.5


def scan(step: Step, first: Any, given: Any, reverse: bool, unroll: bool) -> Any:
    """Return the last carry, and the outputs of all steps in the order of time; see `lax.scan`."""
    return lax.scan(step, first, given, reverse=reverse)
