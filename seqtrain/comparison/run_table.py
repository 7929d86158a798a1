"""Write a comparison as an aligned table, Markdown, CSV or JSON."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from seqtrain.comparison.pairwise import Significance
from seqtrain.comparison.run_rows import (
    Row,
    differing,
    main_metric,
    more_is_better,
    shown_scores,
)
from seqtrain.display.columns import table as aligned
from seqtrain.display.escape import cell, in_json, in_markdown
from seqtrain.display.numbers import readable
from seqtrain.display.sentences import counted
from seqtrain.errors import RunError
from seqtrain.evaluation.metric import PREFIXES
from seqtrain.io.text_file import near_miss
from seqtrain.tasks import metric

MOST_VALUES = 5  # longest list in a cell
MOST_SETTINGS = 6  # most columns of keys of the config, beside those of the scores
MOST_LISTED = 3  # most keys in a note
LONGEST = 32  # most characters of a value of the config in a cell
ENDS = ("_sd", "_low", "_high")  # of the columns of a CSV beside those of the scores
COSTS = ("parameters", "seconds", "epochs", "best_epoch")
TESTS = {
    "McNemar": "McNemar's test on the same test examples",
    "bootstrap": "a bootstrap of macro F1 on the same test examples",
    "paired bootstrap": "the paired bootstrap over the same test examples",
    "Diebold–Mariano": "the Diebold–Mariano test on the same test examples",
    "sign": "the sign test of which run was closer in each test example",
    "Welch": "Welch's test over seeds",
}
LEAST_P = 0.001  # below which only that is said

Tests = Mapping[Row, Significance]
Cell = Callable[[Row], str]


def format_seeds(found: Sequence[dict[str, Any]], example: str = "example") -> str:
    """Return the evaluations of several seeds as one table, with the mean of each score.

    Args:
        found: the evaluations.
        example: what one of the examples is called.
    """
    first = found[0]
    prefix = PREFIXES[first["split"]]
    seeds = [Path(one["run"]) for one in found]
    cells = []
    for name in first:
        values = [one[name] for one in found if isinstance(one.get(name), int | float)]
        if name.startswith(f"{prefix}_") and len(values) == len(found):
            numbers = (fmean(values), stdev(values), *values)
            cells.append([name.removeprefix(f"{prefix}_"), *map(readable, numbers)])
    header = ["metric", "mean", "± sd", *(seed.name for seed in seeds)]
    note = ", optimistic: it chose the epochs" if first.get("optimistic") else ""
    judged = f"{first['split']}, {counted(first['examples'], example)}, {len(found)} seeds{note}"
    title = f"{seeds[0].parent}  {judged}"
    return f"{title}\n\n{aligned(header, cells)}"


def ordered(rows: Sequence[Row], tests: Tests, column: str) -> list[Row]:
    """Sort rows by a column, the best first; rows without a value come last.

    Sorted by `p`, the row that the others are tested against comes first, then the rows with
    the largest p-values.

    Raises:
        RunError: there is no such column.
    """
    flat = {row: _flat(found) for row, found in zip(rows, records(rows, tests), strict=True)}
    allowed = list(dict.fromkeys(key for line in flat.values() for key in line))
    if column not in allowed:
        scores = [name for name in (f"test_{column}", f"val_{column}") if name in allowed]
        near = f", did you mean `{scores[0]}`?" if scores else near_miss(column, allowed)
        there = ", ".join(name for name in allowed if not name.endswith(ENDS))
        raise RunError(f"there is no column `{column}`{near}", f"there are: {there}")

    best = {found.against for found in tests.values()}

    def rank(row: Row) -> tuple[bool, float, str]:
        value = math.inf if column == "p" and row in best else flat[row].get(column)
        number = float(value) if isinstance(value, int | float) else 0.0
        falling = column == "p" or more_is_better(column)
        return value is None, -number if falling else number, str(value)

    return sorted(rows, key=rank)


def sheet(rows: Sequence[Row], tests: Tests, form: str) -> str:
    """Format a comparison as `table`, `markdown`, `csv` or `json`."""
    if form == "json":
        return in_json(json.dumps(records(rows, tests), indent=2, ensure_ascii=False))
    if form == "csv":
        return _csv([_flat(found) for found in records(rows, tests)])
    columns = _columns(rows, tests)
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    notes = _notes(rows, tests)
    if form == "markdown":
        return "\n".join([_markdown(list(columns), cells), "", *map(in_markdown, notes)]).rstrip()
    return "\n".join([aligned(list(columns), cells), "", *notes]).rstrip()


def records(rows: Sequence[Row], tests: Tests) -> list[dict[str, Any]]:
    """Return the rows as JSON objects; numbers of several seeds are means."""
    keys = differing(rows)
    return [_record(row, keys, tests) for row in rows]


def _record(row: Row, keys: Sequence[str], tests: Tests) -> dict[str, Any]:
    names = dict.fromkeys(name for one in row.counted for name in one.scores)
    return {
        "run": row.label,
        "folders": [str(one.run.folder) for one in row.members],
        "state": row.state,
        "optimistic": row.optimistic,
        "seeds": len(row.counted),
        "config": {key: row.members[0].keys.get(key) for key in keys},
        "scores": {name: _score_record(row, name) for name in names},
        "tested": _test_record(tests.get(row)),
        **{name: row.mean(name) for name in COSTS},
    }


def _score_record(row: Row, name: str) -> dict[str, Any]:
    return {"mean": row.mean(name), "sd": row.std(name), "interval": row.interval(name)}


def _test_record(found: Significance | None) -> dict[str, Any] | None:
    if found is None:
        return None
    tested = {"test": found.test, "p": found.p, "reason": found.reason}
    return {"against": found.against.label, **tested}


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    """Flatten a record into the columns of a CSV row."""
    line: dict[str, Any] = {key: found[key] for key in ("run", "state", "optimistic", "seeds")}
    line |= found["config"]
    for name, score in found["scores"].items():
        low, high = score["interval"] or (None, None)
        line |= {name: score["mean"], f"{name}_sd": score["sd"]}
        line |= {f"{name}_low": low, f"{name}_high": high}
    line["p"] = found["tested"] and found["tested"]["p"]
    return line | {name: found[name] for name in COSTS}


def _csv(lines: Sequence[dict[str, Any]]) -> str:
    written = io.StringIO()
    header = dict.fromkeys(key for line in lines for key in line)
    writer = csv.DictWriter(written, list(header), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in line.items()} for line in lines)
    return written.getvalue().rstrip("\n")


def _markdown(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [list(map(in_markdown, line)) for line in (header, *cells)]
    lines.insert(1, ["---"] * len(header))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _columns(rows: Sequence[Row], tests: Tests) -> dict[str, Cell]:
    """Return the columns of the table: only those in which the rows differ."""
    shared = len({row.label.partition("/")[0] for row in rows}) == 1
    columns: dict[str, Cell] = {
        "run": lambda row: (shared and row.label.partition("/")[2]) or row.label
    }
    if any(row.state != "finished" or row.optimistic for row in rows):
        columns["state"] = lambda row: row.state + (", optimistic" if row.optimistic else "")
    if any(len(row.members) > 1 for row in rows):
        columns["seeds"] = lambda row: str(len(row.counted))
    for key in _settings(rows)[:MOST_SETTINGS]:
        columns[key] = partial(_setting, key=key)
    for name in shown_scores(rows):
        columns[name] = partial(_score, name=name)
    if tests:
        best = {found.against for found in tests.values()}
        columns["p"] = lambda row: "best" if row in best else _p(tests.get(row))
    columns["parameters"] = lambda row: _count(row.mean("parameters"))
    columns["seconds"] = lambda row: _seconds(row.mean("seconds"))
    columns["best / epochs"] = lambda row: " / ".join(
        filter(None, map(row.span, ("best_epoch", "epochs")))
    )
    return columns


def _settings(rows: Sequence[Row]) -> list[str]:
    """Return the keys in which the configs differ, the names of data and models first."""
    return sorted(differing(rows), key=lambda key: not key.endswith(".name"))


def _setting(row: Row, key: str) -> str:
    value = row.members[0].keys.get(key)
    if isinstance(value, str):  # a path is known by its end
        return value if len(value) <= LONGEST else f"…{value[1 - LONGEST :]}"
    if isinstance(value, list | tuple) and len(value) > MOST_VALUES:
        return f"{value[0]} … {value[-1]} ({len(value)} in all)"
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _score(row: Row, name: str) -> str:
    interval = row.interval(name) if _has_room(row, name.removeprefix("test_")) else None
    ends = interval and f" [{readable(interval[0])}, {readable(interval[1])}]"
    return row.readable(name) + (ends or "")


def _has_room(row: Row, name: str) -> bool:
    """Return whether to show the interval of a score: not if another share shows the same."""
    task = row.members[0].task
    usual = (main_metric(row), *([task.primary()] if task else []))
    return metric(name) in usual or not metric(name).share


def _p(found: Significance | None) -> str:
    if found is None or found.p is None:
        return ""
    return f"{found.p:.3f}" if found.p >= LEAST_P else f"< {LEAST_P}"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _notes(rows: Sequence[Row], tests: Tests) -> list[str]:
    """Return a sentence for each mark in the table."""
    notes = []
    if any(row.interval(name) for row in rows for name in shown_scores(rows)):
        notes.append("[low, high]: 95 % interval over samples of test examples")
    if hidden := _settings(rows)[MOST_SETTINGS:]:
        named = ", ".join([*hidden[:MOST_LISTED], *["…"][: len(hidden) > MOST_LISTED]])
        keys = "1 more key differs" if len(hidden) == 1 else f"{len(hidden)} more keys differ"
        notes.append(f"{keys}, shown by `--format csv`: {named}")
    if any(len(row.counted) > 1 for row in rows):
        notes.append("±: standard deviation over seeds; seconds are of one seed")
    for kind, words in TESTS.items():
        if any(found.test == kind for found in tests.values()):
            notes.append(f"p: p-value of {words}; each run against the best on validation")
    for reason in dict.fromkeys(found.reason for found in tests.values() if found.reason):
        notes.append(f"no p: {reason}")
    if len({row.members[0].data for row in rows if row.members[0].finished}) > 1:
        notes.append("no p between runs on different data")
    tasks = [row.members[0].task for row in rows if row.members[0].finished]
    if len(kinds := dict.fromkeys(task.labels for task in tasks if task)) > 1:
        notes.append(f"{' and '.join(kinds)} are not tested against one another")
    if any(row.optimistic for row in rows):
        notes.append("optimistic: the best epoch was chosen on the test examples")
    if repeated := sum(row.repeated for row in rows):
        notes.append(f"{repeated} left out: same config and seed as another run")
    return notes
