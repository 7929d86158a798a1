"""What datasets of time series have in common: windows and their preprocessing."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast, get_args

from pydantic import Field

from seqtrain.data.dataset import Dataset, Examples, Fitted, NewExamples
from seqtrain.data.inputs import pieces
from seqtrain.data.scaling import Scaling
from seqtrain.data.seasonality import mase_scale
from seqtrain.data.transform import Level, Transform
from seqtrain.data.windows import Windows, labels_type
from seqtrain.display.sentences import counted
from seqtrain.errors import DataError
from seqtrain.schema.sections import Share, Size
from seqtrain.sources.time_split import Cuts, TimeSplitConfig
from seqtrain.tasks import Task
from seqtrain.tasks.forecasting import Forecasting, Output, forecasting

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.grid import Grid
    from seqtrain.data.inputs import Inputs
    from seqtrain.data.time_series import SeriesData

# The inputs of a network that reads future covariates, or which series a window is of.
HISTORY, KNOWN, SERIES = "history", "known", "series"
AUTO = "auto"
DECIDES = "`auto` decides on validation"
LEAST_SPREAD = 0.05  # of a window, in standard deviations of its series
TRIED = 20_000  # windows of train by which `auto` is decided
DECIDED = ("season", "window", "horizon", "log", "deseasonalise", "level", "scale")
FEWEST = 4  # steps of a series in train

Auto = Literal["auto"]
Scale = Literal["series", "window"]

log = logging.getLogger(__name__)


class SeriesConfig(TimeSplitConfig):
    """The keys of every dataset of time series."""

    log: bool | Auto = Field(
        default=False,
        description="forecast the logarithm, for values above 0 that grow by percentages and whose "
        f"seasons grow with them; {DECIDES}",
    )
    deseasonalise: bool | Auto = Field(
        default=False,
        description="subtract from each series its seasonal pattern of train, where it has one, "
        f"and add it to the forecasts; {DECIDES}",
    )
    level: Level | Auto = Field(
        default="last",
        description="what is subtracted from each window, and added to its forecast: its `last` "
        "value, its `mean`, or `none`; levels outside of those of train need one of the first two; "
        f"{DECIDES}",
    )
    scale: Scale | Auto = Field(
        default="series",
        description="what the values are divided by: the standard deviation of their `series` in "
        "train, or also that of each `window`, for series whose variation changes; "
        f"{DECIDES}",
    )
    differences: bool = Field(
        default=False,
        description="give the network the change of each step instead of its value; the forecast "
        "is still relative to the `level`",
    )
    series_embedding: Size | None = Field(
        default=None,
        description="length of a vector that the network learns for each series and reads beside "
        "the values of each step; null for none",
    )
    calendar: bool = Field(
        default=False,
        description="give the network the month, the day of the week and the hour of each step, "
        "as sine and cosine, for the window and the horizon",
    )
    output: Output = Field(
        default="quantiles",
        description="what the network learns to predict: `quantiles` (the median and the ends of "
        "the interval, by the pinball loss), or only the `median` (by the absolute error) or the "
        "`mean` (by the squared error)",
    )
    interval: Share | None = Field(
        default=0.9,
        description="share of the true values that the interval of a forecast should hold; it is "
        "calibrated on validation; null gives forecasts without an interval",
    )

    @abstractmethod
    def series(self, data_dir: Path | None) -> SeriesData:
        """Read all series.

        Raises:
            DataError: a file is missing or damaged.
        """

    def series_of(self, file: Path, grid: Grid | None = None) -> SeriesData:
        """Read the series of another file in the form of the data.

        Args:
            file: of newer values.
            grid: that of a run, on which its times must lie, however few they are; None infers it.

        Raises:
            DataError: it is missing or damaged, or this dataset has no file.
        """
        raise DataError(f"`{self.name}` is not read from a file", "leave out `--data`")

    @property
    def holds_series(self) -> bool:
        """True."""
        return True

    def embedded(self, task: Task) -> dict[str, tuple[int, int]]:
        """Return the number of series and the length of their vectors, if the network has any."""
        length = self.series_embedding
        return {SERIES: (len(forecasting(task).names), length)} if length else {}

    def new_task(self) -> Forecasting:
        """Return the task of this horizon, not fitted."""
        return Forecasting(self.horizon or 1, self.output, self.interval)

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the series, split them in time, and fit the preprocessing on train.

        Raises:
            DataError: a file is missing or damaged, or the series are too short for the splits.
        """
        found = self.series(data_dir)
        dataset = self.windowed(found)
        self.completed(found).report_few(found, dataset)
        return dataset

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Refuse: a forecast goes on from the end of a series."""
        hint = f"forecast from its end: `seqtrain forecast RUN --data {file}`"
        raise DataError("a network that forecasts takes no single examples", hint)

    def encode_texts(self, texts: Sequence[str], fitted: Fitted) -> NewExamples:
        """Refuse, as `read_given` does."""
        hint = "forecast from the end of its series: `seqtrain forecast RUN`"
        raise DataError("a network that forecasts reads no texts", hint)

    def located(self, dataset: Dataset) -> Self:
        """Return the config with the path of the data, and with the keys that were inferred."""
        return super().located(dataset).model_copy(update=dict(dataset.decided))

    def windowed(self, found: SeriesData) -> Dataset:
        """Return the windows of each part, and what was fitted on train."""
        self._check_calendar(found)
        config = self.completed(found)
        config = config._best_of(config._choices(found), found)
        return config._windowed(found, {key: getattr(config, key) for key in DECIDED})

    def _choices(self, found: SeriesData) -> list[Self]:
        """Return the config with every choice for the keys that are `auto`."""
        choices: dict[str, tuple[Any, ...]] = {
            "log": (True, False) if (found.values > 0).all() else (False,),
            "deseasonalise": (False, True) if self.season != 1 else (False,),
            "level": get_args(Level)[:2],
            "scale": get_args(Scale),
        }
        open_keys = [key for key in choices if getattr(self, key) == AUTO]
        ways = product(*(choices[key] for key in open_keys))
        return [self.model_copy(update=dict(zip(open_keys, way, strict=True))) for way in ways]

    def _best_of(self, choices: Sequence[Self], found: SeriesData) -> Self:
        """Return the choice with which a linear regression on the window is best on validation."""
        if len(choices) == 1:
            return choices[0]
        errors = [choice.linear_mase(found) for choice in choices]
        best = choices[errors.index(min(errors))]
        keys = [key for key in DECIDED if getattr(self, key) == AUTO]
        said = ", ".join(f"{key}={str(getattr(best, key)).lower()}" for key in keys)
        log.info(
            "%s: best of %s ways on validation, for a linear regression (MASE %.4g)",
            *(said, len(choices), min(errors)),
        )
        return best

    def linear_mase(self, found: SeriesData) -> float:
        """Return MASE on validation of a linear regression that some windows of train fit."""
        import numpy as np

        from seqtrain.evaluation import forecast_metrics
        from seqtrain.evaluation.forecast_baselines import fit_windows, forecast_linearly

        stride = max(self.stride, len(found.values) // TRIED)
        dataset = self.model_copy(update={"stride": stride})._windowed(found, {})
        task, labels = forecasting(dataset.task), dataset.validation.labels
        outputs = forecast_linearly(fit_windows(dataset), dataset.validation)
        points = task.transform.in_units(outputs, labels)[:, :, None]
        return float(np.nanmean(forecast_metrics.errors(task.origins(labels), points)))

    def _windowed(self, found: SeriesData, decided: Mapping[str, Any]) -> Dataset:
        """Return the windows of a config in which everything is decided."""
        cuts = self.cuts(found)
        task, scaling = self._task(found, cuts), self._scaling(found, cuts)
        parts = {
            name: self.examples(found, task, scaling, *origins)
            for name, origins in self.origins_of_parts(found, cuts).items()
        }
        return Dataset(
            train=parts["train"],
            validation=parts["validation"],
            test=parts["test"],
            task=task,
            source=found.source,
            sha256=found.sha256,
            scaling=scaling,
            series=found,
            embedded=self.embedded(task),
            decided=decided,
        )

    def ready(self, found: SeriesData, steps: int) -> SeriesData:
        """Return series from whose end so many steps can be forecast.

        The covariates of steps beyond them, up to whole horizons, keep their last value.

        Raises:
            DataError: a series is shorter than a window, or has a value without a logarithm, or
                the future covariates of these steps are not known.
        """
        import numpy as np

        if self.log:
            self._check_positive(found)
        short = np.flatnonzero(found.lengths < (self.window or 1))
        if len(short):
            has = counted(int(found.lengths[short[0]]), "step")
            raise DataError(
                f"{found.source}: {found.title(int(short[0]))} has {has}, but the network reads "
                f"{self.window}",
                "give it the steps before, too",
            )
        self._check_known(found, steps)
        horizon = self.horizon or 1
        return found.known_to(found.lengths + horizon * -(-steps // horizon))

    def backtest(self, found: SeriesData, fitted: Fitted) -> Examples:
        """Return all windows of series whose next values are known.

        Args:
            found: the series, see `ready`.
            fitted: the task and the scaling of the run.

        Raises:
            DataError: there are none.
        """
        series, origins = self.origins(found, 0 * found.lengths, found.lengths, 1)
        if not len(series):
            steps = (self.window or 1) + (self.horizon or 1)
            raise DataError(
                f"{found.source}: no series has the {steps} steps of a window and its next values",
                "give it earlier values, too",
            )
        task = forecasting(fitted.task)
        return self.examples(found, task, fitted.scaling, series, origins)

    def latest(self, found: SeriesData, fitted: Fitted) -> Examples:
        """Return the last window of each series, whose next values are not known yet.

        Args:
            found: the series, see `ready`.
            fitted: the task and the scaling of the run.
        """
        import numpy as np

        origins, task = found.lengths - 1, forecasting(fitted.task)
        return self.examples(found, task, fitted.scaling, np.arange(len(origins)), origins)

    def examples(
        self,
        found: SeriesData,
        task: Forecasting,
        scaling: Scaling | None,
        series: np.ndarray,
        origins: np.ndarray,
    ) -> Examples:
        """Return the windows that end at origins, and the values after them.

        Args:
            found: the series.
            task: fitted on train.
            scaling: of the covariates, fitted on train.
            series: the number of the series of each origin, int64 of shape (N,).
            origins: the last step of each window as a step of its series, in the same form.
        """
        import numpy as np

        window, horizon = self.window or 1, self.horizon or 1
        steps = self._steps(found, task, scaling)
        ends = found.firsts[series] + origins + 1
        labels = np.zeros(len(series), labels_type(horizon))
        labels["series"], labels["time"] = series, found.starts[series] + origins
        for rows in pieces(len(series)):
            labels["truth"][rows] = found.after(series[rows], origins[rows], horizon)
        labels["level"] = self._levels(steps[:, 0], ends)
        labels["spread"] = self._spreads(steps[:, 0], ends)
        level, spread = labels["level"].copy(), labels["spread"].copy()
        if self.differences:
            steps[:, 0] = _changes(steps[:, 0], found.firsts)
            level = np.zeros_like(level)
        history = Windows(steps, ends - window, window, level, spread)
        named: dict[str, Any] = {}
        if found.future_names or self.calendar:
            known, firsts = self._known(found, scaling)
            named[KNOWN] = Windows(known, firsts[series] + origins + 1, horizon)
        if self.series_embedding:
            numbers = [task.number(number) for number in range(len(found.names))]
            named[SERIES] = np.array(numbers, np.int32)[series][:, None]
        x = {HISTORY: history, **named} if named else history
        return Examples(cast("Inputs", x), labels)

    def _steps(self, found: SeriesData, task: Forecasting, scaling: Scaling | None) -> np.ndarray:
        """Return what the network reads of each step; float64, shape (total, F)."""
        import numpy as np

        series = np.repeat(np.arange(len(found.names)), found.lengths)
        times = found.times()
        values = task.transform.forward(found.values, series, times)
        covariates = found.covariates()
        columns = [values[:, None], scaling.apply(covariates) if scaling else covariates]
        columns += [found.grid.calendar(times)[1]] if self.calendar else []
        return np.concatenate(columns, axis=1)

    def _known(self, found: SeriesData, scaling: Scaling | None) -> tuple[np.ndarray, np.ndarray]:
        """Return what is known in advance of each step, and the first step of each series.

        It goes on for a horizon after the last value; covariates that are not known are NaN.
        """
        import numpy as np

        lengths = np.maximum(found.known, found.lengths + (self.horizon or 1))
        firsts = lengths.cumsum() - lengths
        within = np.arange(lengths.sum()) - np.repeat(firsts, lengths)
        given = np.repeat(found.known, lengths) > within
        future = np.full((len(within), len(found.future_names)), np.nan)
        future[given] = found.future
        if scaling:
            future = scaling.last(len(found.future_names)).apply(future)
        times = within + np.repeat(found.starts, lengths)
        calendar = [found.grid.calendar(times)[1]] if self.calendar else []
        return np.concatenate([future, *calendar], axis=1), firsts

    def _check_known(self, found: SeriesData, steps: int) -> None:
        """Raise a DataError if a future covariate is not known for so many steps."""
        ahead = (found.known - found.lengths).tolist()
        at = ahead.index(min(ahead))
        if found.future_names and ahead[at] < steps:
            names = ", ".join(f"`{name}`" for name in found.future_names)
            fewer = f", or forecast fewer steps: `--steps {ahead[at]}`" if ahead[at] else ""
            raise DataError(
                f"{found.source}: {names} of {found.title(at)} must be known for "
                f"{counted(steps, 'step')} after its last value, but only {ahead[at]} are",
                f"add rows with these columns for the next times, and leave the value empty{fewer}",
            )

    def _levels(self, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return the level of each window, as the network reads it; float64, shape (N,)."""
        import numpy as np

        if self.level == "last":
            return np.asarray(steps[ends - 1])
        if self.level == "none":
            return np.zeros(len(ends))
        sums = np.concatenate([[0.0], steps.cumsum()])
        window = self.window or 1
        return np.asarray((sums[ends] - sums[ends - window]) / window)

    def _spreads(self, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return by what each window is divided, beside its series; float64, shape (N,).

        It is the standard deviation of the window, but not near 0, which would magnify noise.
        """
        import numpy as np

        if self.scale == "series":
            return np.ones(len(ends))
        window = self.window or 1
        sums = np.concatenate([np.zeros((1, 2)), np.stack([steps, steps**2], 1).cumsum(axis=0)])
        mean, square = ((sums[ends] - sums[ends - window]) / window).T
        return np.asarray(np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), LEAST_SPREAD))

    def _task(self, found: SeriesData, cuts: Cuts) -> Forecasting:
        """Return the task with everything that is fitted on train."""
        season = self.season or 1
        for number, cut in enumerate(cuts.validation.tolist()):
            if cut < FEWEST:
                raise self._no_train(found, number)
        if self.log:
            self._check_positive(found)
        parts = [values[:cut] for values, cut in zip(found.each(), cuts.validation, strict=True)]
        before = [values[:cut] for values, cut in zip(found.each(), cuts.test, strict=True)]
        seasonal = season if self.deseasonalise else 1
        scales = tuple(mase_scale(values, season) for values in before)
        if not any(scales):
            raise DataError(
                f"{found.source}: no series changes before its test part, so there is nothing to "
                "learn",
                "name the columns of the values: `dataset.value_columns=[…]`",
            )
        starts = found.starts.tolist()
        return Forecasting(
            horizon=self.horizon or 1,
            output=self.output,
            interval=self.interval,
            transform=Transform.fit(
                parts, starts, log=bool(self.log), level=cast("Level", self.level), season=seasonal
            ),
            scales=scales,
            season=season,
            names=found.names,
            grid=found.grid,
        )

    def _scaling(self, found: SeriesData, cuts: Cuts) -> Scaling | None:
        """Fit the scaling of the covariates on train; None without covariates."""
        import numpy as np

        if not found.past_names + found.future_names:
            return None
        within = np.arange(len(found.values)) - np.repeat(found.firsts, found.lengths)
        return Scaling.of(found.covariates()[within < np.repeat(cuts.validation, found.lengths)])

    def _check_calendar(self, found: SeriesData) -> None:
        """Raise a DataError if the network shall know the calendar of times that have none."""
        grid = found.grid
        if not self.calendar or grid.calendar(found.times()[:1])[0]:
            return
        why = "numbers without dates" if grid.counted else f"apart by {grid.step}"
        hint = "`dataset.calendar=false`"
        if not grid.dated:
            hint += ", or name the column of their dates: `dataset.time_column=…`"
        raise DataError(f"{found.source}: the times are {why}, of which no calendar is known", hint)

    def _check_positive(self, found: SeriesData) -> None:
        import numpy as np

        wrong = np.flatnonzero(found.values <= 0)
        if len(wrong):
            at = int(wrong[0])
            series = int(np.searchsorted(found.firsts, at, side="right")) - 1
            when = found.grid.label(int(found.starts[series] + at - found.firsts[series]))
            raise DataError(
                f"{found.source}: {found.title(series)} is {found.values[at]:g} at {when}, which "
                "has no logarithm",
                "`dataset.log=false`",
            )

    def _no_train(self, found: SeriesData, number: int) -> DataError:
        steps = counted(int(found.lengths[number]), "step")
        return DataError(
            f"{found.source}: {found.title(number)} has {steps}, of which fewer than {FEWEST} are "
            "left for train",
            "leave it out, forecast fewer steps (`dataset.horizon=…`), or give validation and test "
            "smaller parts (`dataset.validation=…`, `dataset.test=…`)",
        )


def _changes(steps: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the change of each step from the one before, 0 at the first of a series."""
    import numpy as np

    found = np.diff(steps, prepend=steps[:1])
    found[firsts] = 0.0
    return found
