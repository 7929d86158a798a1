"""`python -m benchmarks.padding`: IMDB at 400 tokens, padded to one length or cut by batch."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean, median

from benchmarks import machine
from benchmarks.workloads import CONFIGS
from seqtrain.config import load_config
from seqtrain.data.dataset import real_steps
from seqtrain.runs import lookup

ROOT = CONFIGS.parent
CONFIG = str(CONFIGS / "imdb_gru.yaml")
STEPS = 400
HEADER = ("seed", "batches", "s/epoch", "× fixed", "test accuracy")


def ideal(data_dir: Path) -> float:
    """Return the ratio of all steps to those that are not padding."""
    dataset = load_config(Path(CONFIG), [f"dataset.max_length={STEPS}"]).dataset.load(data_dir)
    return STEPS / float(real_steps(dataset.train.x).mean())


def trained(bucketed: bool, seed: int, backend: str, data_dir: Path) -> tuple[float, float]:
    """Return the median seconds of an epoch, without the first, and the test accuracy."""
    with tempfile.TemporaryDirectory() as outputs:
        command = [sys.executable, "-m", "seqtrain", "train", CONFIG, "--output", outputs]
        command += [f"dataset.max_length={STEPS}", f"execution.backend={backend}", f"seed={seed}"]
        command += [f"training.bucket_by_length={json.dumps(bucketed)}"]
        done = subprocess.run(
            [*command, "--data-dir", str(data_dir)], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        run = lookup.latest(Path(outputs))
        seconds = [row["seconds"] for row in run.read_table("timing.csv")]
        return median(seconds[1:]), float(run.metrics()["test_accuracy"])


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("SEQTRAIN_DATA_DIR"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backend", default="jax")
    chosen = parser.parse_args()
    if chosen.data_dir is None:
        parser.error("name the folder of imdb.npz: --data-dir DIR")
    data_dir = Path(chosen.data_dir).absolute()
    print(f"{machine.described()}, {chosen.backend}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for seed in range(chosen.seeds):
        for bucketed in (False, True):
            found[bucketed].append(trained(bucketed, seed, chosen.backend, data_dir))
            seconds, accuracy = found[bucketed][-1]
            ratio = found[False][-1][0] / seconds
            kind = "by length" if bucketed else "fixed"
            print(f"| {seed} | {kind} | {seconds:.1f} | {ratio:.2f} | {accuracy:.4f} |", flush=True)
    ratio = mean(row[0] for row in found[False]) / mean(row[0] for row in found[True])
    means = [mean(row[1] for row in found[bucketed]) for bucketed in (False, True)]
    print(f"\nfaster by {ratio:.2f}, ideal {ideal(data_dir):.2f}; mean test accuracy", end=" ")
    print(f"{means[0]:.4f} fixed, {means[1]:.4f} by length")


if __name__ == "__main__":
    main()
