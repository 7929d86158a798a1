"""Find the columns of a table that may be texts or labels, by their names and values."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqtrain.data.number_labels import measured, no_number
from seqtrain.errors import DataError
from seqtrain.io.text_file import near_miss
from seqtrain.scaffold.profiles import MOST_FRACTIONS, MOST_VALUES, Column, Profile
from seqtrain.tasks import known

TEXT_NAMES = ["text", "review", "sentence", "comment", "content", "message", "body", "tweet"]
TEXT_NAMES += ["document", "utterance"]
SHORT_NAMES = ["title", "headline", "word", "name", "phrase", "term", "question"]  # few words
LABEL_NAMES = ["label", "class", "sentiment", "category", "target", "y", "topic", "rating", "star"]
TARGET_NAMES = [
    *LABEL_NAMES,
    "score",
    "price",
    "value",
]  # names of labels of texts; in sequences they name features
ID_NAMES = ["id", "sequence", "series", "example", "trial", "sample"]
STEP_NAMES = ["step", "time", "t", "index", "position", "frame", "timestep", "timestamp", "date"]
TIME_NAMES = ["date", "datetime", "time", "timestamp", "year", "month", "day", "hour", "created"]
WORDY, VARIED = 2, 0.2  # words in a text on average, and the share of different texts
MOST_CLASSES = 100
REPEATING = 5  # examples of each class, if there are many classes
MOST_NUMBERS = 10  # classes with integer names, if other columns are candidates
NAMED_TEXT, NAMED_SHORT = 1_000, 3  # factor of a fitting name
MOST_LISTED = 10  # columns in a message


@dataclass(frozen=True)
class Chosen:
    """The user's choices of columns; None leaves them open."""

    kind: str | None = None
    text: str | None = None
    label: str | None = None
    task: str | None = None
    id: str | None = None
    rows: str | None = None

    @property
    def numbers(self) -> bool | None:
        """Whether the labels should be numbers; None if open."""
        task = known().get(self.task or "")
        return task.takes_fractions if task else None


@dataclass
class Roles:
    """The roles of the columns of a table.

    Attributes:
        kind: the dataset: `text` or `arrays`.
        label: the column of the labels.
        task: the task of the labels.
        text: the column of the texts.
        id: the column that identifies a sequence; None if each row is a sequence.
        step: the column that orders the steps.
        features: the columns of the features.
        wide: the keys for a table with a sequence in each row.
        unused: whether some columns are not used, so that the features must be listed.
        labels: other candidates for the label, the likeliest first.
        texts: other candidates for the text.
        doubts: warnings for the user.
    """

    kind: str
    label: str
    task: str
    text: str | None = None
    id: str | None = None
    step: str | None = None
    features: list[str] = field(default_factory=list)
    wide: dict[str, Any] = field(default_factory=dict)
    unused: bool = False
    labels: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def labels_of(
    found: Profile, chosen: Chosen, taken: Sequence[str | None], names: list[str]
) -> Iterator[str]:
    """Yield the candidates for the label, the likeliest first."""
    if chosen.label:
        yield chosen.label
    left = [column for column in found.columns.values() if column.name not in taken]
    may_be = [
        column
        for column in left
        if (is_classes(column) or is_measured(column))
        and column.name != chosen.label
        and (column.is_number or not chosen.numbers)
        and (not column.odd_number or is_named(column.name, names))
    ]
    yield from (column.name for column in sorted(may_be, key=lambda one: _doubtful(one, names)))


def _doubtful(column: Column, names: list[str]) -> tuple[float, ...]:
    """Return a key that sorts likely labels first."""
    rank = place(column.name, names)
    flag = {value.lower() for value in column.values or ()} <= {"true", "false", "yes", "no"}
    many = column.is_number and column.different > MOST_NUMBERS
    return (
        rank is None,
        rank or 0,
        is_id(column),
        is_named(column.name, TIME_NAMES),
        column.empty > column.rows / 2,
        many or is_measured(column),
        flag,
        is_measured(column),
        column.different,
    )


def most_classes(column: Column) -> float:
    """Return the largest number of classes for a column."""
    return min(MOST_CLASSES, max(column.filled / 2, 2))


def is_classes(column: Column) -> bool:
    """Return whether a column can be classes."""
    if column.is_date or column.is_address or is_measured(column):
        return False
    if column.is_number and column.whole and column.rising:
        return False
    most = most_classes(column)
    if is_named(column.name, LABEL_NAMES) or not column.is_number:
        most = max(most, min(MOST_VALUES, column.filled / REPEATING))
    return 2 <= column.different <= most


def is_measured(column: Column) -> bool:
    """Return whether a column can be the numbers of a regression."""
    if not column.is_number or is_id(column):
        return False
    return column.different > (most_classes(column) if column.whole else MOST_FRACTIONS)


def are_measured(labels: Sequence[str]) -> bool:
    """Return whether labels are numbers that are not classes."""
    if any(measured(label) is None for label in labels):
        return False
    fractions = any(not (measured(label) or 0.0).is_integer() for label in labels)
    return len(labels) > (MOST_FRACTIONS if fractions else MOST_CLASSES)


def is_id(column: Column) -> bool:
    """Return whether a column is an id of the rows."""
    if is_named(column.name, TARGET_NAMES):
        return False
    if is_named(column.name, ["id", "index", "row", "number", "no"]) or re.search(
        r"(_| |^)id$|[a-z]I[dD]$", column.name, re.IGNORECASE if "_" in column.name else 0
    ):
        return True
    return column.whole and (column.rising or (column.is_number and column.variety > 0.99))


def task_of(found: Profile, label: str) -> str:
    """Return the task for the labels of a column, unless the user has chosen one."""
    return "regression" if is_measured(found.columns[label]) else "classification"


def nothing(source: Any, found: Profile, chosen: Chosen, texts: Sequence[str] = ()) -> DataError:
    """Return the error for a table without a usable label, beside `texts`."""
    label = chosen.label or next(labels_of(found, chosen, [], LABEL_NAMES), None)
    if label is not None and not texts and (chosen.label or is_classes(found.columns[label])):
        return DataError(
            f"{source}: no column beside `{label}` holds texts, or numbers by steps",
            f"name one: `--text COLUMN`; it has: {listed(found.columns)}; if each row is a step "
            "of a time series: `dataset.name=series dataset.time_column=null`",
        )
    for column in found.columns.values():
        if is_named(column.name, TARGET_NAMES) and not (column.is_lettered or column.is_number):
            if not column.filled:
                message = f"{source}: `{column.name}` is empty, or holds lists"
                return DataError(message, "give each example one label, as a text or a number")
            return no_number(f"{source}, `{column.name}`", column.sample[0])
    for column in found.columns.values():
        if odd := column.odd_number:
            return no_number(f"{source}, `{column.name}`", odd, "value")
    what = f"none of its columns {listed(found.columns)} holds classes"
    if label := named(found.columns, ["label", "class", "target"]):
        column = found.columns[label]
        number = "more than 1,000" if column.values is None else f"{len(column.values):,}"
        what = f"`{label}` holds no classes: {number} different in {column.filled:,} rows"
    return DataError(
        f"{source}: {what}",
        "a column of labels is needed, with 2 to 100 different values that repeat, or with "
        "numbers, beside one of texts, or of numbers by steps; name them if they are there: "
        "`--label COLUMN`, `--text COLUMN`; if each row is a step of a time series: "
        "`dataset.name=series dataset.time_column=null`; to write one column from another: "
        "`dataset.name=pairs`",
    )


def check_column(source: Any, name: str, found: Profile) -> None:
    """Raise a DataError if a table has no column of a name."""
    if name not in found.columns:
        hint = f"it has: {listed(found.columns)}; columns with equal names are not read"
        near = near_miss(name, found.columns)
        raise DataError(f"{source}: no column is called `{name}`{near}", hint)


def listed(names: Iterable[str]) -> str:
    """Return the first names, for a message."""
    names = [f"`{name}`" for name in names]
    return ", ".join([*names[:MOST_LISTED], *["…"][: len(names) > MOST_LISTED]])


def _plain(name: str) -> str:
    return name.strip().lower().rstrip("s")


def place(name: str, names: Sequence[str]) -> int | None:
    """Return the index of the name of a column among `names`, singular or plural."""
    plain = [_plain(one) for one in names]
    return plain.index(_plain(name)) if _plain(name) in plain else None


def is_named(name: str, names: Sequence[str]) -> bool:
    """Return whether the name of a column is one of `names`."""
    return place(name, names) is not None


def named(columns: Iterable[str], names: Sequence[str]) -> str | None:
    """Return the first column whose name is in `names`, in the order of `names`."""
    placed = [(rank, name) for name in columns if (rank := place(name, names)) is not None]
    return min(placed)[1] if placed else None
