"""The rows of a comparison: settings that differ, and scores.

Only small files are read. An unfinished or damaged run is not an error: its row says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, stdev
from typing import Any

from seqtrain.config import Config
from seqtrain.display.numbers import readable
from seqtrain.errors import SeqtrainError
from seqtrain.runs import folders
from seqtrain.runs.run import PRUNED, Run
from seqtrain.tasks import Metric, Task, metric

Interval = tuple[float, float]

ENDS = ("_low", "_high")  # of the intervals of scores, in the names of columns
MOST_KEYS = 3  # letters for which a legend has room
OF_NO_EFFECT = ("seed", "dataset.path")  # keys that do not change the experiment


@dataclass
class RunNumbers:
    """The settings and scores of one run, read from its files.

    Attributes:
        run: the run.
        state: `finished`, `training`, `pruned` (a trial of a sweep), `unfinished` or `damaged`.
        keys: the values of its config by their dotted keys.
        data: the hash of its data.
        task: its task; None for a damaged run.
        scores: `val_…` of the best epoch, and `test_…`.
        intervals: 95 % intervals of some scores.
        parameters: the number of weights.
        seconds: the time of all epochs.
        epochs: how many epochs were trained.
        best_epoch: the epoch that validation chose.
        optimistic: whether the test examples chose the best epoch.
    """

    run: Run
    state: str = "unfinished"
    keys: dict[str, Any] = field(default_factory=dict)
    data: str | None = None
    task: Task | None = None
    scores: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    parameters: int | None = None
    seconds: float | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    optimistic: bool = False

    @property
    def finished(self) -> bool:
        """Whether it has scores on the test examples."""
        return self.state == "finished"

    @cached_property
    def settings(self) -> str:
        """The settings without the seed and the data's path: equal for the seeds of a config."""
        if not self.keys or self.state == "damaged":
            return str(self.run.folder)
        kept = {key: value for key, value in self.keys.items() if key not in OF_NO_EFFECT}
        return json.dumps(kept, sort_keys=True)


def measured(run: Run) -> RunNumbers:
    """Read the files of a run; of a damaged run, as much as possible."""
    found = RunNumbers(run)
    try:
        _read(found)
    except (SeqtrainError, OSError, KeyError, TypeError, ValueError, ArithmeticError):
        found.state = "damaged"
    found.scores = {name: value for name, value in found.scores.items() if math.isfinite(value)}
    return found


def _read(found: RunNumbers) -> None:
    run = found.run
    found.keys = dotted(run.config)
    found.task, found.optimistic = run.task, run.optimistic
    if run.has("environment.json"):
        found.data = run.compared_by()
    if run.has("history.csv"):
        rows = run.history()
        found.epochs, found.best_epoch = len(rows), run.best_epoch()
        best = rows[found.best_epoch - 1]
        found.scores |= {name: best[name] for name in best if name.startswith("val_")}
    if run.has("timing.csv"):
        seconds = sum(row["seconds"] for row in run.read_table("timing.csv"))
        found.seconds = seconds if math.isfinite(seconds) else None
    if run.finished:
        _read_metrics(found, run.metrics())
        found.state = "finished"
    elif run.training:
        found.state = "training"
    elif run.has(PRUNED):
        found.state = "pruned"


def _read_metrics(found: RunNumbers, metrics: dict[str, Any]) -> None:
    found.scores |= {
        name: value
        for name, value in metrics.items()
        if name.startswith("test_") and isinstance(value, int | float)
    }
    found.parameters = int(metrics["parameters"])
    for name, interval in metrics.get("intervals", {}).items():
        if interval is not None:
            low, high = interval
            found.intervals[name] = (float(low), float(high))


def dotted(config: Config) -> dict[str, Any]:
    """Return the values of a config by dotted keys, such as `model.units`."""
    found: dict[str, Any] = {}
    for key, value in config.model_dump(mode="json").items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        found |= {f"{key}.{name}" if name else key: item for name, item in inner}
    return found


@dataclass(frozen=True, eq=False)
class Row:
    """A run, or the runs of several seeds.

    Attributes:
        members: runs that differ only in their seed, sorted by seed.
        repeated: runs that are left out because they repeat a seed.
    """

    members: tuple[RunNumbers, ...]
    repeated: int = 0

    @property
    def counted(self) -> tuple[RunNumbers, ...]:
        """The runs whose scores count: the finished ones, or the only one even if unfinished."""
        finished = tuple(one for one in self.members if one.finished)
        return self.members if len(self.members) == 1 else finished

    @property
    def label(self) -> str:
        """The name of the run, of the group that holds all of them, or else of the newest."""
        newest = max((one.run for one in self.members), key=lambda run: run.label)
        whole = {one.run.group for one in self.members}
        together = len(self.members) > 1 and len(whole) == 1 and newest.group
        return newest.label.rpartition("/")[0] if together else newest.label

    @property
    def state(self) -> str:
        """The state of the run; for seeds, how many are finished."""
        finished = sum(one.finished for one in self.members)
        several = len(self.members) > 1 and finished < len(self.members)
        return f"{finished} of {len(self.members)} finished" if several else self.members[0].state

    @property
    def optimistic(self) -> bool:
        """Whether the test examples chose the epoch of its scores."""
        return any(one.finished and one.optimistic for one in self.members)

    def values(self, name: str) -> list[float]:
        """Return a score, or another number of `RunNumbers`, for each run in `counted`."""
        found = [one.scores.get(name, getattr(one, name, None)) for one in self.counted]
        return [value for value in found if value is not None]

    def mean(self, name: str) -> float | None:
        """Return the mean of `values`, or None without values."""
        values = self.values(name)
        return fmean(values) if len(values) > 1 else next(iter(values), None)

    def std(self, name: str) -> float | None:
        """Return the sample standard deviation (n - 1) over seeds, None for fewer than two."""
        values = self.values(name)
        return stdev(values) if len(values) > 1 else None

    def readable(self, name: str) -> str:
        """Return a score as text; for several seeds `mean ± standard deviation`."""
        mean, std = self.mean(name), self.std(name)
        if mean is None:
            return ""
        return readable(mean) + ("" if std is None else f" ± {readable(std)}")

    def span(self, name: str) -> str:
        """Return a number; for several seeds the smallest and the largest."""
        values = [round(value) for value in self.values(name)]
        return (
            "–".join(str(value) for value in dict.fromkeys([min(values), max(values)]))
            if values
            else ""
        )

    def interval(self, name: str) -> Interval | None:
        """Return the 95 % interval of a single run's score, if it is known."""
        return self.counted[0].intervals.get(name) if len(self.counted) == 1 else None


LOSS = metric("loss")


def main_metric(row: Row) -> Metric:
    """Return the main metric of a row; the loss where it has no other.

    With `class_weight` that is macro F1, except for old runs that did not measure it.
    """
    one = row.members[0]
    if one.task is None:
        return LOSS
    weighed = one.keys.get("training.class_weight") is not None
    found = (one.task.primary(weighed), *one.task.metrics)
    return next((metric for metric in found if row.values(f"test_{metric.name}")), LOSS)


def common_metric(table: Sequence[Row]) -> Metric:
    """Return the metric for comparing rows of one task: that of the first row, if all have it.

    If the main metric of one row is macro F1, all are compared by it.
    """
    usual = table[0].members[0].task
    found = dict.fromkeys(main_metric(row) for row in table)
    special = [m for m in found if usual and m in usual.metrics and m is not usual.primary()]
    for one in (*special, *found):
        if all(row.values(f"test_{one.name}") for row in table):
            return one
    return main_metric(table[0])


def rows(runs: Iterable[Run], folded: bool = True) -> list[Row]:
    """Return one row for each run, or for each set of runs that differ only in their seed."""
    each = [measured(run) for run in runs]
    if not folded:
        return [Row((one,)) for one in each]
    data = {one.settings: one.data for one in each if one.data}
    alike: dict[tuple[str, Any], list[RunNumbers]] = {}
    for one in each:  # a run that has not begun has no hash of its data yet
        where = one.data or data.get(one.settings) or one.keys.get("dataset.path")
        alike.setdefault((one.settings, where), []).append(one)
    return [_folded(members) for members in alike.values()]


def with_every_run(runs: Sequence[Run]) -> list[Row]:
    """Return the rows of runs; runs that repeat a seed get a row of their own."""
    table = rows(runs)
    return rows(runs, folded=False) if any(row.repeated for row in table) else table


def _folded(members: Sequence[RunNumbers]) -> Row:
    """Return a row with one run for each seed: the newest finished one, or the newest."""
    of_seed: dict[int, RunNumbers] = {}
    for one in members:
        seed = one.keys.get("seed", 0)
        if one.finished or seed not in of_seed or not of_seed[seed].finished:
            of_seed[seed] = one
    kept = tuple(of_seed[seed] for seed in sorted(of_seed))
    return Row(kept, len(members) - len(kept))


def folded(runs: Sequence[Run]) -> list[list[Run]]:
    """Group the runs that differ only in their seed."""
    return [[one.run for one in row.members] for row in rows(runs)]


def differing(table: Sequence[Row]) -> list[str]:
    """Return the keys whose values differ between the configs, in the order of the config.

    A key that only some configs have, such as `dataset.vocabulary_size`, is compared among these.
    The path of the data does not count as long as the data are the same.
    """
    values: dict[str, set[str]] = {}
    for row in table:
        for key, value in row.members[0].keys.items():
            values.setdefault(key, set()).add(json.dumps(value))
    same_data = len({one.data for row in table for one in row.members if one.data}) <= 1
    left_out = {"name", *(["dataset.path"] if same_data else [])}
    if any(len(row.members) > 1 for row in table):
        left_out.add("seed")
    return [key for key, found in values.items() if len(found) > 1 and key not in left_out]


def names(table: Sequence[Row]) -> list[str]:
    """Return a distinct name for each row: its name, the keys that differ, or else its folder."""
    keys = differing(table)
    first = [row.label.partition("/")[0] for row in table]
    settings = [", ".join(f"{key}={row.members[0].keys.get(key)}" for key in keys) for row in table]
    short = settings if len(keys) <= MOST_KEYS else []
    trials = [f"trial-{folders.trial_number(row.members[0].run.folder)}" for row in table]
    of_sweep = trials if len({row.members[0].run.group for row in table}) == 1 else []
    for found in (first, short, of_sweep):
        if len(table) > 1 and len(set(found)) == len(table):
            return found
    return [row.label for row in table]


def shown_scores(table: Sequence[Row]) -> list[str]:
    """Return the main scores that any run has: for each task `val_…`, then `test_…`."""
    has = {name for row in table for one in row.members for name in one.scores}
    tasks = {one.task.name: one.task for row in table for one in row.members if one.task}
    names = [metric.name for task in tasks.values() for metric in task.compared]
    chosen = [name for name in names if f"val_{name}" in has or f"test_{name}" in has] or ["loss"]
    both = [f"{prefix}_{name}" for name in dict.fromkeys(chosen) for prefix in ("val", "test")]
    return [name for name in both if name in has]


def more_is_better(column: str) -> bool:
    """Return whether the largest value of a column is the best: for most scores, not for errors."""
    score = next((column.removesuffix(end) for end in ENDS if column.endswith(end)), column)
    prefix, _, name = score.partition("_")
    return prefix in ("val", "test") and not name.endswith("_sd") and metric(name).higher
