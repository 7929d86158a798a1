"""`python -m benchmarks.threads`: one thread for an operation, or all, as its products grow."""

import argparse
import os
import subprocess
import sys
import time

import numpy as np

from benchmarks import machine
from seqtrain.backend import execution
from seqtrain.config import ExecutionConfig
from seqtrain.data.dataset import Examples
from seqtrain.models.recurrent import GATES

NETWORKS = (  # cell, units, batch size
    *(("rnn", 32, 32), ("rnn", 128, 128), ("gru", 32, 32), ("gru", 64, 128)),
    *(("lstm", 32, 32), ("lstm", 64, 32), ("lstm", 128, 32), ("lstm", 128, 128)),
    ("lstm", 256, 128),
)
BACKENDS = ("tensorflow", "jax")
STEPS, FEATURES, BATCHES, EPOCHS = 64, 32, 12, 5
HEADER = ("backend", "cell", "units", "batch size", "products of a step", "1 thread", "all", "×")


def measured(*arguments: object) -> float:
    """Return the examples a second of a training in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.threads", "--point", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return float(done.stdout.splitlines()[-1])


def point(backend: str, cell: str, units: str, size: str, threads: str) -> None:
    """Train on random sequences, and print the examples a second of the best epoch."""
    chosen = ExecutionConfig.model_validate({"backend": backend, "threads": int(threads)})
    execution.start(chosen, 0)
    import keras

    from seqtrain.training.batches import Batches

    kind = {"rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}[cell]
    unroll = cell == "rnn" and backend == "tensorflow"  # as `auto` has it
    layer = getattr(keras.layers, kind)(int(units), unroll=unroll)
    layers = [layer, keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
    execution.accelerate(model)
    model.compile("adam", "binary_crossentropy", jit_compile=backend == "jax")
    random, number = np.random.default_rng(0), BATCHES * int(size)
    x = random.normal(size=(number, STEPS, FEATURES)).astype(np.float32)
    batches = Batches(Examples(x, random.integers(0, 2, number)), int(size), seed=0)
    seconds = []
    for _ in range(EPOCHS):
        started = time.perf_counter()
        model.fit(execution.feed(batches, chosen), shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - started)
    print(number / min(seconds))


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backends", nargs="*", default=list(BACKENDS))
    parser.add_argument("--point", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.point:
        point(*chosen.point)
        return
    cores = os.cpu_count() or 1
    print(f"{machine.described()}; examples a second, the best of {EPOCHS} epochs\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for backend in chosen.backends:
        for cell, units, size in NETWORKS:
            one, every = (measured(backend, cell, units, size, count) for count in (1, cores))
            products = f"{size * GATES[cell] * units**2:,}"
            cells = (backend, cell, units, size, products, f"{one:,.0f}", f"{every:,.0f}")
            print("| " + " | ".join(map(str, cells)) + f" | {one / every:.2f} |", flush=True)


if __name__ == "__main__":
    main()
