"""What all datasets of a user's own examples share."""

from __future__ import annotations

import hashlib
import io
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from seqtrain import tasks
from seqtrain.errors import DataError
from seqtrain.io.atomic import sha256
from seqtrain.io.decimals import Decimal
from seqtrain.io.dialect import Quotes
from seqtrain.io.tables import Table
from seqtrain.schema.sections import FileName, OneOf, Share, broken
from seqtrain.sources.base import DrawnConfig
from seqtrain.tasks import LabelledTask

PARTS = ("train", "validation", "test")


def _codec(encoding: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)  # refuses base64, rot13 and similar codecs
    except (LookupError, ValueError) as error:
        rule = f'"{encoding}" is not an encoding; common ones are `utf-8`, `cp1252` and `latin-1`'
        raise broken([("dataset.encoding", rule)]) from error
    return encoding


Encoding = Annotated[str, AfterValidator(_codec)]


TaskName = Annotated[str, OneOf(lambda: [*tasks.of_labels()])]


class OwnConfig(DrawnConfig):
    """The keys of every dataset of a user's own examples."""

    test: Share = Field(
        default=0.2,
        description="share of all examples (the same share of each class) for the test, if there "
        "is no test file",
    )
    encoding: Encoding = Field(
        default="utf-8",
        description="encoding of the files, as Python names it; a byte order mark in a file "
        "takes precedence",
    )


class OwnFilesConfig(OwnConfig):
    """The keys of datasets with a file for each split, or one file for all."""

    path: FileName = Field(description="the file of the training examples, or of all examples")
    validation_path: FileName | None = Field(
        default=None, description="file of the validation examples, instead of a share of train"
    )
    test_path: FileName | None = Field(
        default=None, description="file of the test examples, instead of a share of all"
    )
    task: TaskName = Field(
        default="classification",
        description="what a label is: the name of a class, or with `regression` a number",
    )
    label_column: str = Field(default="label", description="column, or key, of the labels")
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None = Field(
        default=None, description="delimiter between fields; null detects it"
    )
    quotes: Quotes | None = Field(
        default=None,
        description="whether fields can be quoted: false if quotes are normal characters, as in "
        "many TSV files; true if a quote within is doubled, `backslash` if a backslash escapes "
        "it; null detects it",
    )
    decimal: Decimal = Field(
        default="point",
        description="the decimal sign of numbers; with `comma`, points or spaces may stand between "
        "thousands, as in 1.234,5",
    )
    header: bool = Field(
        default=True,
        description="whether the first row names the columns; else they are called `column_1`, "
        "`column_2`, …",
    )
    unlabelled: Literal["refuse", "skip"] = Field(
        default="refuse",
        description="what to do with examples whose label is empty: `skip` leaves them out, and "
        "reports their number",
    )

    def new_task(self) -> LabelledTask:
        """Return the task of the key `task`."""
        return tasks.named(self.task)

    @model_validator(mode="after")
    def _files_differ(self) -> Self:
        if self.validation_path and self.validation == "test":
            rule = "cannot be combined with `validation_path`: choose one of them"
            raise broken([("dataset.validation", rule)])
        paths = [self.path, self.validation_path, self.test_path]
        if len({*filter(None, paths)}) < len([*filter(None, paths)]):
            rule = "each of `path`, `validation_path` and `test_path` must be another file"
            raise broken([("dataset.path", rule)])
        return self

    def files(self) -> dict[str, Path]:
        """Return the file of each split that has one."""
        paths = (self.path, self.validation_path, self.test_path)
        return {part: Path(path) for part, path in zip(PARTS, paths, strict=True) if path}

    def table(self, file: Path) -> Table:
        """Return a file as a table, in the format of the keys."""
        quotes, header = self.quotes, self.header
        return Table(
            file, self.encoding, self.delimiter, quotes, header=header, decimal=self.decimal
        )

    def hashed(self, *keys: object) -> str:
        """Return a hash of the files' content, and of the keys for reading them."""
        files = {part: sha256(file) for part, file in self.files().items()}
        for part, other in combinations(files, 2):
            if files[part] == files[other]:
                raise DataError(
                    f"{self.files()[other]} holds the same as {self.files()[part]}",
                    f"give {other} other examples, or a share of all: `dataset.{other}_path=null`",
                )
        keys = (*keys, self.label_column, self.encoding, self.delimiter, self.quotes)
        later = (self.header, self.unlabelled)  # runs without these keys keep their hash
        keys += () if later == (True, "refuse") else later
        keys += () if self.decimal == "point" else (self.decimal,)
        return hashlib.sha256(repr((files, keys)).encode()).hexdigest()


def no_label(place: str, column: str, others: int) -> DataError:
    """Return the error for an example without a label, with the number of others."""
    more = f", as that of {others:,} more example{'s' * (others != 1)}" if others else ""
    hint = f"give each a `{column}`, or leave such examples out: `dataset.unlabelled=skip`"
    return DataError(f"{place}: the label is empty{more}", hint)
