"""Tables that a person has: CSV, TSV and JSONL, read row by row, every defect with its place."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

from seqtrain.errors import DataError

Row = tuple[int, tuple[str | None, ...]]  # the line on which a row begins, and its values

JSON_LINES = (".jsonl", ".ndjson", ".json")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
NAME_COLUMNS = (
    "name the columns with `dataset.text_column=…` and `dataset.label_column=…`, "
    "or the file's delimiter with `dataset.delimiter=…`"
)
LONGEST_FIELD = 10_000_000  # characters; what is longer is a quote that was left open
MAGIC = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "save the sheet as CSV, or unpack it"),
    b"\x1f\x8b": ("compressed", "unpack it: `gunzip FILE`"),
    b"PAR1": ("a Parquet file", "write it as CSV or JSONL"),
    b"\xff\xfe": ("UTF-16 text", "say so: `dataset.encoding=utf-16`"),
    b"\xfe\xff": ("UTF-16 text", "say so: `dataset.encoding=utf-16`"),
    b"%PDF": ("a PDF", "write its texts as CSV or JSONL"),
}


@dataclass(frozen=True)
class Table:
    """A file of rows with named columns.

    Attributes:
        file: JSONL by its suffix, with one object on each line; otherwise CSV with a header.
        encoding: the name of a codec that Python knows; a UTF-8 byte order mark is passed over.
        delimiter: what stands between fields; None finds out from the header.
        hint: what to do where a column is missing.
    """

    file: Path
    encoding: str = "utf-8"
    delimiter: str | None = None
    hint: str = NAME_COLUMNS

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON object."""
        return self.file.suffix.lower() in JSON_LINES

    def columns(self) -> list[str]:
        """Return the names of the columns; of JSONL those of the first row."""
        if not self.is_json:
            with self.open() as stream:
                return self._header(stream, ())[0]
        for _, item in self._objects():
            return list(item)
        raise self._empty()

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

    def _csv_rows(self, names: Sequence[str]) -> Iterator[Row]:
        with self.open() as stream:
            header, delimiter = self._header(stream, names)
            places = [header.index(name) for name in self._present(names, header, 1)]
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            skipped = False  # the header
            line = 0
            try:
                for fields in reader:
                    line, before = reader.line_num, line
                    if not fields:
                        continue
                    if len(fields) != len(header):
                        raise self._wrong_number(before + 1, len(fields), len(header))
                    if skipped:
                        yield before + 1, tuple(fields[place] for place in places)
                    skipped = True
            except csv.Error as error:
                raise self._bad_quotes(line + 1, error) from error
            except UnicodeDecodeError as error:
                raise self._not_decoded(error) from error

    def _header(self, stream: IO[str], names: Sequence[str]) -> tuple[list[str], str]:
        """Return the names of the columns and the delimiter, that which finds most of `names`."""
        try:
            line = next((line for line in stream if line.strip()), "")
        except UnicodeDecodeError as error:
            raise self._not_decoded(error) from error
        if not line:
            raise self._empty()
        usual = ["\t"] if self.file.suffix.lower() in (".tsv", ".tab") else DELIMITERS.values()
        options = []
        for delimiter in [self.delimiter] if self.delimiter else usual:
            header = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
            options.append((len({*names} & {*header}), len(header), header, delimiter))
        _, _, header, delimiter = max(options, key=lambda option: option[:2])
        twice = [name for name in header if header.count(name) > 1 and name in names]
        if twice:
            raise DataError(f"{self.file}: two columns are called `{twice[0]}`", "rename one")
        return header, delimiter

    def _present(self, names: Sequence[str], header: Sequence[str], line: int) -> Sequence[str]:
        for name in names:
            if name not in header:
                near = get_close_matches(name, header, n=1)
                guess = f", did you mean `{near[0]}`?" if near else ""
                listed = ", ".join(f"`{column}`" for column in header)
                raise DataError(
                    f"{self.file}:{line}: no column `{name}`, but {listed}{guess}", self.hint
                )
        return names

    def _json_rows(self, names: Sequence[str]) -> Iterator[Row]:
        for line, item in self._objects():
            values = []
            for name in self._present(names, list(item), line):
                value = item[name]
                if isinstance(value, dict | list):
                    raise DataError(
                        f"{self.file}:{line}: `{name}` is not a text but {json.dumps(value)[:40]}",
                        "write each value as a text, a number, true or false",
                    )
                values.append(_written(value))
            yield line, tuple(values)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self.open() as stream:
            try:
                for line, text in enumerate(stream, start=1):
                    if not text.strip():
                        continue
                    if line == 1 and text.lstrip().startswith("["):
                        hint = "write one object on each line: `jq -c '.[]' FILE.json > FILE.jsonl`"
                        raise DataError(f"{self.file} is a JSON array", hint)
                    yield line, self._object(line, text)
            except UnicodeDecodeError as error:
                raise self._not_decoded(error) from error

    def _object(self, line: int, text: str) -> dict[str, Any]:
        try:
            item = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deeply")
            raise DataError(
                f"{self.file}:{line}: no JSON: {reason}", "write one object on each line"
            ) from error
        if not isinstance(item, dict):
            raise DataError(
                f"{self.file}:{line}: not an object but {text.strip()[:40]}",
                'write each row as {"column": value, …}',
            )
        return item

    def lines(self) -> Iterator[str]:
        """Yield the lines of a file that is a text on each line."""
        with self.open() as stream:
            try:
                yield from (line.rstrip("\r\n") for line in stream)
            except UnicodeDecodeError as error:
                raise self._not_decoded(error) from error

    def open(self) -> IO[str]:
        """Open the file as text, if it is one."""
        try:
            with self.file.open("rb") as stream:
                start = stream.read(4096)
        except OSError as error:
            hint = "correct the path; a folder of texts is `dataset.name=folder`"
            raise unreadable(self.file, error, hint) from error
        utf8 = self.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        for magic, (what, hint) in MAGIC.items():
            if start.startswith(magic) and (utf8 or not what.startswith("UTF-16")):
                raise DataError(f"{self.file} is {what}", hint)
        if utf8 and b"\0" in start:
            hint = "save it as CSV, or name its encoding: `dataset.encoding=utf-16`"
            raise DataError(f"{self.file} is not {self.encoding} text: it holds zero bytes", hint)
        csv.field_size_limit(LONGEST_FIELD)
        return self.file.open(encoding="utf-8-sig" if utf8 else self.encoding, newline="")

    def _empty(self) -> DataError:
        hint = "its first line must name the columns, and each other hold an example"
        return DataError(f"{self.file} holds no rows", hint)

    def _wrong_number(self, line: int, fields: int, columns: int) -> DataError:
        hint = 'put a text that holds the delimiter or a line break into quotes: "a, b"'
        return DataError(f"{self.file}:{line}: {fields} fields, but {columns} columns", hint)

    def _bad_quotes(self, line: int, error: Exception) -> DataError:
        reason = str(error).replace("field limit", "any text should be")
        hint = 'close each quote, and double a quote inside: "he said ""no"""'
        return DataError(f"{self.file}:{line}: the row that begins here is damaged: {reason}", hint)

    def _not_decoded(self, error: UnicodeDecodeError) -> DataError:
        """Find the line: the error counts from the last block that was read."""
        with self.file.open("rb") as stream:
            for line, content in enumerate(stream, start=1):
                try:
                    content.decode(self.encoding)
                except UnicodeDecodeError as found:
                    return DataError(
                        f"{self.file}:{line}: byte {found.start + 1} of the line is not "
                        f"{self.encoding}",
                        "name the encoding: `dataset.encoding=cp1252` (Windows), or `latin-1`",
                    )
        return DataError(f"{self.file} is not {self.encoding}: {error.reason}")


def unreadable(file: Path, error: OSError, hint: str) -> DataError:
    """Return the error to raise where a file that was named cannot be opened."""
    what = "it is a folder" if file.is_dir() else (error.strerror or str(error)).lower()
    return DataError(f"{file} cannot be read: {what}", hint)


def _written(value: object) -> str | None:
    """Return a JSON value as it is written in the file."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def given_texts(
    table: Table, text_column: str, label_column: str
) -> tuple[list[str], list[str] | None]:
    """Return the texts of a table, or the lines of a `.txt` file, and the labels if there are any.

    Raises:
        DataError: as `Table.rows` does.
    """
    if table.file.suffix.lower() == ".txt":
        return list(table.lines()), None
    if label_column not in table.columns():
        return [text or "" for _, (text,) in table.rows(text_column)], None
    rows = [values for _, values in table.rows(text_column, label_column)]
    return [text or "" for text, _ in rows], [(label or "").strip() for _, label in rows]
