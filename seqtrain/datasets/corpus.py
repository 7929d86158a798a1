"""`corpus`: a person's own running text, of which a network learns to write more."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from seqtrain.errors import DataError
from seqtrain.io.atomic import sha256
from seqtrain.io.text_file import TextFile
from seqtrain.schema.sections import FileName
from seqtrain.sources.own_files import Encoding
from seqtrain.sources.running_text import Documents, RunningTextConfig

SUFFIXES = (".txt", ".md", ".abc", ".text")  # of the files of a folder
BLOCK = 10_000  # lines that are joined at once


class Corpus(RunningTextConfig):
    """Your own running text: a file, or the texts of a folder, for a language model.

    The end of the text is the test, what is before it validation. A file of a folder is a document,
    and so is what `separator` separates: a document begins with its own token.
    """

    name: Literal["corpus"]
    path: FileName = Field(
        description="the text file, or a folder of text files, which are read in the order of "
        "their names"
    )
    separator: str | None = Field(
        default=None,
        description="the line that stands between two documents of a file, such as "
        "`<|endoftext|>` or `***`; null takes a file as one document",
    )
    encoding: Encoding = Field(
        default="utf-8",
        description="encoding of the files, as Python names it; a byte order mark in a file "
        "takes precedence",
    )

    def documents(self, data_dir: Path | None) -> Documents:
        """Read the file, or the files of the folder."""
        root = Path(self.path)
        files = _files(root) if root.is_dir() else [root]
        texts = [text for file in files for text in self._documents(file)]
        if not any(texts):
            raise DataError(f"{root} holds no text", "correct `dataset.path`")
        keys = (sha256(root), self.separator, self.encoding)
        return Documents(texts, str(root), hashlib.sha256(repr(keys).encode()).hexdigest())

    def _documents(self, file: Path) -> Iterator[str]:
        """Yield the documents of a file."""
        parts: list[str] = []
        lines: list[str] = []
        for line in TextFile(file, self.encoding).lines():
            if self.separator is not None and line.strip() == self.separator.strip():
                yield from filter(None, ["".join([*parts, _plain(lines)])])
                parts, lines = [], []
                continue
            lines.append(line)
            if len(lines) == BLOCK:
                parts.append(_plain(lines))
                lines = []
        yield from filter(None, ["".join([*parts, _plain(lines)])])


def _plain(lines: list[str]) -> str:
    """Return lines with plain ends, and letters composed, so that one letter has one form."""
    text = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _files(folder: Path) -> list[Path]:
    """Return the text files of a folder and of those in it, without hidden ones."""
    found = sorted(
        Path(root, name)
        for root, folders, names in os.walk(folder)
        for name in names
        if not name.startswith(".")
        and not any(part.startswith(".") for part in Path(root).relative_to(folder).parts)
        and Path(name).suffix.lower() in SUFFIXES
    )
    if not found:
        listed = ", ".join(f"`*{suffix}`" for suffix in SUFFIXES)
        raise DataError(f"`{folder}` holds no text files", f"it should hold some of {listed}")
    return found
