"""A run: a folder of plain files, from which every table and picture is made."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain import logfile
from seqtrain.artifacts import Artifacts, Row
from seqtrain.checkpoints import Checkpoints
from seqtrain.config import Config, load_config
from seqtrain.datasets.dataset import Learned, Scaling
from seqtrain.errors import RunError
from seqtrain.files import drop_unfinished, sync

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

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The moments from which its training can go on."""
        return Checkpoints(self.folder / "checkpoint")

    @property
    def log_file(self) -> Path:
        """What happened, line by line."""
        return self.folder / "log.txt"

    @property
    def begun(self) -> bool:
        """Whether its training has got so far that a checkpoint is to be expected."""
        return self.has("history.csv") or self.has("model.keras") or bool(self.checkpoints.files())

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
    def locked(self) -> Iterator[None]:
        """Let no other process train the run while the body runs.

        Raises:
            RunError: another process trains it.
        """
        with logfile.locked(self.log_file) as alone:
            if not alone:
                raise RunError(
                    f"the run `{self.folder}` is being trained by another process",
                    "wait until it ends, or end it first",
                )
            drop_unfinished(self.folder)
            yield

    @property
    def training(self) -> bool:
        """Whether a process trains it now."""
        return self.log_file.is_file() and logfile.is_locked(self.log_file)

    def logging(self) -> AbstractContextManager[None]:
        """Append to log.txt what seqtrain logs while the body runs, and what ended it."""
        return logfile.recording(self.log_file)

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
        folder = parent / f"{_start(parent.parent):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_dir():
                continue
            raise
        sync(parent)
        return folder
    raise FileExistsError(f"{parent} is full of runs of this second")


def _start(outputs: Path) -> datetime:
    """Return the time, or where a run was started later, as after a clock is set back, then that.

    So the newest run is always the last by name.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    names = [run.folder.name for run in Run.all(outputs) if STARTED.fullmatch(run.folder.name)]
    if not names:
        return now
    last = datetime.strptime(names[-1][:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return last + timedelta(seconds=1) if last > now else now


def _in_order(configs: Iterable[Path]) -> list[Run]:
    """Return the runs that have these configs by their start; what a person renamed comes first."""
    folders = [config.parent for config in configs]
    folders.sort(key=lambda folder: (bool(STARTED.fullmatch(folder.name)), folder.name))
    return [Run(folder) for folder in folders]
