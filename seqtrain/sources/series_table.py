"""Read time series from tables: their times, values and covariates, with every defect's place."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtrain.data.grid import Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.data.times import joined, parts_among
from seqtrain.display.escape import argument
from seqtrain.io.decimals import NO_VALUE
from seqtrain.io.tables import Table
from seqtrain.sources.long_table import COMMA, DECIMALS, number, written
from seqtrain.sources.series_rows import SeriesReader
from seqtrain.sources.series_rules import Rules, SeriesColumns

if TYPE_CHECKING:
    import numpy as np

THOUSANDS = re.compile(r"\s*[-+]?\d{1,3}(,\d{3}){2,}(\.\d*)?\s*|\s*[-+]?\d{1,3}(,\d{3})+\.\d*\s*")
SIGNS = "%$€£¥"


def read_series(
    table: Table, columns: SeriesColumns, rules: Rules, grid: Grid | None = None
) -> SeriesData:
    """Read all series of a table.

    Args:
        table: the file.
        columns: what its columns are.
        rules: how rows become steps.
        grid: that of a run, on which all times must lie; None infers one.

    Raises:
        DataError: as in `Table.rows`; or a cell is not a number or not a time; or times are
            repeated, irregular or missing against the rules.
    """
    return _TableReader(table, columns, rules, grid).read()


class _TableReader(SeriesReader):
    """Collects the rows of a table: numbers as arrays, and each name only once."""

    def __init__(
        self, table: Table, columns: SeriesColumns, rules: Rules, grid: Grid | None
    ) -> None:
        super().__init__(table.file, columns, rules, grid)
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
            self._cells.append(self._time(line, rest))
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

    def _time(self, line: int, rest: list[str | None]) -> str:
        """Take the cells of the time, which are the last ones, and return it as one text."""
        names = self._columns.time
        cells = [(cell or "").strip() for cell in rest[-len(names) :]]
        del rest[-len(names) :]
        if not all(cells):
            name = names[cells.index("")]
            raise self._error(line, f"`{name}` is empty", "give each row a time")
        if len(cells) == 1 or self._rules.time_format:
            return " ".join(cells)
        return joined(cells, names)

    def _repeated_hint(self, grid: Grid) -> str:
        """Return a hint for a time that stands twice: its parts may stand in further columns."""
        hint = super()._repeated_hint(grid)
        time = self._columns.time
        parts = parts_among(self._table.columns(), time[0]) if len(time) == 1 else time
        if self._given or len(parts) == len(time):
            return hint
        named = argument(f"dataset.time_column=[{','.join(parts)}]")
        return f"`{named}` takes a time from several columns; {hint}"

    def _number(self, line: int, name: str, cell: str | None) -> float:
        """Return a cell as a number, NaN if it is empty or stands for no value."""
        text = (cell or "").strip()
        if text.lower() in NO_VALUE:
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
            return DECIMALS
        if plain != text and number(plain) is not None:
            return f"write numbers without other signs: {plain}"
        hint = "leave the cell empty where there is no value"
        others = [other for other in self._columns.values if other != name][:5]
        if name not in self._columns.values or self._columns.series or not others:
            return hint
        more = ",…" * (len(self._columns.values) > len(others) + 1)
        named = f"`dataset.value_columns=[{','.join(others)}{more}]`"
        return f"{hint}; if `{name}` is no value, name the columns that are: {named}"
