"""Run folders with everything that a report shows."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.evaluation import classification_metrics
from seqtrain.runs.run import Run
from tests.factories.runs import finished_run

HOSTILE = "<img src=x onerror=alert(1)></script>\x1b[31m\u202e"


def reported_run(outputs: Path, classes: int = 3, **overrides: object) -> Run:
    """A run as training leaves it, with the scores of its random predictions."""
    run = finished_run(outputs, classes, **overrides)
    labels, probabilities = run.predictions()
    names = run.classes()
    write_mistakes(run)
    command = ["/bin/seqtrain", "train", "a b.yaml"]
    run.write_json("environment.json", {"command": command, "cores": 2})
    run.write_metrics(
        {
            **classification_metrics.evaluate("test", labels, probabilities, names),
            "intervals": {"test_accuracy": [0.2, 0.4], "test_loss": [1.0, 2.0]},
            "baselines": {"majority class": {"test_accuracy": 0.1}},
            "optimistic": run.optimistic,
            "best_epoch": 2,
            "last_epoch": {"epoch": 3, "test_accuracy": 0.3, "test_loss": 1.5},
            "parameters": 1234,
        }
    )
    return run


def write_mistakes(run: Run, text: str = "a text, of {}") -> None:
    labels, probabilities = run.predictions()
    names, found = run.classes(), classification_metrics.predictions(probabilities)
    with (run.folder / "mistakes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["example", "text", "truth", "prediction", "confidence"])
        for example in np.flatnonzero(found != labels):
            row = [names[labels[example]], names[found[example]], probabilities[example].max()]
            writer.writerow([example + 1, text.format(example + 1), *row])


def scored(run: Run, **changes: Any) -> Run:
    """Change the final numbers of a run."""
    run.write_metrics({**run.metrics(), **changes})
    return run


def seeds_of_one(outputs: Path, **overrides: object) -> list[Run]:
    runs = [reported_run(outputs, seed=seed, **overrides) for seed in range(3)]
    for run in runs:
        run.write_json("environment.json", {"data": {"source": "digits", "sha256": "a" * 64}})
    return runs


def hostile_run(outputs: Path, **overrides: object) -> Run:
    """A run whose class names, texts, data and baselines contain markup."""
    run = reported_run(outputs, **overrides)
    run.write_json("classes.json", [f"{HOSTILE} {number}" for number in range(3)])
    write_mistakes(run, HOSTILE + "{}\ud800".encode(errors="replace").decode())
    run.write_json("environment.json", {"command": [HOSTILE], "data": {"source": HOSTILE}})
    labels, probabilities = run.predictions()
    found = classification_metrics.evaluate("test", labels, probabilities, run.classes())
    return scored(run, **found, baselines={HOSTILE: {"test_accuracy": 0.1}})


def insightful_run(outputs: Path, **overrides: object) -> Run:
    """A run with what `seqtrain gradients` and `seqtrain explain` leave in it."""
    run = reported_run(outputs, classes=2, **overrides)
    state = {"layer": 1, "direction": "forward", "state": "hidden", "norms": [0.0, 1e-9, 0.5]}
    moments = [
        {"moment": "start", "states": [state], "warning": "the gradient is not finite"},
        {"moment": "trained", "states": [state | {"norms": [None, 1e-9, 0.5]}], "warning": None},
    ]
    run.write_json("gradients.json", moments)
    (run.folder / "explained").mkdir()
    read = {"direction": "forward", "probabilities": {HOSTILE: [0.5, 0.6, 0.9]}}
    found = {"class": HOSTILE, "probability": 0.9, "true": None, "example": "a text"}
    readings = [
        {**read, "changes": [None, -0.1, 2.0]},
        {**read, "direction": "backward", "changes": [2.0, 0.1, None]},
    ]
    run.write_json(
        "explained/a.json", {**found, "steps": ["<start>", "dull", "great"], "readings": readings}
    )
    return run
