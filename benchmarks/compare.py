"""`python -m benchmarks.compare --data-dir DIR`: the sides interleaved, and a table of ratios."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from benchmarks.floor import floor
from benchmarks.workloads import WORKLOADS, prepare

SIDES = ("seqtrain", "keras", "pytorch")
ROOT = Path(__file__).parent.parent


def run(side: str, folder: str) -> dict[str, Any]:
    """Run a side in a process of its own, and return what it reports."""
    command = [sys.executable, "-m", f"benchmarks.side_{side}", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(name: str, data_dir: Path, rounds: int, epochs: int) -> dict[str, Any]:
    """Run all sides of a workload in turn, round by round."""
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(name, Path(folder), data_dir, epochs)
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for number in range(rounds):
            for side in SIDES[number % 3 :] + SIDES[: number % 3]:
                found[side].append(run(side, folder))
        return {"work": work, "floor": floor(work), **found}


def seconds(reports: list[dict[str, Any]]) -> float:
    """Return the median seconds of an epoch, the first of each process left out."""
    return median(
        later - earlier
        for report in reports
        for earlier, later in zip(report["ends"], report["ends"][1:], strict=False)
    )


def rows(name: str, found: dict[str, Any]) -> list[list[str]]:
    """Return a row of the table for each side."""
    keras = seconds(found["keras"])
    lines = []
    for side in SIDES:
        reports = found[side]
        epoch = seconds(reports)
        lines.append(
            [
                name if side == SIDES[0] else "",
                side,
                f"{found['work']['examples'] / epoch:,.0f}",
                f"{keras / epoch:.2f}",
                f"{epoch / found['floor']:.1f}",
                f"{median(report['bytes'] for report in reports) / 1e9:.2f}",
                f"{median(report['ends'][0] for report in reports):.1f}",
                f"{median(report['val_loss'][-1] for report in reports):.3f}",
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    chosen = parser.parse_args()
    if chosen.data_dir is None:
        parser.error("name the folder of mnist.npz and imdb.npz: --data-dir DIR")
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow", "torch"))
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, ")
    print(f"{packages}; {chosen.rounds} rounds of {chosen.epochs} epochs\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    ratios: dict[str, list[float]] = {"keras": [], "pytorch": []}
    for name in chosen.workloads:
        found = measure(name, Path(chosen.data_dir).absolute(), chosen.rounds, chosen.epochs)
        for row in rows(name, found):
            print("| " + " | ".join(row) + " |", flush=True)
        for side, values in ratios.items():
            values.append(seconds(found[side]) / seconds(found["seqtrain"]))
    for side, values in ratios.items():
        print(f"\nseqtrain against {side}: {geometric_mean(values):.2f} in the geometric mean")


if __name__ == "__main__":
    main()
