"""Logs for TensorBoard, written by Keras's own callback.

Imports Keras, so `execution.start` must come first.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

import keras

from seqtrain.backend import execution
from seqtrain.config import ResolvedConfig
from seqtrain.errors import reason
from seqtrain.runs.folders import TENSORBOARD
from seqtrain.runs.run import Run

log = logging.getLogger(__name__)


def event_logs(config: ResolvedConfig, run: Run) -> list[keras.callbacks.Callback]:
    """Return the callback that writes the logs of a run, if its config asks for them."""
    if not config.training.tensorboard:
        return []
    execution.import_for_tensorboard()
    return [LogEvents(run)]


def _spared(hook: Callable[..., None]) -> Callable[..., None]:
    """Stop the logs, not the training, if a hook of `LogEvents` fails."""

    @functools.wraps(hook)
    def sparing(self: "LogEvents", *arguments: Any, **named: Any) -> None:
        if self.ended:
            return
        try:
            hook(self, *arguments, **named)
        except Exception as error:
            self.ended = True
            log.warning("TensorBoard gets no more of this training: %s", reason(error))

    return sparing


class LogEvents(keras.callbacks.TensorBoard):  # type: ignore[misc]
    """Writes the results of each epoch into `tensorboard/` of a run.

    The events of an epoch are on the disk before its checkpoint, so that a resumed run has the
    events of every epoch. TensorBoard reads the files of a folder in order; an epoch that was
    trained twice has the same point twice.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run.folder / TENSORBOARD, write_graph=False)
        self.ended = False

    @_spared
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the events, and flush them."""
        super().on_epoch_end(epoch, logs)
        self._train_writer.flush()
        self._val_writer.flush()


for _name, _hook in vars(keras.callbacks.TensorBoard).items():
    if _name.startswith(("on_", "set_model")) and _name not in vars(LogEvents):
        setattr(LogEvents, _name, _spared(_hook))
