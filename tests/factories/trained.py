"""Trained runs, and what they must have written."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.backend import environment, execution
from seqtrain.config import load_config
from seqtrain.errors import TrainingError
from seqtrain.runs.run import Run
from seqtrain.training import loop
from tests.conftest import REPOSITORY

QUICKSTART = REPOSITORY / "configs" / "quickstart.yaml"
FEW = ("training.epochs=2", "model.units=8", "dataset.limit=200", "training.baselines=false")


def saved(folder: Path, config: str) -> Run:
    """A run whose network has random weights."""
    (folder / "own.yaml").write_text(config)
    checked = load_config(folder / "own.yaml")
    data = checked.dataset.load()
    resolved = execution.resolve(checked, data)
    execution.start(resolved.execution, resolved.seed)
    run = Run.create(folder / "outputs", resolved)
    network = resolved.model.build(data)
    random = np.random.default_rng(0)
    network.set_weights([random.normal(0, 0.7, part.shape) for part in network.get_weights()])
    network.save(run.model_file)
    run.write_fitted(data.fitted)
    run.write_json("environment.json", environment.environment(data))
    return run


def events(run: Run, split: str) -> dict[str, dict[int, float]]:
    """Return the scalars that TensorBoard reads, by name and then by step."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    found: dict[str, dict[int, float]] = defaultdict(dict)
    for file in sorted((run.folder / "tensorboard" / split).iterdir()):
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = tensor_util.make_ndarray(value.tensor).item()
                    found[value.tag][event.step] = number
    return found


def assert_logs_are_the_history(run: Run) -> None:
    for split, prefix in (("train", ""), ("validation", "val_")):
        logged = events(run, split)
        for name in ("loss", "accuracy"):
            written = {int(row["epoch"]) - 1: row[prefix + name] for row in run.history()}
            assert logged[f"epoch_{name}"] == pytest.approx(written)


def train(outputs: Path, *overrides: str, callbacks: Any = (), config: Path = QUICKSTART) -> Run:
    """Train as the command does."""
    checked = load_config(config, [*FEW, *overrides])
    dataset = checked.dataset.load()
    resolved = execution.resolve(checked, dataset)
    run = Run.create(outputs, resolved)
    execution.start(resolved.execution, resolved.seed)
    try:
        loop.train(resolved, dataset, run, callbacks)
    except (KeyboardInterrupt, TrainingError) as error:
        error.add_note(str(run.folder))
        raise
    return run
