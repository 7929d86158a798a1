"""`folder`: a person's own texts, one folder for each class and one `.txt` file for each text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from seqtrain.datasets.dataset import Dataset
from seqtrain.datasets.labelled import Labelled, LabelledTextConfig
from seqtrain.errors import DataError
from seqtrain.files import sha256
from seqtrain.parts import FileName, Names

LAYOUT = (
    "expected is FOLDER/CLASS/*.txt, or FOLDER/train/CLASS/*.txt with FOLDER/test/CLASS/*.txt "
    "(and FOLDER/validation/CLASS/*.txt)"
)


class Folder(LabelledTextConfig):
    """Your own texts: a folder for each class, with a `.txt` file for each text, as aclImdb has."""

    name: Literal["folder"]
    path: FileName = Field(
        description="the folder of the classes' folders, or of `train` and `test` that hold them"
    )
    classes: Names | None = Field(
        default=None,
        description="the folders that are classes; null takes all, in alphabetical order",
    )

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the texts as ids of their words."""
        return self.assembled(self.path)

    def digest(self) -> str:
        """Return the hash of the listing of all files, and of the keys by which they are read."""
        self.parts()
        keys = (sha256(Path(self.path)), self.classes, self.encoding)
        return hashlib.sha256(repr(keys).encode()).hexdigest()

    def parts(self) -> Mapping[str, Iterable[Labelled]]:
        """Return the texts of each part."""
        root = Path(self.path)
        if not root.is_dir():
            what = "is a file" if root.exists() else "does not exist"
            raise DataError(f"the folder `{root}` {what}", f"correct `dataset.path`; {LAYOUT}")
        folders = {part: root / part for part in ("train", "validation", "test")}
        present = {part: folder for part, folder in folders.items() if folder.is_dir()}
        if "train" not in present:
            present = {"train": root}
        classes = {part: self._folders(folder) for part, folder in present.items()}
        for part, names in classes.items():
            for name in sorted({*classes["train"]} - {*names}):
                known = ", ".join(names)
                raise DataError(
                    f"`{present['train'] / name}` is a class that {part} lacks",
                    f"name the classes: `dataset.classes=[{known}]`",
                )
        return {part: self._texts(present[part], names) for part, names in classes.items()}

    def _folders(self, folder: Path) -> list[str]:
        found = sorted(path.name for path in folder.iterdir() if path.is_dir())
        if missing := [name for name in self.classes or () if name not in found]:
            listed = ", ".join(found) or "no folders"
            raise DataError(f"`{folder}` has no folder `{missing[0]}`", f"it has: {listed}")
        if not found:
            raise DataError(f"`{folder}` holds no folder for a class", LAYOUT)
        return list(self.classes or found)

    def _texts(self, folder: Path, classes: list[str]) -> Iterator[Labelled]:
        for name in classes:
            files = sorted((folder / name).glob("*.txt"))
            if not files:
                raise DataError(f"`{folder / name}` holds no .txt files", LAYOUT)
            for file in files:
                try:
                    yield file.read_text(encoding=self.encoding), name, str(file)
                except UnicodeDecodeError as error:
                    hint = "name the encoding: `dataset.encoding=cp1252` (Windows), or `latin-1`"
                    raise DataError(f"{file} is not {self.encoding}", hint) from error
