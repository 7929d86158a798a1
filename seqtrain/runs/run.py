"""A run: a folder of plain files, the source of all tables and pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain.config import ResolvedConfig, load_resolved
from seqtrain.data.dataset import Fitted
from seqtrain.errors import RunError
from seqtrain.io.atomic import drop_unfinished, sync
from seqtrain.io.regular_file import checked
from seqtrain.runs import fitted, folders, run_log
from seqtrain.runs.checkpoints import Checkpoints
from seqtrain.runs.folders import CHECKPOINT, EXPLAINED, PLOTS
from seqtrain.runs.run_files import Artifacts, Row
from seqtrain.tasks import Task

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.time_series import SeriesData

HISTORY, MODEL = "history.csv", "model.keras"
SERIES = "series.npz"
SAMPLES, CONTEXT = "samples.jsonl", "context.csv"  # of a language model
SURPRISE, UNITS = "surprise.json", "units.json"  # what `explain` found of one
PRUNED = "pruned.json"  # of a trial of a sweep that was ended early
GRADIENTS = "gradients.json"  # gradients of its network; explanations are in `EXPLAINED`


@dataclass(frozen=True)
class Run(Artifacts):
    """The folder of one training.

    Attributes:
        folder: `outputs/<name>/<UTC time>-<4 hex>/`, and for one of several seeds
            `outputs/<name>/<UTC time>-<4 hex>-seeds/seed-<seed>/`, for a trial of a sweep
            `outputs/<name>/<UTC time>-<4 hex>-sweep/trial-<number>/`.
        known: the config, if it is already in memory.
    """

    known: ResolvedConfig | None = field(default=None, repr=False, compare=False)

    @classmethod
    def create(cls, outputs: Path, config: ResolvedConfig) -> Run:
        """Create a new folder, and write the config into it first.

        Raises:
            RunError: the folder cannot be created.
        """
        with folders.made_in(outputs):
            return cls._begun(folders.new_folder(outputs / config.name), config)

    @classmethod
    def create_seeds(cls, outputs: Path, configs: Sequence[ResolvedConfig]) -> list[Run]:
        """Create a group of runs from configs that differ only in their seed.

        Raises:
            RunError: the folders cannot be created; then none is left.
        """
        with folders.made_in(outputs):
            group = folders.new_folder(outputs / configs[0].name, folders.SEEDS)
            try:
                return [cls._begun(group / f"seed-{config.seed}", config) for config in configs]
            except OSError:
                shutil.rmtree(group, ignore_errors=True)
                raise

    @classmethod
    def create_trial(cls, sweep: Path, number: int, config: ResolvedConfig) -> Run:
        """Create a run in the folder of a sweep.

        Raises:
            RunError: the folder cannot be created.
        """
        with folders.made_in(sweep):
            return cls._begun(sweep / f"trial-{number}", config)

    @classmethod
    def _begun(cls, folder: Path, config: ResolvedConfig) -> Run:
        folder.mkdir(exist_ok=True)
        sync(folder.parent)
        run = cls(folder, config)
        run.write_text("config.yaml", config.to_yaml())
        return run

    @property
    def group(self) -> Path | None:
        """The folder of its group of seeds or trials, if it is in one."""
        return folders.group(self.folder)

    @cached_property
    def config(self) -> ResolvedConfig:
        """The resolved config.

        Raises:
            RunError: the run contains a link.
            ConfigError: the config is damaged.
        """
        if self.known:
            return self.known
        folders.require_own(self.folder)
        return load_resolved(self.folder / "config.yaml")

    @property
    def label(self) -> str:
        """The path below the folder of all runs: its name in legends and tables."""
        return "/".join(self.folder.absolute().parts[-3 if self.group else -2 :])

    @property
    def task(self) -> Task:
        """The task of its config, not fitted."""
        return self.config.dataset.new_task()

    @property
    def fitted_task(self) -> Task:
        """The fitted task, for example with the names of the classes."""
        return fitted.read_task(self, self.task)

    @property
    def optimistic(self) -> bool:
        """Whether the test examples chose the best epoch."""
        return self.config.dataset.chooses_on_test

    @property
    def model_file(self) -> Path:
        """The file of the best model so far."""
        return self.folder / MODEL

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints of its training."""
        return Checkpoints(self.folder / CHECKPOINT)

    @property
    def log_file(self) -> Path:
        """The log, line by line."""
        return self.folder / "log.txt"

    @property
    def begun(self) -> bool:
        """Whether its training has got so far that it should have a checkpoint."""
        return self.has(HISTORY) or self.has(MODEL) or bool(self.checkpoints.files())

    def is_left(self, epochs: int | None) -> bool:
        """Return whether epochs are left to train, by its config or by another number."""
        return not self.finished or epochs not in (None, self.config.training.epochs)

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.folder / PLOTS

    def reopen(self) -> None:
        """Mark the run as unfinished if its config now has another number of epochs.

        The final metrics are deleted before the config changes: if the process dies between the
        two, the run is an unfinished run of the old config, and nothing is lost. Gradients and
        explanations are deleted too, because the network will change.
        """
        before = load_resolved(self.folder / "config.yaml")
        if before.training.epochs != self.config.training.epochs:
            (self.folder / "metrics.json").unlink(missing_ok=True)
            self.write_text("config.yaml", self.config.to_yaml())
        for found in (GRADIENTS, SURPRISE, UNITS):
            (self.folder / found).unlink(missing_ok=True)
        shutil.rmtree(self.folder / EXPLAINED, ignore_errors=True)

    def history(self) -> list[Row]:
        """Return one row for each finished epoch."""
        return self.read_table(HISTORY)

    def column(self, quantity: str) -> list[float]:
        """Return a quantity of each finished epoch.

        Raises:
            RunError: the history is damaged, or has no such column.
        """
        try:
            return [row[quantity] for row in self.history()]
        except KeyError as error:
            raise self.damaged(HISTORY, f"it has no column {quantity}") from error

    def best_epoch(self) -> int:
        """Return the best epoch so far by `training.monitor`, from 1."""
        try:
            ranks = [self.config.training.rank(row) for row in self.history()]
        except KeyError as error:
            raise self.damaged(HISTORY, f"it has no column {error.args[0]}") from error
        return ranks.index(min(ranks)) + 1

    def best_score(self) -> float:
        """Return `training.monitor` of the best epoch."""
        return self.history()[self.best_epoch() - 1][self.config.training.monitor]

    def write_history(self, rows: list[Row]) -> None:
        """Write the results of each epoch; identical in every run of one config."""
        self.write_table(HISTORY, rows)

    def write_timing(self, rows: list[Row]) -> None:
        """Write the seconds of each epoch."""
        self.write_table("timing.csv", rows)

    def metrics(self) -> dict[str, Any]:
        """Return the final metrics.

        Raises:
            RunError: the run has not finished.
        """
        return dict(self.read_json("metrics.json", dict))

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the final metrics as the last file: it marks the run as finished."""
        self.write_json("metrics.json", dict(metrics))

    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes of a classification."""
        return self.read_words("classes.json")

    def fitted(self) -> Fitted:
        """Return what is needed to read new examples."""
        if getattr(self.config.dataset, "tokens", "words") != "words":
            self.require("tokens.json")
        return fitted.read(self, self.task)

    def write_fitted(self, found: Fitted) -> None:
        """Write what is needed to read new examples."""
        fitted.write(self, found)

    def trained_on(self) -> np.ndarray:
        """Return the fingerprints of the training examples; uint64, shape (N,)."""
        return self.read_arrays("trained_on.npz", "fingerprints")[0]

    def write_trained_on(self, fingerprints: np.ndarray) -> None:
        """Write the fingerprints of the training examples, to recognise them later."""
        self.write_arrays("trained_on.npz", {"fingerprints": fingerprints})

    def write_series(self, series: SeriesData) -> None:
        """Write the time series, for pictures of forecasts and what came before."""
        arrays = {"values": series.values, "lengths": series.lengths, "starts": series.starts}
        self.write_arrays(SERIES, arrays)

    def series(self) -> list[tuple[int, np.ndarray]]:
        """Return the time of the first value and the values of each time series."""
        import numpy as np

        values, lengths, starts = self.read_arrays(SERIES, "values", "lengths", "starts")
        if values.ndim != 1 or lengths.sum() != len(values) or len(starts) != len(lengths):
            raise self.damaged(SERIES, "its lengths are not those of its values")
        each = np.split(values, lengths.cumsum()[:-1])
        return [*zip(starts.tolist(), each, strict=True)]

    def samples(self) -> list[dict[str, Any]]:
        """Return the samples of a language model in the order of the epochs; none of others.

        Each has its `epoch`, `temperature` and `text`; those of the best epoch, which come last,
        also the longest span `copied` from train.
        """
        import json

        if not self.has(SAMPLES):
            return []
        try:
            text = checked(self.folder / SAMPLES).read_text(encoding="utf-8")
            rows = [json.loads(line) for line in text.split("\n") if line]
            for row in rows:
                numbers = (row["epoch"], row["temperature"])
                texts = (row["text"], row.get("copied", ""))
                if not all(isinstance(number, int | float) for number in numbers):
                    raise ValueError("it does not hold samples")
                if not all(isinstance(one, str) for one in texts):
                    raise ValueError("it does not hold samples")
        except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
            raise self.damaged(SAMPLES, error) from error
        return rows

    def write_samples(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the samples of a language model, each as a line of JSON."""
        import json

        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        self.write_text(SAMPLES, "".join(f"{line}\n" for line in lines))

    def environment(self) -> dict[str, Any]:
        """Return the environment of the run: everything besides its config."""
        return dict(self.read_json("environment.json", dict))

    def data_sha256(self) -> str:
        """Return the hash of the data that the run was trained on."""
        try:
            return str(self.environment()["data"]["sha256"])
        except (KeyError, TypeError) as error:
            raise self.damaged("environment.json", "it has no data.sha256") from error

    def compared_by(self) -> str:
        """Return the hash of the data by which runs are compared; early runs have one hash."""
        data = self.environment().get("data")
        found = data.get("compared_by") if isinstance(data, dict) else None
        return str(found) if found else self.data_sha256()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training the run while the body runs.

        Raises:
            RunError: another process trains it, or the run contains a link.
        """
        folders.require_own(self.folder)
        with run_log.locked(self.log_file) as alone:
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
        return self.log_file.is_file() and run_log.is_locked(self.log_file)

    def logging(self) -> AbstractContextManager[None]:
        """Append the log records of the body to log.txt, and the error that ended it."""
        return run_log.recording(self.log_file)

    def predictions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the test labels, shape (N,), and the predictions of the best model.

        Returns:
            Labels and predictions in the form of the task: for classes, probabilities of shape
            (N, classes); for numbers, shape (N,).
        """
        return fitted.read_predictions(self, self.task)

    def write_predictions(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Write the predictions of the best model for the test examples."""
        self.write_arrays("predictions.npz", {"labels": labels, self.task.array: predictions})


def by_epoch(runs: Sequence[Run], quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a quantity of each epoch that all runs have reached.

    Returns:
        The epochs from 1, int64 of shape (E,), and the values, float64 of shape (runs, E).

    Raises:
        RunError: a history is damaged, or has no such column.
    """
    import numpy as np

    columns = [run.column(quantity) for run in runs]
    reached = min(map(len, columns))
    return np.arange(1, reached + 1), np.array([column[:reached] for column in columns])
