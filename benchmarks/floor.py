"""The floor: the time that the matrix products of an epoch alone take on this machine."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from seqtrain.backend.environment import cores

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
Shape = tuple[int, int]
Product = tuple[Shape, Shape]


def floor(work: dict[str, Any]) -> float:
    """Return seconds for one epoch of the recurrent layers' products, by NumPy's BLAS.

    As few and as large ones as there can be: the inputs of all steps are one product, and so are
    the gradients of the weights; only what needs the state before is a product for each step.
    Padding that is hidden by a mask is not computed. Validation is the forward pass alone.

    Args:
        work: a workload, as `workloads.prepare` describes it.
    """
    forward = sum(times * _seconds(*product) for times, product in _forward(work))
    backward = sum(times * _seconds(*product) for times, product in _backward(work))
    batches, others = (
        work[examples] / work["batch_size"] for examples in ("examples", "validation_examples")
    )
    return batches * (forward + backward) + others * forward


def _layers(work: dict[str, Any]) -> Iterator[tuple[int, int, int, int]]:
    """Yield how many directions each layer has, its inputs, units, and columns of its gates."""
    tokens, directions = work["vocabulary_size"], 2 if work["both_ways"] else 1
    width = work["model"]["embedding_dim"] if tokens else work["shape"][-1]
    for units in work["model"]["units"]:
        yield directions, width, units, GATES[work["cell"]] * units
        width = units * directions


def _forward(work: dict[str, Any]) -> Iterator[tuple[float, Product]]:
    """Yield products of a batch, and how often there is each."""
    steps, batch = work["steps"], work["batch_size"]
    for directions, width, units, gates in _layers(work):
        yield directions, ((round(steps * batch), width), (width, gates))
        yield directions * steps, ((batch, units), (units, gates))


def _backward(work: dict[str, Any]) -> Iterator[tuple[float, Product]]:
    steps, batch = work["steps"], work["batch_size"]
    rows = round(steps * batch)
    for depth, (directions, width, units, gates) in enumerate(_layers(work)):
        yield directions, ((width, rows), (rows, gates))
        yield directions, ((units, rows), (rows, gates))
        yield directions * steps, ((batch, gates), (gates, units))
        if depth or work["vocabulary_size"]:  # nobody needs the gradient of pixels
            yield directions, ((rows, gates), (gates, width))


def _seconds(left: Shape, right: Shape, least: float = 0.05) -> float:
    """Return the seconds of a product, with as many threads as are fastest."""
    return min(_alone(left, right, threads, least) for threads in {1, cores()})


def _alone(left: Shape, right: Shape, threads: int, least: float) -> float:
    """Return the seconds of a product, the best of five rounds of as many as take a while."""
    random = np.random.default_rng(0)
    a, b = (random.normal(size=shape).astype(np.float32) for shape in (left, right))
    out = np.empty((left[0], right[1]), np.float32)

    def of(times: int) -> float:
        started = time.perf_counter()
        for _ in range(times):
            np.matmul(a, b, out=out)
        return time.perf_counter() - started

    with threadpool_limits(threads, "blas"):
        of(1)
        times = max(1, round(least / of(1)))
        return min(of(times) for _ in range(5)) / times
