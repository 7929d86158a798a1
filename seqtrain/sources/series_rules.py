"""What the columns of time series are, how rows become steps, and how messages speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqtrain.errors import DataError

Missing = Literal["interpolate", "previous", "zero", "refuse"]
Repeated = Literal["refuse", "mean", "sum", "last"]


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


@dataclass(frozen=True)
class Words:
    """How messages speak of the rows of a file.

    Attributes:
        row: what a row is called, before its number.
        place: of a row, with places for `file` and `line`.
        apart: a hint on how series are told apart.
        grouped: a hint for series that are told apart wrongly, with a place for the column.
        valued: a hint on where values are expected.
    """

    row: str = "line"
    place: str = "{file}:{line}"
    apart: str = "where a column tells series apart, name it: `dataset.series_column=…`"
    grouped: str = "is `dataset.series_column={}` the right column?"
    valued: str = "name their columns: `dataset.value_columns=[…]`"

    def error(self, file: Path, line: int, what: str, hint: str) -> DataError:
        """Return the error of a row."""
        return DataError(f"{self.place.format(file=file, line=line)}: {what}", hint)
