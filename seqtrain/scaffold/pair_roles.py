"""Recognise pairs in a table: a column of sources, and one of what each becomes."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqtrain.errors import DataError
from seqtrain.scaffold.candidates import (
    ID_NAMES,
    TARGET_NAMES,
    VARIED,
    Roles,
    check_column,
    is_named,
    listed,
    place,
)
from seqtrain.scaffold.profiles import Column, Profile

MOST_COLUMNS = 4  # of a table that nobody called one of pairs
FARTHEST = 4  # times as long, on average, may one side be as the other
SOURCES, TARGETS = ["source", "src", "input", "from"], ["target", "tgt", "output", "to"]
NUMBERING = [*ID_NAMES, "no", "number", "row", "index"]
OF_LABELS = [name for name in TARGET_NAMES if name not in TARGETS]
OF_PAIRS = {"source_column", "target_column", "target_path"}


def is_asked(given: Mapping[str, Any]) -> bool:
    """Return whether the keys that a person gives are those of pairs."""
    return given.get("name") == "pairs" or ("name" not in given and bool(OF_PAIRS & given.keys()))


def seen_pairs(found: Profile) -> Roles | None:
    """Return the roles of a table without labels, if two of its columns look like pairs."""
    columns = found.columns.values()
    if any(one.odd_number or is_named(one.name, OF_LABELS) for one in columns):
        return None
    sides = [
        column
        for column in columns
        if column.is_lettered
        and column.variety >= VARIED
        and not (column.is_number or column.is_date or column.is_address)
        and not column.is_boilerplate
    ]
    if len(found.columns) > MOST_COLUMNS or len(sides) < 2:
        return None
    short, long = sorted(map(_length, sides := sorted(sides, key=_length)[-2:]))
    if long > FARTHEST * short:
        return None
    chosen = _chosen(sorted(sides, key=[*columns].index), {})
    roles = _roles(found, *chosen)
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
    named = {key: str(given[key]) for key in ("source_column", "target_column") if key in given}
    for name in named.values():
        check_column(source, name, found)
    filled = [column for column in found.columns.values() if column.filled]
    left = [
        column
        for column in filled
        if column.name in named.values()
        or not (is_named(column.name, NUMBERING) or column.counts_rows)
    ]
    chosen = _chosen(left if len(left) > 1 else filled, named)
    if len(chosen) < 2:
        empty = [name for name, column in found.columns.items() if not column.filled]
        hint = f"nothing stands in {listed(empty)}; " if empty else ""
        hint += f"it has: {listed(found.columns)}; columns with equal names are not read"
        raise DataError(f"{source}: there are no two columns to read pairs from", hint)
    return _roles(found, *chosen)


def _chosen(columns: Sequence[Column], named: Mapping[str, str]) -> list[Column]:
    """Return source and target: those that are named, have such names, or come first."""
    chosen: list[Column] = []
    left = [column for column in columns if column.name not in named.values()]
    for key, names, others in (
        ("source_column", SOURCES, TARGETS),
        ("target_column", TARGETS, SOURCES),
    ):
        may_be = [column for column in columns if column.name == named.get(key)] or left
        if may_be:
            chosen.append(min(may_be, key=lambda one: _rank(one, names, others)))  # noqa: B023
            left = [column for column in left if column is not chosen[-1]]
    return chosen


def _rank(column: Column, names: list[str], others: list[str]) -> tuple[bool, bool, int]:
    """Return a key that sorts columns of these names first, and those of the other side last."""
    mine = place(column.name, names)
    return is_named(column.name, others), mine is None, mine or 0


def _length(column: Column) -> float:
    return sum(map(len, column.sample)) / max(len(column.sample), 1)


def _roles(found: Profile, source: Column, target: Column) -> Roles:
    others = [name for name in found.columns if name not in (source.name, target.name)]
    return Roles("pairs", target.name, "translation", text=source.name, texts=others)
