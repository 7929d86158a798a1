"""The floor: the time that the matrix products of an epoch alone take on this machine."""

import time
from typing import Any

import numpy as np

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
BACKWARD = 2  # products of the same size in the backward pass, for each of the forward pass


def floor(work: dict[str, Any], steps: int | None = None) -> float:
    """Return seconds for one epoch of the recurrent layers' products, by NumPy's BLAS.

    Args:
        work: a workload, as `workloads.prepare` describes it.
        steps: time steps that are computed; None for all.
    """
    keys = work["model"]
    width = keys["embedding_dim"] if work["vocabulary_size"] else work["shape"][-1]
    batch, seconds = work["batch_size"], 0.0
    for units in keys["units"]:
        gates = GATES[work["cell"]] * units
        directions = 2 if work["both_ways"] else 1
        for inputs in (width, units):
            seconds += directions * _seconds((batch, inputs), (inputs, gates))
        width = units * directions
    batches = -(-work["examples"] // batch)
    return seconds * (1 + BACKWARD) * (steps or work["shape"][0]) * batches


def _seconds(left: tuple[int, int], right: tuple[int, int], times: int = 2_000) -> float:
    random = np.random.default_rng(0)
    a, b = (random.normal(size=shape).astype(np.float32) for shape in (left, right))
    out = np.empty((left[0], right[1]), np.float32)
    best = np.inf
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times // 5):
            np.matmul(a, b, out=out)
        best = min(best, (time.perf_counter() - started) / (times // 5))
    return float(best)
