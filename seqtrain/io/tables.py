"""Read tables (CSV, JSON Lines, Parquet, Excel) row by row; every error has its place."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, dropwhile, islice
from shlex import quote
from typing import NamedTuple

from seqtrain.errors import DataError
from seqtrain.io import workbooks
from seqtrain.io.decimals import Decimal, with_point
from seqtrain.io.dialect import (
    DELIMITERS,
    SEPARATOR,
    Dialect,
    QuoteError,
    Quotes,
    Record,
    fitted,
    header_at,
    is_blank,
    likely,
    looks_like_a_row,
    without_types,
)
from seqtrain.io.json_lines import objects, plain, written
from seqtrain.io.text_file import TextFile, near_miss, shown, suffix

Cells = tuple[str | None, ...]
Row = tuple[int, Cells]  # the line on which a row begins, and its values

JSON_LINES = (".jsonl", ".ndjson", ".json")
TAB_SEPARATED = (".tsv", ".tab")
HEAD = 100  # first lines, which must contain the header
MANY = 10  # columns in a message
ABOVE, BLANK = "rows above the header", "rows without a value"
NUMBERED = "column_{}"  # names of columns without a header
NO_TEXT = (
    "write each value as a text, a number, true or false; pandas does so with "
    '`to_json(FILE, orient="records", lines=True)`'
)

log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A table after its header: the line of the header, the names of the columns, and the rows."""

    line: int
    columns: list[str]
    records: Iterator[Record]


@dataclass(frozen=True)
class Table(TextFile):
    """A file of rows with named columns: Parquet, Excel or JSONL by its suffix, otherwise CSV.

    Attributes:
        delimiter: one of `DELIMITERS`, between fields; None detects it.
        quotes: whether fields can be quoted; otherwise quotes are normal characters. With
            `backslash` a backslash escapes a quote; None detects it.
        decimal: the decimal sign of the numbers in a file of text; with `comma` they are read as
            if they had points.
        header: whether the first row names the columns; else they are `column_1`, `column_2`, ….
        hint: what to do if a column is missing; None for a table of texts.
        left_out: the kinds of rows that the last reading skipped, with their numbers.
    """

    delimiter: str | None = None
    quotes: Quotes | None = None
    hint: str | None = None
    header: bool = True
    decimal: Decimal = "point"
    left_out: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON object."""
        return suffix(self.file) in JSON_LINES

    @property
    def binary(self) -> workbooks.Kind | None:
        """The kind of a binary file, None for text."""
        self.check_exists()
        return workbooks.kind(self.file, self.start())

    def check(self) -> str:
        """Return the encoding of a file of text, after checking that it is a table.

        Raises:
            DataError: it is missing or not a table.
        """
        return self.encoding if self.binary else super().check()

    def columns(self, *names: str) -> list[str]:
        """Return the names of the columns; `names` are expected. JSONL: those of the first rows.

        Empty columns without a name do not count.

        Raises:
            DataError: as in `rows`.
        """
        if self.is_json:
            keys = dict.fromkeys(key for _, item in islice(objects(self), HEAD) for key in item)
            if keys:
                return [*keys]
            raise self._empty()
        opened = self._opened(names)
        head = [fields for _, fields in islice(opened.records, HEAD)]
        return [
            name
            for place, name in enumerate(opened.columns)
            if name or any((fields[place] or "").strip() for fields in head if place < len(fields))
        ]

    def rows(self, *names: str, optional: Sequence[str] = ()) -> Iterator[Row]:
        """Yield the values of the columns `names`, row by row; blank lines are skipped.

        Args:
            names: different columns.
            optional: keys that objects of JSONL may lack, if one of the first has them.

        Raises:
            DataError: the file is missing, damaged or not a table; a column or a field is missing.
        """
        self.left_out.clear()
        found = False
        rows = self._json_rows(names, optional) if self.is_json else self._record_rows(names)
        for row in rows:
            found = True
            yield row
        if not found:
            raise self._empty()

    def candidates(self) -> tuple[list[str], Iterator[Row]]:
        """Return the columns with unique names, and all rows of their values.

        So a file can be inspected before its columns are chosen. A value is None if an object of
        JSONL lacks it, or has a list or an object there.

        Raises:
            DataError: as in `rows`, except for the values of single columns.
        """
        if self.is_json:
            names = self.columns()
            return names, ((line, plain(item, names)) for line, item in objects(self))
        counts = Counter(self.columns())
        names = [name for name in counts if name and counts[name] == 1]
        return names, self._record_rows(names, strict=False)

    def looks_headerless(self) -> bool:
        """Return whether the first row seems to hold the values of an example instead of names."""
        if self.is_json or not self.header:
            return False
        with suppress(DataError):  # reported when the table is read
            _, first, records = self._opened(())
            rows = [row for _, row in islice(records, HEAD)]
            return not self.left_out[ABOVE] and looks_like_a_row(first, rows)
        return False

    def _record_rows(self, names: Sequence[str], strict: bool = True) -> Iterator[Row]:
        line, columns, records = self._opened(names)
        for name in names:
            if name not in columns:
                raise self._missing(name, columns, line)
            if columns.count(name) > 1:
                message = f"{self.file}:{line}: two columns are called `{name}`"
                raise DataError(message, "call one of them otherwise")
        places, binary = [columns.index(name) for name in names], self.binary is not None
        for line, fields in records:
            if len(columns) + len(fields) > 2 and is_blank(fields):
                self.left_out[BLANK] += len(fields) > 1
                continue
            if binary:  # Excel stores no empty cells at the end
                fields += [None] * (len(columns) - len(fields))
            row = fields if len(fields) == len(columns) else fitted(fields, columns)
            if row is None:
                raise self._wrong_number(line, len(fields), columns, names)
            values = tuple([row[place] for place in places])
            yield line, self._plain(line, names, values, strict) if binary else values

    def _plain(self, line: int, names: Sequence[str], values: Cells, strict: bool) -> Cells:
        """Return plain values; a list or an object becomes None, or an error if `strict`."""
        for name, value in zip(names, values, strict=True):
            if strict and isinstance(value, workbooks.Nested):
                raise self._no_text(line, name, value)
        return tuple([None if isinstance(one, workbooks.Nested) else one for one in values])

    def _opened(self, names: Sequence[str]) -> Opened:
        """Open the table and read its header, where `names` are expected."""
        records = self._records(names)
        for line, first in records:
            if self.header:
                columns = [(name or "").strip() for name in first]
                if suffix(self.file) == ".tab":
                    records = without_types(records, self.left_out)
                return Opened(line, columns, records)
            columns = [NUMBERED.format(number) for number in range(1, len(first) + 1)]
            return Opened(line, columns, chain([(line, first)], records))
        raise self._empty()

    def _records(self, names: Sequence[str]) -> Iterator[Record]:
        """Yield the first line of each record, and its fields, starting at the header."""
        if form := self.binary:
            yield from self._binary_records(form, names)
            return
        dialect = self._dialect(names)
        self.left_out[ABOVE] = dialect.titles
        lines = islice(self.lines(), dialect.above, None)
        try:
            records = dialect.records(lines, dialect.above + 1)
            yield from self._numbers(dropwhile(lambda record: is_blank(record[1]), records))
        except QuoteError as error:
            yield from self._numbers(self._with_backslashes(dialect, error))

    def _numbers(self, records: Iterator[Record]) -> Iterator[Record]:
        """Return records whose numbers have decimal points."""
        if self.decimal == "point":
            return records
        return ((line, [*map(with_point, fields)]) for line, fields in records)

    def _binary_records(self, form: workbooks.Kind, names: Sequence[str]) -> Iterator[Record]:
        records = workbooks.records(self.file, form, self.left_out)
        head = [*islice(records, HEAD)]
        filled = [record for record in head if not is_blank(record[1])]
        self.left_out[ABOVE] = header_at(filled, names, self.header)
        first = filled[self.left_out[ABOVE]][0] if filled else 0
        yield from chain((record for record in head if record[0] >= first), records)

    def _with_backslashes(self, dialect: Dialect, error: QuoteError) -> Iterator[Record]:
        """Yield the records from a damaged one on, read with backslashes as escapes."""
        if self.quotes is not None or dialect.quotes is not True:
            raise self._bad_quotes(error) from error
        other = replace(dialect, quotes="backslash")
        lines = islice(self.lines(), dialect.above, None)
        try:
            rest = (one for one in other.records(lines, other.above + 1) if one[0] >= error.line)
            line, fields = next(rest, (0, []))
            if line != error.line or not any('"' in (field or "") for field in fields):
                raise self._bad_quotes(error) from error
            yield line, fields
            yield from rest
        except QuoteError as again:
            raise self._bad_quotes(again if again.line > error.line else error) from error

    def _dialect(self, names: Sequence[str]) -> Dialect:
        head = list(islice(self.lines(), HEAD))
        if "".join(head[:1]).startswith(("{", "[{")):
            target = quote(str(self.file.with_suffix(".jsonl")))
            hint = f"call it so: `mv {quote(str(self.file))} {target}`"
            raise DataError(f"{self.file} is JSON, by its name a CSV", hint)
        said = SEPARATOR.fullmatch(head[0]) if head and not self.delimiter else None
        if said and said[1] not in DELIMITERS.values():
            raise DataError(
                f"{self.file}:1: the fields are separated by `{said[1]}`",
                f"save it with one of these between them: {', '.join(DELIMITERS)}",
            )
        usual = "tab" if suffix(self.file) in TAB_SEPARATED else "comma"
        return likely(head, names, usual, self.delimiter, self.quotes, self.header)

    def _bad_quotes(self, error: QuoteError) -> DataError:
        hint = 'close each quote, and double a quote inside: "he said ""no"""'
        hint += self.or_set("dataset.quotes=false")
        message = f"{self.file}:{error.line}: in the row that begins here, {error.reason}"
        return DataError(message, hint)

    def _json_rows(self, names: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
        there = {*self.columns()} if optional else {}
        for line, item in objects(self):
            for name in names:
                left_open = name in there and name in optional and not near_miss(name, item)
                if name not in item and not left_open:
                    raise self._missing(name, [*item], line)
                if isinstance(item.get(name), dict | list):
                    value = json.dumps(item[name], ensure_ascii=False)
                    raise self._no_text(line, name, value)
            yield line, tuple([written(item.get(name)) for name in names])

    def _no_text(self, line: int, name: str, value: str) -> DataError:
        return DataError(f"{self.file}:{line}: `{name}` is not text but {shown(value)}", NO_TEXT)

    def _missing(self, name: str, columns: Sequence[str], line: int) -> DataError:
        listed = ", ".join(f"`{shown(name)}`" for name in columns[:MANY] if name) or "nothing"
        listed += ", …" if len(columns) > MANY else ""
        hint = self.hint or f"call one of them `{name}`" + self.or_set(
            "dataset.text_column=…", "dataset.label_column=…"
        )
        if not self.is_json and not self.hint:
            hint = f"the first line must name the columns; {hint}"
        if self.settable and self.looks_headerless():
            hint = "its first row looks like an example; if so, `dataset.header=false` calls the "
            hint += f"columns `{NUMBERED.format(1)}`, `{NUMBERED.format(2)}`, …"
        elif len(columns) == 1 and not self.is_json and not self.binary:
            hint += self.or_set("dataset.delimiter=…")
        what = "key" if self.is_json else "column"
        message = f"{self.file}:{line}: no {what} `{name}`, but {listed}"
        return DataError(message + near_miss(name, columns), hint)

    def _empty(self) -> DataError:
        hint = "the first line must name the columns, and each other hold an example"
        if self.is_json:
            hint = 'write each example on a line, as {"text": "…", "label": "…"}'
        return DataError(f"{self.file} holds no rows", hint)

    def _wrong_number(
        self, line: int, fields: int, columns: Sequence[str], names: Sequence[str]
    ) -> DataError:
        hint = 'put a text that holds the delimiter or a line break into quotes: "a, b"'
        hint += "" if self.binary else self.or_set("dataset.delimiter=…")
        if self.quotes is False and not self.binary:
            hint = "`dataset.quotes=false` makes quotes letters like others; leave it out where "
            hint += "fields stand in quotes" + self.or_set("dataset.delimiter=…")
        if 1 == fields < len(columns):
            hint = "delete the line if it is a comment or a total; else give it all its fields"
            hint += "" if self.binary else self.or_set("dataset.delimiter=…")
        number = f"{fields} field{'s' * (fields != 1)}"
        width = f"{len(columns)} column{'s' * (len(columns) != 1)}"
        first = "the header" if self.header else "the first row"
        by = "" if self.binary else f", read with the delimiter {self._dialect(names).delimiter}"
        return DataError(f"{self.file}:{line}: {number}, but {first} has {width}{by}", hint)
