"""Small files of a person's own data, one for each dataset that reads such a file."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

WORDS = {
    "bad": "dull slow empty cold flat".split(),
    "good": "warm bright deep funny tender".split(),
}
SHORT = {"steps": 20, "examples": 300, "test_examples": 60}
# What the datasets are given in tests that are about all of them.
OWN: dict[str, dict[str, Any]] = {
    "phrases": {"train_pairs": 150, "test_pairs": 30},
    "adding": SHORT,
    "temporal_order": SHORT,
    "text": {"path": "data/own.csv"},
    "folder": {"path": "data/own"},
    "arrays": {"path": "data/own_steps.csv"},
    "series": {"path": "data/own_series.csv"},
    "corpus": {"path": "data/own_book.txt", "window": 16},
    "grammar": {"characters": 5_000, "window": 16},
}
FEATURES = ("height", "noise")


def sentences(number: int = 60) -> list[tuple[str, str]]:
    """Return different sentences, each with its label; both labels equally often."""
    rows = []
    for index in range(number):
        label = ("bad", "good")[index % 2]
        words = WORDS[label]
        first, second = words[index % 5], words[index // 2 % 5]
        rows.append((f"a {first} film, {second} and {first}, number {index}", label))
    return rows


def write_csv(file: Path, rows: list[tuple[str, str]]) -> Path:
    """Write texts and labels with a header."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    return file


def write_folder(folder: Path, rows: list[tuple[str, str]]) -> Path:
    """Write each text into a file, in a folder for its label."""
    for index, (text, label) in enumerate(rows):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{index:03}.txt").write_text(text, encoding="utf-8")
    return folder


def waves(number: int = 60, shortest: int = 3, longest: int = 9) -> tuple[list[Any], list[str]]:
    """Return sequences of two features that go up or down, and their labels in turn."""
    random = np.random.default_rng(0)
    labels = [("up", "down")[index % 2] for index in range(number)]
    sequences = []
    for label in labels:
        steps = np.arange(random.integers(shortest, longest + 1))
        height = 100 + (5 if label == "up" else -5) * steps + random.normal(size=len(steps))
        sequences.append(np.stack([height, random.normal(size=len(steps))], axis=1))
    return sequences, labels


def rows_of(sequences: list[Any], labels: list[str]) -> list[dict[str, Any]]:
    """Return a row for each step, as a long table has them."""
    return [
        {"id": f"s{index}", "step": step, "label": label}
        | dict(zip(FEATURES, map(float, values), strict=True))
        for index, (sequence, label) in enumerate(zip(sequences, labels, strict=True))
        for step, values in enumerate(sequence)
    ]


def write_rows(file: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    """Write a row for each step, with a header."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_series(file: Path, steps: int = 120) -> Path:
    """Write months of two values with a season, of which the first grows."""
    random = np.random.default_rng(0)
    time = np.arange(steps)
    season = 10 * np.sin(2 * np.pi * time / 12)
    values = [100 + time + season, 50 - season]
    rows: list[dict[str, Any]] = [
        {"time": f"{2000 + step // 12}-{step % 12 + 1:02}"}
        | {
            name: f"{one[step] + random.normal():.3f}"
            for name, one in zip(("sales", "costs"), values, strict=True)
        }
        for step in time.tolist()
    ]
    return write_rows(file, rows)


def write_own(folder: Path) -> None:
    """Write the data of `OWN`."""
    book = " ".join(text for text, _ in sentences(200))
    (folder / "own_book.txt").write_text(book, encoding="utf-8")
    write_csv(folder / "own.csv", sentences())
    write_folder(folder / "own", sentences())
    write_rows(folder / "own_steps.csv", rows_of(*waves()))
    write_series(folder / "own_series.csv")
