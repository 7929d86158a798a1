"""Callbacks for Keras's `fit`, the learning rate, and the optimizer.

Imports Keras, so `execution.start` must come first.
"""

import logging
import math
import operator
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras.src.utils.tracking import DotNotTrackScope

from seqtrain.backend import devices
from seqtrain.config import CompleteTrainingConfig, EarlyStoppingConfig, TrainingConfig
from seqtrain.config.training_section import EXPONENTIAL_DECAY, PLATEAU_FACTOR, PLATEAU_PATIENCE
from seqtrain.data.dataset import Dataset
from seqtrain.display.numbers import readable
from seqtrain.errors import TrainingError
from seqtrain.inference.network import predictions
from seqtrain.io.atomic import replacing
from seqtrain.runs.run import Run
from seqtrain.runs.run_files import Row

MOST_OF_TRAIN = 1_000  # training examples that are decoded after each epoch

log = logging.getLogger(__name__)


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The learning rate of each step: a linear warm-up, then constant, cosine or exponential.

    Cosine: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    ICLR 2017, equation 5, without restarts.
    """

    def __init__(self, training: TrainingConfig, steps_per_epoch: int) -> None:
        self.kind = training.schedule
        self.peak = training.learning_rate
        self.steps_per_epoch = steps_per_epoch
        self.warmup = round(training.warmup_epochs * steps_per_epoch)
        self.total = training.epochs * steps_per_epoch

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        done = keras.ops.cast(step, "float32")
        after = keras.ops.maximum(done - self.warmup, 0.0)
        if self.kind == "cosine":
            share = keras.ops.minimum(after / max(self.total - self.warmup, 1), 1.0)
            rate = self.peak * 0.5 * (1.0 + keras.ops.cos(math.pi * share))
        elif self.kind == "exponential":
            rate = self.peak * keras.ops.power(EXPONENTIAL_DECAY, after / self.steps_per_epoch)
        else:
            rate = self.peak + 0.0 * done
        rising = self.peak * (done + 1.0) / (self.warmup + 1.0)
        return keras.ops.where(done < self.warmup, rising, rate)

    def get_config(self) -> dict[str, Any]:
        """Return an empty config: optimizers are never saved with a model."""
        return {}


class WithoutWaiting(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Calls callbacks after a batch with the logs of the batch before, and spares Keras a search.

    Keras gives them the logs of the same batch, and so waits for it. A GPU would then be idle until
    the next batch is prepared. The logs of an epoch are complete.

    On JAX, Keras stores all weights in an attribute of the model after each batch. It looks through
    what is stored for layers and variables, which takes about a millisecond, and finds nothing new.

    Attributes:
        unsearched: what ends when searching begins again; `fit` must be called within it, for
            batches that fail.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unsearched = ExitStack()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Forget the epoch before."""
        self.before: dict[str, Any] | None = None
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Call the callbacks; until the end of the batch nothing is searched."""
        super().on_train_batch_begin(batch, logs)
        self.unsearched.enter_context(DotNotTrackScope())

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """The same in validation."""
        super().on_test_batch_begin(batch, logs)
        self.unsearched.enter_context(DotNotTrackScope())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Call the callbacks; this waits for the batch before, not for this one."""
        self.unsearched.close()
        before = {name: float(value) for name, value in (self.before or {}).items()}
        self.before = logs
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, before)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Call the callbacks without logs, which none of them reads in validation."""
        self.unsearched.close()
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, {})


class StopIfNotFinite(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training with a clear error once the loss is not finite."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Check the mean loss of the epoch so far."""
        self._check("loss", logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Remember the epoch."""
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Check the loss after the last batch, and the validation loss."""
        self._check("loss", logs)
        self._check("val_loss", logs)

    def _check(self, name: str, logs: dict[str, float] | None) -> None:
        value = (logs or {}).get(name, 0.0)
        if not math.isfinite(value):
            raise TrainingError(
                f"the {name} is {value} in epoch {self.epoch + 1}: the training diverged",
                "what usually helps: a lower `training.learning_rate`, `training.clipnorm=1`, "
                "or `model.activation=tanh`",
            )


class AverageWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts the moving averages of the weights in their place; it must come before all others.

    So they are what is validated and saved. `TrainedWeights` ends that, so that the training goes
    on with the weights that it reached.
    """

    def __init__(self) -> None:
        super().__init__()
        self.averaged = False

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Put the averages in place for validation."""
        self.exchange(True)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Put the averages in place where there was no validation."""
        self.exchange(True)

    def exchange(self, averaged: bool) -> None:
        """Let weights and averages change places, if the other ones are in place."""
        if averaged == self.averaged:
            return
        weights = self.model.trainable_variables
        averages = self.model.optimizer._model_variables_moving_average
        for weight, average in zip(weights, averages, strict=True):
            value = np.array(weight)
            weight.assign(average)
            average.assign(value)
        self.averaged = averaged


class TrainedWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends what `AverageWeights` began; it must come after all others but `SaveCheckpoints`."""

    def __init__(self, averages: AverageWeights) -> None:
        super().__init__()
        self.averages = averages

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Put the weights of the last step in place again."""
        self.averages.exchange(False)


class ScoreWhole(keras.callbacks.Callback):  # type: ignore[misc]
    """Scores validation as one sequence, whose state is carried on.

    Keras would begin each window without a past. It must come before callbacks that read scores.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self.dataset = dataset

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add the scores to those of the epoch."""
        task, examples = self.dataset.task, self.dataset.validation
        found = predictions(self.model, examples, task)
        scores = task.scores("val", examples.labels, found)
        scores |= _of_train(self.model, self.dataset)
        if logs is not None:
            logs |= {name: value for name, value in scores.items() if value is not None}


class ScoresOfFirst(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives every process of a training the scores of the first.

    Other processors may compute other last digits, and with them stop at another epoch.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Replace the scores of the epoch."""
        if logs is not None:
            logs |= devices.from_first({name: float(value) for name, value in logs.items()})


def _of_train(model: Any, dataset: Dataset) -> dict[str, float | None]:
    """Return the scores of some decoded training examples, where an epoch has none of its own.

    While it trains, a decoder reads the true tokens, so its share of right ones would flatter it.
    """
    if not dataset.task.decodes:
        return {}
    random = np.random.default_rng(0)
    number = min(len(dataset.train), len(dataset.validation), MOST_OF_TRAIN)
    some = dataset.train.take(random.permutation(len(dataset.train))[:number])
    scores = dataset.task.scores("train", some.labels, predictions(model, some, dataset.task))
    return {
        name.removeprefix("train_"): value for name, value in scores.items() if name != "train_loss"
    }


class WriteHistory(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes a row of history.csv and of timing.csv after each epoch, and logs a line."""

    def __init__(self, run: Run, epochs: int) -> None:
        super().__init__()
        self.run = run
        self.epochs = epochs
        metrics = run.task.epoch_metrics(run.config.training.monitor)
        self.scores = [metric.name for metric in metrics]
        self.rows: list[Row] = []
        self.timing: list[Row] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write and log the results of the epoch; its time includes validation."""
        seconds = time.perf_counter() - self.started
        names = ["loss", *self.scores, "val_loss", *(f"val_{name}" for name in self.scores)]
        reached = {name: float((logs or {})[name]) for name in names}
        rate = learning_rate(self.model.optimizer)
        self.rows.append({"epoch": epoch + 1, **reached, "learning_rate": rate})
        self.timing.append({"epoch": epoch + 1, "seconds": round(seconds, 3)})
        self.run.write_history(self.rows)
        self.run.write_timing(self.timing)
        numbers = "  ".join(
            f"{name} {readable(reached[name])} (val {readable(reached[f'val_{name}'])})"
            for name in ("loss", *self.scores)
        )
        log.info("epoch %d/%d  %s  %.1f s", epoch + 1, self.epochs, numbers, seconds)


def learning_rate(optimizer: Any) -> float:
    """Return the learning rate of the last step."""
    schedule = optimizer._learning_rate
    if isinstance(schedule, Schedule):
        return float(schedule(optimizer.iterations - 1))
    return float(optimizer.learning_rate)


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves the model after each epoch that is better than all before.

    The saved model has the same layers but no optimizer, so the file only contains stock layers
    and opens without seqtrain.
    """

    def __init__(self, run: Run, training: CompleteTrainingConfig) -> None:
        super().__init__()
        self.run = run
        self.training = training
        self.best = math.inf
        self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save the model if the epoch is better."""
        rank = self.training.rank(logs or {})
        if rank < self.best:
            self.best, self.best_epoch = rank, epoch + 1
            save(self.model, self.run)

    def on_interrupt(self) -> None:
        """Save the model in the first epoch, if it has trained at all."""
        if self.model is not None and self.model.optimizer.iterations > 0 and not self.best_epoch:
            save(self.model, self.run)


def save(model: keras.Model, run: Run) -> None:
    """Save a model into a run."""
    with run.task.as_saved(model), replacing(run.model_file) as beside, undated():
        without_optimizer(model).save(beside)


@contextmanager
def undated() -> Iterator[None]:
    """Give the files in archives written in the body the first valid date.

    The bytes then do not depend on the clock, and dates before 1980 or after 2107 are no error.
    """
    names = vars(zipfile)
    clock = names["time"]
    first = (1980, 1, 1, 0, 0, 0)
    replaced = SimpleNamespace(time=clock.time, localtime=lambda *_: first)
    names["time"] = replaced
    try:
        yield
    finally:
        names["time"] = clock


def without_optimizer(model: keras.Model) -> keras.Model:
    """Return an uncompiled model with the same layers."""
    if not isinstance(model, keras.Sequential):
        return keras.Model(model.input, model.output, name=model.name)
    given = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
    return keras.Sequential([given, *model.layers], name=model.name)


class EarlyStopping(keras.callbacks.EarlyStopping):  # type: ignore[misc]
    """Keras's early stopping; the loss breaks ties of the score."""

    def __init__(self, training: CompleteTrainingConfig, stopping: EarlyStoppingConfig) -> None:
        super().__init__(
            training.monitor, stopping.min_delta, stopping.patience, mode=training.mode
        )
        self.training = training
        compare_all_digits(self)

    def get_monitor_value(self, logs: dict[str, float]) -> float:
        """Return the score of an epoch, with the loss in its last digits."""
        return signed_rank(self.training, logs)


class ReduceLROnPlateau(keras.callbacks.ReduceLROnPlateau):  # type: ignore[misc]
    """Keras's plateau schedule; the loss breaks ties of the score."""

    def __init__(self, training: CompleteTrainingConfig) -> None:
        factor, patience = PLATEAU_FACTOR, PLATEAU_PATIENCE
        super().__init__(training.monitor, factor, patience, mode=training.mode, min_delta=0.0)
        self.training = training
        compare_all_digits(self)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Pass the score of an epoch to Keras, with the loss in its last digits."""
        logs = logs or {}
        super().on_epoch_end(epoch, {**logs, self.monitor: signed_rank(self.training, logs)})


def compare_all_digits(callback: Any) -> None:
    """Make a callback of Keras compare scores in float64; Keras rounds them to float32."""
    less = callback.mode == "min"
    callback.monitor_op = operator.lt if less else operator.gt
    callback.min_delta *= -1 if less else 1  # as Keras does where it chooses the comparison


def signed_rank(training: CompleteTrainingConfig, logs: dict[str, float]) -> float:
    """Return the rank of an epoch, with the sign that `training.mode` expects."""
    rank = training.rank(logs)
    return rank if training.mode == "min" else -rank


def of_each_epoch(training: CompleteTrainingConfig, run: Run) -> list[keras.callbacks.Callback]:
    """Return the callbacks that act after each epoch, in their order."""
    chosen = [StopIfNotFinite(), KeepBest(run, training), WriteHistory(run, training.epochs)]
    if training.schedule == "plateau":
        chosen.append(ReduceLROnPlateau(training))
    if training.early_stopping:
        chosen.append(EarlyStopping(training, training.early_stopping))
    return chosen


def optimizer(training: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of the config, with its learning rate and clipping."""
    classes = {name.lower(): item for name, item in vars(keras.optimizers).items()}
    by_callback = training.schedule == "plateau"
    return classes[training.optimizer](
        learning_rate=training.learning_rate
        if by_callback
        else Schedule(training, steps_per_epoch),
        clipnorm=training.clipnorm,
        clipvalue=training.clipvalue,
        use_ema=training.weight_averaging is not None,
        ema_momentum=training.weight_averaging or 0.0,
    )
