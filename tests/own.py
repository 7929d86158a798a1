"""Small files of a person's own data, one for each dataset that reads such a file."""

import csv
from pathlib import Path
from typing import Any

WORDS = {
    "bad": "dull slow empty cold flat".split(),
    "good": "warm bright deep funny tender".split(),
}
OWN: dict[str, dict[str, Any]] = {
    "text": {"path": "data/own.csv"},
    "folder": {"path": "data/own"},
}


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


def write_own(folder: Path) -> None:
    """Write the data of `OWN`."""
    write_csv(folder / "own.csv", sentences())
    write_folder(folder / "own", sentences())
