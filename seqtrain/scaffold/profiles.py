"""Profile the columns of a table in one pass over its rows, in bounded memory."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, pairwise
from math import isfinite
from os.path import commonprefix
from unicodedata import category

from seqtrain.data.number_labels import how_to_write, measured
from seqtrain.io.decimals import NO_VALUE
from seqtrain.io.dialect import BOILERPLATE
from seqtrain.io.tables import Table

MOST_VALUES = 1_000  # different values to count in a column; classes are never more
MOST_FRACTIONS = 10  # classes whose names are numbers with a decimal point, such as 4.5
BLOCK = 1_000  # rows in a block
SAMPLED, EVERY = 2_000, 50  # texts in the sample: the first, then one of so many
CLIPPED = 2_000  # characters of each text
HEAD = 400_000  # cells of the first rows to keep, to compare columns

_TIME = r"([T ,]+\d{1,2}:\d\d.*)?"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DATE = re.compile(
    rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}{_TIME}|\d{{4}}[-/]\d{{1,2}}|\d{{4}}[ -]?Q\d"
    rf"|(0?[1-9]|1[0-2])[-/.]\d{{4}}|\d{{1,2}}:\d\d(:\d\d.*)?"
    rf"|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d\d|\d{{4}}){_TIME}"
    rf"|([a-z]{{3,9}},? )?({_MONTH}[ -]\d{{1,2}}|\d{{1,2}}[ -]{_MONTH})\b.*\d.*|{_MONTH} \d{{4}}",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"(https?://|www\.)\S+|\S+@\S+\.\w+", re.IGNORECASE)
# Han, kana, Thai, Lao, Tibetan, Burmese, Khmer: written without spaces between words.
UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass
class Column:
    """The profile of a column.

    Attributes:
        name: its name in the header.
        rows: the number of rows of the table.
        empty: the number of rows in which it is empty, missing or a list.
        values: the count of each value; None if there are more than `MOST_VALUES`.
        numbers: whether all values are numbers, apart from marks.
        marks: the number of rows with a mark for no value, such as `NA`.
        whole: whether all are integers.
        rising: whether each number is larger than the one before.
        first: its first number; None before there is one.
        sample: some of its texts.
    """

    name: str
    rows: int = 0
    empty: int = 0
    values: Counter[str] | None = field(default_factory=Counter)
    numbers: bool = True
    marks: int = 0
    whole: bool = True
    rising: bool = True
    first: float | None = None
    sample: list[str] = field(default_factory=list)
    _last: float = float("-inf")

    def add(self, cells: Sequence[str | None]) -> None:
        """Add the cells of some rows."""
        self.rows += len(cells)
        filled = [stripped for cell in cells if cell and (stripped := cell.strip())]
        self.empty += len(cells) - len(filled)
        if self.values is not None:
            self.values.update(filled)
            if len(self.values) > MOST_VALUES:
                self.values = None
        if self.numbers:
            numbers = [cell for cell in filled if cell.lower() not in NO_VALUE]
            self.marks += len(filled) - len(numbers)
            self._add_numbers(numbers)
        room = max(SAMPLED - len(self.sample), len(filled) // EVERY)
        self.sample += [text[:CLIPPED] for text in filled[:: max(len(filled) // (room or 1), 1)]]

    def _add_numbers(self, cells: list[str]) -> None:
        numbers = _numbers(cells)
        self.numbers = numbers is not None
        self.whole = (
            self.whole
            and not self.marks
            and self.numbers
            and all(map(float.is_integer, numbers or ()))
        )
        if self.first is None and numbers:
            self.first = numbers[0]
        if self.rising and numbers:
            self.rising = all(a < b for a, b in pairwise([self._last, *numbers]))
            self._last = numbers[-1]

    @property
    def filled(self) -> int:
        """The number of rows in which it has a value."""
        return self.rows - self.empty

    @property
    def different(self) -> float:
        """The number of different values; infinite if not counted."""
        return float("inf") if self.values is None else len(self.values)

    @property
    def is_number(self) -> bool:
        """Whether all its values are numbers."""
        return self.numbers and self.filled > 0 and not self.marks

    @property
    def is_measured_in_part(self) -> bool:
        """Whether its values are numbers, or marks that stand for no value."""
        return self.numbers and self.filled > self.marks

    @property
    def counts_rows(self) -> bool:
        """Whether it numbers the rows, from 0 or 1, as an index that a program wrote."""
        whole = self.is_number and self.whole and self.rising and not self.empty
        return whole and self.first in (0, 1) and self._last == self.first + self.rows - 1

    @cached_property
    def is_date(self) -> bool:
        """Whether its values are dates or times of day."""
        return not self.is_number and self._mostly(DATE)

    @cached_property
    def odd_number(self) -> str | None:
        """A value that is not a valid number, if most of its values are numbers."""
        if self.is_number or self.different <= MOST_FRACTIONS or self.is_lettered:
            return None
        values = {*self.sample}
        odd = [text for text in self.sample if measured(text) is None]
        numbers = sum(
            (measured(text) is not None or how_to_write(text) is not None) for text in values
        )
        return odd[0] if odd and numbers > 0.9 * len(values) else None

    @cached_property
    def is_address(self) -> bool:
        """Whether its values are web or mail addresses."""
        return not self.is_number and self._mostly(ADDRESS)

    @cached_property
    def is_boilerplate(self) -> bool:
        """Whether its values begin alike, as the licences of sentences do."""
        return self.rows > 1 and len(commonprefix(self.sample)) >= BOILERPLATE

    @cached_property
    def words(self) -> float:
        """The mean number of words in a text, estimated for scripts without spaces."""
        return sum(map(_words, self.sample)) / max(len(self.sample), 1)

    @cached_property
    def variety(self) -> float:
        """The share of different texts."""
        return len(set(self.sample)) / max(len(self.sample), 1)

    @cached_property
    def is_lettered(self) -> bool:
        """Whether its values are words rather than codes."""
        letters = sum(sum(map(_is_letter, text)) for text in self.sample)
        digits = sum(sum(map(str.isdecimal, text)) for text in self.sample)
        return letters > 2 * digits

    def _mostly(self, form: re.Pattern[str]) -> bool:
        matching = sum(form.fullmatch(text) is not None for text in self.sample)
        return matching > 0.9 * len(self.sample) > 0


def _numbers(cells: list[str]) -> list[float] | None:
    """Return cells as numbers, or None if one is not a number."""
    try:
        found = list(map(float, cells))
    except ValueError:
        found = []
        for cell in cells:
            if (number := measured(cell)) is None:
                return None
            found.append(float(number))
    return found if all(map(isfinite, found)) else None


def _is_letter(sign: str) -> bool:
    """Return whether a character is part of words, as emoji are."""
    return sign.isalpha() or (not sign.isascii() and category(sign) == "So")


def _words(text: str) -> float:
    spaced = sum(any(map(_is_letter, word)) for word in text.split())
    return spaced + len(UNSPACED.findall(text)) / 2


@dataclass(frozen=True)
class Profile:
    """The profile of a table.

    Attributes:
        columns: by name, in the order of the file; without columns whose name is not unique.
        head: the first rows as lists of cells, in the order of `columns`.
    """

    columns: dict[str, Column]
    head: list[Sequence[str | None]]

    @property
    def rows(self) -> int:
        """The number of rows of the table."""
        return max((column.rows for column in self.columns.values()), default=0)

    def cells(self, name: str) -> list[str]:
        """Return the cells of a column in the first rows."""
        place = list(self.columns).index(name)
        return [(row[place] or "").strip() for row in self.head]


def profile(table: Table) -> Profile:
    """Profile a table in one pass.

    Raises:
        DataError: as in `Table.rows`.
    """
    names, rows = table.candidates()
    columns = {name: Column(name) for name in names}
    head: list[Sequence[str | None]] = []
    while block := [cells for _, cells in islice(rows, BLOCK)]:
        for column, cells in zip(columns.values(), zip(*block, strict=True), strict=True):
            column.add(cells)
        if len(head) * len(columns) < HEAD:
            head += block
    if not head:
        next(table.rows(), None)  # raises the error for what is missing
    return Profile(columns, head[: max(HEAD // max(len(columns), 1), 1)])
