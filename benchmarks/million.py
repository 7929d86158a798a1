"""`python -m benchmarks.million`: train on a text file of a million rows, with nothing cached."""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import machine

ROOT = Path(__file__).parent.parent
ACCURACY = re.compile(r"test accuracy (\d\.\d+)")
ROWS, WORDS, VOCABULARY = 1_000_000, 30, 20_000
LIMIT = 4e9  # bytes


def write(folder: Path) -> int:
    """Write the config, and rows in which words of either class are likelier; return the bytes."""
    random = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(VOCABULARY)])
    table = folder / "million.csv"
    with table.open("w") as file:
        file.write("text,label\n")
        for _ in range(ROWS):
            label = int(random.integers(2))
            drawn = (VOCABULARY * random.power(1.0 + label, WORDS)).astype(int)
            file.write(" ".join(words[drawn]) + f",{('negative', 'positive')[label]}\n")
    config = {
        "dataset": {"name": "text", "path": str(table), "max_length": 50},
        "model": {"name": "gru", "units": 16, "embedding_dim": 16},
        "training": {"epochs": 1, "batch_size": 256},
    }
    (folder / "million.yaml").write_text(json.dumps(config))  # JSON is YAML
    return table.stat().st_size


def main() -> None:
    """Measure, and print Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        size = write(Path(folder))
        config = str(Path(folder) / "million.yaml")
        os.environ["SEQTRAIN_CACHE_DIR"] = str(Path(folder) / "cache")
        command = [sys.executable, "-m", "seqtrain", "train", config, "--output", folder]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
    found = ACCURACY.search(done.stdout + done.stderr)
    if done.returncode or not found:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    if held > LIMIT:
        sys.exit(f"it took {held / 1e9:.2f} GB")
    print(f"{machine.described()}; from the command to the test score\n")
    print("| rows | MB of the file | s | GB | test accuracy |\n|---|---|---|---|---|")
    print(f"| {ROWS:,} | {size / 1e6:,.0f} | {seconds:.0f} | {held / 1e9:.2f} | {found[1]} |")


if __name__ == "__main__":
    main()
