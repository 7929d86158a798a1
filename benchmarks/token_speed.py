"""`python -m benchmarks.token_speed`: train language models and translations, side by side.

All sides train the same network on the same examples. A *language model* reads Python's own help in
windows of 64 characters; a *translation* turns dates as people write them into ISO 8601, by an
encoder in both directions, dot attention and LSTMs. Each side is a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from seqtrain.backend import devices, execution
from seqtrain.config import CompleteConfig, load_config
from seqtrain.data import inputs
from seqtrain.data.dataset import Dataset
from seqtrain.data.pair_encoding import SOURCE, TARGET
from seqtrain.runs.run import Run
from seqtrain.training import loop

CONFIGS = {
    "language model": """
dataset: {name: python_topics, window: 64, test: 0.02, validation: 0.02}
model: {name: lstm, units: 256, embedding_dim: 64}
training: {epochs: 3, batch_size: 16, learning_rate: 4e-3, clipnorm: 1, baselines: false}
""",
    "translation": """
dataset: {name: dates, examples: 10000, test: 0.02, validation: 0.02}
model: {name: encoder_decoder, cell: lstm, units: 128, attention: dot, embedding_dim: 64}
training: {epochs: 3, batch_size: 64, learning_rate: 2e-3, clipnorm: 1, baselines: false,
           bucket_by_length: true}
""",
}
SIDES = ("keras", "pytorch", "seqtrain", "seqtrain[jax]", "seqtrain[jax], 2 devices")
ROUNDS = 2
POOL = 50  # batches whose examples PyTorch's side sorts by length
HEADER = ("network", "side", "examples/s", "× Keras", "× PyTorch", "loss of the last epoch")


def load(work: str, *settings: str) -> tuple[CompleteConfig, Dataset]:
    """Return the config of a workload, and its data."""
    Path("work.yaml").write_text(CONFIGS[work])
    config = load_config(Path("work.yaml"), [f"execution.{setting}" for setting in settings])
    return config, config.dataset.load(None)


def arrays(dataset: Dataset) -> tuple[Any, np.ndarray]:
    """Return the training examples as arrays."""
    train = dataset.learned_split("train")
    return inputs.each(train.x, lambda one: np.asarray(one[:])), np.asarray(train.labels[:])


def of_seqtrain(work: str, *settings: str) -> dict[str, Any]:
    """Train as the command line does, and time the batches of each epoch."""
    config, dataset = load(work, *settings)
    resolved = execution.resolve(config, dataset)
    execution.start(resolved.execution, resolved.seed)
    devices.join(resolved.execution)
    import keras

    seconds: list[float] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.begin = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.end = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            seconds.append(self.end - self.begin)

    run = Run.create(Path("outputs"), resolved)
    loop.train(resolved, dataset, run, [Clock()])
    loss = run.history()[-1]["loss"]
    return {"seconds": seconds, "loss": loss, "examples": len(dataset.train)}


def of_keras(work: str) -> dict[str, Any]:
    """Train the same network by Keras's own layers and `fit`, padded to the longest."""
    config, dataset = load(work, "backend=tensorflow")
    execution.start(execution.resolve(config, dataset).execution, 0)
    import keras

    x, y = arrays(dataset)
    model = config.model.build(dataset)
    model = dataset.task.in_training(model)
    steps = keras.optimizers.Adam(config.training.learning_rate, clipnorm=1.0)
    model.compile(steps, dataset.task.keras_loss())
    seconds, losses = [], []
    for _ in range(config.training.epochs):
        begin = time.perf_counter()
        found = model.fit(x, y, batch_size=config.training.batch_size, verbose=0)
        seconds.append(time.perf_counter() - begin)
        losses.append(found.history["loss"][0])
    return {"seconds": seconds, "loss": losses[-1], "examples": len(y)}


def of_pytorch(work: str) -> dict[str, Any]:
    """Train the same network in PyTorch, translations in batches of like length."""
    import torch
    from torch.nn.functional import cross_entropy

    from benchmarks.token_networks import LanguageModel, Translator

    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    config, dataset = load(work, "backend=tensorflow")
    x, y = arrays(dataset)
    several, keys = isinstance(x, dict), config.model
    named = x if several else {SOURCE: x}
    named = {name: torch.from_numpy(one.astype(np.int32)) for name, one in named.items()}
    labels = torch.from_numpy(y.astype(np.int64))
    ids, size = int(dataset.vocabulary_size or 0), int(keys.embedding_dim or 0)
    units = int(keys.units[0])
    network = (
        Translator(ids, dataset.outputs, size, units)
        if several
        else LanguageModel(ids, size, units)
    )
    optimizer = torch.optim.Adam(
        network.parameters(), config.training.learning_rate, eps=1e-7, foreach=True
    )
    lengths = (named[SOURCE] != 0).sum(1) if several else None
    batch = config.training.batch_size
    seconds, losses = [], []
    for _ in range(config.training.epochs):
        begin, total = time.perf_counter(), 0.0
        order = torch.randperm(len(labels))
        if lengths is not None:
            pools = order.split(POOL * batch)
            order = torch.cat([pool[lengths[pool].argsort()] for pool in pools])
        batches = list(order.split(batch))
        for chosen in [batches[index] for index in torch.randperm(len(batches))]:
            given, truth = {name: one[chosen] for name, one in named.items()}, labels[chosen]
            if several:
                longest = int((truth != 0).sum(1).max())
                given[SOURCE] = given[SOURCE][:, : int((given[SOURCE] != 0).sum(1).max())]
                given[TARGET], truth = given[TARGET][:, :longest], truth[:, :longest]
            logits = network(**given)
            loss = cross_entropy(logits.flatten(0, 1), truth.flatten(), ignore_index=0)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            total += float(loss.detach()) * len(chosen)
        seconds.append(time.perf_counter() - begin)
        losses.append(total / len(labels))
    return {"seconds": seconds, "loss": losses[-1], "examples": len(labels)}


TRAIN: dict[str, Callable[[str], dict[str, Any]]] = {
    "keras": of_keras,
    "pytorch": of_pytorch,
    "seqtrain": lambda work: of_seqtrain(work, "backend=tensorflow"),
    "seqtrain[jax]": lambda work: of_seqtrain(work, "backend=jax"),
    "seqtrain[jax], 2 devices": lambda work: of_seqtrain(work, "backend=jax", "devices=2"),
}


def measured(side: str, work: str) -> dict[str, Any]:
    """Run a side in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.token_speed", side, work]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(work: str) -> list[list[str]]:
    """Return a row for each side; the first epoch of each, which compiles, does not count."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for number in range(ROUNDS):
        for side in SIDES[:: -1 if number % 2 else 1]:
            found[side].append(measured(side, work))
    epoch = {
        side: median(second for one in of for second in one["seconds"][1:])
        for side, of in found.items()
    }
    return [
        [
            *(work, side, f"{found[side][0]['examples'] / epoch[side]:,.0f}"),
            *(f"{epoch[other] / epoch[side]:.2f}" for other in SIDES[:2]),
            f"{median(one['loss'] for one in found[side]):.3f}",
        ]
        for side in SIDES
    ]


def main() -> None:
    """Print the table, or train one side."""
    if len(sys.argv) > 1:
        side, work = sys.argv[1:]
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            print(json.dumps(TRAIN[side](work)))
        return
    print(f"{machine.described()}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|", flush=True)
    for work in CONFIGS:
        for row in rows(work):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
