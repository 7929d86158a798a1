"""New texts for a trained network."""

from typing import NamedTuple

from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.io.text_file import suffix


class GivenTexts(NamedTuple):
    """New texts, the line of each, and the labels if there are any."""

    texts: list[str]
    lines: list[int]
    labels: list[str] | None


def given_texts(table: Table, text_column: str, label_column: str) -> GivenTexts:
    """Return the rows of a table, or the lines of a `.txt` file.

    Raises:
        DataError: as `Table.rows` does.
    """
    if suffix(table.file) == ".txt":
        texts = [line.rstrip("\r\n") for line in table.lines()]
        if not texts:
            raise DataError(f"{table.file} holds no lines", "write a text on each line")
        return GivenTexts(texts, [*range(1, len(texts) + 1)], None)
    names = [text_column, label_column]
    labelled = label_column in table.columns(*names)
    rows = list(table.rows(*names[: 1 + labelled], optional=[label_column]))
    texts, lines = [values[0] or "" for _, values in rows], [line for line, _ in rows]
    return GivenTexts(texts, lines, [values[1] or "" for _, values in rows] if labelled else None)
