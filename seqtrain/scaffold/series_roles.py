"""Recognise the roles of the columns of a table of time series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from seqtrain.errors import DataError
from seqtrain.scaffold.candidates import is_named, named
from seqtrain.scaffold.profiles import Column, Profile
from seqtrain.scaffold.recipe import Line
from seqtrain.scaffold.recognition import check_column

TIME_NAMES = [
    *("time", "date", "datetime", "timestamp", "ds", "month", "year", "day", "week", "quarter"),
    *("period", "hour", "step", "t"),
]
VALUE_NAMES = ["value", "y", "target", "sales", "demand", "price", "close", "count", "total"]
CLASSES = ["label", "class", "sentiment", "category", "topic"]  # names of columns of classes
SPLITS = ["split", "set", "part", "fold"]  # of columns that say what a row is for
# Parts of a time that have columns of their own, in their order, and the steps of a season.
PARTS = {"year": 1, "quarter": 4, "month": 12, "week": 52, "day": 7, "hour": 24}
OF_SERIES = {"time_column", "series_column", "value_columns"}  # keys that only series have


@dataclass(frozen=True)
class SeriesRoles:
    """What each column of a table of time series is for.

    Attributes:
        time: when a row was; None takes the rows in their order.
        values: each is a series; in a long table there is one.
        series: says which series a row belongs to.
        unused: the other columns.
        counters: those of them that only number the rows.
        parts: columns that give the time together, such as a year and a quarter.
        season: the steps of a season, if only such parts say it.
    """

    time: str | None
    values: tuple[str, ...]
    series: str | None
    unused: tuple[str, ...]
    counters: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    season: int | None = None

    @property
    def keys(self) -> list[Line]:
        """The keys of the config."""
        order = f"the rows are in the order of {' and '.join(self.parts)}" if self.parts else ""
        keys: list[Line] = [("time_column", self.time, order)]
        if self.series:
            keys.append(("series_column", self.series, "which series a row belongs to"))
        why = "each is a series" if len(self.values) > 1 else ""
        keys.append(("value_columns", list(self.values), why))
        if self.season:
            keys.append(("season", self.season, "steps"))
        return keys


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
    for name in filter(None, (label, given.get("time_column"), given.get("series_column"))):
        check_column(source, str(name), found)
    asked = is_asked(given)
    columns = [column for column in found.columns.values() if column.filled]
    if not asked and any(is_named(one.name, CLASSES) for one in columns):
        return None
    time, parts = _times(found, columns, given)
    if time is None and not parts and "time_column" not in given:
        _check_asked(asked, source, "times", "if each row is a step: `dataset.time_column=null`")
        return None
    others = [column for column in columns if column.name not in (time, *parts)]
    words = [column for column in others if not (column.is_number or column.is_date)]
    words = [column for column in words if not is_named(column.name, SPLITS)]
    numbers = _numbers(others, bool(time or parts), label, given)
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
    return SeriesRoles(time, tuple(values), series, left, counters, parts, _season(parts, given))


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


def _season(parts: Sequence[str], given: Mapping[str, Any]) -> int | None:
    """Return the steps of a season if the columns of the times say it, and no key does."""
    last = next((part for part in PARTS if parts and is_named(parts[-1], [part])), None)
    return PARTS[last] if last and "season" not in given else None


def _times(
    found: Profile, columns: Sequence[Column], given: Mapping[str, Any]
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column of times; or None, and the columns that give them together."""
    if "time_column" in given:
        return given["time_column"], ()
    time = _time(columns)
    if time is None or part_of(found.columns[time]) != "year" or found.columns[time].rising:
        return time, ()
    parts = [next((one.name for one in columns if part_of(one) == part), None) for part in PARTS]
    several = [name for name in parts if name]
    for number in range(2, len(several) + 1):
        if _rise(found, several[:number]):
            return None, tuple(several[:number])
    return time, ()


def _time(columns: Sequence[Column]) -> str | None:
    """Return the column of times: of dates, or of numbers with the name of a time."""
    dates = [column.name for column in columns if column.is_date]
    if dates:
        return named(dates, TIME_NAMES) or dates[0]
    numbers = [one for one in columns if one.is_number and is_named(one.name, TIME_NAMES)]
    dated = [one.name for one in numbers if not one.counts_rows]
    years = [name for name in dated if is_named(name, ["year"])]
    return named(years or dated or [one.name for one in numbers], TIME_NAMES)


def _rise(found: Profile, names: Sequence[str]) -> bool:
    """Return whether the times that columns give together rise from row to row."""
    rows = zip(*(map(float, found.cells(name)) for name in names), strict=True)
    return all(before < after for before, after in pairwise(rows))


def _numbers(
    others: Sequence[Column], timed: bool, label: str | None, given: Mapping[str, Any]
) -> list[str]:
    """Return the columns of numbers that may be values: no counters, parts of times, covariates."""
    known = (*_names(given.get("past")), *_names(given.get("future")))
    numbers = [one for one in others if one.is_number and one.name not in known]
    left = [one for one in numbers if not one.counts_rows and not (timed and part_of(one))]
    chosen = [one for one in numbers if one.name == label or one in left]
    return [one.name for one in (chosen if left or label else numbers)]


def _names(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _series(found: Profile, time: str | None, words: Sequence[Column]) -> str | None:
    """Return the column of words that tells series apart, if times repeat."""
    if time is not None and found.columns[time].different >= found.rows:
        return None
    naming = [column.name for column in words if column.variety <= 0.5]
    if len(words) == 1:
        return naming[0] if naming else None
    times = found.cells(time) if time is not None else []
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
