"""`series`: a person's own time series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from seqtrain.data.grid import Grid, distance
from seqtrain.data.time_series import SeriesData
from seqtrain.errors import DataError
from seqtrain.io.decimals import Decimal
from seqtrain.io.dialect import Quotes
from seqtrain.io.tables import Table
from seqtrain.io.text_file import suffix
from seqtrain.schema.sections import FileName, Names, broken
from seqtrain.sources.own_files import Encoding
from seqtrain.sources.series_archive import FORMS, read_series_archive
from seqtrain.sources.series_rules import Missing, Repeated, Rules, SeriesColumns
from seqtrain.sources.series_table import read_series
from seqtrain.sources.windowed_series import SeriesConfig

ARRAYS = (".npz", ".npy")


def _distance(text: str) -> str:
    try:
        distance(text)
    except ValueError as error:
        rule = f'"{text}" is not one; such are `month`, `week`, `business day`, `30 minutes`'
        raise broken([("dataset.frequency", rule)]) from error
    return text


Frequency = Annotated[str, AfterValidator(_distance)]


class Series(SeriesConfig):
    """Your own time series: a table of times and values.

    A row is a time. Each column of values is a series of its own; or, in a long table, the column
    `series_column` says which series a row belongs to. One network learns all series.

    A `.npz` file holds `values` (steps, or steps × series), and if there are any `time` (steps),
    `names` (series), `past` and `future` (steps × covariates); or, for series of different lengths,
    `values` (all steps, one series after another) and `lengths` (series). NaN is a missing value.
    """

    name: Literal["series"]
    path: FileName = Field(description="the file: CSV, TSV, JSONL, Parquet, Excel, or `.npz`")
    time_column: str | Names | None = Field(
        default="time",
        description="column, or key, of the times: dates, timestamps, months, years or numbers; a "
        "list names columns of their parts, such as `[year, quarter]`, `[year, month, day]` or "
        "`[date, time]`; null takes the rows in their order",
    )
    value_columns: Names | None = Field(
        default=None,
        description="columns, or keys, of the values; null takes all that are not named elsewhere",
    )
    series_column: str | None = Field(
        default=None, description="column, or key, of the series' names in a long table"
    )
    past: Names | None = Field(
        default=None,
        description="columns of covariates that are known up to the present, such as the weather",
    )
    future: Names | None = Field(
        default=None,
        description="columns of covariates that are known in advance, such as holidays or prices; "
        "a forecast needs them for its horizon: in rows after the last value, which leave it empty",
    )
    frequency: Frequency | None = Field(
        default=None,
        description="distance of the steps: `month`, `week`, `business day`, `day except Sunday`, "
        "`30 minutes` and so on; null takes the most common distance of the times",
    )
    time_format: str | None = Field(
        default=None,
        description="format of the times, as Python's `strptime` takes it; null tries the usual "
        "ones",
    )
    missing: Missing = Field(
        default="interpolate",
        description="what fills steps without a value: a line between its neighbours, the "
        "`previous` value, or `zero`; `refuse` is an error",
    )
    repeated: Repeated = Field(
        default="refuse",
        description="what to do with several rows of one time: an error, or one step of their "
        "`mean`, their `sum` or the `last` of them",
    )
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None = Field(
        default=None, description="delimiter between fields; null detects it"
    )
    quotes: Quotes | None = Field(
        default=None, description="whether fields can be quoted; null detects it"
    )
    decimal: Decimal = Field(
        default="point",
        description="the decimal sign of numbers; with `comma`, points or spaces may stand between "
        "thousands, as in 1.234,5",
    )
    header: bool = Field(
        default=True,
        description="whether the first row names the columns; else they are called `column_1`, "
        "`column_2`, …",
    )
    encoding: Encoding = Field(
        default="utf-8", description="encoding of the file, as Python names it"
    )

    def series(self, data_dir: Path | None) -> SeriesData:
        """Read the file."""
        return self.series_of(Path(self.path))

    def series_of(self, file: Path, grid: Grid | None = None) -> SeriesData:
        """Read a file in the form of the data."""
        rules = Rules(self.frequency, self.time_format, self.missing, self.repeated)
        if suffix(file) in ARRAYS:
            return read_series_archive(file, rules, self._array_of_times(file), grid)
        table = self.table(file)
        return read_series(table, self.columns(table), rules, grid)

    def _array_of_times(self, file: Path) -> str | None:
        """Return the name of the array of times.

        Raises:
            DataError: keys name columns, which arrays do not have.
        """
        for key in ("value_columns", "series_column", "past", "future"):
            if getattr(self, key) is not None:
                what = f"`dataset.{key}` names columns of a table, but {file} holds arrays"
                raise DataError(what, f"leave it out: `dataset.{key}=null`; {FORMS}")
        if isinstance(self.time_column, tuple):
            what = f"`dataset.time_column` names columns of a table, but {file} holds arrays"
            raise DataError(what, f"name one array: `dataset.time_column=time`; {FORMS}")
        return self.time_column

    def table(self, file: Path) -> Table:
        """Return a file as a table, in the format of the keys."""
        if suffix(file) in ARRAYS:
            hint = "write it as a CSV with a time and its values in each row"
            raise DataError(f"{file} is not a table", hint)
        hint = "name the columns: `dataset.time_column=…`, `dataset.value_columns=[…]`; without "
        hint += "times `dataset.time_column=null` takes the rows in their order"
        return Table(
            *(file, self.encoding, self.delimiter, self.quotes),
            hint=hint,
            header=self.header,
            decimal=self.decimal,
        )

    def columns(self, table: Table) -> SeriesColumns:
        """Return the columns of a table by the keys; the values are those not named elsewhere.

        Raises:
            DataError: no column is left for values, or one is named twice.
        """
        past, future = self.past or (), self.future or ()
        given = self.time_column
        time = given if isinstance(given, tuple) else tuple(filter(None, (given,)))
        named = [*time, *filter(None, (self.series_column,)), *past, *future]
        values = self.value_columns or tuple(
            name for name in table.columns(*named) if name and name not in named
        )
        every = [*named, *values]
        for name in every:
            if every.count(name) > 1:
                raise DataError(f"`{name}` is named twice among the columns", "name it once")
        if not values:
            hint = "name the columns: `dataset.time_column=…`, `dataset.value_columns=[…]`"
            raise DataError(f"{table.file}:1: no column is left for values", hint)
        if self.series_column and len(values) > 1:
            listed = ", ".join(f"`{name}`" for name in values[:5])
            raise DataError(
                f"{table.file}:1: a long table has one column of values, but {listed} are left",
                f"choose one: `dataset.value_columns=[{values[0]}]`; the others can be covariates",
            )
        return SeriesColumns(time, values, self.series_column, past, future)
