"""`pairs`: a person's own pairs of sequences, from a table or from two aligned text files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from seqtrain.data.pair_encoding import Pair, plain
from seqtrain.errors import DataError
from seqtrain.io.atomic import sha256
from seqtrain.io.dialect import Quotes
from seqtrain.io.tables import Table
from seqtrain.io.text_file import TextFile, suffix
from seqtrain.schema.sections import FileName, broken
from seqtrain.sources.own_files import PARTS, Encoding
from seqtrain.sources.paired_texts import PairedTextConfig, PairedTexts


class Pairs(PairedTextConfig):
    """Your own pairs: a table (CSV, TSV, JSONL, Parquet, Excel), or two aligned text files."""

    name: Literal["pairs"]
    path: FileName = Field(
        description="the table of the training pairs, or of all pairs; or the text file of the "
        "sources, one on each line"
    )
    target_path: FileName | None = Field(
        default=None,
        description="the text file of the targets, one for each line of `path`; null reads a table",
    )
    validation_path: FileName | None = Field(
        default=None, description="table of the validation pairs, instead of a share of train"
    )
    test_path: FileName | None = Field(
        default=None, description="table of the test pairs, instead of a share of all"
    )
    source_column: str = Field(default="source", description="column, or key, of the sources")
    target_column: str = Field(default="target", description="column, or key, of the targets")
    encoding: Encoding = Field(
        default="utf-8",
        description="encoding of the files, as Python names it; a byte order mark in a file "
        "takes precedence",
    )
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None = Field(
        default=None, description="delimiter between fields; null detects it"
    )
    quotes: Quotes | None = Field(
        default=None,
        description="whether fields can be quoted: false if quotes are normal characters; null "
        "detects it",
    )
    header: bool = Field(
        default=True,
        description="whether the first row names the columns; else they are called `column_1`, "
        "`column_2`, …",
    )

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.source_column == self.target_column:
            raise broken([("dataset.target_column", "must be another than `source_column`")])
        if self.target_path and (self.validation_path or self.test_path):
            key = "validation_path" if self.validation_path else "test_path"
            rule = (
                "is a table, but `target_path` says that the pairs are two text files: use shares"
            )
            raise broken([(f"dataset.{key}", rule)])
        paths = [*filter(None, (self.path, self.target_path, self.validation_path, self.test_path))]
        if len({*paths}) < len(paths):
            raise broken([("dataset.path", "each of the paths must be another file")])
        return self

    def read(self, data_dir: Path | None) -> PairedTexts:
        """Read the table of each part, or the two text files."""
        if self.target_path:
            files = {"train": Path(self.path), "target": Path(self.target_path)}
            parts = {"train": self._aligned(files["train"], files["target"])}
        else:
            paths = (self.path, self.validation_path, self.test_path)
            files = {part: Path(path) for part, path in zip(PARTS, paths, strict=True) if path}
            parts = {part: [*self._rows(file)] for part, file in files.items()}
        keys = (self.source_column, self.target_column, self.encoding, self.delimiter)
        hashes = {part: sha256(file) for part, file in files.items()}
        digest = hashlib.sha256(repr((hashes, keys, self.quotes, self.header)).encode()).hexdigest()
        return PairedTexts(parts, self.path, digest)

    def _rows(self, file: Path) -> Iterator[Pair]:
        """Yield the pairs of a table."""
        hint = f"call one of them `{self.source_column}`, or name the columns: "
        hint += "`dataset.source_column=… dataset.target_column=…`"
        if suffix(file) == ".txt":
            hint = "name the file of the targets, one on each line: `dataset.target_path=…`"
        table = Table(
            file,
            self.encoding,
            self.delimiter,
            quotes=self.quotes,
            header=self.header,
            hint=hint,
        )
        for _, (source, target) in table.rows(self.source_column, self.target_column):
            one, other = plain([source or "", target or ""])
            yield one, other

    def _aligned(self, sources: Path, targets: Path) -> list[Pair]:
        """Return the pairs of two text files, but for empty lines at the end of the longer.

        Raises:
            DataError: they have different numbers of lines.
        """
        one, other = (
            plain([line.rstrip("\r\n") for line in TextFile(file, self.encoding).lines()])
            for file in (sources, targets)
        )
        longer, number = max(one, other, key=len), min(len(one), len(other))
        while len(longer) > number and not longer[-1].strip():
            longer.pop()
        if len(one) != len(other):
            raise DataError(
                f"{sources} has {len(one):,} lines, but {targets} has {len(other):,}",
                "line by line they must belong together; an empty line leaves a pair out",
            )
        return [*zip(one, other, strict=True)]
