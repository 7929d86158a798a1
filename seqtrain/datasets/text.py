"""`text`: a person's own texts with labels, from a CSV, TSV or JSONL file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from seqtrain.datasets.dataset import Dataset
from seqtrain.datasets.labelled import Labelled, LabelledTextConfig
from seqtrain.datasets.own import OwnFilesConfig
from seqtrain.errors import DataError
from seqtrain.parts import broken
from seqtrain.tables import Table


class Text(OwnFilesConfig, LabelledTextConfig):
    """Your own texts: a CSV, TSV or JSONL file with a column of texts and a column of labels."""

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

    def parts(self) -> Mapping[str, Iterable[Labelled]]:
        """Return the rows of each file."""
        return {part: self._rows(table) for part, table in self._tables().items()}

    def digest(self) -> str:
        """Return the hash of the files' content, and of the keys by which they are read."""
        for table in self._tables().values():
            table.check()
        return self.hashed(self.text_column)

    def _tables(self) -> dict[str, Table]:
        return {part: self.table(file) for part, file in self.files().items()}

    def _rows(self, table: Table) -> Iterator[Labelled]:
        file = str(table.file)
        for line, (text, label) in table.rows(self.text_column, self.label_column):
            if not (label and label.strip()):
                hint = f"give the row a `{self.label_column}`, or leave it out"
                raise DataError(f"{file}:{line}: the label is empty", hint)
            yield text or "", label.strip(), f"{file}:{line}"
