"""Forecasting: a label is the next values of a time series."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, get_args

from seqtrain.data.grid import Grid
from seqtrain.data.inputs import pieces
from seqtrain.data.number_labels import statistics
from seqtrain.data.transform import Transform
from seqtrain.data.windows import Computed, labels_type, places
from seqtrain.display.columns import table
from seqtrain.display.numbers import readable
from seqtrain.display.sentences import counted
from seqtrain.evaluation.metric import MAE, RMSE, Metric
from seqtrain.schema import limits
from seqtrain.tasks.base import Scores, Task, of_kind, significant

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.data.dataset import Dataset
    from seqtrain.evaluation.baselines import Baseline

Output = Literal["median", "mean", "quantiles"]

MEDIAN = 0.5  # the quantile that is the forecast itself
MOST_SERIES = 50  # whose scores are told one by one
MOST_MISTAKES = 10_000  # origins in mistakes.csv
FEW_SPANS = 5  # of validation; a warning says that the intervals rest on fewer
TOO_LITTLE = 0.08  # share of the true values that an interval may hold less than it should
BY_HEART = 0.02  # loss on train, in standard deviations of a series

LOSS = Metric("loss", axis="loss (in standard deviations of the series)", higher=False, best=0.0)
MASE = Metric(
    "mase",
    "MASE",
    axis="MASE (1 is a naive forecast of train)",
    higher=False,
    best=0.0,
    better="significantly better by MASE than",
)
SMAPE = Metric("smape", "sMAPE", higher=False, best=0.0)
PINBALL = Metric("pinball", "pinball loss", higher=False, best=0.0)
COVERAGE = Metric("coverage", "coverage", share=True)
WIDTH = Metric("width", "interval width", higher=False, best=0.0)


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forecasting(Task):
    """Each example is an origin in a time series; its label are the next H values.

    The labels of N examples are an array of shape (N,) of the type `labels_type`; predictions are
    float64 of shape (N, H, Q), in the units of the data, with a quantile for each of the Q
    `levels`.

    Attributes:
        horizon: H.
        output: what the network predicts: the median, the mean, or quantiles.
        interval: the share of true values that the interval should hold; None for no interval.
        transform: how values become what the network predicts, fitted on train.
        scales: the MASE denominator of each series: the mean absolute error of the seasonal naive
            forecast before the test part; 0 if undefined.
        season: the number of steps of a season.
        names: of the series.
        numbers: of the series among those of train, if they are not all of these in their order.
        grid: the times of the steps.
        corrections: what is added to the outputs of each step so that the interval holds its
            share, fitted on validation; float of shape (H, Q).
        errors_of_series: how large the errors of each series are, as a multiple of those of all,
            by which the corrections are multiplied; fitted on validation, none for 1.
        stretches: by what the interval of each series is multiplied before that.
    """

    horizon: int = 1
    output: Output = "quantiles"
    interval: float | None = 0.9
    transform: Transform = Transform()
    scales: tuple[float, ...] = ()
    season: int = 1
    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    grid: Grid = Grid()
    corrections: tuple[tuple[float, ...], ...] = ()
    errors_of_series: tuple[float, ...] = ()
    stretches: tuple[float, ...] = ()

    name: ClassVar[str] = "forecasting"
    labels: ClassVar[str] = "next values"
    example: ClassVar[str] = "window"
    quantity: ClassVar[str] = "value"
    no_intervals: ClassVar[str] = "no 95 % intervals: fewer than 10 horizons that do not overlap"
    columns: ClassVar[tuple[str, ...]] = ("series", "origin", "truth", "prediction")
    row: ClassVar[str] = "error"
    apart: ClassVar[str] = ""
    loss: ClassVar[Metric] = LOSS
    metrics: ClassVar[tuple[Metric, ...]] = (MASE, MAE, RMSE, SMAPE, PINBALL, COVERAGE, WIDTH)
    monitored: ClassVar[tuple[Metric, ...]] = (MASE,)
    compared: ClassVar[tuple[Metric, ...]] = (MASE, MAE, SMAPE, COVERAGE)
    plots: ClassVar[tuple[str, ...]] = ("forecasts", "horizon_errors", "coverage")
    sections: ClassVar[tuple[str, ...]] = ("forecasts",)
    calibrates: ClassVar[bool] = True
    linear: ClassVar[str] = "linear regression"
    next_command: ClassVar[str] = "forecast {}"
    asked: ClassVar[str] = (
        "`seqtrain forecast RUN` gives its forecasts, `seqtrain evaluate RUN` its scores"
    )
    letter: ClassVar[str] = "forecast"

    def __post_init__(self) -> None:
        """Raise a ValueError if the values do not fit one another."""
        sizes = (self.horizon, self.season)
        valid = (
            all(type(one) is int and 1 <= one <= limits.SIZE for one in sizes),
            self.output in get_args(Output),
            self.interval is None or (_is_number(self.interval) and 0 < self.interval < 1),
            len(self.names) == len(self.scales) == len(self.transform.means),
            all(isinstance(name, str) for name in self.names),
            all(_is_number(scale) and scale >= 0 for scale in self.scales),
            not self.numbers or len(self.numbers) == len(self.names),
            all(type(one) is int and one >= 0 for one in self.numbers),
            not self.corrections or [len(row) for row in self.corrections] == [3] * self.horizon,
            all(_is_number(one) for row in self.corrections for one in row),
            all(
                len(one) in (0, len(self.names)) for one in (self.errors_of_series, self.stretches)
            ),
            all(_is_number(one) and one > 0 for one in (*self.errors_of_series, *self.stretches)),
        )
        if not all(valid):
            raise ValueError("it does not hold what a forecast needs")

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles of predictions, rising; the middle one is the forecast itself."""
        if self.interval is None or (self.output != "quantiles" and not self.corrections):
            return (MEDIAN,)
        tail = round((1 - self.interval) / 2, 6)
        return (tail, MEDIAN, 1 - tail)

    @property
    def heads(self) -> tuple[float, ...]:
        """The quantiles that the network itself predicts."""
        return self.levels if self.output == "quantiles" else (MEDIAN,)

    @property
    def value_name(self) -> str:
        """What an axis of values is called: the only series, if it has a name."""
        return self.names[0] if len(self.names) == 1 and self.names[0] else "value"

    def of_series(self, numbers: Sequence[int]) -> Self:
        """Return the task of only these series, in this order."""
        return replace(
            self,
            transform=self.transform.of_series(numbers),
            scales=_of(self.scales, numbers),
            names=_of(self.names, numbers),
            numbers=tuple(self.number(number) for number in numbers),
            errors_of_series=_of(self.errors_of_series, numbers),
            stretches=_of(self.stretches, numbers),
        )

    def number(self, series: int) -> int:
        """Return the number that a series has in train."""
        return self.numbers[series] if self.numbers else series

    # Labels

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Return what the loss and the metrics of an epoch need, computed when it is read.

        Returns:
            Read like float32 of shape (N, 3 · H): the standardised values; and a factor and an
            offset by which an output becomes a value in units of MASE's denominator. The factor
            is 0 if that is undefined.
        """
        return cast("np.ndarray", Computed(labels, self._learned, 3 * self.horizon))

    def _learned(self, labels: np.ndarray) -> np.ndarray:
        import numpy as np

        series, times, level, spread = places(labels, 2)
        standardised = self.transform.standardised(labels["truth"], labels)
        unit = self.transform.scale(series)
        scale = np.asarray(self.scales)[series]
        known, scale = scale > 0, np.where(scale > 0, scale, 1.0)
        factor = np.broadcast_to(spread * unit * known, standardised.shape)
        offset = level * unit + self.transform.offset(series, times)
        if self.transform.log:
            offset = offset - np.log(scale)
        else:
            factor, offset = factor / scale, offset / scale
        return np.concatenate([standardised, factor, offset], axis=1).astype(np.float32)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the series of each example."""
        import numpy as np

        return np.asarray(labels["series"])

    def reads_as(self, other: Task) -> bool:
        """Return whether the values of the same series are read in the same way."""
        return isinstance(other, Forecasting) and self == replace(
            other,
            corrections=self.corrections,
            errors_of_series=self.errors_of_series,
            stretches=self.stretches,
            scales=self.scales,
        )

    def label(self, truth: Any) -> str:
        """Format the next values."""
        return _spaced(truth["truth"])

    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Return under `labels` statistics of the next values."""
        return {"labels": statistics({split: one["truth"] for split, one in labels.items()})}

    def summary(self, labels: np.ndarray) -> str:
        """Return the number of series, and the smallest and the largest value."""
        import numpy as np

        least, most = np.nanmin(labels["truth"]), np.nanmax(labels["truth"])
        return f"{len(self.names):,} series, values from {least:.6g} to {most:.6g}"

    # Files

    def to_json(self) -> Any:
        """Return everything that was fitted."""
        return {**asdict(self), "grid": self.grid.to_json()}

    def from_json(self, value: Any) -> Self:
        """Return the task as it was saved."""
        if not isinstance(value, dict):
            raise ValueError("it does not hold a dict")
        try:
            found = {key: _tuples(item) for key, item in value.items()}
            transform = {key: _tuples(item) for key, item in value["transform"].items()}
            found |= {"transform": Transform(**transform), "grid": Grid.from_json(value["grid"])}
            return replace(self, **found)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("it does not hold what a forecast needs") from error

    # The model

    @property
    def outputs(self) -> int:
        """A unit for each quantile of each step, the quantiles of a step side by side."""
        return self.horizon * len(self.heads)

    def head(self) -> list[keras.Layer]:
        """Return a linear layer."""
        return [self.answer()]

    def answer(self) -> keras.Layer:
        """Return the linear layer from features to all steps and quantiles."""
        import keras

        return keras.layers.Dense(self.outputs, name="head")

    def keras_loss(self) -> Any:
        """Return the pinball loss, or the absolute or squared error, of `learned` labels."""
        from seqtrain.tasks import keras_metrics

        return keras_metrics.forecast_loss(self.horizon, self.heads, self.output == "mean")

    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return MASE of the forecasts, over the origins for which it is defined."""
        from seqtrain.tasks import keras_metrics

        return [keras_metrics.mase(self.horizon, len(self.heads), self.transform.log)]

    def predictions(self, outputs: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return quantiles in the units of the data; float64, shape (N, H, Q)."""
        if labels is None:
            raise ValueError("a forecast depends on the level of its window")
        import numpy as np

        found = np.empty((len(outputs), self.horizon, len(self.levels)))
        for rows in pieces(len(outputs)):
            steps = self._calibrated(self._by_step(outputs[rows]), labels[rows])
            found[rows] = self.transform.in_units(steps, labels[rows])
        return found

    def _by_step(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs of a network by step and quantile; float64, shape (N, H, heads)."""
        import numpy as np

        from seqtrain.evaluation import conformal

        found = outputs.reshape(len(outputs), self.horizon, -1)
        return conformal.rising(found.astype(np.float64))

    def _calibrated(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        from seqtrain.evaluation import conformal

        fitted = conformal.Intervals(self.corrections, self.errors_of_series, self.stretches)
        return fitted.apply(outputs, labels["series"])

    def calibrate(self, labels: np.ndarray, outputs: np.ndarray) -> Self:
        """Return the task whose intervals hold their share of the validation values."""
        from seqtrain.evaluation import conformal
        from seqtrain.evaluation.forecast_metrics import spans

        if self.interval is None:
            return self
        counts = spans(self.origins(labels), len(self.names))
        self._doubt_calibration(int(counts.sum()))

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            for rows in pieces(len(outputs)):
                truth = self.transform.standardised(labels["truth"][rows], labels[rows])
                yield truth, self._by_step(outputs[rows]), labels["series"][rows]

        found = conformal.Intervals.fitted(batches, counts, self.interval)
        return replace(
            self,
            corrections=found.corrections,
            errors_of_series=found.errors,
            stretches=found.stretches,
        )

    def _doubt_calibration(self, found: int) -> None:
        """Warn if there are too few spans of validation to tell how wide an interval must be."""
        if found < FEW_SPANS:
            log.warning(
                "the %s interval is calibrated on %s of %s, so it may hold much less or more: "
                "a longer validation part is better (`dataset.validation=…`)",
                *(self.share, counted(found, "span"), counted(self.horizon, "step")),
            )

    @property
    def share(self) -> str:
        """The share that the interval should hold, as text."""
        return f"{100 * (self.interval or 0):g} %"

    # Evaluation

    def warnings(
        self, ours: Mapping[str, Any], constant: Mapping[str, Any], weighed: bool
    ) -> Iterator[str]:
        """Yield that the interval holds far less than its share of the test values."""
        held = ours.get("test_coverage")
        if held is not None and self.interval and held < self.interval - TOO_LITTLE:
            yield (
                f"the {self.share} interval holds {100 * held:.0f} % of the test values: errors "
                "are larger there than in validation, so expect the same of its forecasts"
            )

    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Check that they are origins, and quantiles of H steps."""
        import numpy as np

        wanted = np.dtype(labels_type(self.horizon))
        shape = (len(labels), self.horizon, len(self.levels))
        if labels.dtype != wanted or predictions.shape != shape or predictions.dtype.kind != "f":
            raise ValueError("it does not hold origins and their forecasts")
        known = ~np.isnan(labels["truth"])
        if np.isinf(labels["truth"]).any() or not known.any(axis=1).all():
            raise ValueError("it holds true values that are not finite")
        finite = np.isfinite(labels["level"]) & np.isfinite(labels["spread"])
        numbered = (labels["series"] >= 0) & (labels["series"] < len(self.names))
        timed = np.abs(labels["time"]) < limits.TIME
        if not (finite & (labels["spread"] > 0) & numbered & timed).all():
            raise ValueError("it holds origins that are in no series")

    def origins(self, labels: np.ndarray) -> Any:
        """Return labels as `forecast_metrics` takes them."""
        import numpy as np

        from seqtrain.evaluation.forecast_metrics import Origins

        series = labels["series"].astype(np.int64)
        return Origins(labels["truth"], np.asarray(self.scales)[series], series, labels["time"])

    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return every score."""
        from seqtrain.evaluation import forecast_metrics

        found = forecast_metrics.scores(
            prefix, self.origins(labels), predictions, self.levels_of(predictions)
        )
        return {f"{prefix}_loss": self._loss(labels, predictions), **found}

    def levels_of(self, predictions: np.ndarray) -> tuple[float, ...]:
        """Return the quantiles of predictions: of the network, or of a baseline without any."""
        return self.levels if predictions.shape[2] == len(self.levels) else (MEDIAN,)

    def _loss(self, labels: np.ndarray, predictions: np.ndarray) -> float | None:
        """Return the loss of predictions.

        It is None if they lack quantiles that the network has, or if one has no logarithm.
        """
        import numpy as np

        if self.output == "quantiles" and predictions.shape[2] != len(self.levels):
            return None
        each = [self._losses(labels[rows], predictions[rows]) for rows in pieces(len(labels))]
        total, count = np.sum([(part.sum(), part.size) for part in each], axis=0)
        return float(total / count) if np.isfinite(total) else None

    def _losses(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return the loss of each known value and quantile; float64, shape (values, heads)."""
        import numpy as np

        truth = self.transform.standardised(labels["truth"], labels)[:, :, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            off = truth - self.transform.standardised(predictions, labels)
        levels = np.array(self.levels)
        if self.output != "quantiles":
            off, levels = off[:, :, [off.shape[2] // 2]], np.array([MEDIAN])
        squared = self.output == "mean"
        each = np.square(off) if squared else 2 * np.maximum(levels * off, (levels - 1) * off)
        return np.asarray(each[~np.isnan(truth[:, :, 0])])

    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return the scores, their intervals, and those of each step and of each of few series."""
        from seqtrain.evaluation import forecast_metrics

        given = self.origins(labels), predictions, self.levels_of(predictions)
        found = forecast_metrics.evaluate(prefix, *given)
        if 1 < len(self.names) <= MOST_SERIES:
            found[prefix]["series"] = {
                self.names[number]: scores
                for number, scores in forecast_metrics.by_series(*given).items()
            }
        found["intervals"] = {f"{prefix}_loss": None, **found["intervals"]}
        return {f"{prefix}_loss": self._loss(labels, predictions), **found}

    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return a table of the scores of each step of the horizon, and one of each series."""
        steps, series = detail["steps"], detail.get("series", {})
        shown = (MASE, MAE, COVERAGE)
        columns = zip(*(steps[one.name] for one in shown), strict=True)
        titles = [one.title for one in shown]
        each = [(name, [of[one.name] for one in shown]) for name, of in series.items()]
        found = [table(["step", *titles], _rows(enumerate(columns, 1)))]
        return [*found, table(["series", *titles], _rows(each))] if each else found

    def baselines(self, dataset: Dataset, with_linear: bool, weighed: bool) -> Iterator[Baseline]:
        """Yield the naive forecasts, the Theta method if there is one, and a linear regression."""
        from seqtrain.evaluation.baselines import Baseline
        from seqtrain.evaluation.forecast_baselines import (
            THETA,
            naive_forecasts,
            regression_on_windows,
            theta_forecasts,
        )

        series, labels, horizon = dataset.series, dataset.test.labels, self.horizon
        if series is None:
            raise TypeError("the dataset has no series")
        place, count = (labels["series"], labels["time"]), len(dataset.train)
        for name, points in naive_forecasts(series, *place, horizon, self.season):
            yield Baseline(name, points[:, :, None], count)
        if not with_linear:
            return
        theta = theta_forecasts(series, *place, horizon, self.season)
        if theta is not None:
            yield Baseline(THETA, theta[:, :, None], count)
        linear = self.transform.in_units(regression_on_windows(dataset), labels)
        yield Baseline(self.linear, linear[:, :, None], count)

    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Return the difference of MASE, and the p-value of the Diebold–Mariano test."""
        from seqtrain.evaluation import forecast_metrics

        more, p = forecast_metrics.difference(self.origins(labels), ours, theirs)
        return {"difference": {MASE.name: more, "p": p}}

    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return the better one by the Diebold–Mariano test."""
        difference = other["difference"]
        return significant(-difference[MASE.name], difference["p"])

    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Return the Diebold–Mariano test of MASE."""
        from seqtrain.evaluation import forecast_metrics

        p = forecast_metrics.difference(self.origins(labels), ours, theirs)[1]
        return "Diebold–Mariano", p

    def same(self, labels: np.ndarray, others: np.ndarray) -> bool:
        """Return whether two runs forecast the same values, however each scales them."""
        import numpy as np

        keys = ("series", "time", "truth")
        return all(np.array_equal(labels[key], others[key], equal_nan=True) for key in keys)

    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the origins with the largest errors in units of MASE, the largest first."""
        import numpy as np

        from seqtrain.evaluation import forecast_metrics

        errors = forecast_metrics.errors(self.origins(labels), predictions)
        points = forecast_metrics.points(predictions)
        for index in np.argsort(-errors, kind="stable")[:MOST_MISTAKES].tolist():
            if errors[index] > 0:
                yield (
                    index,
                    {
                        "series": self.names[labels["series"][index]],
                        "origin": self.grid.label(int(labels["time"][index])),
                        "truth": self.label(labels[index]),
                        "prediction": _spaced(points[index]),
                        "error": f"{errors[index]:.7g}",
                    },
                )

    # Why a network may not have learned

    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the loss of forecasting the level of each window."""
        import numpy as np

        off = self.transform.standardised(of["truth"], of)
        return float(np.nanmean(np.square(off) if self.output == "mean" else np.abs(off)))

    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether the loss on train is nearly 0."""
        return row["loss"] <= BY_HEART

    # What a network predicts, in words

    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the forecast and the ends of its interval for each step."""
        for found in predictions.tolist():
            yield {f"step {step}": values for step, values in enumerate(found, 1)}

    def symbol(self, index: int) -> str:
        """Return `forecast` with its step."""
        return f"step {index // len(self.heads) + 1}"

    def measure(self, index: int) -> str:
        """Return the step of the horizon."""
        return self.symbol(index)

    def decision(self, predictions: np.ndarray, label: str | None) -> str:
        """Return the forecast as a sentence."""
        return f"forecast {readable(float(predictions.ravel()[0]))}"

    def decided(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the forecast."""
        return {"forecast": predictions.tolist()}

    def by_step(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the forecasts."""
        return {"forecasts": predictions.tolist()}

    def read_by_step(self, decided: Mapping[str, Any], by_step: Mapping[str, Any]) -> list[float]:
        """Return the forecasts of the first step."""
        return [found[0] for found in by_step["forecasts"]]


def forecasting(task: Task) -> Forecasting:
    """Return a task, if it forecasts.

    Raises:
        DataError: it does not.
    """
    return of_kind(task, Forecasting, "does not forecast")


def _rows(found: Iterable[tuple[object, Sequence[float | None]]]) -> list[list[str]]:
    """Return the rows of a table: of each thing its name and its scores."""
    return [
        [str(name), *("" if value is None else readable(value) for value in values)]
        for name, values in found
    ]


def _of(values: tuple[Any, ...], numbers: Sequence[int]) -> tuple[Any, ...]:
    """Return the values of these series; none if there are none."""
    return tuple(values[number] for number in numbers) if values else ()


def _spaced(values: np.ndarray) -> str:
    """Return numbers as a program reads them, with spaces between."""
    return " ".join(f"{value:.7g}" for value in values.tolist())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _tuples(value: Any) -> Any:
    """Return a value with each list as a tuple, as fields of frozen classes are."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
