"""The work that every side does: a config's model on the same arrays."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.config import load_config
from seqtrain.data.dataset import real_steps

CONFIGS = Path(__file__).parent.parent / "configs"

VALIDATION = 0.02  # share of all examples, that a cut epoch is training for the most part


@dataclass(frozen=True)
class Workload:
    """A config with overrides, cut to so many examples that a round takes minutes."""

    config: str
    examples: int
    overrides: tuple[str, ...] = ()


WORKLOADS = {
    "mnist_rnn": Workload("mnist_rnn", 60_000),
    "mnist_lstm": Workload("mnist_lstm", 6_400),
    "imdb_bilstm": Workload("imdb_bilstm", 1_600),
    "imdb_lstm": Workload("imdb_lstm", 1_600),
    "imdb_gru": Workload("imdb_gru", 3_200),
    "imdb_400": Workload("imdb_gru", 3_200, ("dataset.max_length=400",)),
}


def prepare(name: str, folder: Path, data_dir: Path, epochs: int | None = None) -> dict[str, Any]:
    """Write the arrays and the description of a workload, and return the description.

    Args:
        name: one of `WORKLOADS`.
        folder: where it is written.
        data_dir: where the data are.
        epochs: of so many examples that a round takes minutes; None for the whole tutorial.
    """
    workload = WORKLOADS[name]
    cut = [
        *(f"dataset.limit={workload.examples}", f"dataset.validation={VALIDATION}"),
        f"training.epochs={epochs}",
    ]
    overrides = [
        *workload.overrides,
        *(cut if epochs else []),
        "training.learning_rate=1e-3",
        "training.schedule=constant",
        "training.clipnorm=null",
    ]
    file = CONFIGS / f"{workload.config}.yaml"
    config = load_config(file, overrides)
    dataset = config.dataset.load(data_dir)
    np.savez(
        folder / "arrays.npz",
        x_train=dataset.train.x,
        y_train=dataset.train.labels,
        x_val=dataset.validation.x,
        y_val=dataset.validation.labels,
        x_test=dataset.test.x,
        y_test=dataset.test.labels,
    )
    described = {
        "config": str(file),
        "overrides": overrides,
        "data_dir": str(data_dir),
        "cell": config.model.name.removeprefix("bi"),
        "both_ways": config.model.name.startswith("bi"),
        "model": config.model.model_dump(mode="json"),
        "vocabulary_size": dataset.vocabulary_size,
        "shape": list(dataset.shape),
        "mask": dataset.mask,
        "classes": len(dataset.task.classes),
        "epochs": config.training.epochs,
        "whole": epochs is None,
        "batch_size": config.training.batch_size,
        "examples": len(dataset.train),
        "validation_examples": len(dataset.validation),
        "steps": float(real_steps(dataset.train.x).mean()) if dataset.mask else dataset.shape[0],
    }
    (folder / "workload.json").write_text(json.dumps(described))
    return described
