"""Runs of every task with random weights, for tests of the server."""

import random
from pathlib import Path

import numpy as np

from seqtrain.runs.run import Run
from tests.factories.trained import saved

DIGITS = "{dataset: {name: digits}, model: {name: gru, units: 4}}"
PHRASES = (
    "{dataset: {name: phrases, train_pairs: 100, test_pairs: 20}, model: {name: lstm, units: 4}}"
)
SUMS = """
dataset: {name: additions, digits: 2, examples: 300}
model: {name: encoder_decoder, cell: gru, units: 8, embedding_dim: 4}
"""
TEXT = """
dataset: {name: corpus, path: text.txt, tokens: characters, window: 16, validation: 0.2, test: 0.2}
model: {name: lstm, units: 6, embedding_dim: 4}
"""
SERIES = """
dataset:
  {name: series, path: wave.csv, time_column: month, window: 6, horizon: 3,
   validation: 12, test: 12}
model: {name: gru, units: 4}
"""
ARRAYS = """
dataset: {name: arrays, path: steps.npz, task: regression}
model: {name: gru, units: 4}
"""


def served_run(folder: Path, kind: str) -> Run:
    """Return a run of a kind, whose data lie in the folder."""
    config = {
        "pictures": DIGITS,
        "texts": PHRASES,
        "translation": SUMS,
        "writing": TEXT.replace("text.txt", str(folder / "text.txt")),
        "series": SERIES.replace("wave.csv", str(folder / "wave.csv")),
        "sequences": ARRAYS.replace("steps.npz", str(folder / "steps.npz")),
    }[kind]
    if kind == "writing":
        drawn = random.Random(0)
        words = [drawn.choice(("the", "cat", "sat", "on", "a", "mat")) for _ in range(900)]
        (folder / "text.txt").write_text(" ".join(words))
    if kind == "series":
        rows = [f"{1990 + n // 12}-{n % 12 + 1:02},{v}" for n, v in enumerate(wave())]
        (folder / "wave.csv").write_text("\n".join(["month,value", *rows]) + "\n")
    if kind == "sequences":
        x = np.random.default_rng(0).normal(size=(60, 5, 2))
        lengths = np.full(60, 5)
        lengths[0] = 3
        values = np.concatenate([x[0, :3], x[1:].reshape(-1, 2)])
        y = np.arange(60) / 7
        np.savez(folder / "steps.npz", values=values, lengths=lengths, y=y)
    return saved(folder, config)


def wave() -> list[float]:
    """Return 120 values with a season of a year."""
    return [round(20 + 5 * float(np.sin(n * np.pi / 6)) + n % 5, 2) for n in range(120)]
