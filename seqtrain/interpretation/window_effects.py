"""Which steps of a window moved a forecast: the change if a value had been ordinary instead.

The value of a step is replaced by the level of its window, a covariate by its mean on train, and
the network forecasts again. M. D. Zeiler and R. Fergus, "Visualizing and Understanding
Convolutional Networks", ECCV 2014 (occlusion). It works for every model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults

# isort: split
from matplotlib.figure import Figure

from seqtrain.data import inputs
from seqtrain.data.dataset import Examples, Split
from seqtrain.data.time_series import SeriesData
from seqtrain.display.columns import table
from seqtrain.display.escape import one_line
from seqtrain.display.numbers import readable
from seqtrain.errors import DataError
from seqtrain.evaluation.forecast_metrics import points
from seqtrain.inference.network import predictions, started
from seqtrain.inference.newer_series import config_of, read_newer
from seqtrain.interpretation.figure_files import embedded, write_figures
from seqtrain.plots.forecast_plots import above_all, draw_forecast, ticks_of
from seqtrain.report.page import document
from seqtrain.report.page_sections import Section
from seqtrain.runs import run_data
from seqtrain.runs.run import Run
from seqtrain.tasks.forecasting import Forecasting, forecasting

SIZE = (7.0, 4.6)  # inches
ROUNDING = 1e-6  # of a forecast
LARGEST = 3  # steps that a sentence names
FOR, AGAINST, GREY = "#0072B2", "#D55E00", "#444444"


@dataclass(frozen=True)
class WindowEffects:
    """How the values that a network read moved its forecast.

    Attributes:
        run: the name of the run.
        title: the origin.
        slug: its name in file names.
        values: the values of the T steps of the window, in units of the data, shape (T,).
        times: their times as text, and those of the H forecast steps.
        features: the names of the F features that were replaced, one by one.
        effects: by how much the mean forecast is higher because of each value, in units of the
            data; float64 of shape (T, F).
        forecast: quantiles, shape (H, Q).
        truth: the true next values, shape (H,); NaN where they are not known.
        task: of the forecast.
    """

    run: str
    title: str
    slug: str
    values: np.ndarray
    times: list[str]
    features: tuple[str, ...]
    effects: np.ndarray
    forecast: np.ndarray
    truth: np.ndarray
    task: Forecasting

    @property
    def middle(self) -> np.ndarray:
        """The forecast itself, shape (H,)."""
        return np.asarray(self.forecast[:, self.forecast.shape[1] // 2])

    @property
    def sentence(self) -> str:
        """The forecast and the steps that moved it most."""
        total = self.effects.sum(axis=1)
        most = np.argsort(-np.abs(total), kind="stable")[:LARGEST]
        moved = ", ".join(f"{self.times[step]} ({_signed(total[step])})" for step in most)
        said = f"mean forecast {readable(float(self.middle.mean()))}"
        if not np.isnan(self.truth).any():
            said += f", true {readable(float(self.truth.mean()))}"
        return f"{said}; moved most by {moved}"


def effects(
    run: Run, split: Split, number: int, data_dir: Path | None, model: Any = None
) -> WindowEffects:
    """Return how each value of the window of an origin moved its forecast.

    Args:
        run: a run that forecasts, with a model.
        split: train, validation or test.
        number: of the origin, from 1, in the order of time.
        data_dir: a folder to look for data files in.
        model: the network of the run, if it is already loaded.

    Raises:
        RunError: the run has no model.
        DataError: the data cannot be read, or the split has fewer origins.
    """
    run.require(run.model_file.name)
    dataset, task = run_data.load_readable(run, data_dir), forecasting(run.fitted_task)
    examples, found = dataset.split(split), dataset.series
    if found is None:
        raise TypeError("the dataset has no series")
    if not 1 <= number <= len(examples):
        raise DataError(
            f"{split} has {len(examples):,} origins, so it has no origin {number}",
            f"choose one of 1 to {len(examples)}: `--example {len(examples)}`",
        )
    one = examples.take(np.array([number - 1]))
    title, slug = f"origin {number} of {split}", f"{split}-{number}"
    return _moved(run, model, found, task, one, title, slug)


def effects_at_end(run: Run, file: Path, number: int, model: Any = None) -> WindowEffects:
    """Return how the last values of a series in a file moved the forecast from its end.

    Args:
        run: a run that forecasts, with a model.
        file: newer values, in the form of the run's data.
        number: of the series, from 1, in the order of the file.
        model: the network of the run, if it is already loaded.

    Raises:
        RunError: the run has no model.
        DataError: the series do not fit the run, or there are fewer.
    """
    run.require(run.model_file.name)
    config = config_of(run)
    found, task = read_newer(config, forecasting(run.fitted_task), file)
    if not 1 <= number <= len(found.names):
        raise DataError(
            f"{file} has {len(found.names):,} series, so it has no series {number}",
            f"choose one of 1 to {len(found.names)}: `--example {len(found.names)}`",
        )
    found = config.ready(found, task.horizon)
    examples = config.latest(found, replace(run.fitted(), task=task))
    one = examples.take(np.array([number - 1]))
    title, slug = f"the end of {one_line(file.name)}", f"{file.stem}-{number}"
    return _moved(run, model, found, task, one, title, slug)


def _moved(
    run: Run,
    model: Any,
    found: SeriesData,
    task: Forecasting,
    one: Examples,
    title: str,
    slug: str,
) -> WindowEffects:
    """Return how the values of the only window of `one` moved its forecast."""
    model, label = model or started(run), one.labels[0]
    whole = predictions(model, one, task)[0]
    changed = points(predictions(model, _occluded(one), task)).mean(axis=1)
    middle = whole[:, whole.shape[1] // 2].mean()
    series, origin, window = int(label["series"]), int(label["time"]), one.first.shape[1]
    last = int(found.firsts[series] + origin - found.starts[series])
    name = f" of {found.names[series]}" if len(found.names) > 1 else ""
    return WindowEffects(
        run=run.label,
        title=f"{title}: {task.grid.label(origin)}{name}",
        slug=slug,
        values=found.values[last - window + 1 : last + 1],
        times=task.grid.labels(origin - window + 1, window + task.horizon),
        features=_features(found, one.first.shape[2]),
        effects=_rounded(middle - changed, middle).reshape(one.first.shape[1:]),
        forecast=whole,
        truth=label["truth"],
        task=task,
    )


def _rounded(effects: np.ndarray, forecast: float) -> np.ndarray:
    """Return effects, of which those that are only errors of float32 are 0."""
    return np.asarray(np.where(np.abs(effects) < ROUNDING * abs(forecast), 0.0, effects))


def _features(series: SeriesData, number: int) -> tuple[str, ...]:
    """Return the names of the features of a step."""
    named = ("value", *series.past_names, *series.future_names)
    calendar = series.grid.calendar(series.times()[:1])[0] if number > len(named) else ()
    return (*named, *calendar)


def _occluded(one: Examples) -> Examples:
    """Return the window as often as it has values, each time with another one at 0."""
    first = np.asarray(one.first)[0]
    rows = np.zeros(first.size, np.int64)
    windows = np.repeat(first[None], first.size, axis=0)
    windows.reshape(first.size, -1)[np.arange(first.size), np.arange(first.size)] = 0.0
    x: Any = windows
    if isinstance(one.x, dict):
        x = {**inputs.rows(one.x, rows), inputs.first(one.x): windows}  # type: ignore[dict-item]
    return Examples(x, one.labels[rows])


def columns(found: WindowEffects) -> str:
    """Return the effects as a table with a row for each step of the window."""
    told = f"{found.run}  {found.title}\n{found.sentence}"
    return "\n\n".join([told, table(*by_step(found)), "\n".join(legend(found))])


def by_step(found: WindowEffects) -> tuple[list[str], list[list[str]]]:
    """Return the header, and a row for each step of the window."""
    header = ["time", "value", *(f"effect of {name}" for name in found.features)]
    if len(found.features) == 1:
        header[-1] = "effect"
    rows = [
        [time, readable(value), *map(_signed, row)]
        for time, value, row in zip(found.times, found.values, found.effects, strict=False)
    ]
    return header, rows


def legend(found: WindowEffects) -> list[str]:
    """Return the lines that say what an effect is."""
    lines = [
        "effect: by how much the mean forecast is higher because of the value, in units of the "
        "data:",
        "the value is replaced by the level of the window, a covariate by its mean on train",
    ]
    if found.task.transform.level == "last":
        lines[-1] += ";"
        lines.append("the level is the last value, which therefore has no effect of its own here")
    return lines


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{readable(float(value))}"


def numbers(found: WindowEffects) -> dict[str, Any]:
    """Return the effects for JSON."""
    window = len(found.values)
    return {
        "run": found.run,
        "origin": found.title,
        "steps": [
            {"time": time, "value": value, "effects": dict(zip(found.features, row, strict=True))}
            for time, value, row in zip(
                found.times[:window], found.values.tolist(), found.effects.tolist(), strict=True
            )
        ],
        "forecast": [
            {"time": time, "quantiles": row, "truth": None if np.isnan(true) else true}
            for time, row, true in zip(
                found.times[window:], found.forecast.tolist(), found.truth.tolist(), strict=True
            )
        ],
    }


def picture(found: WindowEffects) -> Figure:
    """Draw the window and the forecast, and below them the effect of each step."""
    figure = Figure(figsize=SIZE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    window, horizon = len(found.values), len(found.truth)
    ahead = np.arange(window, window + horizon)
    line = "known" if np.isnan(found.truth).all() else "true"
    joined = np.concatenate([found.values, found.truth])
    above.plot(np.arange(window + horizon), joined, color=GREY, linewidth=1, label=line)
    draw_forecast(above, ahead, found.forecast, FOR, found.task)
    for axes in (above, below):
        axes.axvline(window - 0.5, color=GREY, linestyle=":", linewidth=1)
    above.set_title(found.title, fontsize=9)
    above_all(figure, above)
    above.set_ylabel(found.task.value_name)
    total = found.effects.sum(axis=1)
    colours = [FOR if effect >= 0 else AGAINST for effect in total]
    below.bar(np.arange(window), total, color=colours)
    below.axhline(0, color=GREY, linewidth=0.8)
    below.set_ylabel("effect")
    ticks = ticks_of(found.task, window + horizon)
    below.set_xticks(ticks, [found.times[tick] for tick in ticks], fontsize=8)
    return figure


def write(found: WindowEffects, folder: Path, suffix: str, html: bool) -> list[Path]:
    """Save the picture, and if wanted a page; return the files.

    Raises:
        DrawingError: it cannot be drawn.
    """
    name = f"explain-{found.slug}"
    shown = partial(page, found) if html else None
    return write_figures(name, lambda: {name: picture(found)}, folder, suffix, shown)


def page(found: WindowEffects, figure: Figure) -> str:
    """Return an HTML page with the picture and a table of all steps."""
    header, rows = by_step(found)
    content = {
        "found": found,
        "picture": embedded(figure),
        "header": header,
        "rows": rows,
        "legend": " ".join(legend(found)),
    }
    title = found.title[0].upper() + found.title[1:]
    return document(title, found.run, [Section("effects", "What moved the forecast", content)])
