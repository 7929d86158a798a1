"""What datasets of time series have in common: windows, the split in time, preprocessing."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast, get_args

from pydantic import BeforeValidator, Field

from seqtrain.data.dataset import Dataset, Examples, Fitted, NewExamples
from seqtrain.data.inputs import pieces
from seqtrain.data.scaling import Scaling
from seqtrain.data.seasonality import mase_scale
from seqtrain.data.transform import Level, Transform
from seqtrain.data.windows import Windows
from seqtrain.display.sentences import counted
from seqtrain.errors import DataError
from seqtrain.schema.sections import Count, Share, Size
from seqtrain.sources.base import DatasetConfig
from seqtrain.tasks import Task
from seqtrain.tasks.forecasting import Forecasting, Output, forecasting, labels_type

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
LONGEST_SEASON = 48  # steps of a season up to which a window holds two of them
WINDOW, HORIZON = 24, 12  # without a season
DECIDED = ("season", "window", "horizon", "log", "deseasonalise", "level", "scale")
SHORT = 10  # a horizon that is not given is at most such a part of the longest series
FEW = 5  # origins of validation or test; fewer are a warning
FEWEST = 4  # steps of a series in train


log = logging.getLogger(__name__)


def _as_steps(value: Any) -> Any:
    """Return a whole number as such, where YAML has it as 18.0."""
    return int(value) if isinstance(value, float) and value >= 1 and value.is_integer() else value


Auto = Literal["auto"]
Scale = Literal["series", "window"]

# Of a series: a share, so many steps, or from a time on.
Part = Annotated[Share | Count | str, BeforeValidator(_as_steps)]


@dataclass(frozen=True)
class Cuts:
    """Where the parts of each series begin, as steps of it; int64 of shape (S,).

    Attributes:
        validation: the first step of validation.
        test: the first step of test.
    """

    validation: np.ndarray
    test: np.ndarray


class SeriesConfig(DatasetConfig):
    """The keys of every dataset of time series."""

    window: Size | None = Field(
        default=None,
        description="steps that the network reads before each forecast; null is two seasons, or "
        f"one if it is longer than {LONGEST_SEASON} steps, and {WINDOW} without a season",
    )
    horizon: Size | None = Field(
        default=None,
        description=f"steps that are forecast at once; null is one season, or {HORIZON} steps "
        "without one, but at most a tenth of the longest series",
    )
    season: Size | None = Field(
        default=None,
        description="steps of a season; null decides by the distance of the times: 12 for months, "
        "7 for days, 24 for hours; 1 is no season",
    )
    validation: Part = Field(
        default=0.15,
        description="the part before the test that chooses the best epoch and calibrates the "
        "intervals: a share of each series, a number of steps, or the time at which it begins",
    )
    validation_series: Share | None = Field(
        default=None,
        description="share of the series whose validation part is held back, where there are many; "
        "the others train up to the test; null holds it back of all",
    )
    test: Part = Field(
        default=0.15,
        description="the last part of each series, for the final scores; given as `validation` is",
    )
    stride: Count = Field(
        default=1,
        description="distance between the windows of train, in steps: a larger one is faster; "
        "validation and test use every window",
    )
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
        self.completed(found)._report_few(found, dataset)
        return dataset

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Refuse: a forecast goes on from the end of a series."""
        hint = f"forecast from its end: `seqtrain forecast RUN --data {file}`"
        raise DataError("a network that forecasts takes no single examples", hint)

    def encode_texts(self, texts: Sequence[str], fitted: Fitted) -> NewExamples:
        """Refuse, as `read_given` does."""
        hint = "forecast from the end of its series: `seqtrain forecast RUN`"
        raise DataError("a network that forecasts reads no texts", hint)

    def completed(self, found: SeriesData) -> Self:
        """Return the config with the season, the window and the horizon that the data decide."""
        season = self.season or found.grid.season
        two = 2 * season if season <= LONGEST_SEASON else season
        usual = (two, season) if season > 1 else (WINDOW, HORIZON)
        longest = max(int(found.lengths.max()) // SHORT, 1)
        window, horizon = self.window or usual[0], self.horizon or min(usual[1], longest)
        return self.model_copy(update={"season": season, "window": window, "horizon": horizon})

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

        from seqtrain.evaluation.forecast_baselines import fit_windows, forecast_linearly

        stride = max(self.stride, len(found.values) // TRIED)
        dataset = self.model_copy(update={"stride": stride})._windowed(found, {})
        task, labels = forecasting(dataset.task), dataset.validation.labels
        outputs = forecast_linearly(fit_windows(dataset), dataset.validation)
        errors = task.errors(labels, task.in_units(outputs, labels)[:, :, None])
        return float(np.nanmean(errors))

    def _windowed(self, found: SeriesData, decided: Mapping[str, Any]) -> Dataset:
        """Return the windows of a config in which everything is decided."""
        cuts = self._cuts(found)
        task, scaling = self._task(found, cuts), self._scaling(found, cuts)
        bounds = {
            "train": (0 * cuts.validation, cuts.validation, self.stride),
            "validation": (cuts.validation, cuts.test, 1),
            "test": (cuts.test, found.lengths, 1),
        }
        parts = {}
        for name, (begin, end, stride) in bounds.items():
            series, origins = self._origins(found, begin, end, stride)
            if not len(series):
                raise self._too_short(found, name)
            parts[name] = self.examples(found, task, scaling, series, origins)
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

    def _report_few(self, found: SeriesData, dataset: Dataset) -> None:
        """Warn of validation and test parts with few origins, and report parts that were raised."""
        origins = {"validation": len(dataset.validation), "test": len(dataset.test)}
        few = {name: number for name, number in origins.items() if number < FEW}
        if few:
            counts = " and ".join(f"{name} {counted(few[name], 'origin')}" for name in few)
            more = self._more_origins(found, [*few])
            log.warning("%s: few forecasts test the network: %s; %s", found.source, counts, more)
        for name in origins.keys() - few.keys():
            raised = int((self._share_of(found, name) < (self.horizon or 1)).sum())
            if raised and len(found.lengths) > 1:
                log.info(
                    "%s: the %s part of %s of %s series is one horizon, as its share is shorter",
                    *(found.source, name, f"{raised:,}", f"{len(found.lengths):,}"),
                )

    def _more_origins(self, found: SeriesData, parts: Sequence[str]) -> str:
        """Return what gives parts more origins: a shorter horizon, or longer parts."""
        horizon = self.horizon or 1
        shorter = min(int(self._share_of(found, part).max()) for part in parts) - FEW + 1
        keys = " ".join(f"dataset.{part}={horizon + FEW - 1}" for part in parts)
        if not 1 <= shorter < horizon:
            return f"longer parts have more: `{keys}`"
        return f"a shorter horizon has more, `dataset.horizon={shorter}`, or longer parts, `{keys}`"

    def _share_of(self, found: SeriesData, part: str) -> np.ndarray:
        """Return the steps of each series that the key of a part names; int64 of shape (S,)."""
        import numpy as np

        key = getattr(self, part)
        if isinstance(key, float):
            return np.round(found.lengths * key).astype(np.int64)
        return np.full(len(found.lengths), key if isinstance(key, int) else self.horizon)

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
        series, origins = self._origins(found, 0 * found.lengths, found.lengths, 1)
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
            labels["truth"][rows] = _after(found, series[rows], origins[rows], horizon)
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
                f"{counted(steps, 'step')} after its last value, and are for {ahead[at]}",
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

    def _origins(
        self, found: SeriesData, begin: np.ndarray, end: np.ndarray, stride: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the origins whose next values all lie in a part of their series.

        The value of an origin is in the data: what fills a gap may come from after it. At least
        one of its next values is.

        Args:
            found: the series.
            begin: the first step of the part of each series.
            end: the step after its last.
            stride: the distance between two origins, of which one is the last that there can be.

        Returns:
            The series and the last known step of each origin; int64, shape (N,).
        """
        import numpy as np

        window, horizon = self.window or 1, self.horizon or 1
        each = [
            np.arange(last, max(first, window) - 2, -stride)[::-1]
            for first, last in zip(begin.tolist(), (end - horizon - 1).tolist(), strict=True)
        ]
        series = np.repeat(np.arange(len(each)), [len(one) for one in each])
        origins = np.concatenate(each).astype(np.int64)
        if not found.filled:
            return series, origins
        rows = found.firsts[series] + origins
        known = np.concatenate([[0], found.observed.cumsum()])
        usable = found.observed[rows] & (known[rows + horizon + 1] > known[rows + 1])
        return series[usable], origins[usable]

    def _cuts(self, found: SeriesData) -> Cuts:
        """Return where validation and test begin.

        Raises:
            DataError: a part is shorter than the horizon.
        """
        import numpy as np

        test = self._begin(found, self.test, found.lengths, "test")
        validation = self._begin(found, self.validation, test, "validation")
        if self.validation_series is not None:
            number = max(round(self.validation_series * len(test)), 1)
            held = np.linspace(0, len(test) - 1, number).round().astype(np.int64)
            validation = np.where(np.isin(np.arange(len(test)), held), validation, test)
        return Cuts(validation, test)

    def _begin(self, found: SeriesData, part: Part, end: np.ndarray, name: str) -> np.ndarray:
        """Return the first step of a part that ends before the step `end` of each series."""
        import numpy as np

        horizon = self.horizon or 1
        if isinstance(part, str):
            begin = np.clip(self._time(found, part, name) - found.starts, 0, end)
        elif isinstance(part, float):
            begin = end - np.maximum(self._share_of(found, name), horizon)
        else:
            begin = end - part
        short = np.flatnonzero(end - begin < horizon)
        if len(short) and (len(short) == len(end) or not isinstance(part, str)):
            at = int(short[0])
            raise DataError(
                f"{found.source}: the {name} part of {found.title(at)} has "
                f"{counted(int(end[at] - begin[at]), 'step')}, fewer than the horizon of {horizon}",
                f"make it longer, such as `dataset.{name}={2 * horizon}` steps, or forecast fewer "
                "steps: `dataset.horizon=…`",
            )
        return np.asarray(begin)

    def _time(self, found: SeriesData, text: str, name: str) -> int:
        """Return the index of the time at which a part begins."""
        try:
            return found.grid.index(text)
        except ValueError as error:
            hint = f"write it as the data do, or as a share: `dataset.{name}={found.label(0, 0)}`"
            raise DataError(f"dataset.{name}: {error}", hint) from error

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

    def _too_short(self, found: SeriesData, part: str) -> DataError:
        longest = int(found.lengths.max())
        return DataError(
            f"{found.source}: the longest series has {longest:,} steps, too few for one window of "
            f"{self.window} steps and a horizon of {self.horizon} in {part}",
            "read fewer steps (`dataset.window=…`), forecast fewer (`dataset.horizon=…`), or give "
            "validation and test smaller parts (`dataset.validation=…`, `dataset.test=…`)",
        )


def _changes(steps: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the change of each step from the one before, 0 at the first of a series."""
    import numpy as np

    found = np.diff(steps, prepend=steps[:1])
    found[firsts] = 0.0
    return found


def _after(found: SeriesData, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Return the values after each origin, NaN where not known; float64, shape (N, H)."""
    import numpy as np

    steps = origins[:, None] + np.arange(1, horizon + 1)
    there = steps < found.lengths[series][:, None]
    rows = np.where(there, steps + found.firsts[series][:, None], 0)
    return np.where(there & found.observed[rows], found.values[rows], np.nan)
