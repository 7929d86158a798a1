"""Read binary tables row by row: Parquet and Excel workbooks, with optional libraries."""

import math
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time
from itertools import count
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

from seqtrain.errors import DataError, reason
from seqtrain.io.dialect import Record
from seqtrain.io.npz import EXPANSION, LARGE
from seqtrain.io.regular_file import checked, opened

PARQUET, ZIP = b"PAR1", b"PK\x03\x04"
WORKBOOKS = (".xlsx", ".xlsm")
MOST_ROWS = 1_048_576  # of a sheet, as Excel has it
BATCH = 1_000  # rows of Parquet that are unpacked at once
INDEX = "__index_level_"  # pandas's name for the column of row numbers


class Nested(str):
    """A cell with a list or another nested value, as text for messages."""


class Kind(NamedTuple):
    """A kind of binary table: its name, its library, and the extra that installs it."""

    name: str
    read: Callable[[Path, Counter[str]], Iterator[Record]]
    module: str
    extra: str


def kind(file: Path, start: bytes) -> Kind | None:
    """Return the kind of a file that begins with `start`, or None for text and others."""
    if start.startswith(PARQUET):
        return Kind("a Parquet file", _parquet, "pyarrow", "parquet")
    if start.startswith(ZIP) and file.suffix.lower() in WORKBOOKS:
        return Kind("an Excel workbook", _workbook, "openpyxl", "excel")
    return None


def records(file: Path, form: Kind, left_out: Counter[str]) -> Iterator[Record]:
    """Yield the number of each row, from 1, and its cells as text, as in a CSV file.

    Args:
        file: the file.
        form: its kind, from `kind`.
        left_out: receives the number of sheets that are not read.

    Raises:
        DataError: the file is damaged or a compression bomb; or the library is missing.
    """
    try:
        yield from form.read(file, left_out)
    except ModuleNotFoundError as error:
        hint = f"`pip install 'seqtrain[{form.extra}]'`, or write it as CSV or JSONL"
        raise DataError(f"{file} is {form.name}, which needs `{form.module}`", hint) from error
    except (DataError, MemoryError):
        raise
    except Exception as error:  # libraries raise many types of errors
        kind = form.name.split(" ", 1)[1]
        hint = f"is it whole? open it elsewhere, and write it anew: {quote(str(file))}"
        raise DataError(f"{file} is no {kind}: {reason(error)}", hint) from error


def _parquet(file: Path, left_out: Counter[str]) -> Iterator[Record]:
    """Yield the names of the columns, and the rows."""
    from pyarrow import parquet

    with parquet.ParquetFile(checked(file)) as table:
        metadata = table.metadata
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        cells = metadata.num_rows * metadata.num_columns
        _check_growth(file.stat().st_size, max(cells, sum(g.total_byte_size for g in groups)))
        names = table.schema_arrow.names
        kept = [at for at, name in enumerate(names) if not name.startswith(INDEX)]
        yield 1, [names[at] for at in kept]
        numbers = count(2)
        for batch in table.iter_batches(BATCH):
            columns = [_column(batch.column(at)) for at in kept]
            for values in zip(*columns, strict=True):
                yield next(numbers), [written(value) for value in values]


def _column(column: Any) -> list[Any]:
    """Return the values of a column; 0.1 of float32 is not 0.10000000149."""
    if str(column.type) in ("float", "halffloat"):  # as pyarrow calls 32 and 16 bits
        return [float(str(number)) for number in column.to_numpy(zero_copy_only=False)]
    return column.to_pylist()  # type: ignore[no-any-return]


def _workbook(file: Path, left_out: Counter[str]) -> Iterator[Record]:
    """Yield the rows of the first visible sheet that is not empty."""
    with zipfile.ZipFile(checked(file)) as archive:
        members = archive.infolist()
        packed = sum(member.compress_size for member in members)
        _check_growth(packed, sum(member.file_size for member in members))
    with _opened(file) as book:
        seen = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        for sheet in seen:
            sheet.reset_dimensions()  # the stored dimensions may be wrong
        first = next((sheet for sheet in seen if any(map(_filled, _values(file, sheet)))), None)
        if first is None:
            return
        left_out[f"sheets beside `{first.title}`"] = len(book.sheetnames) - 1
        for row, values in enumerate(_values(file, first), start=1):
            yield row, [written(value) for value in values]


def _filled(values: tuple[Any, ...]) -> bool:
    return any(value is not None for value in values)


def _values(file: Path, sheet: Any) -> Iterator[tuple[Any, ...]]:
    for row, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        if row > MOST_ROWS:
            raise DataError(f"{file}: a sheet has more than {MOST_ROWS:,} rows", "save it anew")
        yield values


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    import openpyxl

    warnings.filterwarnings(
        "ignore", module="openpyxl"
    )  # warnings about styles, which are not read
    with opened(file) as stream:  # openpyxl leaves it open after an error
        yield openpyxl.load_workbook(stream, read_only=True, data_only=True)


def _check_growth(packed: int, size: int) -> None:
    """Raise a ValueError if a file would unpack to far more than its size."""
    if size > LARGE and size > EXPANSION * packed:
        raise ValueError(f"it would unpack from {packed:,} to {size:,} bytes")


def written(value: Any) -> str | None:
    """Return a value as text, as in a CSV file."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple | dict):
        return Nested(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)
