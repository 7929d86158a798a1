"""Runs beside one another: what differs between them, and what each reached.

Only small files are read, and nothing is refused: a run that is unfinished or damaged is a row
that says so.
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
from seqtrain.runs.run import Run
from seqtrain.tasks import Metric, Task, metric

Interval = tuple[float, float]

ENDS = ("_low", "_high")  # of the intervals of scores, in the names of columns
MOST_KEYS = 3  # that a legend has room for
OF_NO_EFFECT = ("seed", "dataset.path")  # keys that make no other experiment of the same data


@dataclass
class RunNumbers:
    """What the files of one run say.

    Attributes:
        run: the run.
        state: `finished`, `training`, `unfinished` or `damaged`.
        keys: the values of its config by their dotted keys.
        data: the hash of its data.
        task: what its labels are; None of a damaged run.
        scores: `val_…` of the best epoch, and `test_…`.
        intervals: 95 % intervals of some scores.
        parameters: numbers of which the network consists.
        seconds: of all epochs.
        epochs: that it was trained.
        best_epoch: that validation chose.
        optimistic: whether it was chosen on the test examples.
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
        """What runs that differ in the seed alone have in common, wherever their data lie."""
        if not self.keys or self.state == "damaged":
            return str(self.run.folder)
        kept = {key: value for key, value in self.keys.items() if key not in OF_NO_EFFECT}
        return json.dumps(kept, sort_keys=True)


def measured(run: Run) -> RunNumbers:
    """Return what the files of a run say; of a damaged run, what could be read."""
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
        found.data = run.data_sha256()
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
    """Return the values of a config by their dotted keys; what is deeper stays as it is."""
    found: dict[str, Any] = {}
    for key, value in config.model_dump(mode="json").items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        found |= {f"{key}.{name}" if name else key: item for name, item in inner}
    return found


@dataclass(frozen=True, eq=False)
class Row:
    """A run, or the runs of several seeds.

    Attributes:
        members: each of another seed, in the order of seeds; otherwise alike.
        repeated: runs that are left out, because they repeat the seed of another.
    """

    members: tuple[RunNumbers, ...]
    repeated: int = 0

    @property
    def counted(self) -> tuple[RunNumbers, ...]:
        """The runs whose scores count: the finished ones; or the only one, as far as it is."""
        finished = tuple(one for one in self.members if one.finished)
        return self.members if len(self.members) == 1 else finished

    @property
    def label(self) -> str:
        """The run, or the group in which all are, or else the newest of them."""
        newest = max((one.run for one in self.members), key=lambda run: run.label)
        whole = {one.run.group for one in self.members}
        together = len(self.members) > 1 and len(whole) == 1 and newest.group
        return newest.label.rpartition("/")[0] if together else newest.label

    @property
    def state(self) -> str:
        """The state of the run, or how many seeds are finished where not all are."""
        finished = sum(one.finished for one in self.members)
        several = len(self.members) > 1 and finished < len(self.members)
        return f"{finished} of {len(self.members)} finished" if several else self.members[0].state

    @property
    def optimistic(self) -> bool:
        """Whether its scores are of an epoch that was chosen on the test examples."""
        return any(one.finished and one.optimistic for one in self.members)

    def values(self, name: str) -> list[float]:
        """Return a score, or another number of `RunNumbers`, of each run that counts."""
        found = [one.scores.get(name, getattr(one, name, None)) for one in self.counted]
        return [value for value in found if value is not None]

    def mean(self, name: str) -> float | None:
        """Return the mean of what `values` returns, if that is anything; a count stays one."""
        values = self.values(name)
        return fmean(values) if len(values) > 1 else next(iter(values), None)

    def deviation(self, name: str) -> float | None:
        """Return the standard deviation (n - 1) over seeds, of two or more."""
        values = self.values(name)
        return stdev(values) if len(values) > 1 else None

    def readable(self, name: str) -> str:
        """Return a score as a person reads it, over several seeds `mean ± deviation`."""
        mean, deviation = self.mean(name), self.deviation(name)
        if mean is None:
            return ""
        return readable(mean) + ("" if deviation is None else f" ± {readable(deviation)}")

    def span(self, name: str) -> str:
        """Return a number, or the smallest and largest of several seeds."""
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
    """Return the metric by which a row is judged; the loss where it has no other.

    Of weighed classes that is macro F1, but for runs of a version that did not measure it.
    """
    one = row.members[0]
    if one.task is None:
        return LOSS
    weighed = one.keys.get("training.class_weight") is not None
    found = (one.task.primary(weighed), *one.task.metrics)
    return next((metric for metric in found if row.values(f"test_{metric.name}")), LOSS)


def common_metric(table: Sequence[Row]) -> Metric:
    """Return the metric by which rows of one task are compared: that of the first, if all have it.

    Where one is judged by macro F1, all are.
    """
    usual = table[0].members[0].task
    found = dict.fromkeys(main_metric(row) for row in table)
    special = [m for m in found if usual and m in usual.metrics and m is not usual.primary()]
    for one in (*special, *found):
        if all(row.values(f"test_{one.name}") for row in table):
            return one
    return main_metric(table[0])


def rows(runs: Iterable[Run], folded: bool = True) -> list[Row]:
    """Return a row for each run, or for each set of runs that differ in their seed alone."""
    each = [measured(run) for run in runs]
    if not folded:
        return [Row((one,)) for one in each]
    data = {one.settings: one.data for one in each if one.data}
    alike: dict[tuple[str, Any], list[RunNumbers]] = {}
    for one in each:  # one that has not begun is not known to be on other data
        where = one.data or data.get(one.settings) or one.keys.get("dataset.path")
        alike.setdefault((one.settings, where), []).append(one)
    return [_folded(members) for members in alike.values()]


def with_every_run(runs: Sequence[Run]) -> list[Row]:
    """Return the rows of runs; where one repeats the seed of another, each has its own."""
    table = rows(runs)
    return rows(runs, folded=False) if any(row.repeated for row in table) else table


def _folded(members: Sequence[RunNumbers]) -> Row:
    """Return a row with one run for each seed: the newest, if it can be a finished one."""
    of_seed: dict[int, RunNumbers] = {}
    for one in members:
        seed = one.keys.get("seed", 0)
        if one.finished or seed not in of_seed or not of_seed[seed].finished:
            of_seed[seed] = one
    kept = tuple(of_seed[seed] for seed in sorted(of_seed))
    return Row(kept, len(members) - len(kept))


def folded(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs, those together that differ in their seed alone."""
    return [[one.run for one in row.members] for row in rows(runs)]


def differing(table: Sequence[Row]) -> list[str]:
    """Return the keys in which the configs differ, in their order.

    A key that only some have, such as `dataset.vocabulary_size`, differs if they differ in it.
    Where the data lie makes no difference while they are the same.
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
    """Return what tells rows apart: their names, the keys that differ, or else their folders."""
    keys = differing(table)
    first = [row.label.partition("/")[0] for row in table]
    settings = [", ".join(f"{key}={row.members[0].keys.get(key)}" for key in keys) for row in table]
    short = settings if len(keys) <= MOST_KEYS else []
    for found in (first, short):
        if len(table) > 1 and len(set(found)) == len(table):
            return found
    return [row.label for row in table]


def shown_scores(table: Sequence[Row]) -> list[str]:
    """Return the main scores that any run has: `val_…`, then `test_…`, of each task."""
    has = {name for row in table for one in row.members for name in one.scores}
    tasks = {one.task.name: one.task for row in table for one in row.members if one.task}
    names = [metric.name for task in tasks.values() for metric in task.compared]
    chosen = [name for name in names if f"val_{name}" in has or f"test_{name}" in has] or ["loss"]
    both = [f"{prefix}_{name}" for name in dict.fromkeys(chosen) for prefix in ("val", "test")]
    return [name for name in both if name in has]


def more_is_better(column: str) -> bool:
    """Return whether the best of a column is the largest: of most scores, but not of errors."""
    score = next((column.removesuffix(end) for end in ENDS if column.endswith(end)), column)
    prefix, _, name = score.partition("_")
    return prefix in ("val", "test") and not name.endswith("_sd") and metric(name).higher
