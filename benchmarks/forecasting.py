"""`python -m benchmarks.forecasting`: what networks reach on series, beside simple forecasts.

`SEQTRAIN_DATA_DIR` names the folder of `m3_monthly.csv`, `sunspot_month.csv` and `elecdemand.csv`.
Every figure is the mean over seeds 0, 1 and 2, on test origins that choose nothing.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks import machine
from seqtrain.runs import lookup

CONFIGS = Path(__file__).parent.parent / "configs"
HEADER = (
    *("series", "MASE", "sMAPE", "90 % interval holds", "last value", "seasonal naive", "drift"),
    *("Theta method", "linear regression", "better by DM test than", "seconds a seed"),
)
GENERATED = """
dataset: {name: series, path: own.csv, window: 24, horizon: 6, season: 1, test: 0.2}
model: {name: lstm, units: 16}
training: {epochs: 30, learning_rate: 3e-3, batch_size: 32, schedule: cosine}
execution: {backend: auto}
"""
DEMAND = """
dataset:
  {name: series, path: demand.csv, value_columns: [Demand], window: 96, horizon: 48, stride: 7,
   output: median, calendar: true}
model: {name: lstm, units: 48, dense_units: 64}
training: {epochs: 8, learning_rate: 2e-3, batch_size: 32, schedule: cosine}
execution: {backend: auto}
"""
BEGIN = datetime(2014, 1, 1)  # of the demand: half hours of 2014 in Victoria (R package fpp2)


def train(name: str, config: Path, *overrides: str, seeds: int = 3) -> list[dict[str, Any]]:
    """Train a config with several seeds, and return the metrics of each run."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "seqtrain", "train", str(config), f"name={name}", *overrides]
    command += ["--seeds", str(seeds)] if seeds > 1 else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = (time.perf_counter() - started) / seeds
    runs = lookup.newest(Path(name), Path("outputs"))
    return [run.metrics() | {"seconds": seconds} for run in runs]


def row(title: str, found: list[dict[str, Any]]) -> list[str]:
    """Return a row of the table."""
    baselines = found[0]["baselines"]
    beaten = [
        name
        for name in baselines
        if all(
            one["baselines"][name]["difference"]["p"] < 0.05
            and one["baselines"][name]["difference"]["mase"] < 0
            for one in found
        )
    ]
    names = ("last value", "seasonal naive", "drift", "Theta method", "linear regression")
    simple = [f"{baselines[name]['test_mase']:.3f}" if name in baselines else "" for name in names]
    return [
        title,
        f"{fmean(one['test_mase'] for one in found):.3f}",
        f"{fmean(one['test_smape'] for one in found):.2f}",
        f"{fmean(one['test_coverage'] for one in found):.1%}",
        *simple,
        ", ".join(beaten) or "none",
        f"{fmean(one['seconds'] for one in found):.0f}",
    ]


def write(values: np.ndarray) -> None:
    """Write a generated series."""
    with Path("own.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["time", "value"])
        rows.writerows(enumerate(values.tolist(), 1))


def temperature(folder: Path) -> tuple[list[list[str]], str]:
    """Return two rows, without and with the temperature, and the test of their difference."""
    Path("demand.yaml").write_text(DEMAND)
    first, *rows = (folder / "elecdemand.csv").read_text().splitlines()
    timed = (f"{BEGIN + number * timedelta(minutes=30)},{row}" for number, row in enumerate(rows))
    Path("demand.csv").write_text("\n".join([f"time,{first}", *timed]))
    without = train("demand", Path("demand.yaml"), seeds=1)
    knows = train("demand_knows", Path("demand.yaml"), "dataset.future=[Temperature]", seeds=1)
    compared = json.loads(
        subprocess.run(
            [sys.executable, "-m", "seqtrain", "compare", "demand", "demand_knows", "--json"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    p = next(one["tested"]["p"] for one in compared if (one["tested"] or {}).get("p") is not None)
    rows = [row("demand, 48 half hours", without), row("the same, knows temperature", knows)]
    return rows, f"The difference that the temperature makes: p = {p:.2g} (Diebold–Mariano)."


def tell(found: list[str]) -> None:
    """Print a row of the table."""
    print("| " + " | ".join(found) + " |", flush=True)


def main() -> None:
    """Print the table."""
    folder = Path(os.environ["SEQTRAIN_DATA_DIR"]).resolve()
    print(f"{machine.described()}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        tell(row("airline, 12 months", train("airline", CONFIGS / "airline_lstm.yaml")))
        tell(row("S&P 500, 6 months", train("stocks", CONFIGS / "stocks_lstm.yaml")))
        m3 = f"dataset.path={folder / 'm3_monthly.csv'}"
        tell(row("M3 monthly, 18 months", train("m3", CONFIGS / "m3_monthly.yaml", m3)))
        spots = f"dataset.path={folder / 'sunspot_month.csv'}"
        config = CONFIGS / "sunspots_gru.yaml"
        tell(row("sunspots, 24 months", train("sunspots", config, spots)))
        Path("own.yaml").write_text(GENERATED)
        random = np.random.default_rng(0)
        write(10 + np.sin(2 * np.pi * np.arange(600) / 24) + 0.05 * random.normal(size=600))
        tell(row("a sine with noise", train("sine", Path("own.yaml"))))
        write(100 + random.normal(size=600).cumsum())
        tell(row("a random walk", train("walk", Path("own.yaml"))))
        rows, sentence = temperature(folder)
        for one in rows:
            tell(one)
    print(f"\n{sentence}")


if __name__ == "__main__":
    main()
