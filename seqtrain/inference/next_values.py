"""Forecast the values after the end of a run's series, or of newer ones."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.data.dataset import Examples
from seqtrain.data.time_series import SeriesData
from seqtrain.evaluation.forecast_metrics import points
from seqtrain.inference.network import Row, predictions, started
from seqtrain.inference.newer_series import config_of, read_newer
from seqtrain.runs.run import Run
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
    run: Run,
    file: Path | None = None,
    steps: int | None = None,
    data_dir: Path | None = None,
    model: Any = None,
) -> Forecast:
    """Forecast the next values of each series.

    Beyond the horizon the forecasts are fed back to the network as if they were values, and the
    squares of the widths of the intervals are added up.

    Args:
        run: a run that forecasts, with a model.
        file: newer values, in the form of the run's data; None goes on from the end of these.
        steps: how many; None is the horizon of the run.
        data_dir: a folder to look for data files in.
        model: the network of the run, if it is already loaded.

    Raises:
        RunError: the run has no model.
        DataError: the run does not forecast, or the series do not fit it.
    """
    run.require(run.model_file.name)
    task = forecasting(run.fitted_task)
    config = config_of(run)
    found, task = read_newer(config, task, file) if file else (config.series(data_dir), task)
    wanted = steps or task.horizon
    past = found = config.ready(found, wanted)
    if wanted > task.horizon:
        log.warning(
            "the network forecasts %s steps; further ones see its own forecasts as values, so "
            "they are less certain",
            task.horizon,
        )
    model, fitted = model or started(run), replace(run.fitted(), task=task)
    parts: list[np.ndarray] = []
    width = np.zeros((len(found.names), 1, 1))
    for _ in range(0, wanted, task.horizon):
        examples = config.latest(found, fitted)
        part, width = _widened(predictions(model, examples, task), width, examples, task)
        parts.append(part)
        found = found.extended(points(part))
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
    scaled = task.transform.standardised(quantiles, examples.labels)
    middle = scaled[:, :, [scaled.shape[2] // 2]]
    apart = scaled - middle
    wider = np.sign(apart) * np.sqrt(np.square(apart) + np.square(before))
    return task.transform.in_units(middle + wider, examples.labels), wider[:, -1:]
