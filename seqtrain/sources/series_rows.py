"""Make time series of rows: times become steps, and every defect is told with its place."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from seqtrain.data.grid import Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.errors import DataError
from seqtrain.sources.series_rules import Rules, SeriesColumns, Words
from seqtrain.sources.series_steps import RowSteps, other_steps

if TYPE_CHECKING:
    import numpy as np

LARGEST = 1e30  # absolute value; squares of larger ones are not finite in float32
MUCH = 0.05  # share of the steps; a warning says that more is missing
MOST_FILLED = 0.5  # share of the steps of a series that may be missing
WITHOUT = "leave this series out"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OneSeries:
    """A series from its first known value to its last.

    Attributes:
        name: of the series.
        start: the time of its first value, as an index of the grid.
        values: float64 of shape (steps,), NaN where one is missing.
        past: covariates that are known up to the present, without gaps; float64, (steps, P).
        future: those that are known in advance, in the same form, of at least as many steps.
    """

    name: str
    start: int
    values: np.ndarray
    past: np.ndarray
    future: np.ndarray


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

    def add(self, series: OneSeries) -> None:
        """Add what is missing in a series."""
        import numpy as np

        missing = np.isnan(series.values)
        self.steps += len(missing)
        if not missing.any():
            return
        if not self.missing:
            self.first, self.name = series.start + int(np.argmax(missing)), series.name
        self.missing += int(missing.sum())
        known = np.flatnonzero(~missing)
        self.longest = max(self.longest, int(np.diff(known).max()) - 1)


class SeriesReader(ABC):
    """Makes series of rows.

    Attributes:
        words: how messages speak of the rows.
    """

    words: ClassVar[Words] = Words()

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
        rows = (self._cells, series, lines)
        asked = (self._file, self._columns, self._rules, self.words)
        grid, steps = RowSteps(*asked, rows, self._given).on_grid()
        self._report_order(series, steps)
        order = np.lexsort((steps, series))
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
            raise self._error(int(lines[0]), what, self.words.valued)
        none = np.flatnonzero(np.bincount(series[kept], minlength=len(self._names)) == 0)
        if len(none):
            line = int(lines[np.flatnonzero(series == none[0])[0]])
            raise self._error(line, f"`{[*self._names][none[0]]}` has no value", WITHOUT)
        self._cells = [self._cells[row] for row in kept.tolist()]
        return series[kept], lines[kept], numbers[kept]

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
                f"the time {grid.label(int(steps[at]))}{of} stands on {self.words.row} "
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
            hint = other_steps(self._file)
        elif not self._columns.series:
            hint = f"{self.words.apart}; {hint}"
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

        self._check_finite(numbers, lines)
        found: list[OneSeries] = []
        gaps = Gaps()
        bounds = np.searchsorted(series, np.arange(len(self._names) + 1))
        for place, name in enumerate(self._names):
            rows = slice(bounds[place], bounds[place + 1])
            places = steps[rows] - steps[rows][0]
            whole = np.full((int(places[-1]) + 1, numbers.shape[1]), np.nan)
            whole[places] = numbers[rows]
            for column, title in enumerate(self._columns.values):
                at = (int(lines[rows][0]), int(steps[rows][0]))
                found.append(self._one_series(whole, column, name or title, *at, grid))
                gaps.add(found[-1])
        if gaps.missing:
            self._report(gaps, grid)
        return SeriesData(
            source=str(self._file),
            names=tuple(one.name for one in found),
            values=np.concatenate([self._fill(one.values) for one in found]),
            lengths=np.array([len(one.values) for one in found], dtype=np.int64),
            starts=np.array([one.start for one in found], dtype=np.int64),
            grid=grid,
            observed=np.concatenate([~np.isnan(one.values) for one in found]),
            past=np.concatenate([one.past for one in found]),
            future=np.concatenate([one.future for one in found]),
            known=np.array([len(one.future) for one in found], dtype=np.int64),
            past_names=self._columns.past,
            future_names=self._columns.future,
            timed=bool(self._columns.time),
        )

    def _one_series(
        self, rows: np.ndarray, column: int, name: str, line: int, start: int, grid: Grid
    ) -> OneSeries:
        """Return a column of values from the first that is known to the last.

        Args:
            rows: the numbers of each step, float64 of shape (steps, columns), NaN where missing.
            column: the values.
            name: of the series.
            line: its first in the file.
            start: the time of the first row, as an index of the grid.
            grid: the times.
        """
        values, past = len(self._columns.values), len(self._columns.past)
        begin, end = self._known(rows[:, column], name, line)
        one = rows[begin:end, column]
        self._check_gaps(one, name, grid, start + begin)
        before = self._covariates(rows[begin:end, values : values + past], name, past=True)
        ahead = rows[begin:, values + past :]
        ahead = self._covariates(ahead[: self._known_ahead(ahead, end - begin)], name)
        return OneSeries(name, start + begin, one, before, ahead)

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
            else other_steps(self._file)
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
        return self.words.error(self._file, line, what, hint)
