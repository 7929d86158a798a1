"""What there is: datasets, models, shipped configs and runs."""

from pathlib import Path
from typing import Any

from seqtrain import shipped
from seqtrain.datasets import DatasetConfig
from seqtrain.errors import SeqtrainError
from seqtrain.models import ModelConfig
from seqtrain.parts import Part, parts_in
from seqtrain.run import Run

Rows = list[dict[str, Any]]


def everything(outputs: Path) -> dict[str, Rows]:
    """Return a row for each thing, under `datasets`, `models`, `configs` and `runs`."""
    return {
        "datasets": _parts("seqtrain.datasets", DatasetConfig),
        "models": _parts("seqtrain.models", ModelConfig),
        "configs": [
            {"name": name, "what it shows": shipped.headline(name)} for name in shipped.names()
        ],
        "runs": [_run(run) for run in Run.all(outputs)],
    }


def _parts(package: str, base: type[Part]) -> Rows:
    return [
        {"name": name, "what it is": part.headline(name)}
        for part in parts_in(package, base)
        for name in part.names()
    ]


def _run(run: Run) -> dict[str, Any]:
    """Return a run's row; a damaged run is shown, not refused."""
    row: dict[str, Any] = {"folder": str(run.folder), "dataset": None, "model": None}
    row |= {"state": "unfinished", "epochs": None, "test accuracy": None}
    try:
        row |= {"dataset": run.config.dataset.name, "model": run.config.model.name}
        if run.has("history.csv"):
            row["epochs"] = len(run.history())
        if run.finished:
            metrics = run.metrics()
            note = " optimistic" if metrics["optimistic"] else ""
            row["test accuracy"] = f"{metrics['test_accuracy']:.4f}{note}"
            row["state"] = "finished"
        elif run.training:
            row["state"] = "training"
    except (SeqtrainError, OSError, KeyError, TypeError):
        row["state"] = "damaged"
    return row
