"""Report compiling, which can take longer than an epoch.

Imports Keras, so `execution.start` must come first.
"""

import logging
import threading
import time

import keras

from seqtrain.training.batches import Batches

log = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds of compiling, after which it is reported
LONG = 2  # reports in an epoch; the end of the epoch reports the sum


class TellCompiling(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports slow compiling, and its total time in each epoch.

    JAX compiles for each new shape of batches; TensorFlow traces the network once. It comes
    before callbacks that may raise, so that its timer is always stopped.
    """

    def __init__(self, backend: str, train: Batches, validation: Batches) -> None:
        super().__init__()
        self.on_jax = backend == "jax"
        self.batches = {"training": train, "validation": validation}
        self.seen: dict[str, set[tuple[int, int]]] = {"training": set(), "validation": set()}
        self.seconds = 0.0
        self.clock: threading.Timer | None = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Start the timer if a batch has a new shape."""
        self._begin("training", batch)

    def on_test_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Start the timer in validation."""
        self._begin("validation", batch)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock."""
        self._end()

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock."""
        self._end()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report how much of the epoch was compiling."""
        if self.seconds > LONG * PATIENCE:
            done = "compiling, which JAX keeps for later runs" if self.on_jax else "tracing"
            log.info("%.0f s of epoch %d went into %s", self.seconds, epoch + 1, done)
        self.seconds = 0.0

    def _begin(self, part: str, batch: int) -> None:
        batches, seen = self.batches[part], self.seen[part]
        shape = batches.shape(batch) if self.on_jax else (0, 0)
        if shape in seen:
            return
        seen.add(shape)
        self.started = time.perf_counter()
        self.clock = threading.Timer(PATIENCE, self._tell, (part, shape, len(seen)))
        self.clock.daemon = True
        self.clock.start()

    def _end(self) -> None:
        if self.clock:
            self.clock.cancel()
            self.clock = None
            self.seconds += time.perf_counter() - self.started

    def _tell(self, part: str, shape: tuple[int, int], number: int) -> None:
        if not self.on_jax:
            log.info("tracing the network for %s (TensorFlow; once in each run)", part)
            return
        batches = self.batches[part]
        every = len({batches.shape(batch) for batch in range(len(batches))} | self.seen[part])
        log.info(
            "compiling %s for %d sequences of %d steps, %d of %d (JAX keeps it for later runs)",
            *(part, *shape, number, every),
        )
