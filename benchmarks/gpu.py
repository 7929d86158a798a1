"""`python -m benchmarks.gpu`: training on a GPU, beside plain Keras on JAX and PyTorch.

Each side trains the same network on the same random sequences, in a process of its own. Where there
is no GPU, all run on the processor: `--small` then shows that the script works.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine

EPOCHS, CLASSES = 4, 10
VALIDATION = 0.05


@dataclass(frozen=True)
class Case:
    """A network, and the sequences that it reads."""

    cell: str
    units: tuple[int, ...]
    steps: int
    features: int
    batch_size: int

    @property
    def title(self) -> str:
        """The case as a cell of the table."""
        layers = " + ".join(map(str, self.units))
        return f"{self.cell} {layers}, {self.steps} steps, batch {self.batch_size}"


CASES = (
    Case("rnn", (128,), 28, 28, 128),
    Case("lstm", (128,), 28, 28, 128),
    Case("lstm", (128,), 200, 128, 64),
    Case("gru", (256,), 200, 64, 256),
    Case("lstm", (512, 512), 256, 64, 256),
)
SMALL = (Case("lstm", (4,), 5, 3, 8), Case("gru", (4,), 5, 3, 8))


def write(case: Case, batches: int, folder: Path) -> None:
    """Write random sequences, whose class their mean tells, and the config of the network."""
    random = np.random.default_rng(0)
    number = case.batch_size * batches
    y = (np.arange(number) % CLASSES).astype("int32")
    x = random.normal(size=(number, case.steps, case.features)).astype("float32")
    x[:, :, 0] += y[:, None] / CLASSES
    np.savez(folder / "own.npz", x=x, y=y)
    config = {
        "dataset": {
            **{"name": "arrays", "path": "own.npz", "validation": VALIDATION, "test": VALIDATION},
            "standardise": False,
        },
        "model": {"name": case.cell, "units": [*case.units]},
        "training": {
            **{"epochs": EPOCHS, "batch_size": case.batch_size, "learning_rate": 1e-3},
            "baselines": False,
        },
        "execution": {"backend": "jax"},
    }
    (folder / "own.yaml").write_text(json.dumps(config))  # JSON is YAML
    (folder / "case.json").write_text(json.dumps(asdict(case)))


def seqtrain(case: Case, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Train as the command line does, and return when each epoch ended."""
    from seqtrain.backend import execution
    from seqtrain.config import load_config
    from seqtrain.runs.run import Run
    from seqtrain.training import loop

    config = load_config(Path("own.yaml"))
    dataset = config.dataset.load()
    resolved = execution.resolve(config, dataset)
    execution.start(resolved.execution, resolved.seed)
    clock = _clock()
    run = Run.create(Path("outputs"), resolved)
    loop.train(resolved, dataset, run, [clock])
    return list(clock.ends)


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[float] = []

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.ends.append(time.perf_counter())

    return Clock()


def plain(case: Case, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Train plain Keras on JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    kinds = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
    kind = getattr(keras.layers, kinds[case.cell])
    depth = len(case.units)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            *(kind(u, return_sequences=n + 1 < depth) for n, u in enumerate(case.units)),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = _clock()
    model.fit(
        *(x, y),
        batch_size=case.batch_size,
        epochs=EPOCHS,
        validation_split=VALIDATION,
        callbacks=[clock],
        verbose=0,
    )
    return list(clock.ends)


def pytorch(case: Case, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Train PyTorch, on cuDNN where there is a GPU."""
    import torch
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[case.cell]
    widths = (x.shape[2], *case.units)
    layers = [kind(a, b, batch_first=True) for a, b in zip(widths, widths[1:], strict=False)]
    network = nn.ModuleList([*layers, nn.Linear(case.units[-1], CLASSES)]).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    held = int(len(x) * VALIDATION)
    given, labels = torch.from_numpy(x), torch.from_numpy(y).long()

    def loss(rows: Any) -> Any:
        out = given[rows].to(device)
        for layer in network[:-1]:
            out = layer(out)[0]
        return nn.functional.cross_entropy(network[-1](out[:, -1]), labels[rows].to(device))

    ends = []
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x) - held).split(case.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss(rows).backward()
            optimizer.step()
        with torch.inference_mode():
            parts = torch.arange(len(x) - held, len(x)).split(case.batch_size)
            sum(float(loss(rows)) for rows in parts)  # waits for the GPU
        ends.append(time.perf_counter())
    return ends


SIDES: dict[str, Callable[[Case, np.ndarray, np.ndarray], list[float]]] = {
    "seqtrain": seqtrain,
    "plain Keras": plain,
    "PyTorch": pytorch,
}


def measure(side: str, folder: Path) -> list[float]:
    """Run a side in a process of its own, and return the seconds of each epoch."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.gpu", "--side", side]
    root = str(Path(__file__).parent.parent)
    environ = os.environ | {"PYTHONPATH": root, "JAX_COMPILATION_CACHE_DIR": str(folder / side)}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
    ends = json.loads(done.stdout.splitlines()[-1])
    return [end - start for start, end in zip((started, *ends), ends, strict=False)]


def row(case: Case, batches: int) -> list[str]:
    """Return the row of a case: the first epoch, and examples a second in the later ones."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(case, batches, folder)
        found = {side: measure(side, folder) for side in SIDES}
    examples = case.batch_size * batches
    speeds = {side: examples / median(seconds[1:]) for side, seconds in found.items()}
    return [
        case.title,
        *(f"{speed:,.0f}" for speed in speeds.values()),
        f"{speeds['seqtrain'] / speeds['PyTorch']:.2f}",
        *(f"{seconds[0]:.0f}" for seconds in found.values()),
    ]


def main() -> None:
    """Print the table, or run one side in the working folder."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--side", choices=SIDES)
    arguments.add_argument("--batches", type=int, default=400, help="of an epoch")
    arguments.add_argument("--small", action="store_true", help="tiny networks")
    given = arguments.parse_args()
    if given.side:
        case = Case(**json.loads(Path("case.json").read_text()))
        arrays = np.load("own.npz")
        print(json.dumps(SIDES[given.side](case, arrays["x"], arrays["y"])))
        return
    print(f"{machine.described()}\n")
    header = ["network", *(f"{side}, examples/s" for side in SIDES), "seqtrain : PyTorch"]
    header += [f"{side}, first epoch (s)" for side in SIDES]
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|", flush=True)
    for case in SMALL if given.small else CASES:
        print("| " + " | ".join(row(case, given.batches)) + " |", flush=True)


if __name__ == "__main__":
    main()
