"""Read and write the plain files of a folder: atomic writes, and errors for damaged files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain.errors import RunError, reason
from seqtrain.io import npz
from seqtrain.io.atomic import replacing, write_json, write_text
from seqtrain.io.regular_file import checked

if TYPE_CHECKING:
    import numpy as np

Row = dict[str, float]
LONGEST_NUMBER = 100  # digits; no float has more than 308


@dataclass(frozen=True)
class Artifacts:
    """A folder of files that commands write and other commands read.

    Each reading method raises a `RunError` if the file is missing or damaged.
    """

    folder: Path

    @property
    def finished(self) -> bool:
        """Whether the training is finished; `metrics.json` is written last."""
        return self.has("metrics.json")

    @property
    def again(self) -> str:
        """The hint for a folder with a missing file."""
        if not self.finished and any(self.folder.glob("checkpoint/*.npz")):
            return f"resume it: `seqtrain resume {self.folder}`"
        return f"train it again: `seqtrain train {self.folder / 'config.yaml'}`"

    def has(self, name: str) -> bool:
        """Return whether the file `name` has been written."""
        return (self.folder / name).is_file()

    def require(self, name: str) -> None:
        """Check that the file `name` exists.

        Raises:
            RunError: it does not.
        """
        if not self.has(name):
            state = "" if self.finished else ": it has not got so far"
            raise RunError(f"the run `{self.folder}` has no {name}{state}", self.again)

    def damaged(self, name: str, why: str | BaseException) -> RunError:
        """Return the error for a damaged file."""
        why = why if isinstance(why, str) else reason(why)
        return RunError(f"{self.folder / name} is damaged: {why}", self.again)

    def read_json(self, name: str, kind: type) -> Any:
        """Return the content of a JSON file, if it has the given type."""
        self.require(name)
        try:
            text = checked(self.folder / name).read_text(encoding="utf-8")
            value = json.loads(text, parse_int=_whole)
        except (OSError, ValueError, RecursionError) as error:
            raise self.damaged(name, error) from error
        if not isinstance(value, kind):
            raise self.damaged(name, f"it does not hold a {kind.__name__}")
        return value

    def read_words(self, name: str) -> tuple[str, ...]:
        """Return the content of a JSON file, if it is a list of strings."""
        words = tuple(self.read_json(name, list))
        if not all(isinstance(word, str) for word in words):
            raise self.damaged(name, "it does not contain only texts")
        return words

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file."""
        write_json(self.folder / name, value)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        write_text(self.folder / name, text)

    def read_rows(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a CSV file; each has every column of the header."""
        self.require(name)
        try:
            text = checked(self.folder / name).read_text(encoding="utf-8")
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except (OSError, ValueError, csv.Error) as error:
            raise self.damaged(name, error) from error
        if any(None in row or None in row.values() for row in rows):
            raise self.damaged(name, "a row has not as many cells as the header")
        return rows

    def read_table(self, name: str) -> list[Row]:
        """Return the rows of a CSV file of numbers."""
        rows = self.read_rows(name)
        if not rows:
            raise self.damaged(name, "it has no rows")
        try:
            return [{key: float(value) for key, value in row.items()} for row in rows]
        except ValueError as error:
            raise self.damaged(name, error) from error

    def write_table(self, name: str, rows: list[Row]) -> None:
        """Write a CSV file of numbers."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.folder / name, text.getvalue())

    def read_arrays(self, name: str, *keys: str) -> tuple[np.ndarray, ...]:
        """Return the arrays `keys` of a `.npz` file, which must hold no pickles."""
        self.require(name)
        try:
            return npz.read(self.folder / name, *keys)
        except (OSError, ValueError) as error:
            raise self.damaged(name, error) from error

    def write_arrays(self, name: str, arrays: dict[str, Any]) -> None:
        """Write arrays as a `.npz` file."""
        import numpy as np

        with replacing(self.folder / name) as beside:
            np.savez_compressed(beside, **arrays)


def _whole(digits: str) -> int:
    """Return an integer of JSON, which must fit into a float."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)
