"""`text`: a person's own texts with labels, from a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from seqtrain.data.dataset import Dataset
from seqtrain.errors import DataError
from seqtrain.io.tables import Row, Table
from seqtrain.io.text_file import told
from seqtrain.schema.sections import broken
from seqtrain.sources.labelled_text import Labelled, LabelledTextConfig
from seqtrain.sources.own_files import OwnFilesConfig, no_label


class Text(OwnFilesConfig, LabelledTextConfig):
    """Your own texts: a table (CSV, TSV, JSONL, Parquet, Excel) of texts and their labels."""

    name: Literal["text"]
    text_column: str = Field(default="text", description="column, or key, of the texts")

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.text_column == self.label_column:
            raise broken([("dataset.label_column", "must be another than `text_column`")])
        return self

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the texts as ids of their words."""
        return self.assembled(self.path)

    def parts(self) -> Mapping[str, Rows]:
        """Return the rows of each file."""
        skip = self.unlabelled == "skip"
        return {
            part: Rows(table, self.text_column, self.label_column, skip)
            for part, table in self._tables().items()
        }

    def left_out(self, parts: Mapping[str, Iterable[Labelled]]) -> list[str]:
        """Return a sentence on the rows that were skipped."""
        tables = (rows.table for rows in parts.values() if isinstance(rows, Rows))
        return [line for table in tables for line in told(table.file, table.left_out)]

    def digest(self) -> str:
        """Return the hash of the files' content, and of the keys by which they are read."""
        for table in self._tables().values():
            table.check()
        return self.hashed(self.text_column)

    def _tables(self) -> dict[str, Table]:
        return {part: self.table(file) for part, file in self.files().items()}


@dataclass(frozen=True)
class Rows:
    """The texts of a table with their labels; each iteration reads the file again.

    Attributes:
        table: the table.
        text_column: the column of the texts.
        label_column: the column of their labels.
        skip: whether rows without a label are left out.
    """

    table: Table
    text_column: str
    label_column: str
    skip: bool

    def __iter__(self) -> Iterator[Labelled]:
        """Yield each text, its label, and its place."""
        found = False
        for line, (text, label) in self._rows():
            if label and label.strip():
                found = True
                yield text or "", label.strip(), f"{self.table.file}:{line}"
            elif self.skip:
                self.table.left_out["rows without a label"] += 1
            else:
                raise self._unlabelled(line)
        if not found:
            raise DataError(f"{self.table.file}: no row has a label", "give each row one")

    def _rows(self) -> Iterator[Row]:
        names = self.text_column, self.label_column
        return self.table.rows(*names, optional=[self.label_column])

    def _unlabelled(self, first: int) -> DataError:
        """Return the error for a row without a label; count the other such rows."""
        others = 0
        with suppress(DataError):  # another defect is told when this one is mended
            others = sum(line > first and not (row[1] or "").strip() for line, row in self._rows())
        return no_label(f"{self.table.file}:{first}", self.label_column, others)
