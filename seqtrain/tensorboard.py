"""Logs of a training that TensorBoard shows, as Keras's own callback writes them.

Imports Keras, so it comes after `execution.start`.
"""

from typing import Any

import keras

from seqtrain.config import Config
from seqtrain.places import TENSORBOARD
from seqtrain.run import Run


def event_logs(config: Config, run: Run) -> list[keras.callbacks.Callback]:
    """Return what writes the logs of a run, if its config asks for them."""
    return [LogEvents(run)] if config.training.tensorboard else []


class LogEvents(keras.callbacks.TensorBoard):  # type: ignore[misc]
    """Writes what each epoch reached into `tensorboard/` of a run.

    What an epoch has written is on the disk before its checkpoint is, so that a run that is cut
    short and goes on has the events of every epoch. TensorBoard reads the files of a folder one
    after another; an epoch that was trained twice has the same point twice.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run.folder / TENSORBOARD, write_graph=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write, and leave nothing in memory."""
        super().on_epoch_end(epoch, logs)
        self._train_writer.flush()
        self._val_writer.flush()
