"""`python -m benchmarks.startup`: how soon commands answer, beside importing TensorFlow alone."""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
QUICKSTART = str(ROOT / "configs" / "quickstart.yaml")
COMMAND = [sys.executable, "-m", "seqtrain"]


def cpu(*arguments: str) -> float:
    """Return the seconds of processor time that a command takes, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def wall(*command: str) -> float:
    """Return the seconds that a command takes by the clock."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - started


def first_epoch(outputs: str, backend: str) -> float:
    """Return the seconds from the command to the line that reports the first epoch."""
    overrides = ["training.epochs=1", f"execution.backend={backend}"]
    command = [*COMMAND, "train", QUICKSTART, *overrides, "--output", outputs]
    reached: list[float] = []
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as training:
        for line in training.stderr or ():  # to its end: `evaluate` is to find a finished run
            if line.startswith("epoch 1/"):
                reached.append(time.perf_counter() - started)
    return reached[0]


def measures(outputs: str) -> dict[str, Callable[[], float]]:
    """Return what is measured in each round, in order; `evaluate` judges the run before it."""
    return {
        "import tensorflow": lambda: wall(sys.executable, "-c", "import tensorflow"),
        "train on JAX, to the first epoch": lambda: first_epoch(outputs, "jax"),
        "train, to the first epoch": lambda: first_epoch(outputs, "tensorflow"),
        "evaluate": lambda: wall(*COMMAND, "evaluate", "--output", outputs),
        "--help": lambda: cpu("--help"),
        "check": lambda: cpu("check", QUICKSTART),
    }


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python compiles each file once
    with tempfile.TemporaryDirectory() as outputs:
        measured = measures(outputs)
        for measure in measured.values():  # compiles, and brings the files into memory
            measure()
        found = [{name: measure() for name, measure in measured.items()} for _ in range(rounds)]
    print(f"{os.cpu_count()} cores, {platform.machine()}; medians of {rounds} rounds\n")
    print("| quickstart | s | of | × importing TensorFlow |\n|---|---|---|---|")
    for name in measured:
        seconds = f"{median(row[name] for row in found):.2f}"
        if name in ("--help", "check"):
            print(f"| {name} | {seconds} | processor | |")
            continue
        ratio = median(row[name] / row["import tensorflow"] for row in found)
        print(f"| {name} | {seconds} | clock | {ratio:.2f} |")


if __name__ == "__main__":
    main()
