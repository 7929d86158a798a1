"""The examples of each epoch, in the order in which they are trained on.

Imports Keras, so it comes after `execution.start`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
import numpy as np

from seqtrain.data import inputs
from seqtrain.data.dataset import Examples, cut, real_steps
from seqtrain.data.inputs import Inputs


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Examples in an order that (seed, epoch) alone decides.

    Keras's own shuffling repeats one order in every epoch once a seed is set, so `fit` is
    called with `shuffle=False`.

    With `by_length`, the examples of a pool of batches in a row are sorted by their length before
    they are parted, each batch is cut to its longest example as `cut` has it, and the batches are
    mixed again. A pool is a quarter of an epoch, lest the same examples meet in each, but of at
    least the first and at most the second number of batches in `POOL`.

    Args:
        examples: all that an epoch holds.
        batch_size: the examples of each batch but the last.
        seed: decides the order, with the number of the epoch.
        by_length: put examples of like length into one batch.
        start: batches that are past of the first epoch; there must then be no other.

    Attributes:
        epoch: epochs whose order has been drawn. `CountEpochs` sets it, because Keras draws one
            more on JAX, to learn the shapes.
    """

    POOL = (10, 50)

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        by_length: bool = False,
        start: int = 0,
    ) -> None:
        super().__init__()
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.start = start
        self.whole = math.ceil(len(examples) / batch_size)
        self.x = examples.x
        self.lengths = None
        if by_length and not isinstance(self.x, dict):
            self.lengths = real_steps(self.x)
        self.order = np.arange(len(examples))

    def on_epoch_begin(self) -> None:
        """Draw the order of the next epoch."""
        self.epoch += 1
        random = np.random.default_rng([self.seed, self.epoch])
        self.order = random.permutation(len(self.examples))
        if self.lengths is not None:
            self.order = self._by_length(self.order, self.lengths, random)

    def _by_length(
        self, order: np.ndarray, lengths: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        least, most = self.POOL
        size = min(max(self.whole // 4, least), most) * self.batch_size
        pools = [order[start : start + size] for start in range(0, len(order), size)]
        ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
        whole = len(order) // self.batch_size
        batches = ordered[: whole * self.batch_size].reshape(whole, self.batch_size)
        return np.concatenate(
            [batches[random.permutation(whole)].ravel(), ordered[whole * self.batch_size :]]
        )

    def __len__(self) -> int:
        """Return the number of batches that are left of an epoch, a smaller last one included."""
        return self.whole - self.start

    def __getitem__(self, index: int) -> tuple[Inputs, np.ndarray]:
        """Return x and labels of a batch."""
        first = (self.start + index) * self.batch_size
        batch = self.order[first : first + self.batch_size]
        return self._inputs(batch, batch), self.examples.labels[batch]

    def shape(self, index: int) -> tuple[int, int]:
        """Return how many examples a batch holds, and how many steps of each."""
        first = (self.start + index) * self.batch_size
        batch = self.order[first : first + self.batch_size]
        longest = inputs.arrays(self.x)[0].shape[1]
        return len(batch), min(self._steps(batch) or longest, longest)

    def groups(self, count: int) -> Iterator[tuple[Inputs, np.ndarray]]:
        """Draw an epoch's order, and give its batches, `count` at a time.

        Yields:
            x, shape (batches, batch_size, T, ...), all cut to the longest example among them
            (several inputs are not), and labels, shape (batches, batch_size); a smaller last
            batch is alone.
        """
        self.on_epoch_begin()
        first, ends = self.start * self.batch_size, len(self.order)
        while first < ends:
            batches = min(count, (ends - first) // self.batch_size) or 1
            group = self.order[first : first + batches * self.batch_size]
            first += len(group)
            chosen = group.reshape(batches, -1)
            yield self._inputs(group, chosen), self.examples.labels[chosen]

    def _inputs(self, batch: np.ndarray, chosen: np.ndarray) -> Inputs:
        """Return what is read of the examples of a batch, however their indices are arranged."""
        if isinstance(self.x, dict):
            return inputs.rows(self.x, chosen)
        return self.x[chosen, : self._steps(batch)]

    def _steps(self, batch: np.ndarray) -> int | None:
        """Return how many steps of some examples are computed; None for all."""
        if self.lengths is None:
            return None
        return cut(self.lengths[batch], inputs.arrays(self.x)[0], worthwhile(self.whole))


def worthwhile(batches: int) -> int:
    """Return to how many lengths batches are cut, so that JAX's compiling is worth its time.

    Of n lengths, batches are on average 1 / 2n of the longest example longer than they need be,
    which costs about 1 / n of a step. To compile for one takes as long as 100 steps or so, and
    pays in some ten epochs: 100 n + 10 batches / n is least at n = √(batches / 10).
    """
    return max(1, round(math.sqrt(batches / 10)))


class CountEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells batches which epoch they are of, in a training that may begin with any."""

    def __init__(self, *batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count those that are past."""
        for batches in self.batches:
            batches.epoch = epoch
