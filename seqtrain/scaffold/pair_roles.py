"""Recognise pairs in a table: a column of sources, and one of what each becomes."""

from collections.abc import Mapping
from typing import Any

from seqtrain.errors import DataError
from seqtrain.scaffold.candidates import (
    ID_NAMES,
    LABEL_NAMES,
    VARIED,
    Roles,
    is_named,
    listed,
    place,
)
from seqtrain.scaffold.profiles import Column, Profile

MOST_COLUMNS = 4  # of a table that nobody called one of pairs
FARTHEST = 4  # times as long, on average, may one side be as the other
SOURCES, TARGETS = ["source", "src", "input", "from"], ["target", "tgt", "output", "to"]
NUMBERING = [*ID_NAMES, "no", "number", "row", "index"]
OF_PAIRS = {"source_column", "target_column", "target_path"}


def is_asked(given: Mapping[str, Any]) -> bool:
    """Return whether the keys that a person gives are those of pairs."""
    return given.get("name") == "pairs" or ("name" not in given and bool(OF_PAIRS & given.keys()))


def seen_pairs(found: Profile) -> Roles | None:
    """Return the roles of a table without labels, if two of its columns look like pairs."""
    columns = found.columns.values()
    if any(is_named(one.name, LABEL_NAMES) and not is_named(one.name, TARGETS) for one in columns):
        return None
    sides = [
        column
        for column in columns
        if column.is_lettered
        and column.variety >= VARIED
        and not (column.is_number or column.is_date or column.is_address)
    ]
    if len(found.columns) > MOST_COLUMNS or len(sides) < 2:
        return None
    sides = sorted(sorted(sides, key=_length)[-2:], key=[*columns].index)
    short, long = sorted(map(_length, sides))
    if long > FARTHEST * short:
        return None
    roles = _roles(found, *sides)
    roles.doubts.append("no column holds labels; if one does, name it: `--label COLUMN`")
    return roles


def asked_pairs(source: Any, found: Profile, given: Mapping[str, Any]) -> Roles:
    """Return the roles of a table that a person calls one of pairs.

    Args:
        source: the file, for messages.
        found: its profile.
        given: the keys that the person gives.

    Raises:
        DataError: it has no such column, or not two to choose.
    """
    left = [
        column
        for column in found.columns.values()
        if column.filled and not (is_named(column.name, NUMBERING) or column.counts_rows)
    ]
    chosen: list[Column] = []
    for key, names in (("source_column", SOURCES), ("target_column", TARGETS)):
        name = given.get(key)
        if name is not None and name not in found.columns:
            raise DataError(
                f"{source}: no column is called `{name}`", f"it has: {listed(found.columns)}"
            )
        if name is None:
            other = given.get("target_column" if key == "source_column" else "source_column")
            may_be = [column for column in left if column not in chosen and column.name != other]
            if not may_be:
                raise DataError(
                    f"{source}: there are no two columns to read pairs from",
                    f"it has: {listed(found.columns)}",
                )
            name = min(may_be, key=lambda one: _rank(one, names)).name
        chosen.append(found.columns[name])
    return _roles(found, *chosen)


def _rank(column: Column, names: list[str]) -> int:
    """Return the place of a column among names, behind all of them if it has another."""
    rank = place(column.name, names)
    return len(names) if rank is None else rank


def _length(column: Column) -> float:
    return sum(map(len, column.sample)) / max(len(column.sample), 1)


def _roles(found: Profile, source: Column, target: Column) -> Roles:
    others = [name for name in found.columns if name not in (source.name, target.name)]
    return Roles("pairs", target.name, "translation", text=source.name, texts=others)
