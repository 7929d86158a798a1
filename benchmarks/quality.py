"""`python -m benchmarks.quality`: time in which a fast config reaches a tutorial's score."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine, sides
from benchmarks.workloads import CONFIGS, prepare

ROOT = CONFIGS.parent
TUTORIALS = {  # the workload, and the test accuracy that its tutorial publishes
    "mnist": ("mnist_lstm", 0.9652),
    "imdb": ("imdb_lstm", 0.835),
}
ACCURACY = re.compile(r"test accuracy ([01]\.\d+)")
HEADER = ("", "test accuracy", "published", "seconds", "× the tutorial's script")


def timed(command: list[str], cache: str) -> tuple[float, float]:
    """Return the seconds that a command takes as a whole, and the test accuracy that it prints."""
    environment = {**os.environ, "SEQTRAIN_CACHE_DIR": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)  # where what is compiled would be found
    started = time.perf_counter()
    environment[sides.STARTED] = str(started)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    found = ACCURACY.search(done.stdout + done.stderr)
    if done.returncode or not found:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return seconds, float(found[1])


def rows(dataset: str, data_dir: Path, seed: int) -> list[list[str]]:
    """Run the fast config twice, with an empty cache and then again, and the tutorial's script."""
    workload, published = TUTORIALS[dataset]
    with tempfile.TemporaryDirectory() as folder:
        fast = [sys.executable, "-m", "seqtrain", "train", f"configs/fast/{dataset}.yaml"]
        fast += [f"seed={seed}", "--data-dir", str(data_dir), "--output", f"{folder}/outputs"]
        cache = f"{folder}/cache"
        measured = {
            f"`configs/fast/{dataset}.yaml`, the first time": timed(fast, cache),
            f"`configs/fast/{dataset}.yaml`, again": timed(fast, cache),
        }
        prepare(workload, Path(folder), data_dir)
        script = [sys.executable, "-m", "benchmarks.side_keras", folder, str(seed)]
        whole = measured[f"plain Keras, {workload}"] = timed(script, cache)
    return [
        [name, f"{accuracy:.4f}", f"{published:.4f}", f"{seconds:.1f}", f"{whole[0] / seconds:.1f}"]
        for name, (seconds, accuracy) in measured.items()
    ]


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("SEQTRAIN_DATA_DIR"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("datasets", nargs="*", default=list(TUTORIALS))
    chosen = parser.parse_args()
    if chosen.data_dir is None:
        parser.error("name the folder of mnist.npz and imdb.npz: --data-dir DIR")
    print(f"{machine.described()}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for dataset in chosen.datasets:
        for row in rows(dataset, Path(chosen.data_dir).absolute(), chosen.seed):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
