"""A run: a folder of plain files, from which every table and picture is made."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain.artifacts import Artifacts, Row
from seqtrain.config import Config, load_config
from seqtrain.datasets.dataset import Learned, Scaling
from seqtrain.errors import RunError

if TYPE_CHECKING:
    import numpy as np

STARTED = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")  # the name of a run's folder


@dataclass(frozen=True)
class Run(Artifacts):
    """The folder of one training.

    Attributes:
        folder: `outputs/<name>/<UTC time>-<4 hex>/`.
        known: the config, where it needs no reading.
    """

    known: Config | None = field(default=None, repr=False, compare=False)

    @classmethod
    def create(cls, outputs: Path, config: Config) -> Run:
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
    def open(cls, place: Path, outputs: Path = Path("outputs")) -> Run:
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
    def latest(cls, outputs: Path) -> Run:
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
    def all(cls, outputs: Path) -> list[Run]:
        """Return the runs under `outputs`, in the order in which they were started."""
        return _in_order(outputs.glob("*/*/config.yaml"))

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        return self.known or load_config(self.folder / "config.yaml")

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

    def history(self) -> list[Row]:
        """Return one row for each finished epoch."""
        return self.read_table("history.csv")

    def best_epoch(self) -> int:
        """Return the epoch, from 1, that `training.monitor` found best so far."""
        monitor = self.config.training.monitor
        try:
            values = [row[monitor] for row in self.history()]
        except KeyError as error:
            raise self.damaged("history.csv", f"it has no column {monitor}") from error
        best = min(values) if self.config.training.mode == "min" else max(values)
        return values.index(best) + 1

    def write_history(self, rows: list[Row]) -> None:
        """Write what each epoch reached; the same in every run of one config."""
        self.write_table("history.csv", rows)

    def write_timing(self, rows: list[Row]) -> None:
        """Write the seconds that each epoch took."""
        self.write_table("timing.csv", rows)

    def metrics(self) -> dict[str, Any]:
        """Return the final numbers.

        Raises:
            RunError: the run has not finished.
        """
        return dict(self.read_json("metrics.json", dict))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the final numbers, last: their presence says that the run finished."""
        self.write_json("metrics.json", dict(metrics))

    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes."""
        return tuple(self.read_json("classes.json", list))

    def learned(self) -> Learned:
        """Return what is needed to read new examples."""
        from seqtrain.text import Vocabulary

        words = self.read_json("vocabulary.json", list) if self.has("vocabulary.json") else None
        scaling = self.read_json("scaling.json", dict) if self.has("scaling.json") else None
        try:
            return Learned(
                self.classes(),
                Vocabulary(tuple(words)) if words is not None else None,
                Scaling(**{key: tuple(values) for key, values in scaling.items()})
                if scaling is not None
                else None,
            )
        except TypeError as error:
            raise self.damaged("scaling.json", error) from error

    def write_learned(self, learned: Learned) -> None:
        """Write what is needed to read new examples."""
        self.write_json("classes.json", learned.classes)
        if learned.vocabulary:
            self.write_json("vocabulary.json", learned.vocabulary.words)
        if learned.scaling:
            self.write_json("scaling.json", asdict(learned.scaling))

    def trained_on(self) -> np.ndarray:
        """Return the fingerprints of the training examples; uint64, shape (N,)."""
        return self.read_arrays("trained_on.npz", "fingerprints")[0]

    def write_trained_on(self, fingerprints: np.ndarray) -> None:
        """Write the fingerprints of the training examples, to know them again."""
        self.write_arrays("trained_on.npz", {"fingerprints": fingerprints})

    def environment(self) -> dict[str, Any]:
        """Return what the run depended on besides its config."""
        return dict(self.read_json("environment.json", dict))

    def data_sha256(self) -> str:
        """Return the hash of the data that the run was trained on."""
        try:
            return str(self.environment()["data"]["sha256"])
        except (KeyError, TypeError) as error:
            raise self.damaged("environment.json", "it has no data.sha256") from error

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
        """Return the test labels, shape (N,), and probabilities, shape (N, classes)."""
        labels, probabilities = self.read_arrays("predictions.npz", "labels", "probabilities")
        return labels, probabilities

    def write_predictions(self, labels: np.ndarray, probabilities: np.ndarray) -> None:
        """Write what the best model says of the test examples."""
        arrays = {"labels": labels, "probabilities": probabilities}
        self.write_arrays("predictions.npz", arrays)


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
