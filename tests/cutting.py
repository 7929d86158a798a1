"""Interrupt trainings at a chosen moment, and hash the results that must not change."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.backend import execution
from seqtrain.cli.console import progress
from seqtrain.config import load_config
from seqtrain.inference.network import BATCH_SIZE
from seqtrain.runs import lookup, run_data
from seqtrain.runs.run import Run
from seqtrain.training import launch
from tests.conftest import REPOSITORY
from tests.factories.once import made_once

QUICKSTART = REPOSITORY / "configs" / "quickstart.yaml"
# 4 batches in an epoch, and a checkpoint after each.
SMALL = (
    *("training.epochs=4", "model.units=4", "dataset.limit=100"),
    *("execution.unroll=false", "execution.steps_per_execution=1"),
    "training.baselines=false",
)
RNN = ("model.name=rnn", "execution.unroll=true")  # traced soonest, which takes most of the time
DROPS = ("model.dropout=0.2", "model.recurrent_dropout=0.2", "training.checkpoint_minutes=1e-9")


class Killed(BaseException):
    """Ends a training at once; the package does not catch it, just as it cannot catch SIGKILL."""


def start(outputs: Path, *overrides: str, config: Path = QUICKSTART) -> Run:
    """Make a run, as the command does before it trains."""
    return launch.prepare(load_config(config, [*SMALL, *DROPS, *overrides]), outputs, None)[0]


def go_on(run: Run, epochs: int | None = None) -> Run:
    """Train a run from where it is, as a new process would."""
    found = Run(run.folder)
    launch.train(found, run_data.load(found, None), progress, epochs)
    return Run(run.folder)


def uninterrupted(factory: pytest.TempPathFactory) -> Run:
    """Return a run of 4 epochs, which several modules compare theirs with; no test changes it."""
    folder = made_once(factory, "uninterrupted", lambda folder: go_on(start(folder, *RNN)))
    return lookup.latest(folder)


def cut_short(run: Run, monkeypatch: Any, name: str, call: int, before: bool = False) -> None:
    """Train a run until a method of its saver is called for the so-manieth time.

    Args:
        run: trained in this process.
        monkeypatch: undoes the cut.
        name: of the method, such as `on_train_batch_end`.
        call: which call is the last, counted from 1.
        before: die before the call, not after it.
    """
    execution.start(run.config.execution, run.config.seed)
    from seqtrain.training.checkpointing import SaveCheckpoints

    method: Callable[..., None] = getattr(SaveCheckpoints, name)
    calls: list[str] = []

    def dying(*arguments: Any, **named: Any) -> None:
        calls.append(name)
        if len(calls) == call and before:
            raise Killed
        method(*arguments, **named)
        if len(calls) == call:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SaveCheckpoints, name, dying)
        try:
            go_on(run)
        except Killed:
            return
    raise AssertionError(f"{name} was called {len(calls)} times")


def results(run: Run) -> dict[str, str]:
    """Return the hashes of the results of a finished run, which interruptions must not change."""
    labels, probabilities = run.predictions()
    return {
        "history": _hash((run.folder / "history.csv").read_bytes()),
        "metrics": _hash((run.folder / "metrics.json").read_bytes()),
        "predictions": _hash(labels.tobytes() + probabilities.tobytes()),
        "best model": _hash(_weights(run.model_file)),
        "last model": _hash(_last(run)),
    }


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _weights(file: Path) -> bytes:
    """Return the weights in a model's file; the file itself holds the time of its writing."""
    import h5py

    with zipfile.ZipFile(file) as model:
        weights = h5py.File(io.BytesIO(model.read("model.weights.h5")))
    found: list[bytes] = []
    weights.visititems(
        lambda _, item: found.append(item[()].tobytes()) if hasattr(item, "shape") else None
    )
    return b"".join(found)


def _last(run: Run) -> bytes:
    """Return every variable of the last checkpoint, with what the callbacks remember."""
    checkpoint = run.checkpoints.newest()
    assert checkpoint is not None
    remembered = dict(checkpoint.progress["callbacks"])
    del remembered["WriteHistory"]  # its seconds differ, its rows stand in the history
    variables = [value.tobytes() for _, value in sorted(checkpoint.variables.items())]
    return b"".join([*variables, str(remembered).encode(), str(checkpoint.epoch).encode()])


def labels_taken(monkeypatch: Any) -> dict[int, list[int]]:
    """Return the labels of the training examples that each epoch takes from now on, in order."""
    from seqtrain.training import batches

    taken: dict[int, list[int]] = {}

    class Recorder(batches.Batches):
        def groups(self, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for x, labels in super().groups(count):
                if self.batch_size != BATCH_SIZE:  # that of validation
                    taken.setdefault(self.epoch, []).extend(labels.ravel().tolist())
                yield x, labels

    monkeypatch.setattr(batches, "Batches", Recorder)
    return taken
