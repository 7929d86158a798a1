"""`python -m benchmarks.startup`: time of commands, compared with importing TensorFlow."""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import machine

ROOT = Path(__file__).parent.parent
QUICKSTART = str(ROOT / "configs" / "quickstart.yaml")
COMMAND = [sys.executable, "-m", "seqtrain"]
RUNS, EXAMPLES = 100, 25_000  # that are compared, and that each was tested on
BY_PROCESSOR = ("--help", "check")
LOAD = """
import sys, time
from pathlib import Path
from seqtrain.config import load_config
config = load_config(Path("configs/imdb_lstm.yaml"))
started = time.perf_counter()
config.dataset.load(Path(sys.argv[1]))
print(time.perf_counter() - started)
"""


def cpu(*arguments: str) -> float:
    """Return the CPU time of a command in seconds, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def wall(*command: str) -> float:
    """Return the seconds that a command takes by the clock."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - started


def loading(data_dir: str) -> float:
    """Return the seconds in which a process has IMDB's reviews and labels, from the cache."""
    command = [sys.executable, "-c", LOAD, data_dir]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


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


def many(outputs: str) -> str:
    """Return a folder of a hundred runs, each with a learning rate of its own, made once."""
    folder = Path(outputs, "many")
    if not folder.exists():
        run = next(Path(outputs, "quickstart").iterdir())
        random = np.random.default_rng(0)
        labels = random.integers(0, 2, EXAMPLES)
        for number in range(RUNS):
            copy = folder / f"{run.name[:-4]}{number:04x}"
            shutil.copytree(run, copy)
            config = copy / "config.yaml"
            rate = f"learning_rate: {number + 1}e-5"
            config.write_text(re.sub("learning_rate: .*", rate, config.read_text()))
            share = random.random(EXAMPLES).astype(np.float32)
            (copy / "classes.json").write_text('["no", "yes"]')
            probabilities = np.stack([1 - share, share], axis=1)
            np.savez(copy / "predictions.npz", labels=labels, probabilities=probabilities)
    return str(folder)


def measures(outputs: str, data_dir: str | None) -> dict[str, Callable[[], float]]:
    """Return what is measured in each round, in order; `evaluate` judges the run before it."""
    imdb = {"IMDB from the cache": lambda: loading(str(data_dir))} if data_dir else {}
    return {
        "import tensorflow": lambda: wall(sys.executable, "-c", "import tensorflow"),
        "train on JAX, to the first epoch": lambda: first_epoch(outputs, "jax"),
        "train, to the first epoch": lambda: first_epoch(outputs, "tensorflow"),
        "evaluate": lambda: wall(*COMMAND, "evaluate", "--output", outputs),
        f"compare of {RUNS} runs": lambda: wall(*COMMAND, "compare", many(outputs)),
        **imdb,
        "--help": lambda: cpu("--help"),
        "check": lambda: cpu("check", QUICKSTART),
    }


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data-dir", default=os.environ.get("SEQTRAIN_DATA_DIR"))
    chosen = parser.parse_args()
    rounds = chosen.rounds
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python compiles each file once
    with tempfile.TemporaryDirectory() as outputs:
        measured = measures(outputs, chosen.data_dir)
        for measure in measured.values():  # compiles, and brings the files into memory
            measure()
        found = [{name: measure() for name, measure in measured.items()} for _ in range(rounds)]
    print(f"{machine.described()}; medians of {rounds} rounds\n")
    print("| quickstart | s | of | × importing TensorFlow |\n|---|---|---|---|")
    for name in measured:
        seconds = f"{median(row[name] for row in found):.2f}"
        if name in BY_PROCESSOR:
            print(f"| {name} | {seconds} | CPU | |")
            continue
        ratio = median(row[name] / row["import tensorflow"] for row in found)
        print(f"| {name} | {seconds} | wall | {ratio:.2f} |")


if __name__ == "__main__":
    main()
