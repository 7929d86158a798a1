"""Tables that a person has: CSV, TSV and JSONL, read row by row, every defect with its place."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from shlex import quote
from typing import Any, NamedTuple

from seqtrain.errors import DataError
from seqtrain.textfile import TextFile, near_miss, shown

Row = tuple[int, tuple[str | None, ...]]  # the line on which a row begins, and its values

JSON_LINES = (".jsonl", ".ndjson", ".json")
TAB_SEPARATED = (".tsv", ".tab")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LONGEST_FIELD = 10_000_000  # characters; what is longer is a quote that was left open
HEAD = 100  # lines, among which the header is
MANY = 10  # columns, of which a message lists no more
BAD_QUOTES = {  # what the csv module says, and what it means
    "expected after": "a quote closes before its field ends",
    "unexpected end": "a quote is never closed",
    "field limit": f"a field has more than {LONGEST_FIELD:,} characters: a quote is left open",
}

_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)  # as they are written


@dataclass(frozen=True)
class Table(TextFile):
    """A file of rows with named columns: JSONL by its suffix, otherwise CSV with a header.

    Attributes:
        delimiter: one of `DELIMITERS`, what stands between fields; None finds out from the header.
        quotes: whether a field can stand in quotes; otherwise quotes are letters like others.
        hint: what to do where a column is missing; None is for a table of texts.
    """

    delimiter: str | None = None
    quotes: bool = True
    hint: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON object."""
        return self.file.suffix.lower() in JSON_LINES

    def columns(self, *names: str) -> list[str]:
        """Return the names of the columns, where `names` are looked for; of JSONL the first row's.

        Raises:
            DataError: as `rows` does.
        """
        if self.is_json:
            return [*next(self._objects())[1]]
        return self._opened(names)[1]

    def rows(self, *names: str) -> Iterator[Row]:
        """Yield the values of the columns `names`, row by row; blank lines do not count.

        Raises:
            DataError: the file is missing, no table, or damaged; a column or a field is missing.
        """
        found = False
        for row in self._json_rows(names) if self.is_json else self._csv_rows(names):
            found = True
            yield row
        if not found:
            raise self._empty()

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary, whatever of it is ever read.

        A key that a row lacks is missing, a list of JSON is a list, and of two columns of one name,
        or of none, no one is there.

        Raises:
            DataError: as `rows` does.
        """
        if self.is_json:
            for _, item in self._objects():
                yield {key: value if _nested(value) else _written(value) for key, value in item.items()}
            return
        columns = self.columns()
        names = [name for name in columns if name and columns.count(name) == 1]
        for _, values in self.rows(*names):
            yield dict(zip(names, values, strict=True))

    def _csv_rows(self, names: Sequence[str]) -> Iterator[Row]:
        line, columns, records = self._opened(names)
        for name in names:
            if name not in columns:
                raise self._missing(name, columns, line)
            if columns.count(name) > 1:
                message = f"{self.file}:{line}: two columns are called `{name}`"
                raise DataError(message, "call one of them otherwise")
        places = [columns.index(name) for name in names]
        for line, fields in records:
            if len(fields) == len(columns):
                yield line, tuple([fields[place] for place in places])
            elif len(fields) > 1 or fields[0].strip():
                raise self._wrong_number(line, len(fields), columns)

    def _opened(
        self, names: Sequence[str]
    ) -> tuple[int, list[str], Iterator[tuple[int, list[str]]]]:
        """Return the line of the header, the names of the columns, and the records that follow."""
        delimiter = self.delimiter or self._likely_delimiter(names)
        records = self._records(DELIMITERS[delimiter])
        for line, header in records:
            return line, [name.strip() for name in header], records
        raise self._empty()

    def _likely_delimiter(self, names: Sequence[str]) -> str:
        """Return the delimiter by which the header has most of `names`, and then most columns."""
        head = list(islice(self.lines(), HEAD))
        if "".join(head[:1]).startswith(("{", "[{")):
            target = quote(str(self.file.with_suffix(".jsonl")))
            hint = f"call it so: `mv {quote(str(self.file))} {target}`"
            raise DataError(f"{self.file} is JSON, by its name a CSV", hint)
        usual = "tab" if self.file.suffix.lower() in TAB_SEPARATED else "comma"

        def merits(name: str) -> tuple[int, int, bool]:
            reader = self._reader(head, DELIMITERS[name], strict=False)
            try:
                header = {field.strip() for field in next(filter(None, reader), [])}
            except csv.Error:
                return 0, 0, False
            return len(header.intersection(names)), len(header), name == usual

        return max(DELIMITERS, key=merits)

    def _records(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the line on which each record begins, and its fields."""
        csv.field_size_limit(LONGEST_FIELD)
        reader = self._reader(self.lines(), delimiter, strict=True)
        line = 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            reason = next((why for said, why in BAD_QUOTES.items() if said in str(error)), error)
            hint = 'close each quote, and double a quote inside: "he said ""no"""'
            hint += self.or_set("dataset.quotes=false")
            message = f"{self.file}:{line}: in the row that begins here, {reason}"
            raise DataError(message, hint) from error

    def _reader(self, lines: Iterable[str], delimiter: str, strict: bool) -> Any:
        return csv.reader(
            lines,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            skipinitialspace=self.quotes,
            strict=strict,
        )

    def _json_rows(self, names: Sequence[str]) -> Iterator[Row]:
        for line, item in self._objects():
            for name in names:
                if name not in item:
                    raise self._missing(name, [*item], line)
                if _nested(item[name]):
                    value = shown(json.dumps(item[name], ensure_ascii=False))
                    raise DataError(
                        f"{self.file}:{line}: `{name}` is no text but {value}",
                        "write each value as a text, a number, true or false; pandas does so with "
                        '`to_json(FILE, orient="records", lines=True)`',
                    )
            yield line, tuple([_written(item[name]) for name in names])

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
        what = "key" if self.is_json else "column"
        message = f"{self.file}:{line}: no {what} `{name}`, but {listed}"
        return DataError(message + near_miss(name, columns), hint)

    def _empty(self) -> DataError:
        hint = "the first line must name the columns, and each other hold an example"
        if self.is_json:
            hint = 'write each example on a line, as {"text": "…", "label": "…"}'
        return DataError(f"{self.file} holds no rows", hint)

    def _wrong_number(self, line: int, fields: int, columns: Sequence[str]) -> DataError:
        hint = 'put a text that holds the delimiter or a line break into quotes: "a, b"'
        number = f"{fields} field{'s' * (fields != 1)}"
        names = f"{len(columns)} column{'s' * (len(columns) != 1)}"
        return DataError(f"{self.file}:{line}: {number}, but the header has {names}", hint)


def _nested(value: Any) -> bool:
    """Return whether a JSON value holds others."""
    return isinstance(value, dict | list)


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
    if table.file.suffix.lower() == ".txt":
        texts = [line.rstrip("\r\n") for line in table.lines()]
        if not texts:
            raise DataError(f"{table.file} holds no lines", "write a text on each line")
        return GivenTexts(texts, [*range(1, len(texts) + 1)], None)
    names = [text_column, label_column]
    labelled = label_column in table.columns(*names)
    rows = list(table.rows(*names[: 1 + labelled]))
    texts, lines = [values[0] or "" for _, values in rows], [line for line, _ in rows]
    return GivenTexts(texts, lines, [(v[1] or "").strip() for _, v in rows] if labelled else None)
