"""The batches of each epoch, in a reproducible order.

Imports Keras, so `execution.start` must come first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import keras
import numpy as np

from seqtrain.data import inputs
from seqtrain.data.dataset import Examples, cut, real_steps
from seqtrain.data.inputs import Inputs

ROUNDING = 1e-9  # of a share of steps, which is rounded up


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches in an order that only depends on the seed and the epoch.

    With a seed, Keras's own shuffling repeats the same order in every epoch. So `fit` is called
    with `shuffle=False`.

    With `by_length`, the examples of a pool of consecutive batches are sorted by length before
    they are split into batches. Each batch is cut to its longest example, see `cut`, and the
    batches are shuffled again. A pool is a quarter of an epoch, so that different examples meet in
    each epoch; its number of batches is between the two numbers in `POOL`.

    Args:
        examples: the examples of an epoch.
        batch_size: the number of examples in each batch except the last.
        seed: decides the order, with the number of the epoch.
        by_length: put examples of similar length into one batch.
        start: the number of batches to skip in the first epoch, which must then be the only one.

    Attributes:
        epoch: the number of epochs whose order has been drawn. `CountEpochs` sets it, because
            Keras on JAX draws one more epoch to learn the shapes.
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
        self.x, self.labels = examples.x, examples.labels
        self.lengths = None
        if by_length and isinstance(self.x, dict):
            self.lengths = _common_steps(self.x)
        elif by_length:
            self.lengths = real_steps(examples.first)
        self.order = np.arange(len(examples))

    def on_epoch_begin(self) -> None:
        """Draw the order of the next epoch, and for a text where its windows begin."""
        self.epoch += 1
        random = np.random.default_rng([self.seed, self.epoch])
        self.order = random.permutation(len(self.examples))
        if self.lengths is not None:
            self.order = self._by_length(self.order, self.lengths, random)
        drawn = self.examples.drawn(random)
        self.x, self.labels = drawn.x, drawn.labels

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
        """Return the number of remaining batches in an epoch, with a smaller last one."""
        return self.whole - self.start

    def __getitem__(self, index: int) -> tuple[Inputs, np.ndarray]:
        """Return x and labels of a batch."""
        first = (self.start + index) * self.batch_size
        batch = self.order[first : first + self.batch_size]
        return self._inputs(batch, batch), self._labels(batch, batch)

    def shape(self, index: int) -> tuple[int, int]:
        """Return the number of examples in a batch, and of their steps."""
        first = (self.start + index) * self.batch_size
        batch = self.order[first : first + self.batch_size]
        longest = inputs.arrays(self.x)[0].shape[1]  # of several inputs the share that is read
        return len(batch), min(self._steps(batch) or longest, longest)

    def groups(self, count: int) -> Iterator[tuple[Inputs, np.ndarray]]:
        """Draw the order of an epoch, and yield its batches in groups of `count`.

        Yields:
            x, shape (batches, batch_size, T, ...), cut to the longest example of the group (dicts
            of inputs are not cut), and labels, shape (batches, batch_size); a smaller last
            batch is a group of its own.
        """
        self.on_epoch_begin()
        first, ends = self.start * self.batch_size, len(self.order)
        while first < ends:
            batches = min(count, (ends - first) // self.batch_size) or 1
            group = self.order[first : first + batches * self.batch_size]
            first += len(group)
            chosen = group.reshape(batches, -1)
            yield self._inputs(group, chosen), self._labels(group, chosen)

    def _inputs(self, batch: np.ndarray, chosen: np.ndarray) -> Inputs:
        """Return the inputs at indices of any shape."""
        if not isinstance(self.x, dict):
            return np.asarray(self.x[chosen, : self._steps(batch)])
        if self.lengths is None:
            return inputs.rows(self.x, chosen)
        share = self._share(batch)
        return {name: ids[chosen, : _steps_of(ids, share)] for name, ids in self.x.items()}

    def _labels(self, batch: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return the labels at indices of any shape, cut like the inputs if each step has one."""
        if self.lengths is None or not isinstance(self.x, dict):
            return np.asarray(self.labels[chosen])
        steps = _steps_of(self.labels, self._share(batch))
        return np.asarray(self.labels[chosen, :steps])

    def _share(self, batch: np.ndarray) -> float:
        """Return the share of the steps of each named input that some examples need."""
        steps = self._steps(batch) or 1
        return float(steps / inputs.arrays(self.x)[0].shape[1])

    def _steps(self, batch: np.ndarray) -> int | None:
        """Return to how many steps some examples are cut; None for no cut."""
        if self.lengths is None:
            return None
        return cut(self.lengths[batch], inputs.arrays(self.x)[0], worthwhile(self.whole))


def read_by(model: keras.Model, examples: Examples) -> Examples:
    """Return examples with the named inputs that a network reads, if they have several."""
    if not isinstance(examples.x, dict):
        return examples
    names = {one.name for one in model.inputs}
    return replace(examples, x={name: examples.x[name] for name in examples.x if name in names})


def _common_steps(x: dict[str, np.ndarray]) -> np.ndarray:
    """Return to how many steps of the first input each example can be cut; int64, shape (N,).

    Other inputs are cut to the same share of their steps, so that there are few different shapes.
    """
    first = inputs.arrays(x)[0].shape[1]
    shares = [real_steps(ids) / ids.shape[1] for ids in inputs.arrays(x)]
    return np.asarray(np.ceil(np.max(shares, axis=0) * first - ROUNDING), np.int64)


def _steps_of(ids: np.ndarray, share: float) -> int:
    """Return a share of the steps of ids of shape (N, T), rounded up."""
    steps = int(ids.shape[1])
    return min(math.ceil(share * steps - ROUNDING), steps)


def worthwhile(batches: int) -> int:
    """Return the best number of different batch lengths, as JAX compiles for each.

    With n lengths, a batch is on average 1 / 2n of the longest example too long, which costs about
    1 / n of a step. Compiling for one length takes about 100 steps. Over ten epochs the cost
    100 n + 10 batches / n is smallest at n = √(batches / 10).
    """
    return max(1, round(math.sqrt(batches / 10)))


class CountEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the epoch of the batches; a resumed training starts at any epoch."""

    def __init__(self, *batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the number of past epochs."""
        for batches in self.batches:
            batches.epoch = epoch
