"""Read newer values of the series of a run, to forecast from their end or to test it on them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from seqtrain.data.dataset import Examples
from seqtrain.data.time_series import SeriesData
from seqtrain.display.sentences import listed
from seqtrain.errors import DataError
from seqtrain.runs.run import Run
from seqtrain.sources.windowed_series import SeriesConfig
from seqtrain.tasks.forecasting import Forecasting, forecasting

log = logging.getLogger(__name__)


def backtest(run: Run, file: Path) -> tuple[Examples, Forecasting]:
    """Return all windows of a file whose next values are known, and the task for its series.

    Raises:
        DataError: the run does not forecast, or the series do not fit it.
    """
    config, fitted = config_of(run), run.fitted()
    found, task = read_newer(config, forecasting(fitted.task), file)
    return config.backtest(config.ready(found, 0), replace(fitted, task=task)), task


def config_of(run: Run) -> SeriesConfig:
    """Return the dataset section of a run that forecasts."""
    if not isinstance(run.config.dataset, SeriesConfig):
        raise TypeError("the run has no series")
    return run.config.dataset


def read_newer(
    config: SeriesConfig, task: Forecasting, file: Path
) -> tuple[SeriesData, Forecasting]:
    """Return the series of a file, and the task for them.

    Args:
        config: the dataset section of a run.
        task: of the run.
        file: series in the form of the run's data.

    Raises:
        DataError: the file is damaged, or its series do not fit the run.
    """
    found = config.series_of(file)
    task = _of_file(task, found)
    if not found.timed and any(task.transform.seasons):
        log.warning(
            "%s has no times, so its first row must be at the same place of a season of %s steps "
            "as the first row of the training data",
            *(file, task.season),
        )
    return found, task


def _of_file(task: Forecasting, found: SeriesData) -> Forecasting:
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
