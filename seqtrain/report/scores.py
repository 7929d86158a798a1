"""Section on the test scores: runs, seeds and baselines."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqtrain.comparison.pairwise import tested
from seqtrain.comparison.run_rows import Row, with_every_run
from seqtrain.evaluation.baselines import titles
from seqtrain.report.page_sections import COLOURS, Content, Subject, called, having
from seqtrain.runs.run import Run
from seqtrain.tasks import Metric, metric

PREFIX = "test_"
TESTS = {
    "McNemar": "McNemar's test on the same test examples",
    "bootstrap": "a bootstrap of macro F1 on the same test examples",
    "paired bootstrap": "the paired bootstrap over the same test examples",
    "Diebold–Mariano": "the Diebold–Mariano test on the same test examples",
    "sign": "the sign test of which is closer in each test example",
    "Welch": "Welch's test over seeds",
}

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """A score on the test examples, of a run or of a baseline.

    Attributes:
        name: `accuracy`, `loss`, …
        value: None if it is not defined.
        interval: its 95 % interval, if it has one.
        spread: the standard deviation over seeds, if the value is their mean.
    """

    name: str
    value: float | None
    interval: tuple[float, float] | None = None
    spread: float | None = None

    @property
    def metric(self) -> Metric:
        """Its metric."""
        return metric(self.name)

    @property
    def rank(self) -> float:
        """A sort key, larger for a better score."""
        if self.value is None:
            return float("-inf")
        return self.value if self.metric.higher else -self.value


def primary(run: Run) -> Score:
    """Return the main score of a run: that of its verdict, or of its task."""
    numbers = run.metrics()
    judged_by = (numbers.get("verdict") or {}).get("judged_by", ())
    found = (name for name in (*judged_by, run.task.primary().name) if PREFIX + name in numbers)
    return score_of(numbers, next(found, "loss"))


def score_of(numbers: Numbers, name: str) -> Score:
    """Return a score from a dict of metrics, with its interval if it has one."""
    interval = numbers.get("intervals", {}).get(PREFIX + name)
    ends = (float(interval[0]), float(interval[1])) if interval else None
    return Score(name, numbers.get(PREFIX + name), ends)


@dataclass(frozen=True)
class Standing:
    """A row of the table of scores: a run, the mean of seeds, a last epoch, or a baseline.

    Attributes:
        owner: the run or baseline.
        scores: in the order of the columns.
        colour: the number of the run's colour; None for a baseline.
    """

    owner: str
    scores: tuple[Score, ...]
    colour: int | None = None


def scores(subjects: Sequence[Subject]) -> Content | None:
    """All scores with intervals, for runs and baselines, and significance tests of the runs."""
    finished = having(subjects, "metrics.json")
    if not finished:
        return None
    names = (name for subject in finished for name in score_names(subject.run))
    columns = list(dict.fromkeys(names))
    table = with_every_run([subject.run for subject in finished])
    rows = [
        *means(table, columns),
        *(Standing(s.label, all_scores(s.run.metrics(), columns), s.colour) for s in finished),
        *(last_epoch(finished[0].run.metrics(), columns) if len(finished) == 1 else ()),
        *rivals(finished, columns),
    ]
    return {
        "names": columns,
        "rows": rows,
        "scale": scale(rows),
        "tests": list(tests(table)),
        "example": finished[0].run.task.example,
    }


def means(table: Sequence[Row], columns: Sequence[str]) -> Iterator[Standing]:
    """Yield the mean of each score over seeds, if there are several."""
    for number, (row, name) in enumerate(zip(table, called(table), strict=True)):
        if len(row.counted) > 1:
            keys = ((column, PREFIX + column) for column in columns)
            found = (Score(c, row.mean(key), None, row.std(key)) for c, key in keys)
            owner = f"{name}, mean of {len(row.counted)} seeds"
            yield Standing(owner, tuple(found), number % COLOURS)


def last_epoch(numbers: Numbers, columns: Sequence[str]) -> Iterator[Standing]:
    """Yield the scores of the last epoch, if it was not the best."""
    last = numbers.get("last_epoch", {})
    if last.get("epoch") != numbers.get("best_epoch"):
        owner = f"the same after its last epoch, {last.get('epoch')}"
        yield Standing(owner, all_scores(last, columns))


def rivals(finished: Sequence[Subject], columns: Sequence[str]) -> list[Standing]:
    """Return each baseline once, the best first; if runs have different data, with the run."""
    found: dict[Standing, str] = {}
    for subject in finished:
        baselines = subject.run.metrics().get("baselines", {})
        for name, owner in titles(baselines).items():
            scored = all_scores(baselines[name], columns)
            found.setdefault(Standing(owner, scored), subject.label)
    times = Counter(rival.owner for rival in found)
    named = [
        replace(rival, owner=f"{rival.owner}, of {label}") if times[rival.owner] > 1 else rival
        for rival, label in found.items()
    ]
    return sorted(named, key=lambda rival: rival.scores[0].rank, reverse=True)


def tests(table: Sequence[Row]) -> Iterator[str]:
    """Yield the significance test of each row against the best."""
    known = dict(zip(table, called(table), strict=True))
    for row, found in tested(table).items():
        against = f"{known[row]} against {known[found.against]}, the best on validation"
        if found.test is None or found.p is None:
            yield f"{against}: not tested, {found.reason}."
        else:
            p = f"p = {found.p:.3f}" if found.p >= 0.001 else "p < 0.001"
            yield f"{against}: {p} by {TESTS[found.test]}."


def score_names(run: Run) -> list[str]:
    """Return the names of the scores without `test_`, the main score first."""
    found = [key.removeprefix(PREFIX) for key in run.metrics() if key.startswith(PREFIX)]
    first = primary(run).name
    return sorted(found, key=lambda name: name != first)


def all_scores(numbers: Numbers, names: Sequence[str]) -> tuple[Score, ...]:
    """Return the scores of these names, without a value where there is none."""
    return tuple(score_of(numbers, name) for name in names)


def scale(rows: Sequence[Standing]) -> tuple[float, float]:
    """Return the ends of an axis for the first score of every row, with its interval."""
    first = [row.scores[0] for row in rows if row.scores[0].value is not None]
    values = [end for score in first for end in (score.value, *(score.interval or ()))]
    finite = [value for value in values if value is not None]
    if not finite:
        return 0.0, 1.0
    if first[0].metric.share:
        return math.floor(min(finite) * 10) / 10, 1.0
    return 0.0, max(finite) * 1.05 or 1.0
