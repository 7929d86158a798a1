"""Files of a user's own sequences: `.npz`, or tables with a row for each step or sequence."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from seqtrain.data.sequences import Sequences
from seqtrain.errors import DataError
from seqtrain.io.atomic import sha256
from seqtrain.io.cache import Arrays, cached
from seqtrain.io.download import fingerprint
from seqtrain.io.regular_file import opened
from seqtrain.io.tables import MANY, Table
from seqtrain.io.text_file import told
from seqtrain.schema.sections import Names, Size, broken
from seqtrain.sources import wide_table
from seqtrain.sources.long_table import Columns, others, parsed, same_features, sequences
from seqtrain.sources.npz_sequences import read_archive
from seqtrain.sources.own_files import OwnFilesConfig, no_label
from seqtrain.sources.wide_table import WideColumns

FORMAT = 3  # of the cache; increase it when the cached content changes

log = logging.getLogger(__name__)


class SequenceFilesConfig(OwnFilesConfig):
    """The keys of datasets of sequences in files."""

    rows: Literal["steps", "sequences"] = Field(
        default="steps",
        description="what a row of a table is: one step, or a whole sequence with its numbers in "
        "the order of the columns; such a sequence ends where the rest of its row is empty",
    )
    features_per_step: Size = Field(
        default=1,
        description="with `rows: sequences`, how many columns each step has, one step after "
        "another",
    )
    id_column: str = Field(
        default="id", description="column, or key, that identifies the sequence of a step"
    )
    step_column: str | None = Field(
        default="step",
        description="column, or key, of the number that orders the steps of a sequence; null takes "
        "them in the order of their rows",
    )
    feature_columns: Names | None = Field(
        default=None, description="columns, or keys, of the features; null takes all others"
    )

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        if self.features_per_step > 1 and self.rows == "steps":
            raise broken([("dataset.features_per_step", "needs `rows: sequences`")])
        key_of: dict[str, str] = {}
        for key in ("id_column", "label_column", "step_column", "feature_columns"):
            value = getattr(self, key)
            for name in value if isinstance(value, tuple) else filter(None, [value]):
                if name in key_of:
                    rule = f"names the column `{name}`, as `{key_of[name]}` does"
                    raise broken([(f"dataset.{key}", rule)])
                key_of[name] = key
        return self

    def table(self, file: Path) -> Table:
        """Return a file as a table, with a hint for missing columns."""
        hint = (
            "name the columns with `dataset.id_column=…`, `dataset.label_column=…` and "
            "`dataset.step_column=…`, where null takes rows in their order, "
            "or the file's delimiter with `dataset.delimiter=…`; where a row is a whole sequence: "
            "`dataset.rows=sequences`"
        )
        return replace(super().table(file), hint=hint)

    def _renaming(self) -> str:
        """Return the hint for a table without a column of the run's config."""
        places = (self.id_column, self.step_column) if self.rows == "steps" else ()
        known = [*filter(None, (*places, *(self.feature_columns or ())))]
        listed = ", ".join(f"`{name}`" for name in known[:MANY]) + ", …" * (len(known) > MANY)
        others = "" if self.feature_columns else " and one for each feature"
        return f"the run reads the columns {listed}{others}: rename those of the file"

    def digest(self) -> str:
        """Return a hash of the files' content, and of the keys for reading them."""
        for part, file in self.files().items():
            key = "path" if part == "train" else f"{part}_path"
            check_readable(file, f"correct `dataset.{key}`")
        wide = (self.features_per_step,) if self.rows == "sequences" else ()
        return self.hashed(self.id_column, self.step_column, self.features_of_train(), *wide)

    def sequences_given(self, file: Path) -> Sequences:
        """Return the sequences of a new file; labels are optional."""
        if is_archive(file):
            return read_archive(file, False, self.new_task())
        table = replace(self.table(file), hint=self._renaming(), settable=False)
        columns = self._columns(table, labelled=False)
        arrays = _parsed(table, columns)
        for line in told(file, table.left_out):
            log.info("%s", line)
        return sequences(table, columns, arrays)

    def labelled(self, file: Path) -> Sequences:
        """Return the sequences of a file, each with its label."""
        found = self._sequences(file)
        if not len(unlabelled := found.unlabelled):
            return found
        if self.unlabelled == "refuse":
            column = "y" if is_archive(file) else self.label_column
            raise no_label(found.place(unlabelled[0]), column, len(unlabelled) - 1)
        if len(unlabelled) == len(found):
            raise DataError(f"{file}: no example has a label", "give each one")
        log.info("%s", *told(file, {"examples without a label": len(unlabelled)}))
        return found.labelled()

    def _sequences(self, file: Path) -> Sequences:
        """Return the sequences of a file, from the cache if it was parsed before."""
        if is_archive(file):
            return read_archive(file, True, self.new_task())
        table = self.table(file)
        columns = self._columns(table, labelled=True)
        written = (self.encoding, self.delimiter, self.quotes, self.header, self.decimal)
        of = fingerprint(FORMAT, sha256(file), columns, *written)
        arrays = cached(f"arrays-{of}", lambda: _parsed(table, columns))
        for line in told(file, json.loads(arrays["left_out"].tobytes())):
            log.info("%s", line)
        return sequences(table, columns, arrays)

    def _columns(self, table: Table, labelled: bool) -> Columns | WideColumns:
        label = self.label_column if labelled or self.label_column in table.columns() else None
        features = self.feature_columns or others(table, self._named)
        if labelled and not self.feature_columns:
            features = same_features(
                table, features, self.features_of_train() or features, self.path
            )
        if self.rows == "sequences":
            return WideColumns(features, self.features_per_step, label)
        return Columns(self.id_column, features, self.step_column, label)

    def features_of_train(self) -> tuple[str, ...] | None:
        """Return the names of the features of the training file, if they have any."""
        if self.feature_columns or is_archive(Path(self.path)):
            return self.feature_columns
        return others(self.table(Path(self.path)), self._named)

    @property
    def step_width(self) -> int:
        """The number of features of a step if the config determines it, else 0."""
        if self.rows == "sequences":
            return self.features_per_step
        return len(self.feature_columns or ())

    @property
    def _named(self) -> tuple[str | None, ...]:
        step = self.step_column if self.rows == "steps" else None
        return self.id_column, step, self.label_column


def _parsed(table: Table, columns: Columns | WideColumns) -> Arrays:
    """Parse a table, and record the skipped rows."""
    import numpy as np

    if isinstance(columns, WideColumns):
        arrays = wide_table.parsed(table, columns)
    else:
        arrays = parsed(table, columns)
    left_out = json.dumps(table.left_out).encode()
    return arrays | {"left_out": np.frombuffer(left_out, dtype=np.uint8)}


def is_archive(file: Path) -> bool:
    """Return whether the suffix of a file is one of NumPy's."""
    return file.suffix.lower() in (".npz", ".npy")


def check_readable(file: Path, hint: str) -> None:
    """Raise a DataError if a file cannot be opened."""
    try:
        opened(file).close()
    except OSError as error:
        what = "it is a folder" if file.is_dir() else (error.strerror or str(error)).lower()
        raise DataError(f"{file} cannot be read: {what}", hint) from error
