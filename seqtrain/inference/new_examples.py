"""Read new examples for a run, and the other columns of their file."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqtrain.data.dataset import NewExamples
from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.io.text_file import near_miss, shown
from seqtrain.runs.run import Run
from seqtrain.sources.base import DatasetConfig, TokenDatasetConfig

OURS = {"example", "line", "text", "class", "probability", "probabilities", "prediction"}
OURS |= {"translation", "unknown"}
OTHER_LABEL = "class"  # if the texts stand in the column of the labels
ID = re.compile(r"(.*[_ -])?id|.*[a-z]I[dD]|key|index", re.IGNORECASE)

Beside = dict[str, list[str | None]]  # columns of a file, with a value for each example


def read(run: Run, file: Path, text: str | None = None, label: str | None = None) -> NewExamples:
    """Read and encode the examples of a file for the network of a run.

    Args:
        run: its config says how to read them.
        file: a table, a text file, or an archive of arrays.
        text: the column of the texts, if it differs from the training.
        label: the column of the labels, if it differs from the training.

    Raises:
        DataError: the file is missing, damaged, or does not fit the network.
    """
    given = renamed(run, text, label).read_given(file, run.fitted())
    if label is not None and given.labels is None and _is_table(file):
        names, _ = _table(run, file).candidates()
        message = f"{file} has no column `{label}`{near_miss(label, names)}"
        raise DataError(message, f"it has: {', '.join(f'`{shown(name)}`' for name in names)}")
    return given


def _is_table(file: Path) -> bool:
    return file.suffix.lower() not in (".txt", ".npz", ".npy")


def _table(run: Run, file: Path) -> Table:
    """Return a file as a table in the format of the run's files."""
    dataset: Any = run.config.dataset
    table: Table = dataset.table(file) if hasattr(dataset, "table") else Table(file, settable=False)
    return table


def renamed(run: Run, text: str | None, label: str | None) -> DatasetConfig:
    """Return the dataset section of a run with other columns of texts and labels.

    In pairs the texts are the sources, and the labels the targets.

    Raises:
        DataError: its network reads no texts, or both are the same column.
    """
    dataset = run.config.dataset
    pairs = dataset.holds_pairs
    if text is not None and not (pairs or isinstance(dataset, TokenDatasetConfig)):
        raise DataError(f"a network trained on `{dataset.name}` reads no texts", "leave out --text")
    if text is not None and text == label:
        raise DataError(f"--text and --label both name `{text}`", "name two columns")
    keys = ("source_column", "target_column") if pairs else ("text_column", "label_column")
    usual = "target" if pairs else "label"
    if text is not None and text == getattr(dataset, keys[1], usual):
        label = label or OTHER_LABEL
    names = dict(zip(keys, (text, label), strict=True))
    return dataset.model_copy(update={key: name for key, name in names.items() if name})


def beside(run: Run, file: Path, given: NewExamples, text: str | None = None) -> Beside:
    """Return the columns of a file that are neither inputs nor labels, such as an id.

    Args:
        run: its config says how to read the file.
        file: the file of `given`.
        given: the examples.
        text: see `read`.
    """
    if not _is_table(file):
        return {}
    dataset: Any = run.config.dataset
    names, rows = _table(run, file).candidates()
    cells = dict(zip(names, map(list, zip(*(row for _, row in rows), strict=True)), strict=True))
    if dataset.holds_pairs:
        used = {text or dataset.columns[0]}
    elif isinstance(dataset, TokenDatasetConfig):
        used = {text or getattr(dataset, "text_column", "text")}
    else:
        used = {*(dataset.feature_columns or ())}
        if dataset.rows == "steps":
            ids = dict.fromkeys((cell or "").strip() for cell in cells.get(dataset.id_column, ()))
            cells = {dataset.id_column: [*ids]}
    return {
        name: column
        for name, column in cells.items()
        if name not in used and len(column) == len(given.x) and any(column)
    }


def rows_with(
    rows: Sequence[Mapping[str, Any]], found: Beside, lines: Sequence[int] | None
) -> list[dict[str, Any]]:
    """Return the row of each example, with its line and the other columns of its file."""
    named = {f"given {name}" if _is_ours(name) else name: cells for name, cells in found.items()}
    return [
        {
            "example": row["example"],
            **({} if lines is None else {"line": lines[index]}),
            **{name: cells[index] for name, cells in named.items()},
            **{key: value for key, value in row.items() if key != "example"},
        }
        for index, row in enumerate(rows)
    ]


def _is_ours(name: str) -> bool:
    return name in OURS or name.startswith("p(")


def id_of(run: Run, found: Beside) -> str | None:
    """Return the column of the ids of examples: by the run's config, or by its name."""
    named = getattr(run.config.dataset, "id_column", None)
    return named if named in found else next(filter(ID.fullmatch, found), None)
