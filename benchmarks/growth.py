"""`python -m benchmarks.growth`: time and memory of an epoch as examples, steps or units grow."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine

ROOT = Path(__file__).parent.parent
FACTORS = (1, 2, 4, 8, 16)
SMALLEST = {"examples": 1_024, "steps": 16, "units": 16}  # the others stay at `MIDDLE`
MIDDLE = {"examples": 4_096, "steps": 32, "units": 32}
FEATURES, BATCH_SIZE = 8, 64
EPOCHS = 6
HEADER = (*SMALLEST, "s/epoch", "× the row above", "MB", "MB for training")


def measured(sizes: dict[str, int]) -> dict[str, float]:
    """Train in a process of its own, and return the seconds of an epoch and the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), **sizes)
        command = [sys.executable, "-m", "benchmarks.growth", "--point", folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{sizes} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def write(folder: Path, examples: int, steps: int, units: int) -> None:
    """Write a config, and random sequences of two classes that differ in their mean."""
    random = np.random.default_rng(0)
    shares = {"train": examples, "validation": BATCH_SIZE, "test": BATCH_SIZE}
    for part, number in shares.items():
        y = np.arange(number) % 2
        x = random.normal(y[:, None, None], size=(number, steps, FEATURES)).astype(np.float32)
        np.savez(folder / f"{part}.npz", x=x, y=y)
    config: dict[str, Any] = {
        "dataset": {
            "name": "arrays",
            "path": str(folder / "train.npz"),
            "validation_path": str(folder / "validation.npz"),
            "test_path": str(folder / "test.npz"),
        },
        "model": {"name": "lstm", "units": units},
        "training": {"epochs": EPOCHS, "batch_size": BATCH_SIZE},
        "execution": {"steps_per_execution": 32, "threads": 1},  # by rule they change between rows
    }
    (folder / "growth.yaml").write_text(json.dumps(config))  # JSON is YAML


def point(folder: Path) -> None:
    """Train the config of `write`, and report as JSON, without the first epoch, which compiles."""
    from seqtrain.backend import execution
    from seqtrain.config import load_config
    from seqtrain.runs.run import Run
    from seqtrain.training import loop

    config = load_config(folder / "growth.yaml")
    dataset = config.dataset.load()
    resolved = execution.resolve(config, dataset)
    execution.start(resolved.execution, resolved.seed)
    imported = peak()
    run = Run.create(folder / "outputs", resolved)
    loop.train(resolved, dataset, run)
    seconds = median(row["seconds"] for row in run.read_table("timing.csv")[1:])
    print(json.dumps({"seconds": seconds, "bytes": peak(), "imported": imported}))


def peak() -> int:
    """Return the most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def rows(grown: str) -> Iterator[list[str]]:
    """Yield a row of the table for each factor of one size."""
    before, logarithms = 0.0, []
    for factor in FACTORS:
        sizes = {**MIDDLE, grown: SMALLEST[grown] * factor}
        found = measured(sizes)
        yield [
            *(f"{size:,}" for size in sizes.values()),
            f"{found['seconds']:.3f}",
            f"{found['seconds'] / before:.2f}" if before else "",
            f"{found['bytes'] / 1e6:,.0f}",
            f"{(found['bytes'] - found['imported']) / 1e6:,.0f}",
        ]
        before = found["seconds"]
        logarithms.append(np.log([sizes[grown], before]))
    slope = np.polyfit(*np.transpose(logarithms), 1)[0]
    yield [f"with {grown} to the power of {slope:.2f}", *[""] * (len(HEADER) - 1)]


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", help=f"of {', '.join(SMALLEST)}; default: all")
    parser.add_argument("--point", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.point:
        point(chosen.point)
        return
    print(f"{machine.described()}; LSTM, batches of {BATCH_SIZE}, ", end="")
    print(f"{FEATURES} features; one thread; the median of {EPOCHS - 1} epochs after the first\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for grown in chosen.sizes or SMALLEST:
        for row in rows(grown):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
