"""A run: a folder of plain files, from which every table and picture is made."""

import csv
import io
import json
import logging
import re
import secrets
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.config import Config, load_config
from seqtrain.errors import RunError
from seqtrain.files import replacing, write_json, write_text

Row = dict[str, float]

STARTED = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")  # the name of a run's folder


@dataclass(frozen=True)
class Run:
    """The folder of one training.

    Attributes:
        folder: `outputs/<name>/<UTC time>-<4 hex>/`.
        known: the config, where it needs no reading.
    """

    folder: Path
    known: Config | None = field(default=None, repr=False, compare=False)

    @classmethod
    def create(cls, outputs: Path, config: Config) -> "Run":
        """Make a new folder, and write the config into it first.

        Raises:
            RunError: the folder cannot be made.
        """
        try:
            run = cls(_new_folder(outputs / str(config.name)), config)
            run.write_text("config.yaml", config.to_yaml())
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(
                f"no run folder can be made in `{outputs}`: {reason}", "choose another `--output`"
            ) from error
        return run

    @classmethod
    def open(cls, place: Path, outputs: Path = Path("outputs")) -> "Run":
        """Open an existing run.

        Args:
            place: a run's folder, a file in it, or a folder of runs, of which the newest
                counts; also as it lies under `outputs`, so that the name of a run will do.
            outputs: the folder of all runs.

        Raises:
            RunError: there is no run.
        """
        for folder in (place.parent if place.is_file() else place, outputs / place):
            if (folder / "config.yaml").is_file():
                return cls(folder)
            if inside := _in_order(folder.glob("*/config.yaml")):
                return inside[-1]
        what = "is not a run: it has no config.yaml" if place.exists() else "does not exist"
        raise RunError(f"the run `{place}` {what}", "`seqtrain list runs` shows the runs")

    @classmethod
    def latest(cls, outputs: Path) -> "Run":
        """Return the run under `outputs` that was started last, finished or not.

        Raises:
            RunError: there is none.
        """
        runs = cls.all(outputs)
        if not runs:
            hint = "train one: `seqtrain init quickstart`, `seqtrain train quickstart.yaml`"
            raise RunError(f"there is no run under `{outputs}`", hint)
        return runs[-1]

    @classmethod
    def all(cls, outputs: Path) -> "list[Run]":
        """Return the runs under `outputs`, in the order in which they were started."""
        return _in_order(outputs.glob("*/*/config.yaml"))

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        return self.known or load_config(self.folder / "config.yaml")

    @property
    def finished(self) -> bool:
        """Whether training came to its end; `metrics.json` is written last."""
        return self.has("metrics.json")

    @property
    def label(self) -> str:
        """The last two parts of the folder, as legends and tables name the run."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def optimistic(self) -> bool:
        """Whether the best epoch was chosen on the test examples."""
        return self.config.dataset.validation == "test"

    @property
    def model_file(self) -> Path:
        """The best model so far."""
        return self.folder / "model.keras"

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.folder / "plots"

    def has(self, name: str) -> bool:
        """Return whether the run has got so far as to write the file `name`."""
        return (self.folder / name).is_file()

    def history(self) -> list[Row]:
        """Return one row for each finished epoch."""
        return self._read_table("history.csv")

    def best_epoch(self) -> int:
        """Return the epoch, from 1, that `training.monitor` found best so far."""
        monitor = self.config.training.monitor
        try:
            values = [row[monitor] for row in self.history()]
        except KeyError as error:
            raise self._damaged("history.csv", f"it has no column {monitor}") from error
        best = min(values) if self.config.training.mode == "min" else max(values)
        return values.index(best) + 1

    def write_history(self, rows: list[Row]) -> None:
        """Write what each epoch reached; the same in every run of one config."""
        self._write_table("history.csv", rows)

    def write_timing(self, rows: list[Row]) -> None:
        """Write the seconds that each epoch took."""
        self._write_table("timing.csv", rows)

    def metrics(self) -> dict[str, Any]:
        """Return the final numbers.

        Raises:
            RunError: the run has not finished.
        """
        return dict(self._read_json("metrics.json", dict))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the final numbers, last: their presence says that the run finished."""
        write_json(self.folder / "metrics.json", metrics)

    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes."""
        return tuple(self._read_json("classes.json", list))

    def environment(self) -> dict[str, Any]:
        """Return what the run depended on besides its config."""
        return dict(self._read_json("environment.json", dict))

    def data_sha256(self) -> str:
        """Return the hash of the data that the run was trained on."""
        try:
            return str(self.environment()["data"]["sha256"])
        except (KeyError, TypeError) as error:
            raise self._damaged("environment.json", "it has no data.sha256") from error

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file into the folder."""
        write_json(self.folder / name, value)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file into the folder."""
        write_text(self.folder / name, text)

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Append to log.txt what seqtrain logs while the body runs, and what ended it."""
        handler = logging.FileHandler(self.folder / "log.txt", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger = logging.getLogger("seqtrain")
        level = logger.level
        logger.setLevel(min(level or logging.INFO, logging.INFO))
        logger.addHandler(handler)
        try:
            yield
        except BaseException as error:
            reason = str(error) or type(error).__name__
            handler.handle(logger.makeRecord(logger.name, logging.ERROR, "", 0, reason, (), None))
            raise
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            handler.close()

    def predictions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the test labels, shape (N,), and probabilities, shape (N, classes).

        Raises:
            RunError: the run has not got so far, or the file is damaged.
        """
        file = self.folder / "predictions.npz"
        self.require(file.name)
        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                return arrays["labels"], arrays["probabilities"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(file.name, error) from error

    def write_predictions(self, labels: np.ndarray, probabilities: np.ndarray) -> None:
        """Write what the best model says of the test examples."""
        with replacing(self.folder / "predictions.npz") as beside:
            np.savez_compressed(beside, labels=labels, probabilities=probabilities)

    @property
    def again(self) -> str:
        """The hint for a run that lacks something."""
        return f"train it again: `seqtrain train {self.folder / 'config.yaml'}`"

    def require(self, name: str) -> None:
        """Make sure that the file `name` is there.

        Raises:
            RunError: it is not.
        """
        if not self.has(name):
            state = "" if self.finished else ": it has not got so far"
            raise RunError(f"the run `{self.folder}` has no {name}{state}", self.again)

    def _text(self, name: str) -> str:
        self.require(name)
        return (self.folder / name).read_text(encoding="utf-8")

    def _damaged(self, name: str, reason: object) -> RunError:
        return RunError(f"{self.folder / name} is damaged: {reason}", self.again)

    def _read_json(self, name: str, kind: type) -> Any:
        try:
            value = json.loads(self._text(name))
        except ValueError as error:
            raise self._damaged(name, error) from error
        if not isinstance(value, kind):
            raise self._damaged(name, f"it does not hold a {kind.__name__}")
        return value

    def _read_table(self, name: str) -> list[Row]:
        try:
            table = csv.DictReader(io.StringIO(self._text(name)), strict=True)
            rows = [{key: float(value) for key, value in row.items()} for row in table]
        except (ValueError, TypeError, csv.Error) as error:
            raise self._damaged(name, error) from error
        if not rows:
            raise self._damaged(name, "it has no rows")
        return rows

    def _write_table(self, name: str, rows: list[Row]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.folder / name, text.getvalue())


def _new_folder(parent: Path) -> Path:
    """Make a folder that is named by the time, and did not exist."""
    for _ in range(100):
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = parent / f"{started}-{secrets.token_hex(2)}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_dir():
                continue
            raise
        return folder
    raise FileExistsError(f"{parent} is full of runs of this second")


def _in_order(configs: Iterable[Path]) -> list[Run]:
    """Return the runs that have these configs by their start; what a person renamed comes first."""
    folders = [config.parent for config in configs]
    folders.sort(key=lambda folder: (bool(STARTED.fullmatch(folder.name)), folder.name))
    return [Run(folder) for folder in folders]
