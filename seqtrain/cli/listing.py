"""The tables of `seqtrain list`: datasets, models, shipped configs and runs."""

from pathlib import Path
from typing import Any

from seqtrain.comparison.run_rows import Row, RunNumbers, main_metric, measured
from seqtrain.datasets import DatasetConfig
from seqtrain.models import ModelConfig
from seqtrain.runs import lookup
from seqtrain.schema import shipped
from seqtrain.schema.sections import Part, parts_in

Rows = list[dict[str, Any]]


def everything(outputs: Path) -> dict[str, Rows]:
    """Return the rows of the tables `datasets`, `models`, `configs` and `runs`."""
    return {
        "datasets": _parts("seqtrain.datasets", DatasetConfig),
        "models": _parts("seqtrain.models", ModelConfig),
        "configs": [
            {"name": name, "what it shows": shipped.headline(name)} for name in shipped.names()
        ],
        "runs": _runs(outputs),
    }


def _parts(package: str, base: type[Part]) -> Rows:
    return [
        {"name": name, "what it is": part.headline(name)}
        for part in parts_in(package, base)
        for name in part.names()
    ]


def _runs(outputs: Path) -> Rows:
    """Return a row for each run, and one for each group of seeds; damaged runs are included."""
    together: dict[Path, list[RunNumbers]] = {}
    for run in lookup.all_in(outputs):
        together.setdefault(run.group or run.folder, []).append(measured(run))
    return [_run(folder, Row(tuple(members))) for folder, members in together.items()]


def _run(folder: Path, row: Row) -> dict[str, Any]:
    state, kind = row.state, ""
    if len(row.members) > 1 and lookup.is_trial(row.members[0].run):
        best = lookup.best_of([one.run for one in row.members])
        row = Row(tuple(one for one in row.members if one.run == best))
        kind = f", best {best.folder.name}"
    keys, name = row.members[0].keys, main_metric(row).name
    score = row.readable(f"test_{name}")
    return {
        "folder": str(folder),
        "dataset": keys.get("dataset.name"),
        "model": keys.get("model.name"),
        "state": state + kind,
        "epochs": max((one.epochs or 0 for one in row.members), default=0) or None,
        "test score": f"{name} {score}{' optimistic' * row.optimistic}" if score else None,
    }
