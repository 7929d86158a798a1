"""Make time series of rows: times become steps, and every defect is told with its place."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seqtrain.data.grid import (
    OF_DAY,
    UNSTEADY,
    WEEKDAYS,
    Grid,
    distance,
    infer,
    phase,
    steadied,
    weekdays,
)
from seqtrain.data.time_series import SeriesData
from seqtrain.data.times import Times, Unreadable, parse, plain_numbers
from seqtrain.display.escape import argument
from seqtrain.errors import DataError

if TYPE_CHECKING:
    import numpy as np

Missing = Literal["interpolate", "previous", "zero", "refuse"]
Repeated = Literal["refuse", "mean", "sum", "last"]

LARGEST = 1e30  # absolute value; squares of larger ones are not finite in float32
MUCH = 0.05  # share of the steps; a warning says that more is missing
MOST_FILLED = 0.5  # share of the steps of a series that may be missing
ALMOST = 1e-6  # of a step: how far a plain number may be from the grid
EXACT = 2**53  # floats count steps below this
EMPTY = 20  # steps for each row, at most, in whose memory gaps are looked at
MONDAY = 4  # days since 1970: weeks begin there
PARTS = (
    "times are read to the second: write means of whole seconds, or take the rows in their order, "
    "if they are at equal distances: `dataset.time_column=null`"
)
WITHOUT = "leave this series out"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeriesColumns:
    """The names of the columns of a table of time series.

    Attributes:
        time: when a row was; several hold the parts of the times, such as year and quarter; none
            takes the rows in their order.
        values: each is a series; in a long table there is one.
        series: says which series a row belongs to; None if the rows belong to all.
        past: covariates that are known up to the present.
        future: covariates that are known in advance.
    """

    time: tuple[str, ...]
    values: tuple[str, ...]
    series: str | None = None
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: the numbers first, then those of the series and the time."""
        numbers = (*self.values, *self.past, *self.future)
        return (*numbers, *filter(None, (self.series,)), *self.time)

    @property
    def written_time(self) -> str:
        """The columns of the time, for messages."""
        return ", ".join(f"`{name}`" for name in self.time)


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

    def __init__(
        self, file: Path, columns: SeriesColumns, rules: Rules, grid: Grid | None = None
    ) -> None:
        """Take a file.

        Args:
            file: for messages.
            columns: what its columns are.
            rules: how rows become steps.
            grid: that of a run, on which all times must lie; None infers one.
        """
        self._file, self._columns, self._rules, self._given = file, columns, rules, grid
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
        if self._given is None and not self._distance():
            times = self._steadied(times, series)
        grid = self._grid(times, series, lines)
        exact = grid.places(times)
        if not (np.abs(exact) < EXACT).all():
            raise self._too_far(int(exact.argmin()), int(exact.argmax()), lines, grid)
        if self._distance() and grid.unit != "step":  # a longer step takes all rows within it
            return grid, np.floor(exact + ALMOST).astype(np.int64)
        self._check_weekends(times, grid, lines)
        steps = np.round(exact).astype(np.int64)
        off = np.flatnonzero(np.abs(exact - steps) > self._tolerance(grid))
        if grid.unit == "second" and (
            times.parts > UNSTEADY * grid.every or (times.parts and len(off))
        ):
            raise self._too_fine()
        if len(off) and self._given:
            raise self._off(int(off[0]), len(off), lines, exact, grid)
        if len(off):
            raise self._irregular(int(off[0]), len(off), series, lines, exact, grid)
        return grid, steps

    def _tolerance(self, grid: Grid) -> float:
        """Return how far times may be from the steps of a grid, in steps.

        Machines take values some seconds late; with an inferred grid such times are moved before.
        """
        return UNSTEADY if self._given and grid.unit in OF_DAY else ALMOST

    def _too_fine(self) -> DataError:
        """Return the error of times whose parts of a second, which are rounded, matter."""
        what = "the times are less than a second apart, or not by whole seconds"
        return DataError(f"{self._file}: {what}", PARTS)

    def _check_weekends(self, times: Times, grid: Grid, lines: np.ndarray) -> None:
        """Raise a DataError if business days hold days of a weekend."""
        import numpy as np

        if grid.unit != "business day":
            return
        found = weekdays(times)
        off = np.flatnonzero(found >= 5)
        if len(off):
            at = int(off[0])
            keep = "" if self._given else "; `dataset.frequency=day` keeps weekends, and fills them"
            others = f", as {len(off) - 1:,} more are" if len(off) > 1 else ""
            raise self._error(
                int(lines[at]),
                f"`{self._cells[at]}` is a {WEEKDAYS[found[at]]}{others}, but the steps are days "
                "from Monday to Friday",
                f"correct the time, or leave the row out{keep}",
            )

    def _off(
        self, at: int, many: int, lines: np.ndarray, exact: np.ndarray, grid: Grid
    ) -> DataError:
        """Return the error of times that are not on the grid of a run."""
        before = int(exact[at] // 1)
        more = f", nor {'are' if many > 2 else 'is'} {many - 1:,} more" if many > 1 else ""
        return self._error(
            int(lines[at]),
            f"`{self._cells[at]}` is not at a step of the run{more}: a step is {grid.exact_step}, "
            f"and the next to it are {grid.label(before)} and {grid.label(before + 1)}",
            self._other_steps,
        )

    @property
    def _other_steps(self) -> str:
        """A hint for a file whose steps are not those of the run."""
        return (
            "leave such rows out, or correct their times; for other steps draft another run: "
            f"`seqtrain init --data {argument(self._file)}`"
        )

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
            f"{lines[first]}: {'the' if self._given else 'most'} steps are {grid.step}",
            self._other_steps
            if self._given
            else f"correct a time that is wrong, or {self._longer(grid)}",
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
        return Grid(unit, every, dated=unit == "step"), steps

    def _times(self, lines: np.ndarray) -> Times:
        try:
            asked = self._given and self._given.unit == "step" and not self._rules.time_format
            found = plain_numbers(self._cells) if asked else None
            return found or parse(self._cells, self._rules.time_format)
        except Unreadable as error:
            cell, form = self._cells[error.index], self._rules.time_format
            line = int(lines[error.index])
            if error.formats:
                first, second = error.formats
                what = f"`{cell}` can be read as {first} and as {second}"
                hint = f"say which: `dataset.time_format={second}`"
                hint = "write times as 2024-03-05" if self._given else hint
                raise self._error(line, what, hint) from None
            hint = "write times as 2024-03-05, 2024-03-05 10:30, 2024-03 or 2024, or as numbers"
            other = "; another form can be named: `dataset.time_format=%d.%m.%Y`"
            hint += "" if self._given else other
            if len(self._columns.time) > 1:
                hint = "name the parts of the time from the year or the date on: "
                hint += "`dataset.time_column=[year,month,day]`"
            like = f" of the form {form}" if form else " like those before" * bool(error.index)
            are = "is" if len(self._columns.time) == 1 else "are"
            what = f"{self._columns.written_time} {are} `{cell[:40]}`, not a time{like}"
            raise self._error(line, what, hint) from None

    def _grid(self, times: Times, series: np.ndarray, lines: np.ndarray) -> Grid:
        """Return the grid: that of a run, of the key `frequency`, or inferred."""
        if self._given:
            self._check_kind(times, self._given, lines)
            return self._given
        if asked := self._distance():
            self._check_kind(times, Grid(*asked), lines)
            return self._phased(*asked, times)
        found = infer(times, series)
        if found is None:
            raise self._one_time(times)
        if found.unit != "step":
            log.info("%s: a step is %s", self._file, found.step)
        return found

    def _check_kind(self, times: Times, grid: Grid, lines: np.ndarray) -> None:
        """Raise a DataError if times are numbers on a grid of dates, or dates on one of numbers."""
        if (grid.unit == "step") == (times.unit == "step"):
            return
        kind = "numbers" if times.unit == "step" else "dates"
        what = (
            f"the times are {kind}, which `dataset.frequency={self._rules.frequency}` does not fit"
        )
        hint = "leave it out: `dataset.frequency=null`"
        if self._given:
            run = "numbers" if grid.unit == "step" else f"dates, and a step is {grid.exact_step}"
            what = f"the times are {kind}, but those of the run are {run}"
            hint = self._other_steps
        raise self._error(int(lines[0]), what, hint)

    def _phased(self, unit: str, every: int, times: Times) -> Grid:
        """Return the grid of a distance: it has the phase of the times if they all share one."""
        import numpy as np

        values = Grid(unit).units(times)
        values = values if unit == "step" else np.floor(values).astype(np.int64)
        offset = phase(unit, every, values)
        usual = MONDAY % every if unit == "day" and every % 7 == 0 else 0
        same = (values % every == offset).all()
        return Grid(unit, every, offset if same else usual)

    def _one_time(self, times: Times) -> DataError:
        """Return the error of series without two different times."""
        if times.parts:
            return self._too_fine()
        hint = "a forecast needs many steps"
        if self._columns.series:
            hint += f"; {self.grouped.format(self._columns.series)}"
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
        if self._given:
            hint = self._other_steps
        elif not self._columns.series:
            hint = f"{self.apart}; {hint}"
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
            else self._other_steps
            if self._given
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
