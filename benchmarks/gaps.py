"""`python -m benchmarks.gaps`: waits between epochs on TensorFlow, by the input of `fit`."""

import argparse
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from seqtrain.backend import execution
from seqtrain.config import ExecutionConfig
from seqtrain.data.dataset import Examples

DIRECTIONS = ("arrays", "PyDataset", "seqtrain")
STEPS, FEATURES, UNITS, BATCH_SIZE, EXAMPLES, EPOCHS = 64, 32, 64, 32, 5_000, 10
LONG = 0.5  # seconds that are waited for nothing; a batch takes some 0.02
HEADER = ("`fit` is given", "s/epoch", f"gaps above {LONG} s", "longest gap, s", "% of the time")


def point(way: str) -> None:
    """Train an LSTM on random sequences, and print its row."""
    chosen = ExecutionConfig.model_validate({"backend": "tensorflow", "threads": 1})
    execution.start(chosen, 0)
    import keras

    from seqtrain.training.batches import Batches

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Notes when each batch has ended."""

        ends: list[float] = []

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.ends.append(time.perf_counter())

    layers = [keras.layers.LSTM(UNITS), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
    execution.accelerate(model)
    model.compile("adam", "binary_crossentropy")
    random = np.random.default_rng(0)
    x = random.normal(size=(EXAMPLES, STEPS, FEATURES)).astype(np.float32)
    examples = Examples(x, random.integers(0, 2, EXAMPLES))
    batches = Batches(examples, BATCH_SIZE, seed=0)
    given: dict[str, dict[str, Any]] = {
        "arrays": {"x": x, "y": examples.labels, "batch_size": BATCH_SIZE},
        "PyDataset": {"x": batches},
        "seqtrain": {"x": execution.feed(batches, chosen)},
    }
    model.fit(**given[way], epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[Clock()])
    steps = np.diff(np.array(Clock.ends))
    gaps = steps[len(batches) - 1 :: len(batches)]
    seconds = steps[len(batches) - 1 :].reshape(EPOCHS - 1, -1).sum(axis=1)
    lost = gaps.sum() - len(gaps) * median(steps)
    print(f"| {way} | {seconds.mean():.2f} | {(gaps > LONG).sum()} of {len(gaps)} ", end="")
    print(f"| {gaps.max():.2f} | {100 * lost / seconds.sum():.0f} |")


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--point", choices=DIRECTIONS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.point:
        point(chosen.point)
        return
    print(f"{machine.described()}; {EPOCHS} epochs of {EXAMPLES:,} sequences\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|", flush=True)
    for way in DIRECTIONS:
        command = [sys.executable, "-m", "benchmarks.gaps", "--point", way]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
