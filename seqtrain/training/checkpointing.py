"""Save the complete state of a training into checkpoints, and restore it.

Imports Keras, so `execution.start` must come first.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from seqtrain.config import TrainingConfig
from seqtrain.errors import RunError
from seqtrain.inference import model_file
from seqtrain.io.atomic import replacing
from seqtrain.io.regular_file import checked
from seqtrain.runs.checkpoints import Checkpoint
from seqtrain.runs.run import Run
from seqtrain.training.callbacks import EarlyStopping, KeepBest, ReduceLROnPlateau, WriteHistory
from seqtrain.training.signals import Signals

# The state of each callback.
REMEMBERED: dict[type, tuple[str, ...]] = {
    KeepBest: ("best", "best_epoch"),
    WriteHistory: ("rows", "timing"),
    EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}
METRICS = "metrics/"

log = logging.getLogger(__name__)


class SaveCheckpoints(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the state of a training into checkpoints, and resumes from the newest.

    It must be the last callback, so that a checkpoint at the end of an epoch includes the changes
    of all other callbacks. `KeepBest` has then already saved the model. If the process dies
    between the two, the epoch is trained again with the same bits, and saves the same model.

    Attributes:
        epoch: the number of finished epochs.
        batch: the number of finished batches in the next epoch.
        stopped: whether early stopping has ended the training.
    """

    def __init__(
        self,
        run: Run,
        training: TrainingConfig,
        model: keras.Model,
        others: Iterable[keras.callbacks.Callback],
        signals: Signals,
    ) -> None:
        super().__init__()
        self.run = run
        self.seconds = training.checkpoint_minutes * 60
        self.set_model(model)
        self.others = {type(one).__name__: one for one in others if type(one) in REMEMBERED}
        self.signals = signals
        self.start: Checkpoint | None = None
        self.epoch = self.batch = 0
        self.stopped = False
        self.saved = time.monotonic()

    def begin(self) -> None:
        """Restore the newest checkpoint, if there is one.

        Raises:
            RunError: all are damaged, or from another network.
        """
        self.start = self.run.checkpoints.newest()
        if self.start:
            self._restore(self.start)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start to delay signals."""
        self.signals.held = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Restore the state that Keras has just reset: metrics, and some callbacks."""
        self.first = 0
        if self.start:
            self._restore(self.start)
            self.others[WriteHistory.__name__].started -= self.start.progress["seconds"]
            self.first, self.start = self.batch, None
        elif not epoch:
            self._save()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Save a checkpoint if it is due, or if the process should end.

        With `steps_per_execution` this is called after each group of batches, so the rest of the
        epoch has the same groups after a resume. The last group may count past the end of the
        epoch.
        """
        self.batch = self.first + batch + 1
        left = self.first + self.params["steps"] - self.batch
        due = self.signals.due or time.monotonic() - self.saved > self.seconds
        if due and left > 0:
            self._save()
            self.signals.answer()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Always save a checkpoint."""
        self.epoch, self.batch = epoch + 1, 0
        self.stopped = self.model.stop_training
        self._save()
        self.signals.answer()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Stop delaying signals, also one that came after the last checkpoint."""
        self.signals.held = False
        self.signals.answer()

    def _save(self) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # JAX's trainer keeps the values elsewhere during an epoch
        started = self.others[WriteHistory.__name__].started
        seconds = time.perf_counter() - started if self.batch else 0.0
        remembered = {
            name: {key: getattr(one, key) for key in REMEMBERED[type(one)]}
            for name, one in self.others.items()
        }
        progress = {"callbacks": remembered, "stopped": self.stopped, "seconds": seconds}
        values = {name: np.asarray(v.numpy()) for name, v in variables(self.model).items()}
        best_epoch = remembered[KeepBest.__name__]["best_epoch"]
        best = checked(self.run.model_file).read_bytes() if best_epoch else b""
        self.run.checkpoints.write(Checkpoint(self.epoch, self.batch, values, progress, best))
        self.saved = time.monotonic()

    def _restore(self, checkpoint: Checkpoint) -> None:
        remembered = checkpoint.progress["callbacks"]
        if {name: set(values) for name, values in remembered.items()} != {
            name: set(REMEMBERED[type(one)]) for name, one in self.others.items()
        }:
            raise RunError("the checkpoint is not of the training that the run's config describes")
        assign(self.model, checkpoint)
        self.epoch, self.batch = checkpoint.epoch, checkpoint.batch
        self.stopped = checkpoint.stopped
        for name, values in remembered.items():
            vars(self.others[name]).update(values)


def build(model: keras.Model, label: np.ndarray) -> None:
    """Create the variables of the optimizer and the metrics, which Keras would create later.

    Args:
        model: a compiled network.
        label: of one example as the loss takes it, of shape (1,) or (1, …).
    """
    model.optimizer.build(model.trainable_variables)
    units = model.output_shape[-1]
    answer = np.full((1, *model.output_shape[1:]), 1 / units, "float32")
    model.compute_metrics(None, label.reshape(1, -1), answer)
    model.reset_metrics()


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return every variable that training changes, by a unique name.

    The random states of dropout are among the non-trainable variables.
    """
    optimizer = model.optimizer
    groups = {
        "trainable/": model.trainable_variables,
        "other/": model.non_trainable_variables,
        "optimizer/": optimizer.variables,
        METRICS: model.metrics_variables,
    }
    found = {
        f"{group}{index}/{variable.path}": variable
        for group, members in groups.items()
        for index, variable in enumerate(members)
    }
    known = set(map(id, found.values()))
    hidden = {  # such as `_u_product` of Nadam
        f"optimizer/{name}": value
        for name, value in vars(optimizer).items()
        if isinstance(value, keras.Variable) and id(value) not in known
    }
    return found | hidden


def assign(model: keras.Sequential, checkpoint: Checkpoint) -> None:
    """Set the variables of a model to the values of a checkpoint.

    At the start of an epoch the metrics are not set, because they are reset anyway.

    Raises:
        RunError: the checkpoint is from another network.
    """
    here, there = variables(model), checkpoint.variables
    if {name: tuple(variable.shape) for name, variable in here.items()} != {
        name: value.shape for name, value in there.items()
    }:
        raise RunError("the checkpoint is not of the network that the run's config describes")
    for name, value in there.items():
        if checkpoint.batch or not name.startswith(METRICS):
            here[name].assign(value)


def write_files(run: Run, checkpoint: Checkpoint, elsewhere: bool) -> None:
    """Restore the missing or damaged files of a run from a checkpoint.

    Undamaged files may be from a later epoch than the checkpoint. They are kept, because that
    epoch will give the same result. With `elsewhere` (another machine) it may not, so all files
    are restored.
    """
    remembered = checkpoint.progress["callbacks"]
    if checkpoint.best and (elsewhere or not model_file.usable(run.model_file, checkpoint.best)):
        with replacing(run.model_file) as beside:
            beside.write_bytes(checkpoint.best)
    rows = remembered[WriteHistory.__name__]["rows"]
    if rows and (elsewhere or _history(run)[: len(rows)] != rows):
        run.write_history(rows)
    timing = remembered[WriteHistory.__name__]["timing"]
    if timing and not run.has("timing.csv"):
        run.write_timing(timing)


def _history(run: Run) -> list[Any]:
    try:
        return run.history()
    except RunError:
        return []
