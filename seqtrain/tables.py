"""Tables that a person has, of text, Parquet or Excel, row by row, every defect with its place."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from shlex import quote
from typing import Any, NamedTuple

from seqtrain import workbooks
from seqtrain.dialect import (
    Dialect,
    QuoteError,
    Quotes,
    Record,
    fitted,
    header_at,
    is_blank,
    likely,
)
from seqtrain.errors import DataError
from seqtrain.textfile import TextFile, near_miss, shown, suffix

Row = tuple[int, tuple[str | None, ...]]  # the line on which a row begins, and its values

JSON_LINES = (".jsonl", ".ndjson", ".json")
TAB_SEPARATED = (".tsv", ".tab")
HEAD = 100  # lines, among which the header is
MANY = 10  # columns, of which a message lists no more
ABOVE, BLANK = "rows above the header", "rows without a value"
NUMBERED = "column_{}"  # what a column is called where no header names it
NO_TEXT = (
    "write each value as a text, a number, true or false; pandas does so with "
    '`to_json(FILE, orient="records", lines=True)`'
)

_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)  # as they are written

log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """A table whose header has been read: its line, the names of its columns, and the rows."""

    line: int
    columns: list[str]
    records: Iterator[Record]


@dataclass(frozen=True)
class Table(TextFile):
    """A file of rows with named columns: Parquet, Excel, JSONL by its suffix, otherwise CSV.

    Attributes:
        delimiter: one of `DELIMITERS`, what stands between fields; None finds out from the rows.
        quotes: whether a field can stand in quotes; otherwise quotes are letters like others;
            `backslash` escapes one in there; None finds out from the rows.
        header: whether the first row names the columns; else they are `column_1`, `column_2`, ….
        hint: what to do where a column is missing; None is for a table of texts.
        left_out: what the last reading has left out, and how often.
    """

    delimiter: str | None = None
    quotes: Quotes | None = None
    hint: str | None = None
    header: bool = True
    left_out: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON object."""
        return suffix(self.file) in JSON_LINES

    @property
    def binary(self) -> workbooks.Kind | None:
        """The form of a file that is no text.

        Raises:
            DataError: there is no file.
        """
        self.check_exists()
        return workbooks.kind(self.file, self.start())

    def check(self) -> str:
        """Return how a file of text stores letters, if it can be read and is a table.

        Raises:
            DataError: it is not there, or something else.
        """
        return self.encoding if self.binary else super().check()

    def columns(self, *names: str) -> list[str]:
        """Return the names of the columns, where `names` are looked for; of JSONL the first row's.

        Columns without a name that hold nothing do not count.

        Raises:
            DataError: as `rows` does.
        """
        if self.is_json:
            return [*next(self._objects())[1]]
        opened = self._opened(names)
        head = [fields for _, fields in islice(opened.records, HEAD)]
        return [
            name
            for place, name in enumerate(opened.columns)
            if name or any((fields[place] or "").strip() for fields in head if place < len(fields))
        ]

    def rows(self, *names: str, optional: Sequence[str] = ()) -> Iterator[Row]:
        """Yield the values of the columns `names`, row by row; blank lines do not count.

        Args:
            names: of columns, each once.
            optional: keys that some objects of JSONL may lack, but the first.

        Raises:
            DataError: the file is missing, no table, or damaged; a column or a field is missing.
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
        """Return the columns that have a name of their own, and their values as far as they go.

        So a file can be looked at before it is known which columns are read: a value is None
        where an object of JSONL lacks it, or holds a list or the like.

        Raises:
            DataError: as `rows` does, but not for what single columns hold.
        """
        if self.is_json:
            names = self.columns()
            return names, ((line, _plain(item, names)) for line, item in self._objects())
        counts = Counter(self.columns())
        names = [name for name in counts if name and counts[name] == 1]
        return names, self.rows(*names)

    def looks_headerless(self) -> bool:
        """Return whether the first row seems to hold values of an example and no names.

        Some stand in their column again, or are numbers as all of their column; numbers that
        count the columns are names.

        Raises:
            DataError: as `columns` does.
        """
        if self.is_json or not self.header:
            return False
        _, first, records = self._opened(())
        if self.left_out[ABOVE]:
            return False
        rows = [[(cell or "").strip() for cell in row] for _, row in islice(records, HEAD)]
        rows = [row for row in rows if len(row) == len(first) and row != first]
        numbers = [cell for cell in first if _is_number(cell)]
        counted = (
            [str(int(float(numbers[0])) + at) for at in range(len(numbers))] if numbers else []
        )
        for place, cell in enumerate(first):
            column = [row[place] for row in rows if row[place]]
            again = bool(cell) and len({*column}) < len(column) and cell in column
            if again or (_is_number(cell) and numbers != counted and all(map(_is_number, column))):
                return bool(rows)
        return False

    def _record_rows(self, names: Sequence[str]) -> Iterator[Row]:
        line, columns, records = self._opened(names)
        for name in names:
            if name not in columns:
                raise self._missing(name, columns, line)
            if columns.count(name) > 1:
                message = f"{self.file}:{line}: two columns are called `{name}`"
                raise DataError(message, "call one of them otherwise")
        places = [columns.index(name) for name in names]
        for line, fields in records:
            if len(columns) + len(fields) > 2 and is_blank(fields):
                self.left_out[BLANK] += len(fields) > 1
                continue
            row = fitted(fields, columns)
            if row is None:
                raise self._wrong_number(line, len(fields), columns)
            values = tuple([row[place] for place in places])
            for name, value in zip(names, values, strict=True):
                if isinstance(value, workbooks.Nested):
                    raise self._no_text(line, name, value)
            yield line, values

    def _opened(self, names: Sequence[str]) -> Opened:
        """Return the table, its header read; `names` are looked for there."""
        records = self._records(names)
        for line, first in records:
            if self.header:
                return Opened(line, [(name or "").strip() for name in first], records)
            columns = [NUMBERED.format(number) for number in range(1, len(first) + 1)]
            return Opened(line, columns, chain([(line, first)], records))
        raise self._empty()

    def _records(self, names: Sequence[str]) -> Iterator[Record]:
        """Yield the line on which each record begins, and its fields, from the header on."""
        if form := self.binary:
            yield from self._binary_records(form, names)
            return
        dialect = self._dialect(names)
        self.left_out[ABOVE] = dialect.titles
        lines = islice(self.lines(), dialect.above, None)
        try:
            yield from self._from_table(dialect.records(lines, dialect.above + 1))
        except QuoteError as error:
            yield from self._with_backslashes(dialect, error)

    def _from_table(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield records from the first on that is not blank."""
        for line, fields in records:
            if not is_blank(fields):
                yield line, fields
                yield from records

    def _binary_records(self, form: workbooks.Kind, names: Sequence[str]) -> Iterator[Record]:
        records = workbooks.records(self.file, form)
        filled = ((row, fields) for row, fields in records if not is_blank(fields))
        head = [*islice(filled, HEAD)]
        at = header_at(head, names, self.header)
        self.left_out[ABOVE] = at
        yield from chain(head[at:], records)

    def _with_backslashes(self, dialect: Dialect, error: QuoteError) -> Iterator[Record]:
        """Yield the records from a damaged one on, if backslashes escape its quotes."""
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
        usual = "tab" if suffix(self.file) in TAB_SEPARATED else "comma"
        return likely(head, names, usual, self.delimiter, self.quotes, self.header)

    def _bad_quotes(self, error: QuoteError) -> DataError:
        hint = 'close each quote, and double a quote inside: "he said ""no"""'
        hint += self.or_set("dataset.quotes=false")
        message = f"{self.file}:{error.line}: in the row that begins here, {error.reason}"
        return DataError(message, hint)

    def _json_rows(self, names: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
        seen = False
        for line, item in self._objects():
            for name in names:
                left_open = seen and name in optional and not near_miss(name, item)
                if name not in item and not left_open:
                    raise self._missing(name, [*item], line)
                if isinstance(item.get(name), dict | list):
                    value = json.dumps(item[name], ensure_ascii=False)
                    raise self._no_text(line, name, value)
            seen = True
            yield line, tuple([_written(item.get(name)) for name in names])

    def _no_text(self, line: int, name: str, value: str) -> DataError:
        return DataError(f"{self.file}:{line}: `{name}` is no text but {shown(value)}", NO_TEXT)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        first = True
        for line, text in enumerate(self.lines(), start=1):
            if text.strip():
                yield line, self._object(line, text.strip(), first)
                first = False
        if first:
            raise self._empty()

    def _object(self, line: int, text: str, first: bool) -> dict[str, Any]:
        source, target = self.file, self.file.with_suffix(".lines.jsonl")
        files = f"{quote(str(source))} > {quote(str(target))}`"
        if first and text.startswith("["):
            hint = f"write one object on each line: `jq -c '.[]' {files}"
            raise DataError(f"{self.file} is a JSON array", hint)
        if not text.startswith("{"):
            hint = 'write each row as {"text": "…", "label": "…"}; a CSV is called .csv'
            raise DataError(f"{self.file}:{line}: no JSON object but {shown(text)}", hint)
        try:
            item: dict[str, Any] = _JSON.decode(text)
        except RecursionError as error:
            message = f"{self.file}:{line}: no JSON: nested too deeply"
            raise DataError(message, "correct the line, or leave it out") from error
        except json.JSONDecodeError as error:
            reason = f"{error.msg.removesuffix(' at')} at character {error.colno}"
            hint = "correct the line, or leave it out"
            if first and (error.pos == len(text) or error.msg == "Extra data"):
                hint = f"write one object on each line: `jq -c . {files}"
            raise DataError(f"{self.file}:{line}: no JSON: {reason}", hint) from error
        return item

    def _missing(self, name: str, columns: Sequence[str], line: int) -> DataError:
        listed = ", ".join(f"`{shown(name)}`" for name in columns[:MANY] if name) or "nothing"
        listed += ", …" if len(columns) > MANY else ""
        hint = self.hint or f"call one of them `{name}`" + self.or_set(
            "dataset.text_column=…", "dataset.label_column=…"
        )
        if not self.is_json and not self.hint:
            hint = f"the first line must name the columns; {hint}"
        if self.settable and self._may_be_headerless():
            hint = "its first row looks like an example; if so, `dataset.header=false` calls the "
            hint += f"columns `{NUMBERED.format(1)}`, `{NUMBERED.format(2)}`, …"
        elif len(columns) == 1 and not self.is_json and not self.binary:
            hint += self.or_set("dataset.delimiter=…")
        what = "key" if self.is_json else "column"
        message = f"{self.file}:{line}: no {what} `{name}`, but {listed}"
        return DataError(message + near_miss(name, columns), hint)

    def _may_be_headerless(self) -> bool:
        with suppress(DataError):
            return self.looks_headerless()
        return False

    def _empty(self) -> DataError:
        hint = "the first line must name the columns, and each other hold an example"
        if self.is_json:
            hint = 'write each example on a line, as {"text": "…", "label": "…"}'
        return DataError(f"{self.file} holds no rows", hint)

    def _wrong_number(self, line: int, fields: int, columns: Sequence[str]) -> DataError:
        hint = 'put a text that holds the delimiter or a line break into quotes: "a, b"'
        hint += "" if self.binary else self.or_set("dataset.delimiter=…")
        number = f"{fields} field{'s' * (fields != 1)}"
        names = f"{len(columns)} column{'s' * (len(columns) != 1)}"
        first = "the header" if self.header else "the first row"
        by = "" if self.binary else f", read with the delimiter {self._dialect(()).delimiter}"
        return DataError(f"{self.file}:{line}: {number}, but {first} has {names}{by}", hint)


def _plain(item: dict[str, Any], names: Sequence[str]) -> tuple[str | None, ...]:
    values = (item.get(name) for name in names)
    return tuple([None if isinstance(one, dict | list) else _written(one) for one in values])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _written(value: str | bool | None) -> str | None:
    """Return a JSON value as it is written; half a surrogate pair becomes a question mark."""
    if isinstance(value, bool):
        return str(value).lower()
    return value and value.encode(errors="replace").decode()


class GivenTexts(NamedTuple):
    """Texts that a person gives, the line of each, and the labels if there are any."""

    texts: list[str]
    lines: list[int]
    labels: list[str] | None


def given_texts(table: Table, text_column: str, label_column: str) -> GivenTexts:
    """Return the rows of a table, or the lines of a `.txt` file.

    Raises:
        DataError: as `Table.rows` does.
    """
    if suffix(table.file) == ".txt":
        texts = [line.rstrip("\r\n") for line in table.lines()]
        if not texts:
            raise DataError(f"{table.file} holds no lines", "write a text on each line")
        return GivenTexts(texts, [*range(1, len(texts) + 1)], None)
    names = [text_column, label_column]
    labelled = label_column in table.columns(*names)
    rows = list(table.rows(*names[: 1 + labelled]))
    texts, lines = [values[0] or "" for _, values in rows], [line for line, _ in rows]
    return GivenTexts(texts, lines, [(v[1] or "").strip() for _, v in rows] if labelled else None)
