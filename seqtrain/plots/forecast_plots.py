"""Plots of forecasts: with what came before, by step of the horizon, and their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.evaluation import forecast_metrics
from seqtrain.plots.base import Drawn, legend, panel, plot, together
from seqtrain.runs.run import Run
from seqtrain.tasks.forecasting import forecasting

PANEL = (5.2, 2.6)  # inches
TRUTH: dict[str, Any] = {"color": "#444444", "linewidth": 1}
BEFORE = 2  # horizons of history before the first forecast
TICKS = 5
FAINT = 0.25  # opacity of an interval


@plot(needs="predictions.npz")
def forecasts(runs: Sequence[Run]) -> Figure:
    """Forecasts with their intervals, and the true values: rolling, and single origins.

    The first panel of a run shows forecasts that follow one another, from origins a horizon apart;
    then the origin of the median error, and that of the largest.
    """
    every = together(runs)
    width, height = PANEL
    figure = Figure(figsize=(3 * width, height * len(every) + 0.4), layout="constrained")
    rows = figure.subplots(len(every), 3, squeeze=False)
    for drawn, row in zip(every, rows, strict=True):
        run = drawn.runs[0]
        shown = forecasting(run.fitted_task).excerpts(*run.predictions())
        for axes, (title, series, chosen) in zip(row, shown, strict=True):
            _draw(axes, drawn, series, chosen)
            axes.set_title(title, fontsize=9)
        row[0].set_ylabel(drawn.label if len(every) > 1 else "value", fontsize=9)
    rows[0][0].legend(fontsize=8, loc="upper left")
    return figure


@plot(needs="predictions.npz")
def horizon_errors(runs: Sequence[Run]) -> Figure:
    """Mean absolute scaled error of each step of the horizon."""
    figure, axes = panel("test MASE")
    every = together(runs)
    for drawn in every:
        label = f"{drawn.label}{drawn.seeds}, {drawn.mean(lambda run: _scores(run)['test_mase'])}"
        for number, run in enumerate(drawn.runs):
            errors = _steps(run)["mase"]
            axes.plot(
                range(1, len(errors) + 1), errors, label="" if number else label, **drawn.style
            )
    axes.set(xlabel="step of the horizon")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, every, "best")
    return figure


@plot(needs="predictions.npz")
def coverage(runs: Sequence[Run]) -> Figure:
    """Share of the true values inside the interval, for each step of the horizon."""
    figure, axes = panel("share of true values inside the interval")
    every = together(runs)
    for drawn in every:
        wanted = forecasting(drawn.runs[0].fitted_task).interval
        label = f"{drawn.label}{drawn.seeds}"
        for number, run in enumerate(drawn.runs):
            shares = _steps(run)["coverage"]
            if None in shares:
                continue
            axes.plot(
                range(1, len(shares) + 1), shares, label="" if number else label, **drawn.style
            )
        if wanted:
            axes.axhline(wanted, color="#444444", linestyle=":", linewidth=1)
    axes.set(xlabel="step of the horizon", ylim=(0, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, every, "lower left")
    return figure


def _scores(run: Run) -> dict[str, Any]:
    task, (labels, predictions) = forecasting(run.fitted_task), run.predictions()
    levels = task.levels_of(predictions)
    return forecast_metrics.scores("test", task.origins(labels), predictions, levels)


def _steps(run: Run) -> dict[str, list[Any]]:
    """Return each score of each step of the horizon."""
    task, (labels, predictions) = forecasting(run.fitted_task), run.predictions()
    levels = task.levels_of(predictions)
    return forecast_metrics.by_step(task.origins(labels), predictions, levels)


def _draw(axes: Axes, drawn: Drawn, series: int, chosen: Sequence[int]) -> None:
    """Draw a series around some origins, and the forecasts from these."""
    run = drawn.runs[0]
    task, (labels, predictions) = forecasting(run.fitted_task), run.predictions()
    start, values = run.series()[series]
    times = labels["time"][list(chosen)]
    first = max(int(times.min()) - BEFORE * task.horizon, start)
    last = min(int(times.max()) + task.horizon, start + len(values) - 1)
    steps = np.arange(first, last + 1)
    axes.plot(steps, values[steps - start], label="true", **TRUTH)
    for number, one in enumerate(chosen):
        ahead = int(labels["time"][one]) + np.arange(1, task.horizon + 1)
        found = predictions[one]
        middle = found[:, found.shape[1] // 2]
        label = None if number else "forecast"
        axes.plot(ahead, middle, color=drawn.colour, linewidth=1.5, label=label)
        if found.shape[1] > 1:
            share = None if number else f"{task.interval:.0%} interval"
            style: dict[str, Any] = {"color": drawn.colour, "alpha": FAINT, "linewidth": 0}
            axes.fill_between(ahead, found[:, 0], found[:, -1], label=share, **style)
    ticks = np.unique(np.linspace(first, last, TICKS).astype(int))
    axes.set_xticks(ticks, [task.grid.label(int(tick)) for tick in ticks], fontsize=8)
