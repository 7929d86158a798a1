"""Plots of forecasts: with what came before, by step of the horizon, and their intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.evaluation import forecast_metrics
from seqtrain.evaluation.forecast_excerpts import excerpts, paths
from seqtrain.plots.base import COLOURS, Drawn, legend, panel, plot, together
from seqtrain.runs.run import Run
from seqtrain.tasks.forecasting import Forecasting, forecasting

if TYPE_CHECKING:
    from seqtrain.inference.next_values import Forecast

PANEL = (5.2, 2.6)  # inches
TRUTH: dict[str, Any] = {"color": "#444444", "linewidth": 1}
BEFORE, LEAST_BEFORE = 2, 8  # horizons, and steps, of history before the first forecast
TICKS = 5
LONG = 10  # characters of a time, of which few stand side by side
MOST_SERIES = 6  # panels of next values
HISTORY, LEAST_HISTORY = 4, 24  # forecasts, and steps, of known values before the next ones
FAINT = 0.25  # opacity of an interval


@plot(needs="predictions.npz")
def forecasts(runs: Sequence[Run]) -> Figure:
    """Forecasts with their intervals, and the true values: rolling, and single origins.

    The first panel of a run shows forecasts that follow one another, from origins a horizon apart;
    then the origin of the median error, and that of the largest.
    """
    every = together(runs)
    shown = [
        [*excerpts(forecasting(drawn.runs[0].fitted_task), *drawn.runs[0].predictions())]
        for drawn in every
    ]
    most, (width, height) = max(map(len, shown)), PANEL
    figure = Figure(figsize=(most * width, height * len(every) + 0.4), layout="constrained")
    rows = figure.subplots(len(every), most, squeeze=False)
    for drawn, of_run, row in zip(every, shown, rows, strict=True):
        for axes in row[len(of_run) :]:
            axes.set_visible(False)
        for axes, (title, series, chosen) in zip(row, of_run, strict=False):
            _draw(axes, drawn, series, chosen)
            axes.set_title(title, fontsize=9)
        task = forecasting(drawn.runs[0].fitted_task)
        one = task.value_name if len(every) == 1 else drawn.label
        row[0].set_ylabel(one, fontsize=9)
    above_all(figure, rows[0][0])
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
            steps, dots = range(1, len(errors) + 1), points_of(len(errors))
            axes.plot(steps, errors, label="" if number else label, **drawn.style, **dots)
    axes.set_ylim(bottom=0)
    _step_axis(axes)
    legend(axes, every, "best")
    return figure


@plot(needs="predictions.npz")
def coverage(runs: Sequence[Run]) -> Figure:
    """Share of the true values inside the interval, for each step of the horizon."""
    figure, axes = panel("share of true values inside the interval")
    every, goals = together(runs), list[float]()
    for drawn in every:
        wanted = forecasting(drawn.runs[0].fitted_task).interval
        label = f"{drawn.label}{drawn.seeds}"
        for number, run in enumerate(drawn.runs):
            shares = _steps(run)["coverage"]
            if None in shares:
                continue
            steps, dots = range(1, len(shares) + 1), points_of(len(shares))
            axes.plot(steps, shares, label="" if number else label, **drawn.style, **dots)
        if wanted and wanted not in goals:
            goals.append(wanted)
            label = f"wanted: {forecasting(drawn.runs[0].fitted_task).share}"
            axes.axhline(wanted, color="#444444", linestyle=":", linewidth=1, label=label)
    axes.set_ylim(0, 1.02)
    _step_axis(axes)
    legend(axes, every, "lower left")
    return figure


def _step_axis(axes: Axes) -> None:
    """Number the steps of the horizon below the axes."""
    axes.set_xlabel("step of the horizon")
    low, high = axes.get_xlim()
    if high - low < 1:  # a single step
        axes.set_xlim(0.5, 1.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


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
    before = max(BEFORE * task.horizon, LEAST_BEFORE)
    first = max(int(times.min()) - before, start)
    last = min(int(times.max()) + task.horizon, start + len(values) - 1)
    steps = np.arange(first, last + 1)
    axes.plot(steps, values[steps - start], label="true", **TRUTH)
    for number, path in enumerate(paths(labels[chosen], predictions[chosen])):
        draw_forecast(axes, *path, drawn.colour, None if number else task)
    time_ticks(axes, task, first, last)


def draw_forecast(
    axes: Axes, times: np.ndarray, quantiles: np.ndarray, colour: str, task: Forecasting | None
) -> None:
    """Draw the middle quantile of some steps as a line, and the interval as a band.

    Args:
        axes: to draw on.
        times: int64 of shape (S,).
        quantiles: float64 of shape (S, Q).
        colour: of both.
        task: of the forecast, for the legend; None leaves both out of it.
    """
    middle = quantiles[:, quantiles.shape[1] // 2]
    label, share = ("forecast", f"{task.share} interval") if task else (None, None)
    axes.plot(times, middle, color=colour, linewidth=1.5, label=label, **points_of(len(times)))
    if quantiles.shape[1] > 1:
        style: dict[str, Any] = {"color": colour, "alpha": FAINT, "label": share}
        if len(times) == 1:
            axes.vlines(times, quantiles[:, 0], quantiles[:, -1], linewidth=6, **style)
        else:
            axes.fill_between(times, quantiles[:, 0], quantiles[:, -1], linewidth=0, **style)


def next_values(found: "Forecast") -> Figure:
    """Draw the end of each series and its next values, of at most six series."""
    task, series = found.task, found.series
    number, steps = min(len(series.names), MOST_SERIES), found.quantiles.shape[1]
    width, height = PANEL
    figure = Figure(figsize=(1.4 * width, height * number + 0.4), layout="constrained")
    panels = figure.subplots(number, 1, squeeze=False)[:, 0]
    for place, (axes, values) in enumerate(zip(panels, series.each(), strict=False)):
        end = int(series.starts[place]) + len(values)
        past = min(len(values), max(HISTORY * steps, LEAST_HISTORY))
        axes.plot(np.arange(end - past, end), values[-past:], label="known", **TRUTH)
        ahead = np.arange(end, end + steps)
        draw_forecast(axes, ahead, found.quantiles[place], COLOURS[0], task)
        time_ticks(axes, task, end - past, end + steps - 1)
        axes.set_ylabel(series.names[place] or "value", fontsize=9)
    above_all(figure, panels[0])
    return figure


def points_of(number: int) -> dict[str, Any]:
    """Return the style of a line of so many points: a single one needs a marker to be seen."""
    return {"marker": "o", "markersize": 4} if number == 1 else {}


def time_ticks(axes: Axes, task: Forecasting, first: int, last: int) -> None:
    """Write some times between two steps below the axes, at equal distances."""
    ticks = ticks_of(task, last - first + 1) + first
    labels = [task.grid.label(int(tick)) for tick in ticks]
    each = 2 if len(labels) > TICKS and max(map(len, labels)) >= LONG else 1
    axes.set_xticks(ticks[::each], labels[::each], fontsize=8)


def ticks_of(task: Forecasting, steps: int) -> np.ndarray:
    """Return which of so many steps have a tick: about five, if possible whole seasons apart."""
    apart = max(steps // TICKS, 1)
    if apart >= task.season:
        apart = round(apart / task.season) * task.season
    return np.arange(0, steps, apart)


def above_all(figure: Figure, axes: Axes) -> None:
    """Put the legend of the axes above all panels, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), fontsize=8)
