"""The progress bar of a training on a terminal; imports Keras."""

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from seqtrain.display.numbers import readable


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the epoch, the loss so far and the remaining time of the training."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[reached]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start counting; a resumed training does not start at epoch 1."""
        self.steps = self.params["steps"]
        self.before: int | None = None
        self.task = self.bar.add_task("", total=None, epoch=1, reached="")

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count the epoch."""
        if self.before is None:
            self.before = epoch
            self.bar.update(self.task, total=(self.params["epochs"] - epoch) * self.steps)
        self.done = (epoch - self.before) * self.steps
        self.bar.update(self.task, epoch=epoch + 1, completed=self.done)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar; `batch` is the last of the batches of one call."""
        reached = "  ".join(f"{name} {readable(value)}" for name, value in (logs or {}).items())
        self.bar.update(
            self.task, completed=self.done + min(batch + 1, self.steps), reached=reached
        )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Remove the bar; the test examples are evaluated next."""
        self.bar.remove_task(self.task)
