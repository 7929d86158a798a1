"""`python -m benchmarks.language_models`: what language models reach, and how fast they write.

`SEQTRAIN_DATA_DIR` names the folder of `tinyshakespeare.txt` and `kjv.txt`. `--quick` leaves out
all trainings but that of the generated grammar.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from seqtrain.inference.stepping import Stack
from seqtrain.runs import lookup

CONFIGS = Path(__file__).parent.parent / "configs"
HEADER = (
    *("text", "bits per character", "95 % interval", "Kneser–Ney", "unigram"),
    *("characters per second of CPU time", "CPU time, s", "wall time, s"),
)
STEPS, WINDOW, WARM_UP = 2_000, 40, 20
UNITS, IDS, EMBEDDING = 256, 69, 64


def train(name: str, config: Path, *overrides: str) -> dict[str, Any]:
    """Train a config, and return its metrics with the time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, "-m", "seqtrain", "train", str(config), f"name={name}", *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    run = lookup.latest(Path("outputs") / name)
    epochs, windows = len(run.history()), run.config.dataset.load().train.first.shape
    read = epochs * windows[0] * windows[1] * run.fitted_task.to_json()["characters_per_token"]
    elapsed = time.perf_counter() - started
    return run.metrics() | {"processor": used, "seconds": elapsed, "speed": read / used}


def row(title: str, found: dict[str, Any]) -> list[str]:
    """Return a row of the table."""
    low, high = found["intervals"]["test_bits_per_character"]
    others = found["baselines"]
    counted = next(name for name in others if name.startswith("Kneser"))
    return [
        title,
        f"{found['test_bits_per_character']:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{others[counted]['test_bits_per_character']:.3f} ({counted.split()[-1]})",
        f"{others['unigram']['test_bits_per_character']:.3f}",
        f"{found['speed']:,.0f}",
        f"{found['processor']:.0f}",
        f"{found['seconds']:.0f}",
    ]


def tell(found: list[str]) -> None:
    """Print a row of the table."""
    print("| " + " | ".join(found) + " |", flush=True)


def milliseconds(step: Any, number: int) -> float:
    """Return the CPU time of a step in milliseconds, the least of three tries."""
    for _ in range(WARM_UP):
        step()
    tries = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(number):
            step()
        tries.append((time.process_time() - started) / number * 1e3)
    return min(tries)


def speeds() -> list[list[str]]:
    """Return rows of the time to write a character: LSTM 256, an embedding of 64, 69 ids."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    model = network(keras, None)
    stack = of_model(model)
    ids = np.array([5])
    windows = np.full((1, WINDOW), 5, np.int32)
    stateful = network(keras, 1)
    one = np.full((1, 1), 5, np.int32)
    state = {1: stack.begin(1), 64: stack.begin(64)}

    def step(texts: int) -> None:
        state[texts] = stack.step(np.repeat(ids, texts), state[texts])[1]

    found = {
        "Keras's example: `predict` on the last 40": milliseconds(
            lambda: predict(model, windows), 50
        ),
        "a step of a stateful Keras model": milliseconds(lambda: predict(stateful, one), 200),
        "a step here": milliseconds(lambda: step(1), STEPS),
        "a step here for each of 64 texts": milliseconds(lambda: step(64), 200) / 64,
    }
    if beside := of_torch():
        found["a step of PyTorch"] = beside
    return [[name, f"{value:.3f}"] for name, value in found.items()]


def network(keras: Any, batch: int | None) -> Any:
    """Return a Keras network; with a batch size one that carries its state."""
    given = keras.Input((1,), batch_size=batch) if batch else keras.Input((None,))
    layers = keras.layers
    return keras.Sequential(
        [
            given,
            layers.Embedding(IDS, EMBEDDING),
            layers.LSTM(UNITS, return_sequences=True, stateful=bool(batch)),
            layers.Dense(IDS, activation="softmax"),
        ]
    )


def of_model(model: Any) -> Stack:
    """Return the network in NumPy."""
    from seqtrain.inference import stepping

    return stepping.of_model(model)


def predict(model: Any, x: np.ndarray) -> None:
    """Call a Keras network."""
    model.predict_on_batch(x)


def of_torch() -> float | None:
    """Return the milliseconds of a step of PyTorch; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    embedding = torch.nn.Embedding(IDS, EMBEDDING)
    lstm = torch.nn.LSTM(EMBEDDING, UNITS, batch_first=True)
    head = torch.nn.Linear(UNITS, IDS)
    state: list[Any] = [None]
    ids = torch.tensor([[5]])

    def step() -> None:
        with torch.no_grad():
            outputs, state[0] = lstm(embedding(ids), state[0])
            head(outputs[:, -1]).softmax(-1)

    return milliseconds(step, STEPS)


def real(folder: Path) -> None:
    """Print the rows of real texts."""
    small, words = (CONFIGS / f"shakespeare_{name}.yaml" for name in ("lstm", "words"))
    path = f"dataset.path={folder / 'tinyshakespeare.txt'}"
    tell(row("Shakespeare, LSTM 256", train("shakespeare", small, path)))
    large = ("model.units=512", "model.dropout=0.3", "training.epochs=12", "training.batch_size=32")
    tell(row("Shakespeare, LSTM 512", train("large", small, path, *large)))
    tell(row("Shakespeare, words", train("words", words, path)))
    path = f"dataset.path={folder / 'kjv.txt'}"
    bible = ("model.units=512", "model.dropout=0.1", "training.batch_size=32")
    tell(row("the Bible, LSTM 512", train("bible", small, path, *bible, "training.epochs=4")))
    parts = ("dataset.tokens=subwords", "dataset.vocabulary_size=2000", "dataset.window=32")
    bible += (*parts, "model.embedding_dim=128", "training.epochs=5")
    tell(row("the Bible, LSTM 512, subwords", train("subwords", small, path, *bible)))


def main() -> None:
    """Print the tables."""
    print(f"{machine.described()}\n")
    print("| a character | CPU time, ms |\n|---|---|")
    for one in speeds():
        tell(one)
    print("\n| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|", flush=True)
    quick = "--quick" in sys.argv
    folder = Path(os.environ.get("SEQTRAIN_DATA_DIR", ".")).resolve()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        tell(row("grammar", train("grammar", CONFIGS / "grammar_lstm.yaml")))
        if not quick:
            real(folder)


if __name__ == "__main__":
    main()
