"""Recognise the roles of columns in tables of sequences: a row is a step, or a sequence."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from seqtrain.data.number_labels import how_to_write, no_number
from seqtrain.errors import DataError
from seqtrain.scaffold.candidates import (
    ID_NAMES,
    LABEL_NAMES,
    MOST_NUMBERS,
    STEP_NAMES,
    TIME_NAMES,
    Chosen,
    Roles,
    is_classes,
    is_id,
    is_measured,
    is_named,
    labels_of,
    named,
    place,
    task_of,
)
from seqtrain.scaffold.profiles import Column, Profile
from seqtrain.sources.wide_table import suggested

SEQUENCE_LABELS = ["label", "target", *LABEL_NAMES]  # a feature may be called `value`
FEWEST = 4  # rows needed to recognise steps
NUMBERED = re.compile(r"(.*?)[-_ ]?\d+(\D+\d+)?")  # v0, pixel_17, 3x28
ALIKE = 3  # columns of similar names that form a sequence
NO_ORDER = (
    "each row is read as a series in time, column by column; if the order of the columns means "
    "nothing, a recurrent network is the wrong model"
)


def of_steps(found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table with a row for each step, by its first rows."""
    if len(found.head) < 4:
        return None
    cells = {name: found.cells(name) for name in found.columns}
    counted = {*_counted(found.columns)}
    best: tuple[float, Roles] | None = None
    for name in [chosen.id] if chosen.id in cells else [n for n in cells if n not in counted]:
        ids = cells[name]
        if not _may_name_sequences(found.columns[name], ids):
            continue
        taken = [name, *_not_constant(cells, ids)]
        labels = [
            label
            for label in labels_of(found, chosen, taken, SEQUENCE_LABELS)
            if label not in taken and found.columns[label].different > 1
        ]
        step = _step(found, cells, ids, [name, *labels[:1]])
        if not labels or (step is None and not _is_contiguous(ids)):
            continue
        roles = _of_numbers(found, chosen, labels, name, step)
        roles.task = chosen.task or _task_of_each(found, roles.label, len(set(ids)))
        merit = len(set(ids)) + (step is not None) * 1e6 + is_named(name, ID_NAMES) * 1e9
        if roles.features and (best is None or merit > best[0]):
            best = merit, roles
    return best[1] if best else None


def doubts_of_steps(found: Profile, label: str) -> list[str]:
    """Return a doubt if rows seem to be steps, but have different labels within a sequence."""
    cells = {name: found.cells(name) for name in found.columns}
    for name in found.columns:
        ids = cells[name]
        fits = is_named(name, ID_NAMES) and name != label
        if not fits or not _may_name_sequences(found.columns[name], ids):
            continue
        step = _step(found, cells, ids, [name, label])
        if step and label in _not_constant(cells, ids):
            return [
                f"the rows look like the steps of each `{name}`, in the order of `{step}`, but "
                f"each row is read as a sequence of its own, because `{label}` differs within one "
                f"`{name}`; to read steps, give all rows of an `{name}` the same label"
            ]
    return []


def _may_name_sequences(column: Column, ids: list[str]) -> bool:
    different = len(set(ids))
    return (
        not ((column.is_number and not column.whole) or column.empty)
        and 2 <= different <= len(ids) / 2
    )


def _not_constant(cells: dict[str, list[str]], ids: list[str]) -> list[str]:
    """Return the columns that differ within the rows of one id."""
    first: dict[str, int] = {}
    rows = [first.setdefault(name, row) for row, name in enumerate(ids)]
    return [
        name
        for name, values in cells.items()
        if any(value != values[row] for value, row in zip(values, rows, strict=True))
    ]


def _is_contiguous(ids: list[str]) -> bool:
    return sum(a != b for a, b in pairwise(ids)) + 1 == len(set(ids))


def _step(
    found: Profile, cells: dict[str, list[str]], ids: list[str], taken: list[str]
) -> str | None:
    """Return the column that orders the rows of an id: by its name, or because it counts up."""
    numbers = [c for c in found.columns.values() if c.is_number and not c.empty]
    left = [column for column in numbers if column.name not in taken]
    for column in sorted(left, key=lambda c: place(c.name, STEP_NAMES) or 0):
        steps = zip(ids, map(float, cells[column.name]), strict=True)
        if is_named(column.name, STEP_NAMES):
            if len({*steps}) == len(ids):
                return column.name
        elif column.whole and _count_up(steps):
            return column.name
    return None


def _count_up(steps: Iterable[tuple[str, float]]) -> bool:
    """Return whether the numbers of each id rise by 1."""
    last: dict[str, float] = {}
    for name, value in steps:
        if last.setdefault(name, value - 1) != value - 1:
            return False
        last[name] = value
    return True


def _task_of_each(found: Profile, label: str, sequences: int) -> str:
    """Return the task of the labels of sequences: regression if nearly all labels differ."""
    column = found.columns[label]
    many = column.is_number and column.different > max(MOST_NUMBERS, sequences / 2)
    return "regression" if many else task_of(found, label)


def _of_numbers(
    found: Profile, chosen: Chosen, labels: list[str], id_: str, step: str | None
) -> Roles:
    """Return the roles of a table of steps: the remaining numbers are features."""
    label = labels[0]
    left = [name for name in found.columns if name not in (label, id_, step)]
    features = [name for name in left if found.columns[name].is_number]
    return Roles(
        kind="arrays",
        label=label,
        task=chosen.task or task_of(found, label),
        id=id_,
        step=step,
        features=features,
        unused=len(features) < len(left),
        labels=[name for name in labels[1:] if found.columns[name].different > 1],
        doubts=[
            f"`{name}` is not read: `{odd}` is not a number; {hint}"
            for name in left
            if (odd := found.columns[name].odd_number) and (hint := how_to_write(odd))
        ],
    )


def of_named_steps(found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table of steps by its names, if its first rows do not show it."""
    id_ = chosen.id or named(found.columns, ID_NAMES)
    labels = [*labels_of(found, chosen, [id_], LABEL_NAMES)]
    if not id_ or not labels or found.columns[id_].different == found.rows:
        return None
    if not chosen.label and not is_named(labels[0], LABEL_NAMES):
        return None
    step = named([n for n in found.columns if found.columns[n].is_number], STEP_NAMES)
    roles = _of_numbers(found, chosen, labels, id_, step)
    return roles if roles.features else None


def of_rows(source: Any, found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table in which each row is a sequence of numbers.

    Raises:
        DataError: it is a single time series, or some of its numbers are not valid.
    """
    counted = _counted(found.columns)
    for name, column in found.columns.items():
        if (odd := column.odd_number) and name != chosen.label and (name in counted or not counted):
            raise no_number(f"{source}, `{name}`", odd, "value")
    keys = suggested(list(found.columns), found.head) if counted else None
    if keys and chosen.label in (None, keys.get("label_column", chosen.label)):
        label = chosen.label or keys.pop("label_column", None)
        taken = [*counted, keys.get("id_column")]
        labels = [label] if label else [*labels_of(found, chosen, taken, SEQUENCE_LABELS)]
        roles = _wide(found, chosen, labels, keys) if labels else None
        if roles and label and not chosen.label:  # a column at one end; the other may be it
            ends = (next(iter(found.columns)), next(reversed(found.columns)))
            others = [found.columns[end] for end in ends if end != label]
            roles.labels = [one.name for one in others if is_classes(one) or is_measured(one)]
        return roles
    numbers = [name for name, column in found.columns.items() if column.is_number]
    features = [name for name in numbers if name in counted and name != chosen.label]
    labels = [*labels_of(found, chosen, features, SEQUENCE_LABELS)]
    if not chosen.label and (reason := _series(found, labels, features)):
        raise DataError(
            f"{source}: {reason}: this looks like a series in time, and no column holds labels",
            "to forecast it: `dataset.name=series dataset.time_column=null`; to learn "
            "labels, a column of classes, or of one number for each sequence: `--label COLUMN`",
        )
    doubts = []
    if not features:
        labels = [name for name in labels if _may_label_rows(found, name, chosen)]
        features = [n for n in numbers if n not in labels[:1] and not is_id(found.columns[n])]
        doubts = [NO_ORDER]
    if not labels or len(features) < 2:
        return None
    roles = _wide(found, chosen, labels, {"rows": "sequences", "feature_columns": features})
    roles.doubts = doubts
    return roles


def _may_label_rows(found: Profile, name: str, chosen: Chosen) -> bool:
    """Return whether a column of numbers differs from the other columns of numbers."""
    column = found.columns[name]
    if name == chosen.label or not column.is_number or is_named(name, LABEL_NAMES):
        return True
    others = [one for one in found.columns.values() if one.is_number and one.name != name]
    at_an_end = name in (next(iter(found.columns)), next(reversed(found.columns)))
    return at_an_end and is_classes(column) and column.whole and not any(o.whole for o in others)


def _wide(found: Profile, chosen: Chosen, labels: list[str], keys: dict[str, Any]) -> Roles:
    """Return the roles of a wide table with `keys`."""
    used = (labels[0], keys.get("id_column"))
    if "step" in found.columns:  # it would be confused with the default of another key
        keys = {**keys, "step_column": None}
    features = keys.get("feature_columns") or [name for name in found.columns if name not in used]
    return Roles(
        kind="arrays",
        label=labels[0],
        task=chosen.task or task_of(found, labels[0]),
        features=list(features),
        wide=keys,
        labels=[name for name in labels[1:] if name not in features],
    )


def _counted(names: Iterable[str]) -> list[str]:
    """Return the columns whose names count up, such as `v0` to `v7`."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        if form := NUMBERED.fullmatch(name):
            kinds.setdefault(form[1], []).append(name)
    return [name for kind in kinds.values() if len(kind) >= ALIKE for name in kind]


def _series(found: Profile, labels: list[str], counted: list[str]) -> str:
    """Return the time column of a table without labels, or nothing."""
    if any(is_named(name, LABEL_NAMES) for name in labels) or counted:
        return ""
    columns = [column for column in found.columns.values() if column.filled]
    times = [
        column
        for column in columns
        if column.is_date or (column.is_number and is_named(column.name, TIME_NAMES))
    ]
    if not times and columns and columns[0].is_number and columns[0].rising and len(columns) == 2:
        times = columns[:1]
    rest = [column for column in columns if column not in times]
    if times and rest and all(column.is_number for column in rest):
        return ", ".join(f"`{column.name}`" for column in [*times[:1], *rest[:1]])
    if len(columns) == 1 and columns[0].is_number:
        return f"`{columns[0].name}`"
    return ""
