"""`stocks`: monthly prices of eight shares and two indices, which come with matplotlib."""

from __future__ import annotations

import csv
import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import Field

from seqtrain.data.grid import Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.errors import DataError
from seqtrain.io.regular_file import checked
from seqtrain.schema.sections import Names
from seqtrain.sources.windowed_series import SeriesConfig

FILE = Path("mpl-data") / "sample_data" / "Stocks.csv"
FIRST = (1990 - 1970) * 12  # months since 1970
FIRST_OF_MONTH = "-01"  # the file also holds empty rows of other days, which are dividends


class Stocks(SeriesConfig):
    """Monthly prices of eight shares and two indices, 1990 to 2022; they come with matplotlib."""

    name: Literal["stocks"]
    symbols: Names | None = Field(
        default=None,
        description="which to forecast, such as `^GSPC` (the S&P 500) or `IBM`; null takes all, "
        "as series of one network",
    )

    def series(self, data_dir: Path | None) -> SeriesData:
        """Return the prices."""
        import numpy as np

        header, *rows = _rows()
        symbols = self.symbols or tuple(header[1:])
        for symbol in symbols:
            if symbol not in header[1:]:
                hint = f"there are {', '.join(header[1:])}"
                raise DataError(f"dataset.symbols: there is no `{symbol}`", hint)
        columns = [[row[header.index(symbol)] for row in rows] for symbol in symbols]
        each = [np.array([float(cell) for cell in column if cell]) for column in columns]
        source = f"matplotlib {version('matplotlib')}"
        return SeriesData.plain(source, Grid("month"), symbols, each, FIRST)


def _rows() -> list[list[str]]:
    """Return the header and the rows of the first day of each month.

    The file is found without importing matplotlib, which takes half a second.
    """
    package = importlib.util.find_spec("matplotlib")
    folder = Path((package and package.submodule_search_locations or [""])[0])
    text = checked(folder / FILE).read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    header, *rows = csv.reader(lines)
    return [header, *(row for row in rows if row and row[0].endswith(FIRST_OF_MONTH))]
