"""`folder`: a person's own texts, one folder for each class and one `.txt` file for each text."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Literal, Self

from pydantic import Field, model_validator

from seqtrain.data.class_labels import normalised
from seqtrain.data.dataset import Dataset
from seqtrain.errors import DataError
from seqtrain.io.atomic import sha256
from seqtrain.io.text_file import TextFile, near_miss
from seqtrain.schema.sections import FileName, Names, broken
from seqtrain.sources.labelled_text import Labelled, LabelledTextConfig
from seqtrain.sources.own_files import PARTS

LAYOUT = (
    "expected is FOLDER/CLASS/*.txt, or FOLDER/train/CLASS/*.txt with FOLDER/test/CLASS/*.txt "
    "(and FOLDER/validation/CLASS/*.txt)"
)

log = logging.getLogger(__name__)


class Folder(LabelledTextConfig):
    """Your own texts: a folder for each class, with a `.txt` file for each text, as aclImdb has."""

    name: Literal["folder"]
    path: FileName = Field(
        description="folder with a folder for each class, or with `train` and `test` that "
        "contain these"
    )
    classes: Names | None = Field(
        default=None,
        description="the folders that are classes, such as `[neg, pos]`; null takes all",
    )

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.classes and len({*self.classes}) < len(self.classes):
            raise broken([("dataset.classes", "must name each folder once")])
        return self

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the texts as ids of their words."""
        return self.assembled(self.path)

    def digest(self) -> str:
        """Return the hash of the listing of all files, and of the keys by which they are read."""
        parts, root = self.parts(), Path(self.path)
        if (root / "train").is_dir() and (others := {*_folders(root)} - {*parts}):
            log.warning("%s: %s is not read, only train, validation and test", root, _list(others))
        keys = (sha256(root), self.classes, self.encoding)
        return hashlib.sha256(repr(keys).encode()).hexdigest()

    def parts(self) -> Mapping[str, Iterable[Labelled]]:
        """Return the texts of each part."""
        root = Path(self.path)
        if not os.path.isdir(root):
            what = "is a file" if os.path.exists(root) else "does not exist"
            raise DataError(f"the folder `{root}` {what}", f"correct `dataset.path`; {LAYOUT}")
        present = {part: root / part for part in PARTS if (root / part).is_dir()}
        if present and "train" not in present:
            raise DataError(f"`{root}` has a folder `{[*present][0]}`, but no `train`", LAYOUT)
        present = present or {"train": root}
        classes = {part: self._classes_in(folder) for part, folder in present.items()}
        for part, names in classes.items():
            same = {*map(normalised, names)}
            if lacking := [name for name in classes["train"] if normalised(name) not in same]:
                both = [name for name in classes["train"] if normalised(name) in same]
                raise DataError(
                    f"`{present['train'] / lacking[0]}` is a class that {part} lacks",
                    f"give {part} the folder `{lacking[0]}`{_or_name(both)}",
                )
        return {part: self._texts(present[part], names) for part, names in classes.items()}

    def _classes_in(self, folder: Path) -> Sequence[str]:
        found = _folders(folder)
        for name in self.classes or ():
            if name not in found:
                message = f"`{folder}` has no folder `{name}`{near_miss(name, found)}"
                raise DataError(message, f"it has: {_list(found)}")
        if not found:
            raise DataError(f"`{folder}` holds no folder for a class", LAYOUT)
        return self.classes or found

    def _texts(self, folder: Path, classes: Sequence[str]) -> Iterator[Labelled]:
        for name in classes:
            files = _texts_in(folder / name)
            if not files:
                others = [other for other in classes if _texts_in(folder / other)]
                hint = f"put .txt files there{_or_name(others)}; {LAYOUT}"
                raise DataError(f"`{folder / name}` holds no .txt files", hint)
            for file in files:
                yield "".join(TextFile(file, self.encoding).lines()), name, str(file)


def _folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, without hidden ones."""
    return sorted(path.name for path in folder.glob("[!.]*") if path.is_dir())


def _texts_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.suffix.lower() == ".txt")


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "no folders"


def _or_name(classes: Sequence[str]) -> str:
    """Return the end of a hint that suggests listing the classes, if that helps."""
    key = f"dataset.classes={json.dumps(classes, ensure_ascii=False)}"
    return f", or name the classes: `{quote(key)}`" if len(classes) > 1 else ""
