"""Read long tables, with a row for each step of each sequence, into plain arrays."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seqtrain.data.class_labels import normalised
from seqtrain.data.sequences import USABLE, Labels, Sequences, shown, unusable
from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.schema.yaml_file import LARGEST_FILE, MOST_VALUES

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.io.cache import Arrays

Cells = Sequence[str | None]


DECIMALS = "write decimals with a point, or `dataset.decimal=comma`"
COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
MOST_FEATURES = MOST_VALUES // 2  # columns, because the config of a run lists them


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a long table.

    Attributes:
        id: identifies the sequence of a row.
        features: the numbers of a step.
        step: the number that orders the rows of a sequence; None keeps the order of the file.
        label: the label of a sequence, equal in all its rows; None without labels.
    """

    id: str
    features: tuple[str, ...]
    step: str | None = None
    label: str | None = None

    @property
    def steps(self) -> None:
        """None: each sequence has its own number of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: features, id, then step and label if there are any."""
        return (*self.features, self.id, *filter(None, (self.step, self.label)))


def others(table: Table, named: Sequence[str | None]) -> tuple[str, ...]:
    """Return the columns of a table that are not `named`, as its features.

    Raises:
        DataError: as `Table.columns` does; there are none, or one has no name.
    """
    present = table.columns()
    left = tuple(name for name in present if name not in named)
    hint = "name the features: `dataset.feature_columns=[…]`"
    if not left:
        raise DataError(f"{table.file}:1: no column is left for a feature", hint)
    if len(left) > MOST_FEATURES or sum(map(len, left)) > LARGEST_FILE / 2:
        rows = f"{table.file} has {len(left):,} columns of features, and a config takes "
        raise DataError(f"{rows}{MOST_FEATURES:,}", "write the sequences as a `.npz` file")
    if "" in left:
        number = present.index("") + 1
        index = "; if it numbers the rows, write the file without: `index=False` in pandas"
        raise DataError(f"{table.file}:1: column {number} has no name", hint + index)
    return left


def same_features(
    table: Table, features: tuple[str, ...], wanted: tuple[str, ...], train: str
) -> tuple[str, ...]:
    """Return `wanted`, in whose order all files are read, if a table has no other features.

    One that is missing is refused where the table is read.
    """
    more = [name for name in features if name not in wanted]
    if more and {*wanted} <= {*features}:
        hint = f"leave it out, or name the features: `dataset.feature_columns=[{','.join(wanted)}]`"
        raise DataError(f"{table.file}:1: `{more[0]}` is not a feature of {train}", hint)
    return wanted


class Named(Protocol):
    """Columns with named features."""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features of a step."""

    @property
    def steps(self) -> int | None:
        """The steps of each sequence, if the columns determine it."""


def sequences(table: Table, columns: Named, arrays: Arrays) -> Sequences:
    """Return the result of `parsed` as sequences."""
    lengths = arrays["lengths"]
    labels = None
    if "labels" in arrays:
        names = json.loads(arrays["names"].tobytes())
        labels = Labels(tuple(names), arrays["labels"])
    return Sequences(
        source=str(table.file),
        values=arrays["values"],
        starts=lengths.cumsum() - lengths,
        lengths=lengths,
        places=arrays["lines"],
        labels=labels,
        features=columns.features,
        regular=columns.steps is not None and bool((lengths == columns.steps).all()),
    )


def parsed(table: Table, columns: Columns) -> Arrays:
    """Parse a table; its sequences are in the order of their first rows.

    Returns:
        `values` (total, F) float64; `lengths` and `lines` (the first line of each), int64 of shape
        (N,); and with labels, `labels` int32 (N,) and `names`, the different labels as JSON.

    Raises:
        DataError: as in `Table.rows`; or a cell is not a usable number; or the rows of an id have
            different labels, or a step twice.
    """
    reader = _Reader(table, columns)
    for line, cells in table.rows(*columns.names):
        reader.add(line, cells)
    return reader.arrays()


class _Reader:
    """Collects rows: numbers as arrays, and each id and label only once."""

    def __init__(self, table: Table, columns: Columns) -> None:
        self._table, self._columns = table, columns
        self._number_of: dict[str, int] = {}  # of each id
        self._label_numbers: dict[str, int] = {}
        self._labels, self._first_lines = array("i"), array("q")  # of each sequence
        self._lines, self._sequences, self._steps = array("q"), array("q"), array("d")
        self._values = array("d")

    def add(self, line: int, cells: Cells) -> None:
        """Add a row, whose cells are in the order of `Columns.names`."""
        width = len(self._columns.features)
        rest = list(cells[width:])
        number = self._sequence(line, rest.pop(0))
        if self._columns.label:
            self._label(line, number, (rest.pop() or "").strip())
        if self._columns.step:
            self._steps.append(self._step(line, rest.pop()))
        try:
            self._values.extend(map(float, cells[:width]))  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            raise self._no_number(line, cells) from error
        self._lines.append(line)
        self._sequences.append(number)

    def _sequence(self, line: int, cell: str | None) -> int:
        name = (cell or "").strip()
        if not name:
            hint = "each row names the sequence that it is a step of"
            raise self._error(line, f"`{self._columns.id}` is empty", hint)
        number = self._number_of.setdefault(name, len(self._number_of))
        if number == len(self._first_lines):
            self._first_lines.append(line)
        return number

    def _label(self, line: int, number: int, label: str) -> None:
        index = self._label_numbers.setdefault(label, len(self._label_numbers))
        if number == len(self._labels):
            self._labels.append(index)
        if index == self._labels[number]:
            return
        before = list(self._label_numbers)[self._labels[number]]
        if normalised(label) != normalised(before):
            raise self._error(
                line,
                f"`{self._name(number)}` has the label `{label}` here, but `{before}` on line "
                f"{self._first_lines[number]}",
                "the rows of one id are one sequence, with one label; give parts of it other ids",
            )

    def _step(self, line: int, cell: str | None) -> float:
        step = number(cell)
        if step is None or not math.isfinite(step):
            hint = "steps are ordered by a number; `dataset.step_column=null` takes rows in order"
            raise self._error(line, f"`{self._columns.step}` is {written(cell)}", hint)
        return step

    def _no_number(self, line: int, cells: Cells) -> DataError:
        pairs = zip(self._columns.features, cells, strict=False)
        name, cell = next(pair for pair in pairs if number(pair[1]) is None)
        comma = COMMA.fullmatch(cell or "")
        hint = DECIMALS if comma else self._not_a_feature(name)
        return self._error(line, f"`{name}` is {written(cell)}", hint)

    def _not_a_feature(self, name: str) -> str:
        others = [other for other in self._columns.features if other != name] or ["…"]
        listed = ",".join(others[:5]) + (",…" if len(others) > 5 else "")
        return (
            "give each step its numbers; if this column is not a feature, name those that are: "
            f"`dataset.feature_columns=[{listed}]`"
        )

    def arrays(self) -> Arrays:
        """Return the rows, sorted by sequence and step."""
        import numpy as np

        of = np.frombuffer(self._sequences, dtype=np.int64)
        lines = np.frombuffer(self._lines, dtype=np.int64)
        steps = np.frombuffer(self._steps, dtype=np.float64) if self._columns.step else of
        order = np.lexsort((steps, of))
        if self._columns.step:
            self._check_repeated(of[order], steps[order], lines[order])
        values = np.frombuffer(self._values, dtype=np.float64).reshape(len(of), -1)
        self._check_usable(values, lines)
        arrays = {
            "values": values[order],
            "lengths": np.bincount(of).astype(np.int64),
            "lines": np.frombuffer(self._first_lines, dtype=np.int64),
        }
        if self._columns.label:
            names = json.dumps(list(self._label_numbers)).encode()
            arrays["labels"] = np.frombuffer(self._labels, dtype=np.int32)
            arrays["names"] = np.frombuffer(names, dtype=np.uint8)
        return arrays

    def _check_repeated(self, of: np.ndarray, steps: np.ndarray, lines: np.ndarray) -> None:
        import numpy as np

        again = np.flatnonzero((of[1:] == of[:-1]) & (steps[1:] == steps[:-1]))
        if len(again):
            at = int(again[np.argmin(lines[again + 1])])
            raise self._error(
                int(lines[at + 1]),
                f"step {steps[at]:g} of `{self._name(int(of[at]))}` stands on line {lines[at]} too",
                "give each step of a sequence once; `dataset.step_column=null` takes rows in order",
            )

    def _check_usable(self, values: np.ndarray, lines: np.ndarray) -> None:
        if found := unusable(values):
            row, feature = found
            what = f"`{self._columns.features[feature]}` is {shown(values[row, feature])}"
            raise self._error(int(lines[row]), what, USABLE)

    def _name(self, number: int) -> str:
        return list(self._number_of)[number]

    def _error(self, line: int, what: str, hint: str) -> DataError:
        return DataError(f"{self._table.file}:{line}: {what}", hint)


def number(cell: str | None) -> float | None:
    """Return a cell as a number, or None if it is not a number."""
    try:
        return float(cell or "")
    except ValueError:
        return None


def written(cell: str | None) -> str:
    """Describe a cell that should be a number."""
    return f"`{cell[:40]}`, not a number" if cell and cell.strip() else "empty"
