"""Forecast the values after the end of a run's series, or of newer ones."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqtrain.backend import execution
from seqtrain.data.dataset import Examples
from seqtrain.data.time_series import SeriesData
from seqtrain.display.sentences import listed
from seqtrain.errors import DataError
from seqtrain.inference.network import Row, load_model, predictions
from seqtrain.runs.run import Run
from seqtrain.sources.windowed_series import SeriesConfig
from seqtrain.tasks.forecasting import Forecasting, forecasting

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forecast:
    """The forecasts of S series for the steps after their last values.

    Attributes:
        series: the series, with their past.
        task: the task, with the names of the series.
        quantiles: float64 of shape (S, steps, Q), in units of the data.
    """

    series: SeriesData
    task: Forecasting
    quantiles: np.ndarray

    def rows(self) -> list[Row]:
        """Return a row for each step of each series: its time, forecast and interval."""
        task, series = self.task, self.series
        share = f"{task.interval:.0%}".rstrip("%") if task.interval else ""
        ends = series.starts + series.lengths
        rows = []
        for number, found in enumerate(self.quantiles):
            name = {"series": series.names[number]} if len(series.names) > 1 else {}
            for step, values in enumerate(found.tolist()):
                row: Row = {**name, "time": task.grid.label(int(ends[number]) + step)}
                row["forecast"] = values[len(values) // 2]
                if len(values) > 1:
                    row |= {f"lower_{share}": values[0], f"upper_{share}": values[-1]}
                rows.append(row)
        return rows


def forecast(
    run: Run, file: Path | None = None, steps: int | None = None, data_dir: Path | None = None
) -> Forecast:
    """Forecast the next values of each series.

    Beyond the horizon the forecasts are fed back to the network as if they were values, and the
    squares of the widths of the intervals are added up.

    Args:
        run: a run that forecasts, with a model.
        file: newer values, in the form of the run's data; None goes on from the end of these.
        steps: how many; None is the horizon of the run.
        data_dir: a folder to look for data files in.

    Raises:
        RunError: the run has no model.
        DataError: the run does not forecast, or the series do not fit it.
    """
    run.require(run.model_file.name)
    config, task = run.config.dataset, forecasting(run.fitted_task)
    if not isinstance(config, SeriesConfig):
        raise TypeError("the run has no series")
    found = config.series_of(file) if file else config.series(data_dir)
    task = chosen(task, found)
    if file and not found.timed and any(task.transform.seasons):
        log.warning(
            "%s has no times, so its first row must be at the same place of a season of %s steps "
            "as the first row of the training data",
            *(file, task.season),
        )
    wanted = steps or task.horizon
    found = config.ready(found, wanted)
    if wanted > task.horizon:
        log.warning(
            "the network forecasts %s steps; further ones see its own forecasts as values, so "
            "they are less certain",
            task.horizon,
        )
    execution.start_for_inference(run.config.execution, run.config.seed)
    model, fitted = load_model(run), replace(run.fitted(), task=task)
    past = found
    parts: list[np.ndarray] = []
    width = np.zeros((len(found.names), 1, 1))
    while sum(part.shape[1] for part in parts) < wanted:
        examples = config.latest(found, fitted)
        part, width = _widened(predictions(model, examples, task), width, examples, task)
        parts.append(part)
        found = found.extended(task.points(part))
    return Forecast(past, task, np.concatenate(parts, axis=1)[:, :wanted])


def _widened(
    quantiles: np.ndarray, before: np.ndarray, examples: Examples, task: Forecasting
) -> tuple[np.ndarray, np.ndarray]:
    """Return quantiles whose distances from the middle also hold those of the steps before.

    Args:
        quantiles: float64 of shape (S, H, Q), in units of the data.
        before: the distances of the last step before, in the scale of the network, of shape
            (S, 1, Q) or (S, 1, 1).
        examples: the windows.
        task: the task.

    Returns:
        The quantiles, and the distances of the last step.
    """
    scaled = task.standardised(quantiles, examples.labels)
    middle = scaled[:, :, [scaled.shape[2] // 2]]
    apart = scaled - middle
    wider = np.sign(apart) * np.sqrt(np.square(apart) + np.square(before))
    return task.in_units(middle + wider, examples.labels), wider[:, -1:]


def chosen(task: Forecasting, found: SeriesData) -> Forecasting:
    """Return the task with only the series of a file, in their order.

    Raises:
        DataError: the times are at other distances, or a series is unknown.
    """
    if found.grid != task.grid:
        raise DataError(
            f"{found.source}: a step is {found.grid.step}, but the network learned steps "
            f"of {task.grid.step}",
            "give it values at the distances of its training",
        )
    names = {name: number for number, name in enumerate(task.names)}
    for name in found.names:
        if name not in names:
            some = listed([f"`{known}`" for known in task.names[:5]], "and")
            raise DataError(
                f"{found.source}: the network does not know the series `{name}`",
                f"it was trained on {some}; a series of its own needs a network of its own: "
                "`seqtrain train`",
            )
    return task.of_series([names[name] for name in found.names])
