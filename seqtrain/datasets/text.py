"""`text`: a person's own texts with labels, from a CSV, TSV or JSONL file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from seqtrain.datasets.dataset import Dataset
from seqtrain.datasets.labelled import Labelled, LabelledTextConfig
from seqtrain.errors import DataError
from seqtrain.files import sha256
from seqtrain.parts import FileName, broken
from seqtrain.tables import Table


class Text(LabelledTextConfig):
    """Your own texts: a CSV, TSV or JSONL file with a column of texts and a column of labels."""

    name: Literal["text"]
    path: FileName = Field(description="the file of the training examples, or of all examples")
    validation_path: FileName | None = Field(
        default=None, description="file of the validation examples, instead of a share of train"
    )
    test_path: FileName | None = Field(
        default=None, description="file of the test examples, instead of a share of all"
    )
    text_column: str = Field(default="text", description="column, or key, of the texts")
    label_column: str = Field(default="label", description="column, or key, of the labels")
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None = Field(
        default=None, description="what stands between fields; null finds out from the header"
    )

    quotes: bool = Field(
        default=True,
        description="whether a field can stand in quotes; false where quotes are letters, as in "
        "many TSV files",
    )

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.text_column == self.label_column:
            raise broken([("dataset.label_column", "must be another than `text_column`")])
        if self.validation_path and self.validation == "test":
            rule = "cannot stand beside `validation_path`: choose one of them"
            raise broken([("dataset.validation", rule)])
        paths = [self.path, self.validation_path, self.test_path]
        if len({*filter(None, paths)}) < len([*filter(None, paths)]):
            rule = "each of `path`, `validation_path` and `test_path` must be another file"
            raise broken([("dataset.path", rule)])
        return self

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the texts as ids of their words."""
        return self.assembled(self.path)

    def parts(self) -> Mapping[str, Iterable[Labelled]]:
        """Return the rows of each file."""
        return {part: self._rows(table) for part, table in self._tables().items()}

    def digest(self) -> str:
        """Return the hash of the files' content, and of the keys by which they are read."""
        keys = (self.text_column, self.label_column, self.encoding, self.delimiter, self.quotes)
        tables = self._tables()
        for table in tables.values():
            table.check()
        files = {part: sha256(table.file) for part, table in tables.items()}
        for part, other in combinations(files, 2):
            if files[part] == files[other]:
                raise DataError(
                    f"{tables[other].file} holds the same as {tables[part].file}",
                    f"give {other} other examples, or a share of all: `dataset.{other}_path=null`",
                )
        return hashlib.sha256(repr((files, keys)).encode()).hexdigest()

    def _tables(self) -> dict[str, Table]:
        files = {"train": self.path, "validation": self.validation_path, "test": self.test_path}
        return {
            part: Table(Path(file), self.encoding, self.delimiter, self.quotes)
            for part, file in files.items()
            if file
        }

    def _rows(self, table: Table) -> Iterator[Labelled]:
        file = str(table.file)
        for line, (text, label) in table.rows(self.text_column, self.label_column):
            if not (label and label.strip()):
                hint = f"give the row a `{self.label_column}`, or leave it out"
                raise DataError(f"{file}:{line}: the label is empty", hint)
            yield text or "", label.strip(), f"{file}:{line}"
