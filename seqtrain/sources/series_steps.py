"""From the times of rows to steps: on the grid of a run, of a key, or inferred."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain.data.grid import (
    OF_DAY,
    UNSTEADY,
    WEEKDAYS,
    WEEKS,
    Grid,
    distance,
    infer,
    left_out,
    phase,
    steadied,
    weekdays,
)
from seqtrain.data.times import Times, Unreadable, parse, plain_numbers
from seqtrain.display.escape import argument
from seqtrain.errors import DataError
from seqtrain.sources.series_rules import Rules, SeriesColumns, Words

if TYPE_CHECKING:
    import numpy as np

ALMOST = 1e-6  # of a step: how far a plain number may be from the grid
EXACT = 2**53  # floats count steps below this
EMPTY = 20  # steps for each row, at most, in whose memory gaps are looked at
MONDAY = 4  # days since 1970: weeks begin there
PARTS = (
    "times are read to the second: write means of whole seconds, or take the rows in their order, "
    "if they are at equal distances: `dataset.time_column=null`"
)

log = logging.getLogger(__name__)


def other_steps(file: Path) -> str:
    """Return a hint for a file whose steps are not those of a run."""
    return (
        "leave such rows out, or correct their times; for other steps draft another run: "
        f"`seqtrain init --data {argument(file)}`"
    )


class RowSteps:
    """The steps of the rows of a file."""

    def __init__(
        self,
        file: Path,
        columns: SeriesColumns,
        rules: Rules,
        words: Words,
        rows: tuple[Sequence[str], np.ndarray, np.ndarray],
        grid: Grid | None = None,
    ) -> None:
        """Take the rows.

        Args:
            file: for messages.
            columns: what its columns are.
            rules: how rows become steps.
            words: how messages speak of the rows.
            rows: the time of each as written, none without times; the number of its series, int64
                of shape (N,); and its line, in the same form.
            grid: that of a run, on which all times must lie; None infers one.
        """
        self._file, self._columns, self._rules, self._words = file, columns, rules, words
        self._cells, self._series, self._lines = rows
        self._given = grid

    def on_grid(self) -> tuple[Grid, np.ndarray]:
        """Return the grid, and the index of the time of each row; int64, shape (N,).

        Raises:
            DataError: a time cannot be read, or is not on the grid; or two are too far apart.
        """
        if not self._columns.time:
            return self._counted()
        times = self._times()
        if self._given is None and not self._distance():
            times = self._steadied(times)
        grid = self._grid(times)
        steps = self._indices(times, grid)
        self._check_spans(steps, grid)
        return grid, steps

    def _indices(self, times: Times, grid: Grid) -> np.ndarray:
        """Return the index of the time of each row; int64, shape (N,)."""
        import numpy as np

        exact = grid.places(times)
        if not (np.abs(exact) < EXACT).all():
            raise self._too_far(int(exact.argmin()), int(exact.argmax()), grid)
        if self._distance() and grid.unit != "step":  # a longer step takes all rows within it
            return np.floor(exact + ALMOST).astype(np.int64)
        self._check_week(times, grid)
        self._check_regular(times, exact, grid)
        return np.round(exact).astype(np.int64)

    def _check_regular(self, times: Times, exact: np.ndarray, grid: Grid) -> None:
        """Raise a DataError if times are between two steps, or are rounded to other ones.

        Args:
            times: of all rows.
            exact: their indices, float64 of shape (N,).
            grid: the steps.
        """
        import numpy as np

        off = np.flatnonzero(np.abs(exact - np.round(exact)) > self._tolerance(grid))
        rounded = times.parts > (0 if len(off) else UNSTEADY * grid.every)
        if grid.unit == "second" and rounded:
            raise self._too_fine()
        if len(off):
            error = self._off if self._given else self._irregular
            raise error(int(off[0]), len(off), exact, grid)

    def _check_spans(self, steps: np.ndarray, grid: Grid) -> None:
        """Raise a DataError if a series has far more steps than rows.

        Args:
            steps: the index of the time of each row, int64 of shape (N,).
            grid: the times.
        """
        import numpy as np

        order = np.lexsort((steps, self._series))
        counts = np.bincount(self._series)
        lasts = counts.cumsum() - 1
        spans = steps[order[lasts]] - steps[order[lasts - counts + 1]]
        wide = np.flatnonzero((spans > EMPTY * counts + 1_000) & (counts > 0))
        if len(wide) and self._columns.time:
            rows = order[lasts[wide[0]] - counts[wide[0]] + 1 : lasts[wide[0]] + 1]
            after = int(np.diff(steps[rows]).argmax()) + 1
            raise self._too_far(int(rows[after - 1]), int(rows[after]), grid)

    def _tolerance(self, grid: Grid) -> float:
        """Return how far times may be from the steps of a grid, in steps.

        Machines take values some seconds late; with an inferred grid such times are moved before.
        """
        return UNSTEADY if self._given and grid.unit in OF_DAY else ALMOST

    def _too_fine(self) -> DataError:
        """Return the error of times whose parts of a second, which are rounded, matter."""
        what = "the times are less than a second apart, or not by whole seconds"
        return DataError(f"{self._file}: {what}", PARTS)

    def _check_week(self, times: Times, grid: Grid) -> None:
        """Raise a DataError if days that the week of the grid leaves out have rows."""
        import numpy as np

        if grid.unit not in WEEKS:
            return
        found = weekdays(times)
        off = np.flatnonzero(left_out(grid.unit, found))
        if len(off):
            at = int(off[0])
            keep = "" if self._given else "; `dataset.frequency=day` keeps all days, and fills them"
            until = WEEKDAYS[WEEKS[grid.unit].rindex("1")]
            others = f", as {len(off) - 1:,} more are" if len(off) > 1 else ""
            raise self._error(
                at,
                f"`{self._cells[at]}` is a {WEEKDAYS[found[at]]}{others}, but the steps are days "
                f"from Monday to {until}",
                f"correct the time, or leave the row out{keep}",
            )

    def _off(self, at: int, many: int, exact: np.ndarray, grid: Grid) -> DataError:
        """Return the error of times that are not on the grid of a run."""
        before = int(exact[at] // 1)
        more = f", nor {'are' if many > 2 else 'is'} {many - 1:,} more" if many > 1 else ""
        return self._error(
            at,
            f"`{self._cells[at]}` is not at a step of the run{more}: a step is {grid.exact_step}, "
            f"and the next to it are {grid.label(before)} and {grid.label(before + 1)}",
            other_steps(self._file),
        )

    def _steadied(self, times: Times) -> Times:
        """Return times without small differences from equal distances."""
        import numpy as np

        found = steadied(times, self._series)
        late = np.abs(times.values - found.values)
        if moved := int(np.count_nonzero(late)):
            log.info(
                "%s: %s of the times are up to %s seconds off a regular distance: moved there",
                *(self._file, f"{moved:,}", int(late.max())),
            )
        return found

    def _too_far(self, first: int, last: int, grid: Grid) -> DataError:
        """Return the error of two rows between which there are too many steps."""
        return self._error(
            last,
            f"`{self._cells[last]}` is too far from `{self._cells[first]}` on {self._words.row} "
            f"{self._lines[first]}: {'the' if self._given else 'most'} steps are {grid.step}",
            other_steps(self._file)
            if self._given
            else f"correct a time that is wrong, or {self._longer(grid)}",
        )

    def _irregular(self, at: int, many: int, exact: np.ndarray, grid: Grid) -> DataError:
        """Return the error of times that are not on the grid, of which `at` is the first row."""
        import numpy as np

        more = f" and {many - 1:,} more are" if many > 1 else " is"
        what = f"`{self._cells[at]}`{more} not at a regular distance from the other times: "
        what += f"most steps are {grid.step}"
        before = np.flatnonzero((self._series == self._series[at]) & (exact < exact[at]))
        if len(before):
            row = int(before[exact[before].argmax()])
            place = f"{self._words.row} {self._lines[row]}"
            what += f", and the time before is `{self._cells[row]}` on {place}"
        return self._error(at, what, f"leave such rows out, or {self._longer(grid)}")

    def _longer(self, grid: Grid) -> str:
        """Return a hint for times that are irregular."""
        if grid.unit == "step":
            return "take the rows in their order: `dataset.time_column=null`"
        units = ("second", "minute", "hour", "day", "week", "month", "year")
        unit = "day" if grid.unit in WEEKS else grid.unit
        at = units.index(unit) + (grid.describe() != unit)
        unit = next(name for name in (*units[at:], "year", "10 years") if name != grid.describe())
        typed = argument(f"dataset.frequency={unit}")
        return f"let a step take all rows within a longer time: `{typed} dataset.repeated=mean`"

    def _counted(self) -> tuple[Grid, np.ndarray]:
        """Return the grid and the step of each row without times: its number in its series."""
        import numpy as np

        counts = np.bincount(self._series)
        steps = np.empty(len(self._series), np.int64)
        order = np.argsort(self._series, kind="stable")
        firsts = np.repeat(counts.cumsum() - counts, counts)
        steps[order] = np.arange(len(steps)) - firsts
        unit, every = self._distance() or ("step", 1)
        return Grid(unit, every, dated=unit == "step"), steps

    def _times(self) -> Times:
        """Return the times of the rows."""
        try:
            asked = self._given and self._given.unit == "step" and not self._rules.time_format
            found = plain_numbers(self._cells) if asked else None
            return found or parse(self._cells, self._rules.time_format)
        except Unreadable as error:
            cell, form = self._cells[error.index], self._rules.time_format
            if error.formats:
                first, second = error.formats
                what = f"`{cell}` can be read as {first} and as {second}"
                hint = f"say which: `dataset.time_format={first}` or `dataset.time_format={second}`"
                hint = "write times as 2024-03-05" if self._given else hint
                raise self._error(error.index, what, hint) from None
            hint = "write times as 2024-03-05, 2024-03-05 10:30, 2024-03 or 2024, or as numbers"
            other = "; another form can be named: `dataset.time_format=%d.%m.%Y`"
            hint += "" if self._given else other
            if len(self._columns.time) > 1:
                hint = "name the parts of the time from the year or the date on: "
                hint += "`dataset.time_column=[year,month,day]`"
            like = f" of the form {form}" if form else " like those before" * bool(error.index)
            are = "is" if len(self._columns.time) == 1 else "are"
            what = f"{self._columns.written_time} {are} `{cell[:40]}`, not a time{like}"
            raise self._error(error.index, what, hint) from None

    def _grid(self, times: Times) -> Grid:
        """Return the grid: that of a run, of the key `frequency`, or inferred."""
        if self._given:
            self._check_kind(times, self._given)
            return self._given
        if asked := self._distance():
            self._check_kind(times, Grid(*asked))
            return self._phased(*asked, times)
        found = infer(times, self._series)
        if found is None:
            raise self._one_time(times)
        if found.unit != "step":
            log.info("%s: a step is %s", self._file, found.step)
        return found

    def _check_kind(self, times: Times, grid: Grid) -> None:
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
            hint = other_steps(self._file)
        raise self._error(0, what, hint)

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
            hint += f"; {self._words.grouped.format(self._columns.series)}"
        return DataError(f"{self._file}: no series has two different times", hint)

    def _distance(self) -> tuple[str, int] | None:
        """Return the unit and the number of units of the key `frequency`."""
        return distance(self._rules.frequency) if self._rules.frequency else None

    def _error(self, row: int, what: str, hint: str) -> DataError:
        """Return the error of a row, by its place among all."""
        return self._words.error(self._file, int(self._lines[row]), what, hint)
