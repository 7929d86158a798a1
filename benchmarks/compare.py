"""`python -m benchmarks.compare --data-dir DIR`: run the sides in turn, and print their ratios."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from benchmarks import machine, sides
from benchmarks.floor import floor
from benchmarks.workloads import WORKLOADS, prepare

SIDES = {  # what runs, and its arguments
    "keras": ("side_keras",),
    "pytorch": ("side_pytorch",),
    "seqtrain": ("side_seqtrain", "tensorflow"),
    "seqtrain[jax]": ("side_seqtrain", "jax"),
}
WORSE = 1.25  # times the loss of Keras; who ends above it wins by doing less
ROOT = Path(__file__).parent.parent


def run(side: str, folder: str, seed: int, *keys: str) -> dict[str, Any]:
    """Run a side in a process of its own, with nothing compiled, and return what it reports."""
    module, *arguments = SIDES[side]
    command = [sys.executable, "-m", f"benchmarks.{module}", folder, str(seed), *arguments, *keys]
    with tempfile.TemporaryDirectory() as compiled:
        own = {sides.STARTED: str(time.perf_counter()), "JAX_COMPILATION_CACHE_DIR": compiled}
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | own
        )
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(name: str, data_dir: Path, rounds: int, epochs: int) -> dict[str, Any]:
    """Run all sides of a workload in turn, round by round."""
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(name, Path(folder), data_dir, epochs)
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for number in range(rounds):
            for side in list(SIDES)[:: -1 if number % 2 else 1]:
                found[side].append(run(side, folder, number))
        sizes = {side: reports[0]["parameters"] for side, reports in found.items()}
        if len(set(sizes.values())) > 1:
            sys.exit(f"{name}: the sides train other networks, of so many parameters: {sizes}")
        return {"work": work, "floor": floor(work), **found}


def seconds(reports: list[dict[str, Any]]) -> float:
    """Return the median seconds of an epoch, the first of each process left out."""
    return median(
        later - earlier
        for report in reports
        for earlier, later in zip(report["ends"], report["ends"][1:], strict=False)
    )


def loss(reports: list[dict[str, Any]]) -> float:
    """Return the median validation loss after the last epoch."""
    return median(report["val_loss"][-1] for report in reports)


def learns_less(found: dict[str, Any], side: str) -> bool:
    """Return whether the final loss of a side is above that of plain Keras by more than noise."""
    return loss(found[side]) > WORSE * loss(found["keras"])


def rows(name: str, found: dict[str, Any]) -> list[list[str]]:
    """Return a row of the table for each side."""
    keras = seconds(found["keras"])
    lines = []
    for side in SIDES:
        reports = found[side]
        epoch = seconds(reports)
        lines.append(
            [
                name,
                side,
                f"{found['work']['examples'] / epoch:,.0f}",
                f"{keras / epoch:.2f}",
                f"{epoch / found['floor']:.1f}",
                f"{median(report['bytes'] for report in reports) / 1e9:.2f}",
                f"{median(report['ends'][0] for report in reports):.1f}",
                f"{loss(reports):.3f}" + (" (!)" if learns_less(found, side) else ""),
            ]
        )
    return lines


HEADER = (
    "workload",
    "side",
    "examples/s",
    "× Keras",
    "× floor",
    "GB",
    "first epoch, s",
    "validation loss",
)


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("SEQTRAIN_DATA_DIR"))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    chosen = parser.parse_args()
    if chosen.data_dir is None:
        parser.error("name the folder of mnist.npz and imdb.npz: --data-dir DIR")
    print(f"{machine.described()}; {chosen.rounds} rounds of {chosen.epochs} epochs\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    others = [(side, other) for side in list(SIDES)[2:] for other in list(SIDES)[:2]]
    ratios: dict[tuple[str, str], list[float]] = {pair: [] for pair in others}
    for name in chosen.workloads:
        found = measure(name, Path(chosen.data_dir).absolute(), chosen.rounds, chosen.epochs)
        for row in rows(name, found):
            print("| " + " | ".join(row) + " |", flush=True)
        for (side, other), values in ratios.items():
            if not (learns_less(found, side) or learns_less(found, other)):
                values.append(seconds(found[other]) / seconds(found[side]))
    print(
        "\n| times as fast, in the geometric mean | "
        + " | ".join(list(SIDES)[:2])
        + " |\n|---|---|---|"
    )
    for side in list(SIDES)[2:]:
        pairs = [ratios[side, other] for other in list(SIDES)[:2]]
        means = [f"{geometric_mean(pair):.2f}" if pair else "" for pair in pairs]
        print(f"| {side} against | " + " | ".join(means) + " |")


if __name__ == "__main__":
    main()
