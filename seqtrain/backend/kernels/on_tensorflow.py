"""Operations for the loops, written in TensorFlow."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Step = Callable[[Any, Any], tuple[Any, Any]]
AHEAD = 32  # steps whose independent parts TensorFlow computes at the same time

sigmoid = tf.sigmoid


def at_once(x: Any) -> Any:
    """Return x; on JAX, keep XLA from computing it again for each use."""
    return x


def scan(step: Step, first: Any, given: Any, reverse: bool, unroll: bool) -> Any:
    """Return the last carry, and the outputs of all steps, stacked in the order of time.

    Args:
        step: takes the carry and its part of `given`; returns the next carry and its output.
        first: the carry into the first step.
        given: arrays whose first dimension is time, or None.
        reverse: begin at the last step.
        unroll: repeat the operations for each step instead of looping.
    """
    if unroll:
        return _unrolled(step, first, given, reverse)
    array = tf.nest.flatten(given)[0]
    length = array.shape[0] or tf.shape(array)[0]

    def at(time: Any) -> Any:
        return _each(lambda array: tf.gather(array, time), given)

    def body(number: Any, carried: Any, stacks: Any) -> Any:
        time = length - 1 - number if reverse else number
        carried, results = step(carried, at(time))
        parts = [part for part in tf.nest.flatten(results) if part is not None]
        written = [stack.write(time, part) for stack, part in zip(stacks, parts, strict=True)]
        return number + 1, carried, written

    # the first step runs before the loop, because it shows the shape of an output
    start = length - 1 if reverse else 0
    carried, results = step(first, at(start))
    stacks = [
        tf.TensorArray(part.dtype, length, element_shape=part.shape).write(start, part)
        for part in tf.nest.flatten(results)
        if part is not None
    ]
    _, carried, stacks = tf.while_loop(
        lambda number, *_: number < length,
        body,
        (1, carried, stacks),
        maximum_iterations=length,
        parallel_iterations=AHEAD,
    )
    stacked = iter([stack.stack() for stack in stacks])
    return carried, _each(lambda _: next(stacked), results)


def _unrolled(step: Step, first: Any, given: Any, reverse: bool) -> Any:
    arrays = tf.nest.flatten(given)
    length = arrays[0].shape[0]
    parts = [array if array is None else tf.unstack(array) for array in arrays]
    results: list[Any] = [None] * length
    carried = first
    for time in reversed(range(length)) if reverse else range(length):
        now = [part if part is None else part[time] for part in parts]
        carried, results[time] = step(carried, tf.nest.pack_sequence_as(given, now))
    return carried, _each(lambda *parts: tf.stack(parts), *results)


def _each(function: Callable[..., Any], *structures: Any) -> Any:
    """Return the structure with the function of each array in it, and None where None is."""
    return tf.nest.map_structure(
        lambda *parts: None if parts[0] is None else function(*parts), *structures
    )
