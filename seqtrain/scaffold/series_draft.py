"""Draft a config for a table of time series: the data decide columns, season and preprocessing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.config import validated
from seqtrain.data.dataset import Dataset
from seqtrain.datasets.series import Series
from seqtrain.display.escape import argument, one_line
from seqtrain.display.numbers import readable
from seqtrain.io.text_file import shown
from seqtrain.scaffold.candidates import is_named, listed, named
from seqtrain.scaffold.data_keys import Request
from seqtrain.scaffold.profiles import Column, Profile
from seqtrain.scaffold.recipe import Line
from seqtrain.schema.yaml_file import Document
from seqtrain.sources.windowed_series import AUTO

TIME_NAMES = [
    *("time", "date", "datetime", "timestamp", "ds", "month", "year", "day", "week", "quarter"),
    *("period", "hour", "step", "t"),
]
VALUE_NAMES = ["value", "y", "target", "sales", "demand", "price", "close", "count", "total"]
CLASSES = ["label", "class", "sentiment", "category", "topic"]  # names of columns of classes
SPLITS = ["split", "set", "part", "fold"]  # of columns that say what a row is for
MOST_NAMED = 4  # columns in a message
STEPS, MOST_EPOCHS = 1_500, 30  # of the optimizer
BATCH_SIZES = {500: 16, 20_000: 32}  # up to so many windows; then 64


@dataclass(frozen=True)
class SeriesRoles:
    """What each column of a table of time series is for.

    Attributes:
        time: when a row was; None takes the rows in their order.
        values: each is a series; in a long table there is one.
        series: says which series a row belongs to.
        unused: the other columns.
    """

    time: str | None
    values: tuple[str, ...]
    series: str | None
    unused: tuple[str, ...]

    @property
    def keys(self) -> list[Line]:
        """The keys of the config."""
        keys: list[Line] = [("time_column", self.time, "")]
        if self.series:
            keys.append(("series_column", self.series, "which series a row belongs to"))
        why = "each is a series" if len(self.values) > 1 else ""
        return [*keys, ("value_columns", list(self.values), why)]


def roles_of(found: Profile, label: str | None, timeless: bool = False) -> SeriesRoles | None:
    """Return the roles of the columns, if a table holds time series.

    It has a column of times, and numbers beside it; at most one column of words is left, whose
    values name the series, so that it repeats.

    Args:
        found: the profile of the table.
        label: the column of the values, if a person names it.
        timeless: whether the rows are steps in their order.
    """
    columns = [column for column in found.columns.values() if column.filled]
    time = None if timeless else _time(columns)
    if (time is None and not timeless) or any(is_named(one.name, CLASSES) for one in columns):
        return None
    others = [column for column in columns if column.name != time]
    numbers = [column.name for column in others if column.is_number]
    words = [column for column in others if not (column.is_number or column.is_date)]
    words = [column for column in words if not is_named(column.name, SPLITS)]
    repeats = timeless or found.columns[str(time)].different < found.rows
    series = words[0].name if len(words) == 1 and repeats and words[0].variety <= 0.5 else None
    if words and series is None and label not in numbers:
        return None  # texts or classes
    values = [label] if label in numbers else numbers
    if series and len(values) > 1:
        values = [named(values, VALUE_NAMES) or values[0]]
    if not values or not all(values):
        return None
    chosen = [str(name) for name in values]
    unused = [column.name for column in others if column.name not in (*chosen, series)]
    return SeriesRoles(time, tuple(chosen), series, tuple(unused))


def _time(columns: Sequence[Column]) -> str | None:
    """Return the column of times: of dates, or of numbers with the name of a time."""
    dates = [column.name for column in columns if column.is_date]
    if dates:
        return named(dates, TIME_NAMES) or dates[0]
    numbers = [one.name for one in columns if one.is_number and is_named(one.name, TIME_NAMES)]
    return named(numbers, TIME_NAMES)


def draft_series(
    request: Request,
    found: Profile,
    roles: SeriesRoles,
    given: Mapping[str, Any],
) -> tuple[dict[str, list[Line]], list[tuple[str, str]], Dataset]:
    """Return the keys of each section, the decisions, and the loaded data.

    The preprocessing is the one with which a linear regression is best on validation.

    Raises:
        DataError: the series cannot be read, or are too short.
    """
    keys: list[Line] = [("path", str(request.data), ""), ("name", "series", ""), *roles.keys]
    taken = {"path", "name", "label_column"}
    reading = [(key, value, "") for key, value in given.items() if key not in taken]
    section = _section(request, [*keys, *reading])
    series = section.series(None)
    base = _fitting(section.completed(series), given, int(series.lengths.max()))
    free = {key: AUTO for key in ("log", "deseasonalise") if key not in given}
    dataset = base.model_copy(update=free).windowed(series)
    chosen = base.model_copy(update=dict(dataset.decided))
    best = chosen.linear_mase(series)
    why = "best on validation" if free else ""
    keys += [
        ("window", chosen.window, "steps that the network reads"),
        ("horizon", chosen.horizon, "steps that it forecasts"),
        ("validation", chosen.validation, "of each series: it chooses the best epoch"),
        ("test", chosen.test, "of each series, its end: for the final scores"),
        ("log", chosen.log, why),
        ("deseasonalise", chosen.deseasonalise, ""),
    ]
    sections = {"dataset": keys, **_recipe(len(dataset.train))}
    return sections, [*_told(request, found, roles, dataset, best)], dataset


def _fitting(section: Series, given: Mapping[str, Any], longest: int) -> Series:
    """Return a section with a shorter window and horizon where the series are short."""
    usual = {"window": section.window or 1, "horizon": section.horizon or 1}
    most = {"window": max(longest // 4, 2), "horizon": max(longest // 10, 1)}
    short = {key: min(usual[key], most[key]) for key in usual if key not in given}
    return section.model_copy(update=short)


def _section(request: Request, keys: Sequence[Line]) -> Series:
    tree = {"dataset": {key: value for key, value, _ in keys}, "model": {"name": "gru"}}
    section = validated(Document(str(request.config), tree), request.config).dataset
    if not isinstance(section, Series):
        raise TypeError(section.name)
    return section


def _recipe(windows: int) -> dict[str, list[Line]]:
    """Return the model and the training for so many windows."""
    size = next((size for most, size in BATCH_SIZES.items() if windows <= most), 64)
    epochs = min(max(-(-STEPS * size // windows), 8), MOST_EPOCHS)
    return {
        "model": [
            ("name", "lstm", "rnn | lstm | gru | birnn | bilstm | bigru | conv"),
            ("units", 32 if windows < 5_000 else 64, ""),
            ("autoregressive", True, "a linear regression on the window beside the network"),
        ],
        "training": [
            ("epochs", epochs, "at most"),
            ("batch_size", size, ""),
            ("learning_rate", 1e-3, ""),
            ("schedule", "cosine", "the learning rate falls towards 0"),
            ("early_stopping", {"patience": 8}, "epochs in which validation gets no better"),
        ],
    }


def _told(
    request: Request,
    found: Profile,
    roles: SeriesRoles,
    dataset: Dataset,
    best: float,
) -> Iterator[tuple[str, str]]:
    """Yield the decisions, as rows of a word and a sentence."""
    from seqtrain.tasks.forecasting import forecasting

    series, task = dataset.series, forecasting(dataset.task)
    if series is None:
        raise TypeError("the dataset has no series")
    yield "data", f"{found.rows:,} rows of {one_line(str(request.data))}"
    last = int((series.starts + series.lengths).max()) - 1
    span = f"{series.grid.label(int(series.starts.min()))} to {series.grid.label(last)}"
    order = one_line(roles.time) if roles.time else "the order of the rows"
    step = "" if series.grid.unit == "step" else f", a step is {series.grid.step}"
    yield "time", f"{order}{step}, {span}"
    names = ", ".join(one_line(shown(name)) for name in series.names[:MOST_NAMED])
    more = ", …" if len(series.names) > MOST_NAMED else ""
    count = f"{len(series.names):,} series: " if len(series.names) > 1 else ""
    yield "values", f"{count}{names}{more}"
    known = (*series.past_names, *series.future_names)
    left = [name for name in roles.unused if name not in known]
    numbers = [name for name in left if found.columns[name].is_number]
    if numbers:
        example = argument(f"dataset.past=[{','.join(numbers)}]")
        yield "unused", f"{listed(left)}; as covariates: {example}"
    elif len(roles.values) > 1:
        yield "mind", f"each column is a series; only one: --label {argument(roles.values[0])}"
    none = "none by the times; one can be given: `dataset.season=12`"
    yield "season", f"{task.season} steps" if task.season > 1 else none
    windows = len(dataset.train), len(dataset.validation), len(dataset.test)
    counts = "{:,} windows of train, {:,} of validation, {:,} of test".format(*windows)
    steps = f"{task.horizon} step{'' if task.horizon == 1 else 's'}"
    yield "task", f"forecasting {steps}; {counts}"
    yield (
        "linear",
        f"a linear regression has MASE {readable(best)} on validation; 1 is a seasonal naive "
        "forecast",
    )
