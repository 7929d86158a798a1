"""Why a network may not have learned, from what its training shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from seqtrain.artifacts import Row
from seqtrain.config import TrainingConfig
from seqtrain.datasets.dataset import Dataset
from seqtrain.tasks import SCORES, readable

FEW_EXAMPLES = 100  # of test; the interval of an accuracy is then up to 0.2 wide
FEW_STEPS = 300
LONG = 50  # steps, over which gradients may vanish
FITTED = 0.1  # share by which a loss must be below that of guessing
UNEQUAL = 0.8  # share of one class


@dataclass(frozen=True)
class Trained:
    """How a network was trained.

    Attributes:
        training: the section of its config.
        dataset: its data.
        rows: its history, a row for each epoch.
        best_epoch: the epoch that was chosen, from 1.
    """

    training: TrainingConfig
    dataset: Dataset
    rows: list[Row]
    best_epoch: int

    @property
    def shares(self) -> np.ndarray:
        """The share of each class in the training examples."""
        labels = self.dataset.train.labels
        return np.bincount(labels, minlength=len(self.dataset.classes)) / len(labels)

    @property
    def guessing(self) -> float:
        """The loss on train of saying each class as often as it is, in nats; or their mean, 1."""
        if self.dataset.target:
            return 1.0  # the variance of labels on the scale on which they are learned
        if self.training.class_weight:
            return math.log(np.count_nonzero(self.shares))
        present = self.shares[self.shares > 0]
        return float(-(present * np.log(present)).sum())

    def fits(self, key: str) -> bool:
        """Return whether the least loss of a split is clearly below that of guessing."""
        guessing = self.guessing
        if key == "val_loss" and (target := self.dataset.target):
            off = (self.dataset.validation.labels - np.float64(target.mean)) / target.deviation
            guessing = float(np.square(off).mean())
        return min(row[key] for row in self.rows) < (1 - FITTED) * guessing

    @property
    def steps(self) -> int:
        """How often the optimizer has changed the weights."""
        return len(self.rows) * math.ceil(len(self.dataset.train) / self.training.batch_size)


def causes(
    trained: Trained, test_examples: int, apart: bool, simple: Mapping[str, bool]
) -> list[str]:
    """Return likely causes, each with what to try, the likeliest first.

    Args:
        trained: how the network was trained.
        test_examples: how many judged it.
        apart: whether it tells the classes or numbers of the test examples apart at all.
        simple: whether each linear model on the same data does, or where the network does, too,
            whether it does better.

    To tell numbers apart means to be nearer to them than their mean.
    """
    found = list(_of_the_data(trained, test_examples))
    if not trained.fits("loss"):
        found += _of_the_fit(trained)
    elif not trained.fits("val_loss"):
        found += _of_generalising(trained)
    elif apart:
        found += _of_stopping(trained)
    elif not found:
        score = SCORES[trained.dataset.task]
        reached = trained.rows[trained.best_epoch - 1][f"val_{score}"]
        found.append(
            f"the {score} on validation is {readable(reached)}, so the test examples may be of "
            "another kind, or have other labels"
        )
    for name in (name for name, learned in simple.items() if learned):
        found.append(f"{name} learns from the same labels, so it is the network or its training")
    if apart or any(simple.values()):
        return found
    beside = "".join(f"{name} finds nothing either, so " for name in simple)
    unrelated = "the labels may be shuffled or have nothing to do with the examples"
    return [f"{beside}{unrelated}", *found]


def _of_the_fit(trained: Trained) -> Iterator[str]:
    """Yield why the loss of the training examples has not fallen."""
    training, rows = trained.training, trained.rows
    losses, rate = [row["loss"] for row in rows], training.learning_rate
    if trained.steps < FEW_STEPS:
        yield (
            f"{trained.steps:,} steps of the optimizer are few (`seqtrain resume --epochs "
            f"{10 * len(trained.rows)}`)"
        )
    if max(losses) > 1.5 * trained.guessing or losses[-1] > 1.05 * losses[0]:
        yield f"the learning rate may be too high (`training.learning_rate={rate / 10:g}`)"
    elif trained.steps >= FEW_STEPS:
        yield (
            f"the loss on train hardly fell, from {losses[0]:.4f} to {min(losses):.4f}, so the "
            f"learning rate may be wrong (`training.learning_rate={rate / 10:g}`, `={rate * 10:g}`)"
        )
    if (steps := trained.dataset.shape[0]) >= LONG:
        yield (
            f"what counts may be too far back in {steps} steps (`model.name=lstm "
            f"model.memory_steps={steps}`)"
        )


def _of_stopping(trained: Trained) -> Iterator[str]:
    """Yield why a network that learns well has not learned more."""
    epochs = len(trained.rows)
    if trained.best_epoch == epochs:
        yield f"the last epoch was the best one (`seqtrain resume --epochs {2 * epochs}`)"
    else:
        yield "the network may be too small, or of the wrong kind (`model.units`, `model.name`)"


def _of_generalising(trained: Trained) -> Iterator[str]:
    """Yield why what is learned from the training examples does not hold elsewhere."""
    best = min(trained.rows, key=lambda row: row["loss"])
    score = SCORES[trained.dataset.task]
    yield (
        f"the {score} on train reached {readable(best[score])}, but validation is no better than "
        "guessing: it learned the examples by heart (more examples, fewer `model.units`, "
        "`model.dropout=0.5`)"
    )


def _of_the_data(trained: Trained, test_examples: int) -> Iterator[str]:
    dataset, length = trained.dataset, trained.dataset.shape[0]
    if test_examples < FEW_EXAMPLES:
        yield f"{test_examples} test examples are few to show a difference"
    if dataset.classes and (share := trained.shares.max()) > UNEQUAL:
        name = dataset.classes[int(trained.shares.argmax())]
        yield (
            f"{share:.0%} of train is `{name}` (`training.class_weight=balanced`, and look at "
            "roc_auc or at the recall of each class)"
        )
    lengths = dataset.train.lengths
    if lengths is not None and (cut := float((lengths > length).mean())) > 0.5:
        yield f"{cut:.0%} of the sequences are cut at {length} steps (`dataset.max_length`)"
