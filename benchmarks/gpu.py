"""`python -m benchmarks.gpu`: training on a GPU, beside plain Keras on JAX and PyTorch.

Each side trains the same network on the same random sequences, in a process of its own. A second
table compares the losses of seqtrain on the processor and on the GPU. Without a GPU all run on the
processor: `--small` then shows that the script works.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine

Arrays = tuple[np.ndarray, np.ndarray]  # x and labels
Epochs = tuple[list[float], list[float]]  # when each ended, and its loss

EPOCHS, CLASSES = 4, 10
HELD_OUT = 2  # batches of validation
COMPARED = 10  # batches of each epoch whose losses are compared


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
SMALL = (Case("gru", (4, 3), 5, 3, 8),)


def write(case: Case, batches: int, folder: Path) -> None:
    """Write random sequences, whose class their mean tells, and the config of the network."""
    random = np.random.default_rng(0)
    for part, many in {"train": batches, "validation": HELD_OUT, "test": 1}.items():
        number = case.batch_size * many  # whole batches, because JAX compiles for each size
        y = (np.arange(number) % CLASSES).astype("int32")
        x = random.normal(size=(number, case.steps, case.features)).astype("float32")
        x[:, :, 0] += y[:, None] / CLASSES
        np.savez(folder / f"{part}.npz", x=x, y=y)
    paths = {f"{part}_path": f"{part}.npz" for part in ("validation", "test")}
    config = {
        "dataset": {"name": "arrays", "path": "train.npz", **paths},
        "model": {"name": case.cell, "units": [*case.units]},
        "training": {
            **{"epochs": EPOCHS, "batch_size": case.batch_size, "learning_rate": 1e-3},
            "baselines": False,
        },
        "execution": {"backend": "jax"},
    }
    (folder / "own.yaml").write_text(json.dumps(config))  # JSON is YAML
    (folder / "case.json").write_text(json.dumps(asdict(case)))


def seqtrain(case: Case, train: Arrays, held_out: Arrays) -> Epochs:
    """Train as the command line does."""
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
    return clock.ends, [float(row["loss"]) for row in run.history()]


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[float] = []

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.ends.append(time.perf_counter())

    return Clock()


def plain(case: Case, train: Arrays, held_out: Arrays) -> Epochs:
    """Train plain Keras on JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    kinds = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
    kind = getattr(keras.layers, kinds[case.cell])
    depth = len(case.units)
    model = keras.Sequential(
        [
            keras.Input(train[0].shape[1:]),
            *(kind(u, return_sequences=n + 1 < depth) for n, u in enumerate(case.units)),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = _clock()
    size = case.batch_size
    history = model.fit(
        *train,
        **{"batch_size": size, "epochs": EPOCHS, "verbose": 0, "callbacks": [clock]},
        validation_data=held_out,
    )
    return clock.ends, history.history["loss"]


def pytorch(case: Case, train: Arrays, held_out: Arrays) -> Epochs:
    """Train PyTorch, on cuDNN where there is a GPU."""
    import torch
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[case.cell]
    widths = (case.features, *case.units)
    layers = [kind(a, b, batch_first=True) for a, b in zip(widths, widths[1:], strict=False)]
    network = nn.ModuleList([*layers, nn.Linear(case.units[-1], CLASSES)]).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    (x, y), (x_held, y_held) = (
        (torch.from_numpy(x), torch.from_numpy(y).long()) for x, y in (train, held_out)
    )

    def loss(x: Any, y: Any) -> Any:
        out = x.to(device)
        for layer in network[:-1]:
            out = layer(out)[0]
        return nn.functional.cross_entropy(network[-1](out[:, -1]), y.to(device))

    ends, losses = [], []
    for _ in range(EPOCHS):
        total = torch.zeros((), device=device)
        batches = torch.randperm(len(x)).split(case.batch_size)
        for rows in batches:
            optimizer.zero_grad(set_to_none=True)
            one = loss(x[rows], y[rows])
            one.backward()
            optimizer.step()
            total += one.detach()
        with torch.inference_mode():
            parts = zip(x_held.split(case.batch_size), y_held.split(case.batch_size), strict=True)
            sum(float(loss(*part)) for part in parts)  # waits for the GPU
        ends.append(time.perf_counter())
        losses.append(float(total) / len(batches))
    return ends, losses


SIDES: dict[str, Callable[[Case, Arrays, Arrays], Epochs]] = {
    "seqtrain": seqtrain,
    "plain Keras": plain,
    "PyTorch": pytorch,
}


def measure(side: str, folder: Path, **variables: str) -> Epochs:
    """Run a side in a process of its own, and return the seconds and the loss of each epoch."""
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "benchmarks.gpu", "--side", side]
    with tempfile.TemporaryDirectory() as compiled:
        environ = {"PYTHONPATH": path, "JAX_COMPILATION_CACHE_DIR": compiled, **variables}
        started = time.perf_counter()
        environ = os.environ | environ
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
    ends, losses = json.loads(done.stdout.splitlines()[-1])
    return [end - start for start, end in zip((started, *ends), ends, strict=False)], losses


def speeds(case: Case, batches: int) -> list[str]:
    """Return a row of the first table: the first epoch, and examples a second in the later ones."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(case, batches, folder)
        found = {side: measure(side, folder)[0] for side in SIDES}
    examples = case.batch_size * batches
    speeds = {side: examples / median(seconds[1:]) for side, seconds in found.items()}
    return [
        case.title,
        *(f"{speed:,.0f}" for speed in speeds.values()),
        f"{speeds['seqtrain'] / speeds['PyTorch']:.2f}",
        *(f"{seconds[0]:.1f}" for seconds in found.values()),
    ]


def losses(case: Case) -> list[str]:
    """Return a row of the second table: the loss of the last epoch of seqtrain, here and there."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(case, COMPARED, folder)
        here = measure("seqtrain", folder, JAX_PLATFORMS="cpu")[1]
        there, again = (measure("seqtrain", folder)[1] for _ in range(2))
    return [case.title, *(repr(losses[-1]) for losses in (here, there, again))]


def table(header: Sequence[str], rows: Iterable[list[str]]) -> None:
    """Print a table as Markdown, each row when it is known."""
    print("\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|", flush=True)
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def main() -> None:
    """Print the tables, or run one side in the working folder."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments.add_argument("--batches", type=int, default=400, help="of an epoch")
    arguments.add_argument("--small", action="store_true", help="a tiny network")
    given = arguments.parse_args()
    if given.side:
        case = Case(**json.loads(Path("case.json").read_text()))
        parts = (np.load(f"{part}.npz") for part in ("train", "validation"))
        print(json.dumps(SIDES[given.side](case, *((part["x"], part["y"]) for part in parts))))
        return
    print(f"{machine.described()}; {given.batches} batches an epoch")
    cases = SMALL if given.small else CASES
    header = ["network", *(f"{side}, examples/s" for side in SIDES), "seqtrain : PyTorch"]
    header += [f"{side}, first epoch (s)" for side in SIDES]
    table(header, (speeds(case, given.batches) for case in cases))
    header = ["network", "loss on the processor", "loss on the GPU", "again"]
    table(header, (losses(case) for case in cases))


if __name__ == "__main__":
    main()
