"""What datasets of time series have in common: windows, the split in time, preprocessing."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import BeforeValidator, Field

from seqtrain.data.dataset import Dataset, Examples, Fitted, NewExamples
from seqtrain.data.scaling import Scaling
from seqtrain.data.seasonality import mase_scale
from seqtrain.data.transform import Level, Transform
from seqtrain.data.windows import Windows
from seqtrain.errors import DataError
from seqtrain.schema.sections import Count, Share, Size
from seqtrain.sources.base import DatasetConfig
from seqtrain.tasks.forecasting import Forecasting, Output, forecasting, labels_type

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.grid import Grid
    from seqtrain.data.inputs import Inputs
    from seqtrain.data.time_series import SeriesData

HISTORY, KNOWN = "history", "known"  # the inputs of a network that reads future covariates
LONGEST_SEASON = 48  # steps of a season up to which a window holds two of them
WINDOW, HORIZON = 24, 12  # without a season
SHORT = 10  # a horizon that is not given is at most such a part of the longest series
FEW = 5  # origins of validation or test; fewer are a warning
FEWEST = 4  # steps of a series in train
AT_ONCE = 50_000  # origins at once, so that little memory is needed beside the labels

log = logging.getLogger(__name__)


def _as_steps(value: Any) -> Any:
    """Return a whole number as such, where YAML has it as 18.0."""
    return int(value) if isinstance(value, float) and value >= 1 and value.is_integer() else value


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
    log: bool = Field(
        default=False,
        description="forecast the logarithm, for values above 0 that grow by percentages and whose "
        "seasons grow with them",
    )
    deseasonalise: bool = Field(
        default=False,
        description="subtract from each series its seasonal pattern of train, where it has one, "
        "and add it to the forecasts",
    )
    level: Level = Field(
        default="last",
        description="what is subtracted from each window, and added to its forecast: its `last` "
        "value, its `mean`, or `none`; levels outside of those of train need one of the first two",
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
        config = super().located(dataset)
        return config if dataset.series is None else config.completed(dataset.series)

    def windowed(self, found: SeriesData) -> Dataset:
        """Return the windows of each part, and what was fitted on train."""
        self._check_calendar(found)
        config = self.completed(found)
        cuts = config._cuts(found)
        task, scaling = config._task(found, cuts), config._scaling(found, cuts)
        bounds = {
            "train": (0 * cuts.validation, cuts.validation, self.stride),
            "validation": (cuts.validation, cuts.test, 1),
            "test": (cuts.test, found.lengths, 1),
        }
        parts = {}
        for name, (begin, end, stride) in bounds.items():
            series, origins = config._origins(found, begin, end, stride)
            if not len(series):
                raise config._too_short(found, name)
            parts[name] = config.examples(found, task, scaling, series, origins)
        return Dataset(
            train=parts["train"],
            validation=parts["validation"],
            test=parts["test"],
            task=task,
            source=found.source,
            sha256=found.sha256,
            scaling=scaling,
            series=found,
        )

    def _report_few(self, found: SeriesData, dataset: Dataset) -> None:
        """Warn of validation and test parts with few origins, and report parts that were raised."""
        origins = {"validation": len(dataset.validation), "test": len(dataset.test)}
        few = {name: number for name, number in origins.items() if number < FEW}
        if few:
            counts = " and ".join(f"{name} {_counted(few[name], 'origin')}" for name in few)
            more = self._more_origins(found, [*few])
            log.warning("%s: few forecasts judge the network: %s; %s", found.source, counts, more)
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

    def latest(self, found: SeriesData, fitted: Fitted) -> Examples:
        """Return the last window of each series, whose next values are not known yet.

        Args:
            found: the series.
            fitted: the task and the scaling of the run.

        Raises:
            DataError: a series is shorter than a window, or the future covariates of the horizon
                are not known.
        """
        import numpy as np

        if self.log:
            self._check_positive(found)
        origins = found.lengths - 1
        short = np.flatnonzero(found.lengths < (self.window or 1))
        if len(short):
            name, steps = found.title(short[0]), found.lengths[short[0]]
            raise DataError(
                f"{found.source}: {name} has {_steps(steps)}, but the network reads {self.window}",
                "give it the steps before, too",
            )
        task = forecasting(fitted.task)
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
        for start in range(0, len(series), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            labels["truth"][rows] = _after(found, series[rows], origins[rows], horizon)
        labels["level"] = self._levels(steps[:, 0], ends)
        labels["spread"] = 1.0
        level, spread = labels["level"].copy(), labels["spread"].copy()
        history = Windows(steps, ends - window, window, level, spread)
        if not (found.future_names or self.calendar):
            return Examples(cast("np.ndarray", history), labels)
        known, firsts = self._known(found, scaling)
        ahead = Windows(known, firsts[series] + origins + 1, horizon)
        self._check_known(found, series, ahead)
        both = cast("Inputs", {HISTORY: history, KNOWN: ahead})
        return Examples(both, labels)

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

    def _check_known(self, found: SeriesData, series: np.ndarray, ahead: Windows) -> None:
        """Raise a DataError if a future covariate of a forecast is not known."""
        import numpy as np

        if not found.future_names:
            return
        last = ahead.firsts + ahead.length - 1
        unknown = np.flatnonzero(np.isnan(ahead.steps[last]).any(axis=1))
        if len(unknown):
            names = ", ".join(f"`{name}`" for name in found.future_names)
            title = found.title(int(series[unknown[0]]))
            raise DataError(
                f"{found.source}: {names} of {title} must be known for {self.horizon} steps after "
                "its last value",
                "add rows with these columns for the next times, and leave the value empty",
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
                f"{_steps(int(end[at] - begin[at]))}, fewer than the horizon of {horizon}",
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
            transform=Transform.fit(parts, starts, log=self.log, level=self.level, season=seasonal),
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
        return DataError(
            f"{found.source}: {found.title(number)} has {_steps(found.lengths[number])}, of which "
            f"fewer than {FEWEST} are left for train",
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


def _steps(number: int) -> str:
    return _counted(number, "step")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _after(found: SeriesData, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Return the values after each origin, NaN where not known; float64, shape (N, H)."""
    import numpy as np

    steps = origins[:, None] + np.arange(1, horizon + 1)
    there = steps < found.lengths[series][:, None]
    rows = np.where(there, steps + found.firsts[series][:, None], 0)
    return np.where(there & found.observed[rows], found.values[rows], np.nan)
