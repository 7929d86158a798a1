"""Read wide tables, with a row for each sequence, into plain arrays."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from seqtrain.data.sequences import USABLE, shown, unusable
from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.sources.long_table import COMMA, DECIMALS, number, written

if TYPE_CHECKING:
    from seqtrain.io.cache import Arrays

Cells = Sequence[str | None]

FEWEST = 4  # fewest numbered columns that are taken for steps
PIXEL = re.compile("pixel", re.IGNORECASE)  # of a square picture, whose rows are the steps
SMALLEST = 16  # pixels of such a picture
MOST_LABELS = 100  # most different values of a label column


@dataclass(frozen=True)
class WideColumns:
    """The names of the columns of a wide table.

    Attributes:
        numbers: the features of the first step, then those of the second, and so on.
        per_step: the number of features of a step.
        label: the label of a sequence; None without labels.
    """

    numbers: tuple[str, ...]
    per_step: int
    label: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: numbers, then the label if there is one."""
        return (*self.numbers, *filter(None, (self.label,)))

    @property
    def steps(self) -> int:
        """The number of steps in a full row."""
        return len(self.numbers) // self.per_step

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features of a step in messages."""
        if self.per_step == 1:
            return ("value",)
        return tuple(f"feature {at + 1}" for at in range(self.per_step))


def parsed(table: Table, columns: WideColumns) -> Arrays:
    """Parse a table. If the last steps of a row are empty, its sequence is shorter.

    Returns:
        `values` (total, F) float64; `lengths` and `lines` (of each sequence's row), int64 of shape
        (N,); and with labels, `labels` int32 (N,) and `names`, the different labels as JSON.

    Raises:
        DataError: as in `Table.rows`; or a cell is not a usable number; or a row has none.
    """
    import numpy as np

    if len(columns.numbers) % columns.per_step:
        what = (
            f"{len(columns.numbers)} columns of numbers are not whole steps of {columns.per_step}"
        )
        hint = "correct `dataset.features_per_step`, or name the columns: `feature_columns`"
        raise DataError(f"{table.file}: {what}", hint)
    width = len(columns.numbers)
    values, lengths, lines, labels = array("d"), array("q"), array("q"), array("i")
    known: dict[str, int] = {}
    for line, cells in table.rows(*columns.names):
        numbers = _numbers(table, columns, line, cells[:width])
        lengths.append(len(numbers) // columns.per_step)
        lines.append(line)
        values.extend(numbers)
        if columns.label:
            labels.append(known.setdefault((cells[-1] or "").strip(), len(known)))
    arrays = {
        "values": np.frombuffer(values, dtype=np.float64).reshape(-1, columns.per_step),
        "lengths": np.frombuffer(lengths, dtype=np.int64),
        "lines": np.frombuffer(lines, dtype=np.int64),
    }
    if columns.label:
        arrays["labels"] = np.frombuffer(labels, dtype=np.int32)
        arrays["names"] = np.frombuffer(json.dumps([*known]).encode(), dtype=np.uint8)
    _check_usable(table, columns, arrays)
    return arrays


def _numbers(table: Table, columns: WideColumns, line: int, cells: Cells) -> list[float]:
    """Return the numbers of a row up to its last step that is not empty."""
    end = next((at for at in range(len(cells), 0, -1) if (cells[at - 1] or "").strip()), 0)
    if not end:
        hint = "leave the row out, or give it the numbers of its sequence"
        raise DataError(f"{table.file}:{line}: a sequence has no steps", hint)
    end += -end % columns.per_step
    try:
        return [*map(float, cells[:end])]  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        at = next(at for at, cell in enumerate(cells) if number(cell) is None)
        hint = "give each step its numbers; if this column is none, name the others: "
        hint += "`dataset.feature_columns=[…]`"
        hint = DECIMALS if COMMA.fullmatch(cells[at] or "") else hint
        what = f"`{columns.numbers[at]}` is {written(cells[at])}"
        raise DataError(f"{table.file}:{line}: {what}", hint) from error


def _check_usable(table: Table, columns: WideColumns, arrays: Arrays) -> None:
    if found := unusable(arrays["values"]):
        step, feature = found
        ends = arrays["lengths"].cumsum()
        row = int(ends.searchsorted(step, side="right"))
        at = (step - int(ends[row] - arrays["lengths"][row])) * columns.per_step + feature
        what = f"`{columns.numbers[at]}` is {shown(arrays['values'][step, feature])}"
        raise DataError(f"{table.file}:{arrays['lines'][row]}: {what}", USABLE)


class _Counted(NamedTuple):
    """Columns whose names differ only in a number: `v0`, `v1`, …, or `t0_f0`, `t0_f1`, …."""

    names: tuple[str, ...]
    per_step: int


def suggested(columns: Sequence[str], rows: Sequence[Cells]) -> dict[str, Any] | None:
    """Return the keys for reading a table as a wide one, or None if it is not one.

    It is one if at least `FEWEST` numbered columns contain numbers, and the others are only labels
    and ids.

    Args:
        columns: the names of all columns.
        rows: the cells of some rows, or all.

    Returns:
        `rows`, and if needed `features_per_step`, `feature_columns`, `id_column` and
        `label_column`; without the last, init chooses among the other columns.
    """
    counted = _counted(columns)
    if counted is None or not rows:
        return None
    values = {name: [(row[at] or "").strip() for row in rows] for at, name in enumerate(columns)}
    keys: dict[str, Any] = {"rows": "sequences"}
    rest = [name for name in columns if name not in counted.names]
    names = counted.names
    if not rest:
        ends = [one for one in (names[0], names[-1]) if _repeat(values[one])]
        if not ends:
            return None
        label = min(ends, key=lambda one: _unlike_classes(values[one]))
        names, keys["label_column"] = tuple(name for name in names if name != label), label
    if any(number(cell) is None for name in names for cell in values[name] if cell):
        return None
    single = [name for name in rest if len({*values[name]}) == len(rows)]
    if len(rest) - len(single) > 1:
        return None
    side = isqrt(len(names))
    square = PIXEL.match(names[0]) and side * side == len(names) >= SMALLEST
    if (per_step := side if square and counted.per_step == 1 else counted.per_step) > 1:
        keys["features_per_step"] = per_step
    if single:
        keys["id_column"] = single[0]
    if len(single) > 1 or [name for name in columns if name in names] != [*names]:
        keys["feature_columns"] = list(names)
    return keys


def _unlike_classes(values: Sequence[str]) -> tuple[bool, int]:
    """Return a key that sorts likely classes first: words or whole numbers, and few of them."""
    numbers = [*map(number, {*values})]
    fractions = any(one is not None and not one.is_integer() for one in numbers)
    return fractions, len(numbers)


def _repeat(values: Sequence[str]) -> bool:
    return 2 <= len({*values}) <= min(MOST_LABELS, max(len(values) / 2, 2))


def _counted(columns: Sequence[str]) -> _Counted | None:
    """Return the numbered columns in the order of steps, if there are enough."""
    grid = [re.fullmatch(r"(\D*)(\d{1,18})(\D+)(\d{1,18})", name) for name in columns]
    steps: dict[tuple[int, ...], str] = {
        (int(found[2]), int(found[4])): found[0] for found in grid if found
    }
    if len(steps) < FEWEST:
        plain = [re.fullmatch(r"(.*?)(\d{1,18})", name) for name in columns]
        groups = [*dict.fromkeys(found[1] for found in plain if found)]
        steps = {(int(found[2]), groups.index(found[1])): found[0] for found in plain if found}
    order = sorted(steps)
    first = {step for step, _ in order}
    others = {feature for _, feature in order}
    whole = len(order) == len(first) * len(others) and len(first) == max(first) - min(first) + 1
    if len(first) < FEWEST or not whole:
        return None
    return _Counted(tuple(steps[place] for place in order), len(others))
