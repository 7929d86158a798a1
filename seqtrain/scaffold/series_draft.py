"""Draft a config for a table of time series: the data decide columns, season and preprocessing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqtrain.config import validated
from seqtrain.data.dataset import Dataset
from seqtrain.data.time_series import SeriesData
from seqtrain.datasets.series import Series
from seqtrain.display.escape import argument, one_line
from seqtrain.display.numbers import readable
from seqtrain.display.sentences import counted
from seqtrain.errors import ConfigError, DataError
from seqtrain.io.text_file import shown
from seqtrain.scaffold.candidates import listed
from seqtrain.scaffold.data_keys import Request
from seqtrain.scaffold.profiles import Profile
from seqtrain.scaffold.recipe import Line
from seqtrain.scaffold.series_roles import SeriesRoles, part_of, roles_of
from seqtrain.schema.yaml_file import Document
from seqtrain.sources.windowed_series import AUTO
from seqtrain.tasks.forecasting import Forecasting, forecasting

MOST_NAMED = 4  # columns in a message
EXACT = 0.01  # MASE; values that are forecast so well follow from those before
STEPS, MOST_EPOCHS = 1_500, 30  # of the optimizer
BATCH_SIZES = {500: 16, 20_000: 32}  # up to so many windows; then 64


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
    return sections, [*_told(request, found, roles, chosen, dataset, best)], dataset


def alternative(request: Request, found: Profile, given: Mapping[str, Any]) -> str | None:
    """Say how to forecast the numbers of a table that was drafted otherwise, if it is possible.

    It is if the rows have times at regular distances, and numbers beside these.
    """
    keys = {**given, "name": "series"}
    try:
        roles = roles_of(request.data, found, None, keys)
        if roles is None or not roles.time:
            return None
        named: list[Line] = [("path", str(request.data), ""), ("name", "series", "")]
        _section(request, [*named, *roles.keys]).series(None)
    except (ConfigError, DataError):
        return None
    typed = f"--label {argument(roles.values[0])} dataset.name=series"
    return f"a time series, as {listed(roles.time)} has regular steps: {typed}"


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
    chosen: Series,
    dataset: Dataset,
    best: float,
) -> Iterator[tuple[str, str]]:
    """Yield the decisions, as rows of a word and a sentence."""
    series, task = dataset.series, forecasting(dataset.task)
    if series is None:
        raise TypeError("the dataset has no series")
    yield "data", f"{found.rows:,} rows of {one_line(str(request.data))}"
    yield "time", _time(roles, series)
    yield "values", _values(roles, series)
    if series.filled:
        rule = f"`dataset.missing={chosen.missing}` fills them"
        yield "missing", f"{series.filled:,} of {len(series.values):,} values; {rule}"
    yield from _left_out(found, roles, series)
    yield "season", _season(task, series)
    windows = len(dataset.train), len(dataset.validation), len(dataset.test)
    counts = "{:,} windows of train, {:,} of validation, {:,} of test".format(*windows)
    yield "task", f"forecasting {counted(task.horizon, 'step')}; {counts}"
    one = "a seasonal naive forecast" if task.season > 1 else "a naive forecast of one step"
    unit = f"1 is the error of {one} on the earlier values"
    yield "linear", f"a linear regression has MASE {readable(best)} on validation; {unit}"
    if best < EXACT:
        yield (
            "mind",
            (
                "the next values follow almost exactly from those before, as of a counter or a "
                "formula: is that what is to be forecast?"
            ),
        )


def _time(roles: SeriesRoles, series: SeriesData) -> str:
    """Say where the times come from, and which they are."""
    last = int((series.starts + series.lengths).max()) - 1
    span = f"{series.grid.label(int(series.starts.min()))} to {series.grid.label(last)}"
    order = ", ".join(map(one_line, roles.time)) or "the order of the rows"
    step = "" if series.grid.unit == "step" else f", a step is {series.grid.step}"
    return f"{order}{step}, {span}"


def _values(roles: SeriesRoles, series: SeriesData) -> str:
    """Name the column of the values and the series."""
    names = ", ".join(one_line(shown(name)) for name in series.names[:MOST_NAMED])
    more = ", …" if len(series.names) > MOST_NAMED else ""
    number = f"{len(series.names):,} series"
    if roles.series is not None:
        column, by = one_line(roles.values[0]), one_line(roles.series)
        return f"{column} of {number}, by {by}: {names}{more}"
    return f"{number}: {names}{more}" if len(series.names) > 1 else names


def _left_out(found: Profile, roles: SeriesRoles, series: SeriesData) -> Iterator[tuple[str, str]]:
    """Yield which columns are left out, and how to use them."""
    known = (*series.past_names, *series.future_names)
    left = [name for name in roles.unused if name not in known]
    columns = [found.columns[name] for name in left]
    numbers = [one.name for one in columns if one.is_number and not part_of(one)]
    example = argument(f"dataset.past=[{','.join(numbers)}]")
    if left:
        yield "unused", listed(left) + (f"; as covariates: {example}" if numbers else "")
    if roles.series and numbers:
        yield "mind", f"to forecast another column: --label {argument(numbers[0])}"
    if roles.counters:
        count = "count" if len(roles.counters) > 1 else "counts"
        yield "unused", f"{listed(roles.counters)}, which only {count} the rows"
    words = [one for one in columns if not (one.is_number or one.is_date)]
    if words and roles.series is None and len(numbers) > 1:
        yield "or", f"to learn {listed(roles.values[:1])} from its row alone: dataset.name=arrays"
    if len(roles.values) > 1:
        yield "mind", f"each column is a series; only one: --label {argument(roles.values[0])}"


def _season(task: Forecasting, series: SeriesData) -> str:
    """Name the steps of a season, or say how to give them where that may help."""
    if task.season > 1:
        return f"{task.season} steps"
    if series.grid.unit == "year":
        return f"none: a step is {series.grid.step}"
    return "none by the times; if the values repeat every 12 steps: `dataset.season=12`"
