"""Read time series from tables: their times, values and covariates, with every defect's place."""

from __future__ import annotations

import logging
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seqtrain.data.time_series import SeriesData
from seqtrain.data.times import Grid, Times, Unreadable, distance, infer, parse
from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.sources.long_table import COMMA, written

if TYPE_CHECKING:
    import numpy as np

Missing = Literal["interpolate", "previous", "zero", "refuse"]
Repeated = Literal["refuse", "mean", "sum", "last"]

NONE = {"", "na", "n/a", "nan", "null", "none", "nil", "?", "-", ".", "#n/a"}  # no value
LARGEST = 1e30  # absolute value; squares of larger ones are not finite in float32
MOST_FILLED = 0.5  # share of the steps of a series that may be missing
ALMOST = 1e-6  # of a step: how far a plain number may be from the grid

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeriesColumns:
    """The names of the columns of a table of time series.

    Attributes:
        time: when a row was; None takes the rows in their order.
        values: each is a series; in a long table there is one.
        series: says which series a row belongs to; None if the rows belong to all.
        past: covariates that are known up to the present.
        future: covariates that are known in advance.
    """

    time: str | None
    values: tuple[str, ...]
    series: str | None = None
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: the numbers first, then those of the series and the time."""
        numbers = (*self.values, *self.past, *self.future)
        return (*numbers, *filter(None, (self.series, self.time)))


@dataclass(frozen=True)
class Rules:
    """How rows become steps.

    Attributes:
        frequency: the distance of the steps, such as `month`; None infers it.
        time_format: as `datetime.strptime` takes it; None tries the usual ones.
        missing: what fills steps and values that are missing.
        repeated: what becomes of several rows of one time.
    """

    frequency: str | None = None
    time_format: str | None = None
    missing: Missing = "interpolate"
    repeated: Repeated = "refuse"


def read_series(table: Table, columns: SeriesColumns, rules: Rules) -> SeriesData:
    """Read all series of a table.

    Raises:
        DataError: as in `Table.rows`; or a cell is not a number or not a time; or times are
            repeated, irregular or missing against the rules.
    """
    return _Reader(table, columns, rules).read()


class _Reader:
    """Collects rows: numbers as arrays, and each name only once."""

    def __init__(self, table: Table, columns: SeriesColumns, rules: Rules) -> None:
        self._table, self._columns, self._rules = table, columns, rules
        self._names: dict[str, int] = {}
        self._series, self._lines, self._numbers = array("q"), array("q"), array("d")
        self._cells: list[str] = []  # the times as written

    def read(self) -> SeriesData:
        """Return the series."""
        import numpy as np

        for line, cells in self._table.rows(*self._columns.names):
            self._add(line, cells)
        lines = np.frombuffer(self._lines, dtype=np.int64)
        series = np.frombuffer(self._series, dtype=np.int64)
        numbers = np.frombuffer(self._numbers, dtype=np.float64).reshape(len(lines), -1)
        series, lines, numbers = self._without_empty(series, lines, numbers)
        grid, steps = self._steps(series, lines)
        order = np.lexsort((steps, series))
        moved = int((np.diff(order) < 0).sum()) if not self._columns.series else 0
        if moved and (np.diff(steps) < 0).any():
            log.info("%s: the rows are not in the order of time: sorted", self._table.file)
        columns = (series[order], steps[order], numbers[order], lines[order])
        series, steps, numbers, lines = self._without_repeated(*columns, grid)
        return self._gathered(series, steps, numbers, lines, grid)

    def _without_empty(
        self, series: np.ndarray, lines: np.ndarray, numbers: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the rows with a number; without times all rows count as steps."""
        import numpy as np

        kept = np.flatnonzero(~np.isnan(numbers).all(axis=1))
        if not self._columns.time or len(kept) == len(lines):
            return series, lines, numbers
        if not len(kept):
            what = "no row holds a value"
            raise self._error(
                int(lines[0]), what, "name their columns: `dataset.value_columns=[…]`"
            )
        self._cells = [self._cells[row] for row in kept.tolist()]
        return series[kept], lines[kept], numbers[kept]

    def _add(self, line: int, cells: Sequence[str | None]) -> None:
        """Add a row, whose cells are in the order of `SeriesColumns.names`."""
        rest = [*cells]
        if self._columns.time:
            time = (rest.pop() or "").strip()
            if not time:
                raise self._error(line, f"`{self._columns.time}` is empty", "give each row a time")
            self._cells.append(time)
        name = ""
        if self._columns.series:
            name = (rest.pop() or "").strip()
            if not name:
                hint = "each row names the series that it belongs to"
                raise self._error(line, f"`{self._columns.series}` is empty", hint)
        self._series.append(self._names.setdefault(name, len(self._names)))
        self._lines.append(line)
        try:
            self._numbers.extend(map(float, rest))  # type: ignore[arg-type]
        except (ValueError, TypeError):
            del self._numbers[(len(self._lines) - 1) * len(rest) :]
            names = self._columns.names
            pairs = zip(names, rest, strict=False)
            self._numbers.extend([self._number(line, name, cell) for name, cell in pairs])

    def _number(self, line: int, name: str, cell: str | None) -> float:
        """Return a cell as a number, NaN if it is empty or stands for no value."""
        text = (cell or "").strip()
        if text.lower() in NONE:
            return math.nan
        try:
            return float(text)
        except ValueError as error:
            hint = "leave the cell empty where there is no value"
            if COMMA.fullmatch(text):
                hint = "write decimals with a point"
            elif name in self._columns.values and not self._columns.series:
                hint = f"name the columns of the values: `dataset.value_columns=[…]`; {hint}"
            raise self._error(line, f"`{name}` is {written(cell)}", hint) from error

    def _steps(self, series: np.ndarray, lines: np.ndarray) -> tuple[Grid, np.ndarray]:
        """Return the grid, and the index of the time of each row; int64, shape (N,)."""
        import numpy as np

        if not self._columns.time:
            return self._counted(series)
        times = self._times(lines)
        grid = self._grid(times, series)
        exact = (grid.units(times) - grid.offset) / grid.every
        steps = np.round(exact).astype(np.int64)
        off = np.flatnonzero(np.abs(exact - steps) > ALMOST)
        if len(off):
            at = int(off[0])
            many = f" and {len(off) - 1:,} more" * (len(off) > 1)
            raise self._error(
                int(lines[at]),
                f"`{self._cells[at]}`{many} is not at a regular distance from the other times: "
                f"most steps are {grid.step}",
                "leave such rows out, or give a longer distance and what to do with the rows of "
                "one step: `dataset.frequency=month dataset.repeated=mean`",
            )
        return grid, steps

    def _counted(self, series: np.ndarray) -> tuple[Grid, np.ndarray]:
        """Return the grid and the step of each row without times: its number in its series."""
        import numpy as np

        counts = np.zeros(len(self._names), np.int64)
        steps = np.empty(len(series), np.int64)
        order = np.argsort(series, kind="stable")
        np.add.at(counts, series, 1)
        firsts = np.repeat(counts.cumsum() - counts, counts)
        steps[order] = np.arange(len(series)) - firsts
        unit, every = self._distance() or ("step", 1)
        return Grid(unit, every), steps

    def _times(self, lines: np.ndarray) -> Times:
        try:
            return parse(self._cells, self._rules.time_format)
        except Unreadable as error:
            cell, form = self._cells[error.index], self._rules.time_format
            line = int(lines[error.index])
            if error.formats:
                first, second = error.formats
                what = f"`{cell}` can be read as {first} and as {second}"
                raise self._error(
                    line, what, f"say which: `dataset.time_format={second}`"
                ) from None
            hint = "write times as 2024-03-05, 2024-03-05 10:30, 2024-03 or 2024, or as numbers; "
            hint += "another form can be named: `dataset.time_format=%d.%m.%Y`"
            like = f" of the form {form}" if form else " like those before" * bool(error.index)
            what = f"`{self._columns.time}` is `{cell[:40]}`, not a time{like}"
            raise self._error(line, what, hint) from None

    def _grid(self, times: Times, series: np.ndarray) -> Grid:
        """Return the grid: that of the key `frequency`, or inferred."""
        import numpy as np

        if asked := self._distance():
            unit, every = asked
            if (unit == "step") != (times.unit == "step"):
                raise self._error(
                    int(self._lines[0]),
                    f"the times are {'numbers' if times.unit == 'step' else 'dates'}, which "
                    f"`dataset.frequency={self._rules.frequency}` does not fit",
                    "leave it out: `dataset.frequency=null`",
                )
            values = Grid(unit).units(times)
            rests, counts = np.unique(values % every, return_counts=True)
            return Grid(unit, every, rests[counts.argmax()].item())
        found = infer(times, series)
        if found is None:
            hint = "a forecast needs many steps; is `dataset.series_column` the right column?"
            where = f"{self._table.file}: no series has two different times"
            raise DataError(where, hint)
        if found.unit != "step":
            log.info("%s: a step is %s", self._table.file, found.step)
        return found

    def _distance(self) -> tuple[str, int] | None:
        return distance(self._rules.frequency) if self._rules.frequency else None

    def _without_repeated(
        self,
        series: np.ndarray,
        steps: np.ndarray,
        numbers: np.ndarray,
        lines: np.ndarray,
        grid: Grid,
    ) -> tuple[np.ndarray, ...]:
        """Return rows of which no two have the same series and time, by the rule."""
        import numpy as np

        again = (series[1:] == series[:-1]) & (steps[1:] == steps[:-1])
        if not again.any():
            return series, steps, numbers, lines
        at = int(np.flatnonzero(again)[0])
        rule = self._rules.repeated
        if rule == "refuse":
            name = [*self._names][int(series[at])]
            of = f" of `{name}`" if name else ""
            raise self._error(
                int(max(lines[at], lines[at + 1])),
                f"the time {grid.label(int(steps[at]))}{of} stands on line "
                f"{min(lines[at], lines[at + 1])} too",
                "where a column tells series apart, name it: `dataset.series_column=…`; else "
                "`dataset.repeated=mean`, `sum` or `last` makes one step of them",
            )
        log.info("%s: %s rows repeat a time: %s", self._table.file, f"{again.sum():,}", rule)
        firsts = np.flatnonzero(np.concatenate([[True], ~again]))
        if rule == "last":
            lasts = np.concatenate([firsts[1:], [len(series)]]) - 1
            return series[firsts], steps[firsts], numbers[lasts], lines[firsts]
        known = np.isfinite(numbers)
        total = np.add.reduceat(np.where(known, numbers, 0.0), firsts)
        count = np.add.reduceat(known.astype(np.int64), firsts)
        with np.errstate(invalid="ignore", divide="ignore"):
            merged = total / count if rule == "mean" else np.where(count > 0, total, np.nan)
        return series[firsts], steps[firsts], merged, lines[firsts]

    def _gathered(
        self,
        series: np.ndarray,
        steps: np.ndarray,
        numbers: np.ndarray,
        lines: np.ndarray,
        grid: Grid,
    ) -> SeriesData:
        """Return the series without gaps."""
        import numpy as np

        values, past = len(self._columns.values), len(self._columns.past)
        self._check_finite(numbers, lines)
        found: list[tuple[str, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        bounds = np.searchsorted(series, np.arange(len(self._names) + 1))
        for number, name in enumerate(self._names):
            rows = slice(bounds[number], bounds[number + 1])
            places = steps[rows] - steps[rows][0]
            whole = np.full((int(places[-1]) + 1, numbers.shape[1]), np.nan)
            whole[places] = numbers[rows]
            for column, title in enumerate(self._columns.values):
                full = name or (title if values > 1 else title)
                begin, end = self._known(whole[:, column], full, int(lines[rows][0]))
                self._check_gaps(whole[begin:end, column], full, grid, int(steps[rows][0]) + begin)
                there = ~np.isnan(whole[begin:end, column])
                one = self._fill(whole[begin:end, column])
                before = self._covariates(whole[begin:end, values : values + past], full, past=True)
                ahead = whole[begin:, values + past :]
                ahead = self._covariates(ahead[: self._known_ahead(ahead, end - begin)], full)
                found.append((full, int(steps[rows][0]) + begin, one, there, before, ahead))
        names, starts, each, there_each, before_each, ahead_each = zip(*found, strict=True)
        observed = np.concatenate(there_each)
        if filled := int((~observed).sum()):
            log.info(
                "%s: %s values are missing: %s fills them (`dataset.missing`)",
                *(self._table.file, f"{filled:,}", self._rules.missing),
            )
        return SeriesData(
            source=str(self._table.file),
            names=names,
            values=np.concatenate(each),
            lengths=np.array([len(one) for one in each], dtype=np.int64),
            starts=np.array(starts, dtype=np.int64),
            grid=grid,
            observed=observed,
            past=np.concatenate(before_each),
            future=np.concatenate(ahead_each),
            known=np.array([len(one) for one in ahead_each], dtype=np.int64)
            if self._columns.future
            else np.array([len(one) for one in each], dtype=np.int64),
            past_names=self._columns.past,
            future_names=self._columns.future,
        )

    def _check_finite(self, numbers: np.ndarray, lines: np.ndarray) -> None:
        import numpy as np

        wrong = np.argwhere(np.abs(np.where(np.isnan(numbers), 0.0, numbers)) > LARGEST)
        if len(wrong):
            row, column = wrong[0].tolist()
            what = f"`{self._columns.names[column]}` is {numbers[row, column]:g}"
            hint = "give values between -1e30 and 1e30; leave the cell empty where there is none"
            raise self._error(int(lines[row]), what, hint)

    def _known(self, values: np.ndarray, name: str, line: int) -> tuple[int, int]:
        """Return the first step with a value, and the step after the last."""
        import numpy as np

        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            raise self._error(line, f"`{name}` has no value", "leave this series out")
        return int(known[0]), int(known[-1]) + 1

    def _known_ahead(self, ahead: np.ndarray, steps: int) -> int:
        """Return for how many steps all future covariates are known; at least `steps`."""
        import numpy as np

        rows = np.flatnonzero(~np.isnan(ahead).any(axis=1))
        return max(int(rows[-1]) + 1 if len(rows) else 0, steps)

    def _check_gaps(self, values: np.ndarray, name: str, grid: Grid, start: int) -> None:
        """Raise a DataError where too much is missing, or anything if the rule refuses it."""
        import numpy as np

        gaps = np.isnan(values)
        share = gaps.mean()
        if not gaps.any() or (self._rules.missing != "refuse" and share <= MOST_FILLED):
            return
        when = grid.label(start + int(np.flatnonzero(gaps)[0]))
        much = f"{gaps.sum():,} of the {len(gaps):,} steps of `{name}`"
        raise DataError(
            f"{self._table.file}: {much} have no value, the first at {when}",
            "`dataset.missing=interpolate`, `previous` or `zero` fills them"
            if self._rules.missing == "refuse"
            else f"if a step is not {grid.step}, name its length: `dataset.frequency=…`",
        )

    def _covariates(self, columns: np.ndarray, name: str, past: bool = False) -> np.ndarray:
        """Return covariates without gaps; float64, shape (steps, columns)."""
        import numpy as np

        titles = self._columns.past if past else self._columns.future
        for title, column in zip(titles, columns.T, strict=True):
            if np.isnan(column).all() or (
                self._rules.missing == "refuse" and np.isnan(column).any()
            ):
                raise DataError(
                    f"{self._table.file}: the covariate `{title}` of `{name}` has steps without "
                    "a value",
                    "fill them, or leave the covariate out",
                )
        filled = [self._fill(column, inner=False) for column in columns.T]
        return np.stack(filled, axis=1) if filled else np.zeros((len(columns), 0))

    def _fill(self, values: np.ndarray, inner: bool = True) -> np.ndarray:
        """Return values with their gaps filled by the rule; the first and the last are known.

        Args:
            values: float64 of shape (steps,), NaN where missing.
            inner: whether the first value is known; else the first known one stands before it.
        """
        import numpy as np

        gaps = np.isnan(values)
        if not gaps.any():
            return values.copy()
        known = np.flatnonzero(~gaps)
        if self._rules.missing == "zero" and inner:
            return np.where(gaps, 0.0, values)
        if self._rules.missing == "previous" or not inner:
            last = np.maximum.accumulate(np.where(gaps, known[0], np.arange(len(values))))
            return np.asarray(values[last])
        return np.asarray(np.interp(np.arange(len(values)), known, values[known]))

    def _error(self, line: int, what: str, hint: str) -> DataError:
        return DataError(f"{self._table.file}:{line}: {what}", hint)
