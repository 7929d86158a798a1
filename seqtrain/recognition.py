"""What the columns of a person's table are for: texts, labels, ids, steps, features."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from seqtrain.datasets.numbers import measured
from seqtrain.errors import DataError
from seqtrain.harmless import argument
from seqtrain.profiles import MOST_VALUES, Column, Profile

TEXT_NAMES = "text review sentence comment content message body tweet document utterance".split()
SHORT_NAMES = "title headline word name phrase term question".split()  # of texts of few words
LABEL_NAMES = "label class sentiment category target y topic rating star".split()
TARGET_NAMES = [*LABEL_NAMES, "score", "price", "value"]  # of texts: of sequences a feature's
ID_NAMES = "id sequence series example trial sample".split()
STEP_NAMES = "step time t index position frame timestep timestamp date".split()
TIME_NAMES = "date datetime time timestamp year month day hour created".split()
WORDY, VARIED = 2, 0.2  # words in a text on average, and the share that differs
MOST_CLASSES = 100
MOST_FRACTIONS = 10  # classes whose names are numbers with a decimal point, such as 4.5
MOST_NUMBERS = 10  # classes whose names are whole numbers, where other columns may be meant
NAMED_TEXT, NAMED_SHORT = 1_000, 3  # times that a name makes a column more of a text
NUMBERED = re.compile(r"(.*?)[-_ ]?(\d+)([x_.-]\d+)?")  # v0, pixel_17, 3x28
SERIES = 3  # numbered columns from which on they are one sequence
HERE = "`seqtrain` trains on labelled examples"


@dataclass(frozen=True)
class Chosen:
    """What a person says of the columns; None leaves it open."""

    kind: str | None = None
    text: str | None = None
    label: str | None = None
    task: str | None = None
    id: str | None = None


@dataclass
class Roles:
    """What the columns of a table were taken for.

    Attributes:
        kind: the dataset: `text` or `arrays`.
        label: the column of the labels.
        task: what they are.
        text: the column of the texts.
        id: the column that the steps of a sequence have in common; None where a row is one.
        step: the column that orders them.
        features: the columns of numbers.
        wide: whether a row is a sequence.
        other_features: whether there are columns that are none, so that they must be named.
        labels: columns that could be the label too, the likeliest first.
        texts: columns that could be the text too.
        doubts: what a person should know.
    """

    kind: str
    label: str
    task: str
    text: str | None = None
    id: str | None = None
    step: str | None = None
    features: list[str] = field(default_factory=list)
    wide: bool = False
    unused: bool = False
    labels: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def recognise(source: Any, found: Profile, chosen: Chosen) -> Roles:
    """Return what the columns of a table are for.

    Args:
        source: the file, for messages.
        found: what was seen of its columns.
        chosen: what a person says.

    Raises:
        DataError: they say nothing, or are for something that is not there.
    """
    for name in filter(None, (chosen.text, chosen.label)):
        _check_column(source, name, found)
    texts = [] if chosen.kind == "arrays" else _texts(found, chosen)
    if texts:
        return _of_texts(source, found, chosen, texts)
    if chosen.kind != "text":
        if roles := _of_steps(found, chosen) or _of_rows(source, found, chosen):
            return roles
        if roles := _of_named_steps(found, chosen):
            return roles
    raise _nothing(source, found)


def _check_column(source: Any, name: str, found: Profile) -> None:
    if name not in found.columns:
        from seqtrain.textfile import near_miss

        hint = f"it has: {_listed(found.columns)}"
        near = near_miss(name, found.columns)
        raise DataError(f"{source}: no column is called `{name}`{near}", hint)


# Texts


def _texts(found: Profile, chosen: Chosen) -> list[str]:
    """Return the columns that may hold texts, the likeliest first."""
    if chosen.text:
        return [chosen.text]
    left = [column for column in found.columns.values() if column.name != chosen.label]
    lettered = [
        column
        for column in left
        if not (column.is_number or column.is_date or column.is_address or column.nested)
        and column.words
    ]
    wordy = [
        column
        for column in lettered
        if _is_named(column.name, TEXT_NAMES)
        or (column.words >= WORDY and column.variety >= VARIED and column.is_lettered)
    ]
    if not wordy and sum(column.is_number and not column.rising for column in left) < 2:
        wordy = [column for column in lettered if column.variety > 0.5 and column.is_lettered]
    return [column.name for column in sorted(wordy, key=_textual, reverse=True)]


def _textual(column: Column) -> float:
    """Return how much of a text a column is."""
    short, long = _is_named(column.name, SHORT_NAMES), _is_named(column.name, TEXT_NAMES)
    return column.words * (NAMED_TEXT if long else NAMED_SHORT if short else 1)


def _of_texts(source: Any, found: Profile, chosen: Chosen, texts: list[str]) -> Roles:
    labels = list(_labels(found, chosen, [*texts[:1]], TARGET_NAMES))
    if not labels and len(texts) > 1:
        raise DataError(
            f"{source}: `{texts[0]}` and `{texts[1]}` are texts, and no column holds labels",
            f"translation is not there yet: {HERE}, so a column of classes is needed; "
            f"if one of the columns is, name it: `--label COLUMN`",
        )
    if not labels:
        raise _nothing(source, found)
    label = labels[0]
    return Roles(
        kind="text",
        text=texts[0],
        label=label,
        task=chosen.task or _task(found, label),
        labels=labels[1:],
        texts=[name for name in texts[1:] if name != label],
    )


# Labels


def _labels(
    found: Profile, chosen: Chosen, taken: Sequence[str | None], names: list[str]
) -> Iterator[str]:
    """Yield the columns that may hold labels, the likeliest first."""
    if chosen.label:
        yield chosen.label
    left = [column for column in found.columns.values() if column.name not in taken]
    may_be = [
        column
        for column in left
        if (is_classes(column) or is_measured(column)) and column.name != chosen.label
    ]
    yield from (column.name for column in sorted(may_be, key=lambda one: _doubtful(one, names)))


def _doubtful(column: Column, names: list[str]) -> tuple[float, ...]:
    """Return a key that sorts likely labels first."""
    place = _place(column.name, names)
    flag = {value.lower() for value in column.values or ()} <= {"true", "false", "yes", "no"}
    measured = is_measured(column)
    counts = column.is_number and column.different > MOST_NUMBERS
    return (
        place is None,
        place or 0,
        _is_named(column.name, TIME_NAMES),
        column.empty > column.rows / 2,
        counts or measured,
        flag,
        measured,
        column.different,
    )


def most_classes(column: Column) -> float:
    """Return how many classes a column may hold at most."""
    return min(MOST_CLASSES, max(column.filled / 2, 2))


def is_classes(column: Column) -> bool:
    """Return whether a column may hold the classes of examples."""
    if column.nested or column.is_date or column.is_address or is_measured(column):
        return False
    most = MOST_VALUES if _is_named(column.name, LABEL_NAMES) else most_classes(column)
    if column.is_number and column.whole and column.rising:
        return False
    return 2 <= column.different <= min(most, max(column.filled / 2, 2))


def is_measured(column: Column) -> bool:
    """Return whether a column may hold the numbers that examples are labelled with."""
    if not column.is_number or _is_id(column):
        return False
    return column.different > (most_classes(column) if column.whole else MOST_FRACTIONS)


def are_measured(labels: Sequence[str]) -> bool:
    """Return whether different labels are numbers that do not name classes."""
    if any(measured(label) is None for label in labels):
        return False
    fractions = any(not float(label).is_integer() for label in labels)
    return len(labels) > (MOST_FRACTIONS if fractions else MOST_CLASSES)


def check_columns(source: Any, names: Sequence[str], found: Profile) -> None:
    """Raise a DataError where the first line of a table seems to be an example."""


def _is_id(column: Column) -> bool:
    """Return whether a column numbers or names the rows."""
    if _is_named(column.name, TARGET_NAMES):
        return False
    if _is_named(column.name, ["id", "index", "row", "number", "no"]) or re.search(
        r"(_| |^)id$|[a-z]I[dD]$", column.name, re.IGNORECASE if "_" in column.name else 0
    ):
        return True
    return column.whole and (column.rising or (column.is_number and column.variety > 0.99))


def _task(found: Profile, label: str) -> str:
    return "regression" if is_measured(found.columns[label]) else "classification"


# Sequences


def _of_steps(found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table with a row for each step, which its first rows show."""
    if len(found.head) < 4:
        return None
    cells = {name: found.cells(name) for name in found.columns}
    best: tuple[float, Roles] | None = None
    for name in found.columns:
        ids = cells[name]
        if chosen.id not in (None, name) or not _may_name_sequences(found.columns[name], ids):
            continue
        taken = [name, *_not_constant(cells, ids)]
        labels = [*_labels(found, chosen, taken, ["label", "target", *LABEL_NAMES])]
        labels = [label for label in labels if label not in taken and _vary(cells[label], found, label)]
        step = _step(found, cells, ids, [name, *labels[:1]])
        if not labels or (step is None and not _is_contiguous(ids)):
            continue
        roles = _numbers(found, labels, name, step)
        merit = len(set(ids)) + (step is not None) * 1e6 + _is_named(name, ID_NAMES) * 1e9
        if roles.features and (best is None or merit > best[0]):
            best = merit, roles
    return best and best[1]


def _may_name_sequences(column: Column, ids: list[str]) -> bool:
    different = len(set(ids))
    return (
        not (column.nested or (column.is_number and not column.whole) or column.empty)
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


def _vary(values: list[str], found: Profile, label: str) -> bool:
    return len(set(values)) > 1 or found.columns[label].different > 1


def _is_contiguous(ids: list[str]) -> bool:
    return sum(a != b for a, b in pairwise(ids)) + 1 == len(set(ids))


def _step(
    found: Profile, cells: dict[str, list[str]], ids: list[str], taken: list[str]
) -> str | None:
    """Return the column that orders the rows of an id: by its name, or as it counts up."""
    left = [c for c in found.columns.values() if c.name not in taken and c.is_number and not c.empty]
    for column in sorted(left, key=lambda c: _place(c.name, STEP_NAMES) or 0):
        by_id: dict[str, list[float]] = {}
        for name, value in zip(ids, cells[column.name], strict=True):
            by_id.setdefault(name, []).append(float(value))
        if _is_named(column.name, STEP_NAMES):
            if all(len({*steps}) == len(steps) for steps in by_id.values()):
                return column.name
        elif column.whole and all(
            b - a == 1 for steps in by_id.values() for a, b in pairwise(steps)
        ):
            return column.name
    return None


def _numbers(found: Profile, labels: list[str], id_: str, step: str | None) -> Roles:
    """Return the roles of a table of steps: its other numbers are features."""
    label = labels[0]
    left = [name for name in found.columns if name not in (label, id_, step)]
    features = [name for name in left if found.columns[name].is_number]
    return Roles(
        kind="arrays",
        label=label,
        task=_task(found, label),
        id=id_,
        step=step,
        features=features,
        unused=len(features) < len(left),
        labels=[name for name in labels[1:] if found.columns[name].different > 1],
    )


def _of_named_steps(found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table of steps whose first rows do not show it, by its names."""
    id_ = chosen.id or _named(found.columns, ID_NAMES)
    labels = [*_labels(found, chosen, [id_], LABEL_NAMES)]
    if not id_ or not labels or found.columns[id_].different == found.rows:
        return None
    if not chosen.label and not _is_named(labels[0], LABEL_NAMES):
        return None
    step = _named([n for n in found.columns if found.columns[n].is_number], STEP_NAMES)
    roles = _numbers(found, labels, id_, step)
    return roles if roles.features else None


def _of_rows(source: Any, found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table in which a row is a sequence, one number after another."""
    numbers = [name for name, column in found.columns.items() if column.is_number]
    numbered = _numbered(numbers)
    labels = [*_labels(found, chosen, numbered, ["label", "target", *LABEL_NAMES])]
    if not chosen.label and (reason := _series(found, labels, numbered)):
        raise DataError(
            f"{source}: {reason} looks like a series in time, and no column holds labels",
            f"forecasting is not there yet: {HERE}, so a column of classes, or of one number for "
            "each sequence, is needed: `--label COLUMN`",
        )
    if not chosen.label and not numbered:
        labels = [n for n in labels if is_classes(found.columns[n]) or _is_named(n, LABEL_NAMES)]
    if not labels:
        return None
    label = labels[0]
    if not chosen.label and found.columns[label].is_number and not numbered:
        if not _is_named(label, LABEL_NAMES):
            return None
    left = [n for n in numbers if n != label and not _is_id(found.columns[n])]
    features = numbered or left
    if len(features) < 2:
        return None
    roles = Roles("arrays", label, _task(found, label), features=features, wide=True)
    roles.labels = [name for name in labels[1:] if name not in features]
    others = {*found.columns} - {label, *features}
    roles.unused = bool(others)
    roles.id = next((name for name in found.columns if name in others and _is_key(found, name)), None)
    if not numbered:
        roles.doubts.append(
            "each row is read as a sequence of its columns in their order; where they have no "
            "order, a recurrent network is not the model for them"
        )
    return roles


def _is_key(found: Profile, name: str) -> bool:
    column = found.columns[name]
    return column.variety == 1 and not column.empty


def _numbered(names: Iterable[str]) -> list[str]:
    """Return the columns whose names count up, such as `v0` to `v7`: the most of one kind."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        if form := NUMBERED.fullmatch(name):
            kinds.setdefault(form[1], []).append(name)
    longest = max(kinds.values(), key=len, default=[])
    return longest if len(longest) >= SERIES else []


def _series(found: Profile, labels: list[str], numbered: list[str]) -> str:
    """Return the column of a table that counts time where no column holds labels, or nothing."""
    if any(_is_named(name, LABEL_NAMES) for name in labels) or numbered:
        return ""
    columns = [column for column in found.columns.values() if column.filled]
    times = [
        column
        for column in columns
        if column.is_date or (column.is_number and _is_named(column.name, TIME_NAMES))
    ]
    if not times and columns and columns[0].is_number and columns[0].rising and len(columns) == 2:
        times = columns[:1]
    rest = [column for column in columns if column not in times]
    if times and rest and all(column.is_number for column in rest):
        return ", ".join(f"`{column.name}`" for column in [*times[:1], *rest[:1]])
    if len(columns) == 1 and columns[0].is_number:
        return f"`{columns[0].name}`"
    return ""


# Names


def _nothing(source: Any, found: Profile) -> DataError:
    listed = _listed(found.columns)
    first = argument(next(iter(found.columns), "COLUMN"))
    return DataError(
        f"{source}: none of its columns {listed} holds classes",
        "a column of labels is needed, with 2 to 100 different values that repeat, or with "
        f"numbers, and one of texts, or of numbers by steps; name them if they are there: `--label "
        f"COLUMN`, `--text COLUMN`, such as `--text {first}`",
    )


def _listed(names: Iterable[str], most: int = 10) -> str:
    names = list(names)
    return ", ".join([*(f"`{name}`" for name in names[:most]), *["…"][: len(names) > most]])


def _plain(name: str) -> str:
    return name.strip().lower().rstrip("s")


def _place(name: str, names: Sequence[str]) -> int | None:
    """Return the place among `names` of one that a column is called as, whatever its plural."""
    plain = [_plain(one) for one in names]
    return plain.index(_plain(name)) if _plain(name) in plain else None


def _is_named(name: str, names: Sequence[str]) -> bool:
    return _place(name, names) is not None


def _named(columns: Iterable[str], names: Sequence[str]) -> str | None:
    """Return the column that is called as the first of `names` that is there."""
    placed = [(place, name) for name in columns if (place := _place(name, names)) is not None]
    return min(placed, default=(0, None))[1]


def counted(counts: Counter[str], most: int = 8) -> str:
    """Return classes with their numbers of examples, the largest first."""
    shown = [f"{name} {count:,}" for name, count in counts.most_common(most)]
    return ", ".join(shown) + (", …" if len(counts) > most else "")
