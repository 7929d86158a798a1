"""Run folders with configs and results, made without training."""

from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.config import CompleteConfig, load_config
from seqtrain.runs.run import Run
from tests.conftest import REPOSITORY

EXAMPLES = 200


def write_results(run: Run, right: int = 150, sha256: str = "a" * 64, labels: Any = None) -> Run:
    """Finish a run that predicts the first so many of its 200 test examples correctly."""
    labels = np.arange(EXAMPLES) % 2 if labels is None else labels
    predicted = np.where(np.arange(EXAMPLES) < right, labels, 1 - labels)
    share = right / EXAMPLES
    best = {"loss": 0.4, "accuracy": 0.9, "val_loss": 1 - share, "val_accuracy": share}
    run.write_json("environment.json", {"data": {"source": "digits", "sha256": sha256}})
    run.write_json("classes.json", ["no", "yes"])
    run.write_history([{"epoch": 1, **best}, {"epoch": 2, **best, "val_loss": 2.0}])
    run.write_timing([{"epoch": 1, "seconds": 1.5}, {"epoch": 2, "seconds": 2.0}])
    run.write_predictions(labels, np.eye(2, dtype=np.float32)[predicted])
    run.write_metrics(
        {
            "test_loss": 1 - share,
            "test_accuracy": share,
            "val_loss": 1 - share,
            "val_accuracy": share,
            "intervals": {"test_accuracy": [share - 0.06, share + 0.05]},
            "optimistic": run.optimistic,
            "best_epoch": 1,
            "last_epoch": {"epoch": 2},
            "parameters": 1234,
            "test": {"classes": [], "confusion_matrix": []},
        }
    )
    return run


def finished(right: int = 150, sha256: str = "a" * 64, **overrides: object) -> Run:
    return write_results(Run.create(Path("outputs"), config(**overrides)), right, sha256)


PICTURES = ["loss", "accuracy", "learning_rate", "confusion_matrix", "calibration"]


def finished_run(outputs: Path, classes: int = 10, epochs: int = 3, **overrides: object) -> Run:
    """A run with a history that is best in epoch 2, and random predictions."""
    return write_files(Run.create(outputs, config(**overrides)), classes, epochs)


def write_files(run: Run, classes: int = 10, epochs: int = 3) -> Run:
    """Write into a run what plots are drawn from."""
    rows = [
        {
            "epoch": epoch,
            "loss": 1 / epoch,
            "accuracy": 1 - 0.5 / epoch,
            "val_loss": 0.4 + 0.1 * abs(epoch - 2),
            "val_accuracy": 0.8 - 0.1 * abs(epoch - 2),
            "learning_rate": 1e-3,
        }
        for epoch in range(1, epochs + 1)
    ]
    random = np.random.default_rng(0)
    run.write_history(rows)
    run.write_json("classes.json", [f"class {number}" for number in range(classes)])
    run.write_predictions(
        random.integers(0, classes, 60), random.dirichlet(np.ones(classes), 60).astype(np.float32)
    )
    return run


def config(**overrides: object) -> CompleteConfig:
    arguments = [f"{key}={value}" for key, value in overrides.items()]
    return load_config(REPOSITORY / "configs" / "quickstart.yaml", arguments)
