"""Section on forecasts: with their intervals, by step of the horizon, and the worst origins."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from seqtrain.evaluation import forecast_metrics
from seqtrain.evaluation.forecast_excerpts import excerpts, paths
from seqtrain.report.charts import Chart, Line, thinned
from seqtrain.report.page_sections import Content, Subject, having, judged
from seqtrain.runs.run import Run
from seqtrain.tasks.forecasting import forecasting

MOST_OFF = 20  # origins in the table, those with the largest errors
BEFORE = 2  # horizons before the first forecast


def forecasts(subjects: Sequence[Subject]) -> Content | None:
    """Forecasts and the true values, errors and coverage by step, and the worst origins."""
    told = judged(subjects)
    if not told:
        return None
    drawn = having(told, "series.npz")
    shown = [chart for subject in drawn for chart in rolling(subject, len(told) > 1)]
    tables = [
        {"subject": subject, "rows": farthest_off(subject.run)}
        for subject in having(told, "mistakes.csv")
    ]
    return {"charts": [*shown, *by_step(told)], "tables": tables}


def rolling(subject: Subject, several: bool) -> Iterator[Chart]:
    """Yield charts of a run: forecasts that follow one another, and the worst origin.

    Args:
        subject: the run.
        several: whether there are others, so that the titles name it.
    """
    run, task = subject.run, forecasting(subject.run.fitted_task)
    labels, predictions = run.predictions()
    following, *others = excerpts(task, labels, predictions)
    for title, series, chosen in (following, *others[-1:]):
        start, values = run.series()[series]
        times = labels["time"][chosen]
        first = max(int(times.min()) - BEFORE * task.horizon, start)
        last = min(int(times.max()) + task.horizon, start + len(values) - 1)
        steps = np.arange(first, last + 1)
        lines, bands = [Line("true", thinned(steps - first, values[steps - start]), None)], []
        for number, (when, found) in enumerate(paths(labels[chosen], predictions[chosen])):
            ahead = when - first
            name = "forecast" if not number else ""
            middle = thinned(ahead, found[:, found.shape[1] // 2])
            lines.append(Line(name, middle, subject.colour))
            if found.shape[1] > 1:
                name = f"{task.share} interval" if not number else ""
                low, high = (thinned(ahead, found[:, end]) for end in (0, -1))
                ends = [(*one, above) for one, (_, above) in zip(low, high, strict=True)]
                bands.append(Line(name, ends, subject.colour, band=True))
        whose = f"{subject.label}: " if several else ""
        told = task.grid.labels(first, len(steps))
        yield Chart(f"{whose}{title}", "time", task.value_name, [*lines, *bands], times=told)


def by_step(subjects: Sequence[Subject]) -> list[Chart]:
    """Return charts of MASE and of the coverage by the step of the horizon."""
    errors, shares = [], []
    wanted = None
    longest = 1
    for subject in subjects:
        task, (labels, predictions) = (
            forecasting(subject.run.fitted_task),
            subject.run.predictions(),
        )
        levels = task.levels_of(predictions)
        steps = forecast_metrics.by_step(task.origins(labels), predictions, levels)
        x = range(1, task.horizon + 1)
        longest = max(longest, task.horizon)
        errors.append(Line(subject.label, _points(x, steps["mase"]), subject.colour))
        if len(levels) > 1:
            shares.append(Line(subject.label, _points(x, steps["coverage"]), subject.colour))
            wanted = task.interval
    charts = [Chart("Error by step", "step of the horizon", "MASE", errors, low=0.0)]
    if shares:
        goal = [Line("wanted", [(1, wanted or 0.0), (longest, wanted or 0.0)], None, "dotted")]
        y = "share inside the interval"
        lines = [*shares, *goal]
        charts.append(Chart("Coverage", "step of the horizon", y, lines, low=0.0, high=1.0))
    return charts


def _points(x: Sequence[int], y: Sequence[float | None]) -> list[tuple[float, float]]:
    return [(float(a), b) for a, b in zip(x, y, strict=True) if b is not None]


def farthest_off(run: Run) -> list[dict[str, Any]]:
    """Return the first rows of `mistakes.csv`.

    Raises:
        RunError: the file is damaged.
    """
    try:
        return [
            {
                **{name: row[name] for name in ("series", "origin", "truth", "prediction")},
                "error": float(row["error"]),
            }
            for row in islice(run.read_rows("mistakes.csv"), MOST_OFF)
        ]
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error
