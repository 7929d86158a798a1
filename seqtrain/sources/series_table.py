"""Read time series from tables: their times, values and covariates, with every defect's place."""

from __future__ import annotations

import logging
import math
import re
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seqtrain.data.time_series import SeriesData
from seqtrain.data.times import Grid, Times, Unreadable, distance, infer, parse, steadied
from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.sources.long_table import COMMA, number, written

if TYPE_CHECKING:
    import numpy as np

Missing = Literal["interpolate", "previous", "zero", "refuse"]
Repeated = Literal["refuse", "mean", "sum", "last"]

NONE = {"", "na", "n/a", "nan", "null", "none", "nil", "?", "-", ".", "#n/a"}  # no value
LARGEST = 1e30  # absolute value; squares of larger ones are not finite in float32
MUCH = 0.05  # share of the steps; a warning says that more is missing
MOST_FILLED = 0.5  # share of the steps of a series that may be missing
ALMOST = 1e-6  # of a step: how far a plain number may be from the grid
EXACT = 2**53  # floats count steps below this
EMPTY = 20  # steps for each row, at most, in whose memory gaps are looked at
MONDAY = 4  # days since 1970: weeks begin there
WITHOUT = "leave this series out"
THOUSANDS = re.compile(r"\s*[-+]?\d{1,3}(,\d{3}){2,}(\.\d*)?\s*|\s*[-+]?\d{1,3}(,\d{3})+\.\d*\s*")
SIGNS = "%$€£¥"

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


@dataclass
class Gaps:
    """What is missing in series.

    Attributes:
        missing: the number of steps without a value.
        steps: of all.
        longest: the most of them in a row.
        first: the time of the first, as an index of the grid.
        name: the series of the first.
    """

    missing: int = 0
    steps: int = 0
    longest: int = 0
    first: int = 0
    name: str = ""

    def add(self, values: np.ndarray, name: str, start: int) -> None:
        """Add a series; float64 of shape (steps,), NaN where a value is missing."""
        import numpy as np

        known = np.flatnonzero(~np.isnan(values))
        self.steps += len(values)
        if len(known) == len(values):
            return
        if not self.missing:
            self.first, self.name = start + int(np.flatnonzero(np.isnan(values))[0]), name
        self.missing += len(values) - len(known)
        self.longest = max(self.longest, int(np.diff(known).max()) - 1)


def read_series(table: Table, columns: SeriesColumns, rules: Rules) -> SeriesData:
    """Read all series of a table.

    Raises:
        DataError: as in `Table.rows`; or a cell is not a number or not a time; or times are
            repeated, irregular or missing against the rules.
    """
    return _TableReader(table, columns, rules).read()


class SeriesReader(ABC):
    """Makes series of rows.

    Attributes:
        row: what a row is called in messages, before its number.
        apart: a hint on how series are told apart.
        grouped: a hint for series that are told apart wrongly, with a place for the column.
        valued: a hint on where values are expected.
    """

    row = "line"
    apart = "where a column tells series apart, name it: `dataset.series_column=…`"
    grouped = "is `dataset.series_column={}` the right column?"
    valued = "name their columns: `dataset.value_columns=[…]`"

    def __init__(self, file: Path, columns: SeriesColumns, rules: Rules) -> None:
        self._file, self._columns, self._rules = file, columns, rules
        self._names: dict[str, int] = {}
        self._cells: list[str] = []  # the times as written

    @abstractmethod
    def collect(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the number of the series of each row, its line, and its numbers.

        They are int64 of shape (N,), the same, and float64 of shape (N, columns), with NaN for
        what is missing. The names of the series and the times become known.
        """

    def read(self) -> SeriesData:
        """Return the series."""
        import numpy as np

        series, lines, numbers = self._without_empty(*self.collect())
        grid, steps = self._steps(series, lines)
        order = np.lexsort((steps, series))
        self._check_spans(series, steps, lines, order, grid)
        self._report_order(series, steps)
        ordered = (series[order], steps[order], numbers[order], lines[order])
        series, steps, numbers, lines = self._without_repeated(*ordered, grid)
        return self._gathered(series, steps, numbers, lines, grid)

    def _report_order(self, series: np.ndarray, steps: np.ndarray) -> None:
        """Log how many rows are before the row above them of the same series."""
        import numpy as np

        order = np.argsort(series, kind="stable")
        earlier = (np.diff(steps[order]) < 0) & (np.diff(series[order]) == 0)
        if moved := int(np.count_nonzero(earlier)):
            rows = f"{moved:,} row{'s are' if moved > 1 else ' is'} earlier than the row before"
            log.info("%s: the rows are not in the order of time: sorted (%s)", self._file, rows)

    def _check_spans(
        self,
        series: np.ndarray,
        steps: np.ndarray,
        lines: np.ndarray,
        order: np.ndarray,
        grid: Grid,
    ) -> None:
        """Raise a DataError if a series has far more steps than rows."""
        import numpy as np

        counts = np.bincount(series, minlength=len(self._names))
        lasts = counts.cumsum() - 1
        spans = steps[order[lasts]] - steps[order[lasts - counts + 1]]
        wide = np.flatnonzero((spans > EMPTY * counts + 1_000) & (counts > 0))
        if len(wide) and self._columns.time:
            rows = order[lasts[wide[0]] - counts[wide[0]] + 1 : lasts[wide[0]] + 1]
            after = int(np.diff(steps[rows]).argmax()) + 1
            raise self._too_far(int(rows[after - 1]), int(rows[after]), lines, grid)

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
            raise self._error(int(lines[0]), what, self.valued)
        none = np.flatnonzero(np.bincount(series[kept], minlength=len(self._names)) == 0)
        if len(none):
            line = int(lines[np.flatnonzero(series == none[0])[0]])
            raise self._error(line, f"`{[*self._names][none[0]]}` has no value", WITHOUT)
        self._cells = [self._cells[row] for row in kept.tolist()]
        return series[kept], lines[kept], numbers[kept]

    def _steps(self, series: np.ndarray, lines: np.ndarray) -> tuple[Grid, np.ndarray]:
        """Return the grid, and the index of the time of each row; int64, shape (N,)."""
        import numpy as np

        if not self._columns.time:
            return self._counted(series)
        times = self._times(lines)
        if not self._distance():
            times = self._steadied(times, series)
        grid = self._grid(times, series, lines)
        with np.errstate(over="ignore"):
            exact = (grid.units(times) - grid.offset) / grid.every
        if not (np.abs(exact) < EXACT).all():
            raise self._too_far(int(exact.argmin()), int(exact.argmax()), lines, grid)
        if self._distance() and grid.unit != "step":  # a longer step takes all rows within it
            exact = np.floor(exact)
        steps = np.round(exact).astype(np.int64)
        off = np.flatnonzero(np.abs(exact - steps) > ALMOST)
        if len(off):
            raise self._irregular(int(off[0]), len(off), series, lines, exact, grid)
        return grid, steps

    def _steadied(self, times: Times, series: np.ndarray) -> Times:
        """Return times without small differences from equal distances."""
        import numpy as np

        found = steadied(times, series)
        late = np.abs(times.values - found.values)
        if moved := int(np.count_nonzero(late)):
            log.info(
                "%s: %s of the times are up to %s seconds off a regular distance: moved there",
                *(self._file, f"{moved:,}", int(late.max())),
            )
        return found

    def _too_far(self, first: int, last: int, lines: np.ndarray, grid: Grid) -> DataError:
        """Return the error of two rows between which there are too many steps."""
        return self._error(
            int(lines[last]),
            f"`{self._cells[last]}` is too far from `{self._cells[first]}` on {self.row} "
            f"{lines[first]}: most steps are {grid.step}",
            f"correct a time that is wrong, or {self._longer(grid)}",
        )

    def _irregular(
        self,
        at: int,
        many: int,
        series: np.ndarray,
        lines: np.ndarray,
        exact: np.ndarray,
        grid: Grid,
    ) -> DataError:
        """Return the error of times that are not on the grid, of which `at` is the first row."""
        import numpy as np

        more = f" and {many - 1:,} more are" if many > 1 else " is"
        what = f"`{self._cells[at]}`{more} not at a regular distance from the other times: "
        what += f"most steps are {grid.step}"
        before = np.flatnonzero((series == series[at]) & (exact < exact[at]))
        if len(before):
            row = int(before[exact[before].argmax()])
            what += f", and the time before is `{self._cells[row]}` on {self.row} {lines[row]}"
        return self._error(int(lines[at]), what, f"leave such rows out, or {self._longer(grid)}")

    def _longer(self, grid: Grid) -> str:
        """Return a hint for times that are irregular."""
        if grid.unit == "step":
            return "take the rows in their order: `dataset.time_column=null`"
        units = ("second", "minute", "hour", "day", "week", "month", "year")
        unit = grid.unit.removeprefix("business ")
        at = units.index(unit) + (grid.describe() != unit)
        unit = next(name for name in (*units[at:], "year") if name != grid.describe())
        return (
            "let a step take all rows within a longer time: "
            f"`dataset.frequency={unit} dataset.repeated=mean`"
        )

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

    def _grid(self, times: Times, series: np.ndarray, lines: np.ndarray) -> Grid:
        """Return the grid: that of the key `frequency`, or inferred."""
        import numpy as np

        if asked := self._distance():
            unit, every = asked
            if (unit == "step") != (times.unit == "step"):
                raise self._error(
                    int(lines[0]),
                    f"the times are {'numbers' if times.unit == 'step' else 'dates'}, which "
                    f"`dataset.frequency={self._rules.frequency}` does not fit",
                    "leave it out: `dataset.frequency=null`",
                )
            rests = np.unique(Grid(unit).units(times) % every)
            usual = MONDAY % every if unit == "day" and every % 7 == 0 else 0
            return Grid(unit, every, rests[0].item() if len(rests) == 1 else usual)
        found = infer(times, series)
        if found is None:
            raise self._one_time(times)
        if found.unit != "step":
            log.info("%s: a step is %s", self._file, found.step)
        return found

    def _one_time(self, times: Times) -> DataError:
        """Return the error of series without two different times."""
        hint = "a forecast needs many steps"
        if self._columns.series:
            hint += f"; {self.grouped.format(self._columns.series)}"
        elif times.unit == "second" and len({*self._cells}) > 1:
            hint = "times that differ by less than a second cannot be told apart: without them, "
            hint += "`dataset.time_column=null` takes the rows in their order"
        return DataError(f"{self._file}: no series has two different times", hint)

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
                f"the time {grid.label(int(steps[at]))}{of} stands on {self.row} "
                f"{min(lines[at], lines[at + 1])} too: a step is {grid.step}",
                self._repeated_hint(grid),
            )
        log.info(
            "%s: %s of %s rows have the time of another: %s makes one step of them "
            "(`dataset.repeated`)",
            *(self._file, f"{again.sum():,}", f"{len(series):,}", rule),
        )
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

    def _repeated_hint(self, grid: Grid) -> str:
        hint = "`dataset.repeated=mean`, `sum` or `last` makes one step of them"
        if not self._columns.series:
            hint = f"{self.apart}; {hint}"
        if grid.unit == "second":
            hint += "; times that differ by less than a second cannot be told apart: without them, "
            hint += "`dataset.time_column=null` takes the rows in their order"
        if grid.unit in ("hour", "minute"):
            hint += "; if clocks were put back then, write the times in UTC"
        return hint

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
        gaps = Gaps()
        bounds = np.searchsorted(series, np.arange(len(self._names) + 1))
        for place, name in enumerate(self._names):
            rows = slice(bounds[place], bounds[place + 1])
            places = steps[rows] - steps[rows][0]
            whole = np.full((int(places[-1]) + 1, numbers.shape[1]), np.nan)
            whole[places] = numbers[rows]
            for column, title in enumerate(self._columns.values):
                full = name or title
                begin, end = self._known(whole[:, column], full, int(lines[rows][0]))
                start = int(steps[rows][0]) + begin
                self._check_gaps(whole[begin:end, column], full, grid, start)
                gaps.add(whole[begin:end, column], full, start)
                there = ~np.isnan(whole[begin:end, column])
                one = self._fill(whole[begin:end, column])
                before = self._covariates(whole[begin:end, values : values + past], full, past=True)
                ahead = whole[begin:, values + past :]
                ahead = self._covariates(ahead[: self._known_ahead(ahead, end - begin)], full)
                found.append((full, start, one, there, before, ahead))
        names, starts, each, there_each, before_each, ahead_each = zip(*found, strict=True)
        if gaps.missing:
            self._report(gaps, grid)
        return SeriesData(
            source=str(self._file),
            names=names,
            values=np.concatenate(each),
            lengths=np.array([len(one) for one in each], dtype=np.int64),
            starts=np.array(starts, dtype=np.int64),
            grid=grid,
            observed=np.concatenate(there_each),
            past=np.concatenate(before_each),
            future=np.concatenate(ahead_each),
            known=np.array([len(one) for one in ahead_each], dtype=np.int64),
            past_names=self._columns.past,
            future_names=self._columns.future,
            timed=self._columns.time is not None,
        )

    def _report(self, gaps: Gaps, grid: Grid) -> None:
        """Log what is filled; a warning if so much is that forecasts suffer."""
        many = gaps.missing > 1
        much = gaps.missing > MUCH * gaps.steps or gaps.longest > max(grid.season, 2)
        log.log(
            logging.WARNING if much else logging.INFO,
            "%s: %s of %s values %s missing, the first at %s of `%s`, at most %s in a row: "
            "%s fills them (`dataset.missing`)",
            *(self._file, f"{gaps.missing:,}", f"{gaps.steps:,}", "are" if many else "is"),
            *(grid.label(gaps.first), gaps.name, f"{gaps.longest:,}", self._rules.missing),
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
            raise self._error(line, f"`{name}` has no value", WITHOUT)
        return int(known[0]), int(known[-1]) + 1

    def _known_ahead(self, ahead: np.ndarray, steps: int) -> int:
        """Return for how many steps all future covariates are known; at least `steps`."""
        import numpy as np

        if not self._columns.future:
            return steps
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
            f"{self._file}: {much} have no value, the first at {when}",
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
                    f"{self._file}: the covariate `{title}` of `{name}` has steps without a value",
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
        return DataError(f"{self._file}:{line}: {what}", hint)


class _TableReader(SeriesReader):
    """Collects the rows of a table: numbers as arrays, and each name only once."""

    def __init__(self, table: Table, columns: SeriesColumns, rules: Rules) -> None:
        super().__init__(table.file, columns, rules)
        self._table = table
        self._series, self._lines, self._numbers = array("q"), array("q"), array("d")

    def collect(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the series, the line and the numbers of each row."""
        import numpy as np

        columns = self._columns
        optional = (*columns.values, *columns.past, *columns.future)
        for line, row in self._table.rows(*columns.names, optional=optional):
            self._add(line, row)
        lines = np.frombuffer(self._lines, dtype=np.int64)
        series = np.frombuffer(self._series, dtype=np.int64)
        numbers = np.frombuffer(self._numbers, dtype=np.float64)
        return series, lines, numbers.reshape(len(lines), -1)

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
            what = f"`{name}` is {written(cell)}"
            raise self._error(line, what, self._number_hint(name, text)) from error

    def _number_hint(self, name: str, text: str) -> str:
        """Return a hint for a cell that is not a number."""
        plain = text.strip(SIGNS + " ").replace(",", "")
        if THOUSANDS.fullmatch(text.strip(SIGNS)):
            return f"write numbers without commas: {plain}"
        if COMMA.fullmatch(text):
            return "write decimals with a point"
        if plain != text and number(plain) is not None:
            return f"write numbers without other signs: {plain}"
        hint = "leave the cell empty where there is no value"
        others = [other for other in self._columns.values if other != name][:5]
        if name not in self._columns.values or self._columns.series or not others:
            return hint
        more = ",…" * (len(self._columns.values) > len(others) + 1)
        named = f"`dataset.value_columns=[{','.join(others)}{more}]`"
        return f"{hint}; if `{name}` is no value, name the columns that are: {named}"
