"""Recognise the roles of the columns of a table of time series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.data.times import parts_among
from seqtrain.errors import DataError
from seqtrain.scaffold.candidates import check_column, is_named, named
from seqtrain.scaffold.profiles import Column, Profile
from seqtrain.scaffold.recipe import Line

TIME_NAMES = [
    *("time", "date", "datetime", "timestamp", "ds", "month", "year", "day", "week", "quarter"),
    *("period", "hour", "step", "t"),
]
VALUE_NAMES = ["value", "y", "target", "sales", "demand", "price", "close", "count", "total"]
CLASSES = ["label", "class", "sentiment", "category", "topic"]  # names of columns of classes
SPLITS = ["split", "set", "part", "fold"]  # of columns that say what a row is for
# Parts of a time that may have columns of their own.
PARTS = ("year", "quarter", "month", "week", "day", "hour")
OF_SERIES = {"time_column", "series_column", "value_columns"}  # keys that only series have


@dataclass(frozen=True)
class SeriesRoles:
    """What each column of a table of time series is for.

    Attributes:
        time: when a row was; several hold its parts, such as a year and a quarter; none takes the
            rows in their order.
        values: each is a series; in a long table there is one.
        series: says which series a row belongs to.
        unused: the other columns.
        counters: those of them that only number the rows.
    """

    time: tuple[str, ...]
    values: tuple[str, ...]
    series: str | None
    unused: tuple[str, ...]
    counters: tuple[str, ...] = ()

    @property
    def keys(self) -> list[Line]:
        """The keys of the config."""
        time = list(self.time) if len(self.time) > 1 else next(iter(self.time), None)
        keys: list[Line] = [("time_column", time, "")]
        if self.series:
            keys.append(("series_column", self.series, "which series a row belongs to"))
        why = "each is a series" if len(self.values) > 1 else ""
        return [*keys, ("value_columns", list(self.values), why)]


def roles_of(
    source: Any, found: Profile, label: str | None, given: Mapping[str, Any]
) -> SeriesRoles | None:
    """Return the roles of the columns, if a table holds time series.

    It has a column of times, and numbers beside it; at most one column of words is left, whose
    values name the series, so that it repeats. Where a person asks for series, other words are
    left out.

    Args:
        source: the file, for messages.
        found: its profile.
        label: the column of the values, if a person names it.
        given: the keys of the dataset that a person gives.

    Raises:
        DataError: a person asks for series, and the columns for them are missing.
    """
    for name in (*_names(given.get("time_column")), label, given.get("series_column")):
        if name is not None:
            check_column(source, str(name), found)
    asked = is_asked(given)
    columns = [column for column in found.columns.values() if column.filled]
    if not asked and any(is_named(one.name, CLASSES) for one in columns):
        return None
    time = _times(found, columns, given)
    if not time and "time_column" not in given:
        _check_asked(asked, source, "times", "if each row is a step: `dataset.time_column=null`")
        return None
    others = [column for column in columns if column.name not in time]
    words = [column for column in others if not (column.is_measured_in_part or column.is_date)]
    words = [column for column in words if not is_named(column.name, SPLITS)]
    numbers = _numbers(others, bool(time), label, given)
    series = given.get("series_column") or _series(found, time, words)
    classes = label is not None or any(column.name != series for column in words)
    if classes and label not in numbers and not asked:
        return None  # texts or classes
    values = _values(numbers, label, series, given)
    if not values or not all(values):
        _check_asked(asked, source, "values", "a column of numbers is needed: `--label COLUMN`")
        return None
    unused = [column for column in others if column.name not in (*values, series)]
    counters = tuple(column.name for column in unused if column.counts_rows)
    left = tuple(column.name for column in unused if column.name not in counters)
    return SeriesRoles(time, tuple(values), series, left, counters)


def is_asked(given: Mapping[str, Any]) -> bool:
    """Return whether the keys that a person gives are those of time series."""
    return given.get("name") == "series" or ("name" not in given and bool(OF_SERIES & given.keys()))


def _check_asked(asked: bool, source: Any, what: str, hint: str) -> None:
    """Raise a DataError if a person asks for series, and a column for them is missing."""
    if asked:
        raise DataError(f"{source}: no column holds {what}", hint)


def part_of(column: Column) -> str | None:
    """Return which part of a time a column holds: a year, a month, an hour; or None."""
    if not (column.is_number and column.whole and not column.empty):
        return None
    return next((part for part in PARTS if is_named(column.name, [part])), None)


def _times(found: Profile, columns: Sequence[Column], given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the column of times, or several if it repeats and others hold its further parts."""
    if "time_column" in given:
        return _names(given["time_column"])
    time = _time(columns)
    if time is None or found.columns[time].different >= found.rows:
        return () if time is None else (time,)
    return parts_among([column.name for column in columns], time)


def _time(columns: Sequence[Column]) -> str | None:
    """Return the column of times: of dates, or of numbers with the name of a time."""
    dates = [column.name for column in columns if column.is_date]
    if dates:
        return named(dates, TIME_NAMES) or dates[0]
    numbers = [one for one in columns if one.is_number and is_named(one.name, TIME_NAMES)]
    dated = [one.name for one in numbers if not one.counts_rows]
    years = [name for name in dated if is_named(name, ["year"])]
    return named(years or dated or [one.name for one in numbers], TIME_NAMES)


def _numbers(
    others: Sequence[Column], timed: bool, label: str | None, given: Mapping[str, Any]
) -> list[str]:
    """Return the columns of numbers that may be values: no counters, parts of times, covariates."""
    known = (*_names(given.get("past")), *_names(given.get("future")))
    numbers = [one for one in others if one.is_measured_in_part and one.name not in known]
    left = [one for one in numbers if not one.counts_rows and not (timed and part_of(one))]
    chosen = [one for one in numbers if one.name == label or one in left]
    return [one.name for one in (chosen if left or label else numbers)]


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return () if value is None else (str(value),)


def _series(found: Profile, time: tuple[str, ...], words: Sequence[Column]) -> str | None:
    """Return the column of words that tells series apart, if times repeat."""
    times = [*zip(*map(found.cells, time), strict=True)]  # of the first rows
    unlike = len({*times}) == len(times) == found.rows
    if len(time) == 1:
        unlike = found.columns[time[0]].different >= found.rows
    if time and unlike:
        return None
    naming = [column.name for column in words if column.variety <= 0.5]
    if len(words) == 1:
        return naming[0] if naming else None
    for name in naming if times else ():
        if len({*zip(times, found.cells(name), strict=True)}) == len(times):
            return name
    return None


def _values(
    numbers: list[str], label: str | None, series: str | None, given: Mapping[str, Any]
) -> list[str]:
    """Return the columns of the values."""
    if chosen := _names(given.get("value_columns")):
        return [*chosen]
    values = [label] if label and label in numbers else numbers
    if series and len(values) > 1:
        return [named(values, VALUE_NAMES) or values[0]]
    return values
