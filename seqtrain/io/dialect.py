"""Detect the dialect of a delimited table: delimiter, quotes, and line of the header."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product, takewhile
from os.path import commonprefix
from typing import Literal, cast

Quotes = bool | Literal["backslash"]
Record = tuple[int, list[str | None]]  # the line on which it begins, and its fields

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LONGEST_FIELD = 10_000_000  # characters; a longer field is an unclosed quote
FEW = 10  # rows; with fewer, even a column without repeated values may repeat its header
ORANGE = {"discrete", "d", "continuous", "c", "string", "s", "time", "t"}  # types of its columns
NAMES = {"id", "label", "labels", "class", "target", "text"}  # of columns, hardly of classes
MOST_ABOVE = 20  # lines above a header
BAD_QUOTES = {  # messages of the csv module, and their meaning
    "expected after": "a quote closes before its field ends",
    "unexpected end": "a quote is never closed",
    "field limit": f"a field has more than {LONGEST_FIELD:,} characters: a quote is left open",
}
BOILERPLATE = 24  # characters with which all values of a column begin, such as a licence
QUESTIONS, CLOSING = {*"?？؟"}, "\"'”’»)」"
SENTENCE_ENDS = QUESTIONS | {*".!…。！।"}
MOSTLY, ASKED = 0.6, 0.05  # shares of a column that are sentences, and that are questions
BACKSLASHED = re.compile(r"\\([\\\"])")
HIDDEN = "\0"  # replaces unmatched quotes while the csv module reads; no text contains a zero byte
SEPARATOR = re.compile(r'"?sep=(.)"?[,;|\t]*\s*', re.IGNORECASE)  # a first line for Excel


class QuoteError(Exception):
    """The quotes of a record do not match."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True)
class Dialect:
    """The format of a delimited table.

    Attributes:
        delimiter: one of `DELIMITERS`, between fields.
        quotes: whether fields can be quoted. A quote within is doubled, or with `backslash`
            escaped by a backslash. Otherwise quotes are normal characters.
        above: the number of lines above the header.
        titles: the number of these lines that are not blank: titles and comments.
    """

    delimiter: str
    quotes: Quotes = True
    above: int = 0
    titles: int = 0

    def records(self, lines: Iterable[str], first: int = 1) -> Iterator[Record]:
        """Yield the records of lines; the first line has the number `first`.

        Raises:
            QuoteError: a quote is not closed, or closes before its field ends.
        """
        csv.field_size_limit(LONGEST_FIELD)
        escaped = self.quotes == "backslash"
        reader = csv.reader(
            map(_hide, lines) if escaped else lines,
            delimiter=DELIMITERS[self.delimiter],
            quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            skipinitialspace=bool(self.quotes),
            strict=True,
        )
        line = first
        try:
            for fields in reader:
                if fields:
                    yield line, [*map(_show, fields)] if escaped else cast(list[str | None], fields)
                line = reader.line_num + first
        except csv.Error as error:
            reason = next((why for said, why in BAD_QUOTES.items() if said in str(error)), error)
            raise QuoteError(line, str(reason)) from error


def _hide(line: str) -> str:
    return BACKSLASHED.sub(lambda found: HIDDEN if found[1] == '"' else found[1], line)


def _show(field: str) -> str:
    return field.replace(HIDDEN, '"')


def likely(
    head: Sequence[str],
    names: Sequence[str],
    usual: str,
    delimiter: str | None,
    quotes: Quotes | None,
    header: bool,
) -> Dialect:
    """Detect the dialect of a table that fits its first lines best.

    Args:
        head: the first lines.
        names: the expected columns.
        usual: the delimiter suggested by the suffix of the file.
        delimiter: the delimiter from the config, if set.
        quotes: the quotes from the config, if set.
        header: whether the first row names the columns.
    """
    said = SEPARATOR.fullmatch(head[0]) if head else None
    above = 1 if said else 0
    written = {sign: name for name, sign in DELIMITERS.items()}
    delimiter = delimiter or (written.get(said[1]) if said else None)
    delimiters = [delimiter] if delimiter else sorted(DELIMITERS, key=lambda name: name != usual)
    styles: list[Quotes] = [True] if quotes is None else [quotes]
    if quotes is None and any('\\"' in line for line in head):
        styles.append("backslash")
    if quotes is None and any('"' in line for line in head):
        styles.append(False)
    guesses = [
        _Guess.of(Dialect(one, style, above), head[above:], names, header)
        for one, style in product(delimiters, styles)
        if style or one == "tab" or quotes is False  # otherwise a delimiter is escaped with quotes
    ]
    if quotes is None:  # normal quotes need evidence in the rows
        guesses = [one for one in guesses if one.dialect.quotes or one.merits[1]]
    return max(guesses, key=lambda guess: guess.merits).dialect  # the first wins ties


@dataclass(frozen=True)
class _Guess:
    """A dialect, and how well the first lines of a table fit."""

    dialect: Dialect
    # Names found, share of fitting rows, whether nothing is above, tabs or pipes, columns.
    merits: tuple[int, float, bool, bool, int]

    @classmethod
    def of(
        cls, dialect: Dialect, head: Sequence[str], names: Sequence[str], header: bool
    ) -> "_Guess":
        records: list[Record] = []
        broken = False
        try:
            records.extend(dialect.records(head, dialect.above + 1))
        except QuoteError as error:  # the last record of the head may go on after it
            broken = "never closed" not in error.reason
        records = [record for record in records if not is_blank(record[1])]
        at = header_at(records, names, header)
        if not records:
            return cls(dialect, (0, 0.0, False, False, 0))
        line, columns = records[at]
        rows = [fields for _, fields in records[at + header :]]
        fitting = sum(fitted(fields, columns) is not None for fields in rows)
        share = fitting / max(len(rows), 1 + broken * len(head)) if len(columns) > 1 else 0.0
        if not dialect.quotes and 2 * sum(map(_is_quoted, rows)) > len(rows):
            share = 0.0
        found = {(name or "").strip() for name in columns} if header else set()
        below = replace(dialect, above=line - 1, titles=at)
        rare = dialect.delimiter in ("tab", "pipe") and len(columns) > 1  # rare in texts
        several = len({*columns})
        return cls(below, (len(found.intersection(names)), share, at == 0, rare, several))


def _is_quoted(fields: Sequence[str | None]) -> bool:
    """Return whether a whole field is quoted."""
    return any(one and len(one) > 1 and one[0] == one[-1] == '"' for one in fields)


def without_types(records: Iterator[Record], left_out: Counter[str]) -> Iterator[Record]:
    """Yield the rows below a header, without the two rows of column types of Orange.

    Source: https://orange3.readthedocs.io/projects/orange-data-mining-library/en/latest/reference/data.io.html
    """
    for line, fields in records:
        types = {field for field in fields if field}
        if not types or not types <= ORANGE:
            yield line, fields
            break
        left_out["rows of the columns' types"] += 1
        for below, flags in records:  # roles of columns: `class`, `meta`, or empty
            if below != line + 1:
                yield below, flags
            break
        break
    yield from records


def is_blank(fields: Sequence[str | None]) -> bool:
    """Return whether a row contains only delimiters."""
    if fields and fields[0] and not fields[0].isspace():  # as a rule
        return False
    return not any(field and not field.isspace() for field in fields)


def trimmed(fields: Sequence[str | None]) -> int:
    """Return the number of fields up to the last that is not empty."""
    filled = (at for at in range(len(fields), 0, -1) if (fields[at - 1] or "").strip())
    return next(filled, 0)


def fitted(
    fields: Sequence[str | None], columns: Sequence[str | None]
) -> Sequence[str | None] | None:
    """Return the fields of a row for the columns, or None if there are too many or too few.

    Empty fields after the last column are ignored; a column without a name may be missing.
    """
    missing = len(columns) - len(fields)
    if missing == 0:
        return fields
    if missing < 0 and trimmed(fields) <= len(columns):
        return fields[: len(columns)]
    if missing > 0 and trimmed(columns) <= len(fields):
        return [*fields, *[None] * missing]
    return None


def header_at(records: Sequence[Record], names: Sequence[str] = (), header: bool = True) -> int:
    """Return the index of the header, or of the first row if there is no header.

    Titles and comments may stand above it. A title is one text over several columns; a comment
    begins with `#`, and has another number of fields than the rows.

    Args:
        records: the first records of a table.
        names: the expected columns.
        header: whether there is a header.
    """
    widths = Counter(trimmed(fields) for _, fields in records)
    width = max(widths, key=lambda one: (widths[one], one), default=0)
    first = [[(field or "").strip() for field in fields] for _, fields in records[:MOST_ABOVE]]
    comments = sum(1 for _ in takewhile(lambda cells: cells[0].startswith("#"), first))
    left = [*enumerate(first)][
        max(comments - 1, 0) :
    ]  # of several such lines, only the last may be a header
    row = next((at for at, cells in left if not _is_above(cells, width, titles=False)), 0)
    likely_header = next((at for at, cells in left if not _is_above(cells, width, header)), 0)
    if not (records and header and names):
        return likely_header
    for at, cells in enumerate(first):
        if {*names} <= {*cells} and (len(names) > 1 or at <= likely_header):
            return at
    return next((at for at in range(row, likely_header + 1) if {*names} & {*first[at]}), row)


def _is_above(cells: Sequence[str], width: int, titles: bool) -> bool:
    """Return whether a record is a title or a comment instead of a row of so many columns."""
    if trimmed(cells) == width:
        return False
    return cells[0].startswith("#") or (titles and width > 1 and sum(map(bool, cells)) == 1)


def looks_like_a_row(first: Sequence[str], rows: Sequence[Sequence[str | None]]) -> bool:
    """Return whether a supposed header seems to hold the values of an example.

    Then some of its values repeat in their column, or are numbers like all of their column; or
    all are sentences, or begin with the same words, like most of their column.
    Evenly spaced numbers, such as years, are names, and so are numbers beside a word such as
    `label`, or beside two words above columns of numbers.
    """
    cells = [[(cell or "").strip() for cell in row] for row in rows]
    cells = [row for row in cells if len(row) == len(first) and row != first]
    columns = [[row[place] for row in cells if row[place]] for place in range(len(first))]
    named = any(
        cell.lower() in NAMES and cell not in column
        for cell, column in zip(first, columns, strict=True)
    )
    words = {
        cell
        for cell, column in zip(first, columns, strict=True)
        if column and cell and not _is_number(cell) and all(map(_is_number, column))
    }
    if len(words) > 1:
        return False
    measured = not named and not _are_even([*filter(_is_number, first)])
    for cell, column in zip(first, columns, strict=True):
        again = (
            bool(cell) and cell in column and (len({*column}) < len(column) or len(column) < FEW)
        )
        number = measured and _is_number(cell)
        if again and not named or (bool(column) and number and all(map(_is_number, column))):
            return True
    return bool(first) and not named and all(map(_is_sentence_like, first, columns))


def _is_sentence_like(cell: str, column: Sequence[str]) -> bool:
    """Return whether a cell is a sentence like most of its column, or begins like all of it."""
    if cell and column and len(commonprefix([cell, *column])) >= BOILERPLATE:
        return True
    end, *ends = (value.rstrip(CLOSING)[-1:] for value in (cell, *column))
    sentences, questions = (
        sum(one in signs for one in ends) for signs in (SENTENCE_ENDS, QUESTIONS)
    )
    if end in QUESTIONS and questions < ASKED * len(ends):
        return False  # the name of a column may be a question
    return end in SENTENCE_ENDS and sentences >= MOSTLY * max(len(ends), FEW)


def _are_even(cells: Sequence[str]) -> bool:
    """Return whether numbers are evenly spaced, and more than two, or 0 and 1."""
    values = [*map(float, cells)]
    steps = [b - a for a, b in pairwise(values)]
    if len(values) < 3:
        return values in ([0.0], [1.0], [0.0, 1.0], [1.0, 2.0])
    return steps[0] > 0 and all(abs(step - steps[0]) < 1e-6 * abs(steps[0]) for step in steps)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
