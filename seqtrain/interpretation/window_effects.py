"""Which steps of a window moved a forecast: the change if a value had been ordinary instead.

The value of a step is replaced by the level of its window, a covariate by its mean on train, and
the network forecasts again. M. D. Zeiler and R. Fergus, "Visualizing and Understanding
Convolutional Networks", ECCV 2014 (occlusion). It works for every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from seqtrain import drawing  # before matplotlib, which it imports on its defaults
from seqtrain.backend import execution
from seqtrain.data import inputs
from seqtrain.data.dataset import Dataset, Examples, Split
from seqtrain.display.columns import table
from seqtrain.display.numbers import readable
from seqtrain.errors import DataError
from seqtrain.inference.network import load_model, predictions
from seqtrain.plots.base import save
from seqtrain.plots.forecast_plots import above_all, draw_forecast
from seqtrain.runs import run_data
from seqtrain.runs.run import Run
from seqtrain.tasks.forecasting import Forecasting, forecasting

SIZE = (7.0, 4.6)  # inches
ROUNDING = 1e-6  # of a forecast
LARGEST = 3  # steps that a sentence names
FOR, AGAINST, GREY = "#0072B2", "#D55E00", "#444444"
TICKS = 6


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
        truth: the true next values, shape (H,).
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
        mean = readable(float(self.middle.mean()))
        true = readable(float(self.truth.mean()))
        return f"mean forecast {mean}, true {true}; moved most by {moved}"


def effects(run: Run, split: Split, number: int, data_dir: Path | None) -> WindowEffects:
    """Return how each value of the window of an origin moved its forecast.

    Args:
        run: a run that forecasts, with a model.
        split: train, validation or test.
        number: of the origin, from 1, in the order of time.
        data_dir: a folder to look for data files in.

    Raises:
        RunError: the run has no model.
        DataError: the data cannot be read, or the split has fewer origins.
    """
    run.require(run.model_file.name)
    dataset = run_data.load_readable(run, data_dir)
    examples, task = dataset.split(split), forecasting(run.fitted_task)
    found = dataset.series
    if found is None:
        raise TypeError("the dataset has no series")
    if not 1 <= number <= len(examples):
        raise DataError(
            f"{split} has {len(examples):,} origins, so it has no origin {number}",
            f"choose one of 1 to {len(examples)}: `--example {len(examples)}`",
        )
    execution.start_for_inference(run.config.execution, run.config.seed)
    one, model = examples.take(np.array([number - 1])), load_model(run)
    whole = predictions(model, one, task)[0]
    changed = task.points(predictions(model, _occluded(one), task)).mean(axis=1)
    middle = whole[:, whole.shape[1] // 2].mean()
    label = one.labels[0]
    series, origin, window = int(label["series"]), int(label["time"]), one.first.shape[1]
    last = int(found.firsts[series] + origin - found.starts[series])
    name = f" of {found.names[series]}" if len(found.names) > 1 else ""
    return WindowEffects(
        run=run.label,
        title=f"origin {number} of {split}: {task.grid.label(origin)}{name}",
        slug=f"{split}-{number}",
        values=found.values[last - window + 1 : last + 1],
        times=task.grid.labels(origin - window + 1, window + task.horizon),
        features=_features(run, dataset, one.first.shape[2]),
        effects=_rounded(middle - changed, middle).reshape(one.first.shape[1:]),
        forecast=whole,
        truth=label["truth"],
        task=task,
    )


def _rounded(effects: np.ndarray, forecast: float) -> np.ndarray:
    """Return effects, of which those that are only errors of float32 are 0."""
    return np.asarray(np.where(np.abs(effects) < ROUNDING * abs(forecast), 0.0, effects))


def _features(run: Run, dataset: Dataset, number: int) -> tuple[str, ...]:
    """Return the names of the features of a step."""
    series = dataset.series
    if series is None:
        return ()
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
    header = ["time", "value", *(f"effect of {name}" for name in found.features)]
    if len(found.features) == 1:
        header[-1] = "effect"
    rows = [
        [time, readable(value), *map(_signed, row)]
        for time, value, row in zip(found.times, found.values, found.effects, strict=False)
    ]
    legend = (
        "effect: by how much the mean forecast is higher because of the value, in units of the "
        "data:\nthe value is replaced by the level of the window, a covariate by its mean on train"
    )
    if found.task.transform.level == "last":
        legend += "\nthe level is the last value, which therefore has no effect of its own here"
    return "\n\n".join(
        [f"{found.run}  {found.title}\n{found.sentence}", table(header, rows), legend]
    )


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
            {"time": time, "quantiles": row, "truth": true}
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
    joined = np.concatenate([found.values, found.truth])
    above.plot(np.arange(window + horizon), joined, color=GREY, linewidth=1, label="true")
    draw_forecast(above, ahead, found.forecast, FOR, found.task)
    for axes in (above, below):
        axes.axvline(window - 0.5, color=GREY, linestyle=":", linewidth=1)
    above.set_title(found.title, fontsize=9)
    above_all(figure, above)
    above.set_ylabel("value")
    total = found.effects.sum(axis=1)
    colours = [FOR if effect >= 0 else AGAINST for effect in total]
    below.bar(np.arange(window), total, color=colours)
    below.axhline(0, color=GREY, linewidth=0.8)
    below.set_ylabel("effect")
    ticks = np.unique(np.linspace(0, window + horizon - 1, TICKS).astype(int))
    below.set_xticks(ticks, [found.times[tick] for tick in ticks], fontsize=8)
    return figure


def write(found: WindowEffects, folder: Path, suffix: str) -> Path:
    """Save the picture, and return its file.

    Raises:
        DrawingError: it cannot be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"explain-{found.slug}.{suffix}"
    with drawing.picture(name):
        return save(picture(found), folder / name)
