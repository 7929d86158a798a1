"""Why a network may not have learned, from what its training shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.config import Config, TrainingConfig
from seqtrain.data.dataset import Dataset, Split
from seqtrain.data.overlap import shared
from seqtrain.data.unknown_words import full, unknown
from seqtrain.display.numbers import readable
from seqtrain.runs.run_files import Row
from seqtrain.tasks import Metric

FEW_EXAMPLES = 100  # of test; the interval of an accuracy is then up to 0.2 wide
FEW_STEPS = 300
LONG = 50  # steps, over which gradients may vanish
FITTED = 0.1  # share by which a loss must be below that of guessing
MUCH_UNKNOWN = 0.2  # share of the words; of so many a text has little left to learn from
MUCH_ALIKE = 0.1  # share of the test examples that unknown words make equal to others
MUCH_DROPOUT = 0.5


@dataclass(frozen=True)
class TrainingRecord:
    """How a network was trained.

    Attributes:
        training: the section of its config.
        dataset: its data.
        rows: its history, a row for each epoch.
        best_epoch: the epoch that was chosen, from 1.
        config: all of its config, where it is known; no advice repeats what it says.
    """

    training: TrainingConfig
    dataset: Dataset
    rows: list[Row]
    best_epoch: int
    config: Config | None = None

    def follows(self, key: str) -> Any:
        """Return the value of `<section>.<key>` in the config; None where it is not known."""
        section, _, name = key.partition(".")
        return getattr(getattr(self.config, section, None), name, None)

    @property
    def weighed(self) -> bool:
        """Whether all classes count alike, however many examples they have."""
        return self.training.class_weight is not None

    @property
    def primary(self) -> Metric:
        """The metric of each epoch that stands beside the loss."""
        return self.dataset.task.primary()

    @property
    def judged_by(self) -> tuple[Metric, ...]:
        """The metrics of which one at least must show that it has learned, the first one first."""
        return self.dataset.task.judged_by(self.dataset.train.labels, self.weighed)

    def guessing(self, split: Split) -> float:
        """Return the loss on a split of the model that reads nothing."""
        of = self.dataset.split(split).labels
        return self.dataset.task.guessing(self.dataset.train.labels, of, self.weighed)

    def fits(self, split: Split) -> bool:
        """Return whether the least loss of a split is clearly below that of guessing."""
        key = "val_loss" if split == "validation" else "loss"
        return min(row[key] for row in self.rows) < (1 - FITTED) * self.guessing(split)

    @property
    def fitted_whole(self) -> bool:
        """Whether it predicts nearly every training example rightly."""
        return self.dataset.task.knows_train(min(self.rows, key=lambda row: row["loss"]))

    @property
    def stopped_early(self) -> bool:
        """Whether early stopping ended it."""
        return self.training.early_stopping is not None and len(self.rows) < self.training.epochs

    @property
    def steps(self) -> int:
        """How often the optimizer has changed the weights."""
        return len(self.rows) * math.ceil(len(self.dataset.train) / self.training.batch_size)


def still_improving(trained: TrainingRecord, told: Sequence[str]) -> Iterator[str]:
    """Yield how to go on where the last epoch was the best, unless a cause says so already."""
    epochs = len(trained.rows)
    best = trained.primary.best
    perfect = best is not None and trained.rows[-1].get(f"val_{trained.primary.name}") == best
    if trained.best_epoch == epochs and not perfect and not any(RESUME in cause for cause in told):
        yield (
            f"epoch {epochs}, the last one, was the best, so the network was still improving: "
            f"{RESUME} {2 * epochs}`"
        )


RESUME = "`seqtrain resume --epochs"


def causes(
    trained: TrainingRecord, test_examples: int, apart: bool, simple: Mapping[str, bool]
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
    unread = list(_of_unknown_words(trained))
    found = [*unread, *_of_the_data(trained, test_examples)]
    if not trained.fits("train"):
        found += _of_the_fit(trained)
    elif not trained.fits("validation"):
        found += _of_generalising(trained)
    elif apart:
        found += _of_stopping(trained)
    elif not found:
        score = trained.primary.name
        reached = trained.rows[trained.best_epoch - 1][f"val_{score}"]
        found.append(
            f"the {trained.primary.title} on validation is {readable(reached)}, so the test "
            "examples may be of another kind, or have other labels"
        )
    for name in (name for name, learned in simple.items() if learned):
        found.append(f"{name} learns from the same labels, so it is the network or its training")
    if apart or unread or any(simple.values()):
        return found
    beside = "".join(f"{name} finds nothing either, so " for name in simple)
    unrelated = "the labels may be shuffled or have nothing to do with the examples"
    return [f"{beside}{unrelated}", *found]


def _of_unknown_words(trained: TrainingRecord) -> Iterator[str]:
    """Yield what the network cannot read of the test examples, before anything else is doubted."""
    dataset = trained.dataset
    if dataset.vocabulary_size is None:
        return
    share, (_, alike) = unknown(dataset, "test"), shared(dataset.train, dataset.test)
    if share <= MUCH_UNKNOWN and alike <= MUCH_ALIKE * len(dataset.test):
        return
    keys = ["a larger `dataset.vocabulary_size`"] if full(dataset) else []
    if trained.follows("dataset.tokens") == "words":
        keys.insert(0, "`dataset.tokens=characters`")
    same = f", which makes {alike:,} of the test examples look like one of train" if alike else ""
    advice = f" ({', or '.join(keys)})" if keys else ""
    yield f"{share:.0%} of the words of test are unknown{same}{advice}"


def _of_the_fit(trained: TrainingRecord) -> Iterator[str]:
    """Yield why the loss of the training examples has not fallen."""
    training, rows = trained.training, trained.rows
    losses, rate = [row["loss"] for row in rows], training.learning_rate
    if trained.steps < FEW_STEPS:
        yield f"{trained.steps:,} steps of the optimizer are few ({_more(trained, 10)})"
    if max(losses) > 1.5 * trained.guessing("train") or losses[-1] > 1.05 * losses[0]:
        yield f"the learning rate may be too high (`training.learning_rate={rate / 10:g}`)"
    elif trained.steps >= FEW_STEPS:
        yield (
            f"the loss on train hardly fell, from {losses[0]:.4f} to {min(losses):.4f}, so the "
            f"learning rate may be wrong (`training.learning_rate={rate / 10:g}`, `={rate * 10:g}`)"
        )
    lengths = trained.dataset.train.lengths
    steps = trained.dataset.shape[0]
    if lengths is not None:  # what is filled up is not far to go back
        steps = min(steps, int(lengths.max()))
    if steps >= LONG and trained.follows("model.memory_steps") is None:
        yield (
            f"what counts may be too far back in {steps} steps (`model.name=lstm "
            f"model.memory_steps={steps}`)"
        )


def _more(trained: TrainingRecord, times: int) -> str:
    """Return what lets it train so many times as many epochs."""
    if trained.stopped_early:
        return "`training.early_stopping=null`"
    return f"{RESUME} {times * len(trained.rows)}`"


def _of_stopping(trained: TrainingRecord) -> Iterator[str]:
    """Yield why a network that learns well has not learned more."""
    if trained.best_epoch == len(trained.rows):
        yield f"the last epoch was the best one ({_more(trained, 2)})"
    else:
        yield "the network may be too small, or of the wrong kind (`model.units`, `model.name`)"


def _of_generalising(trained: TrainingRecord) -> Iterator[str]:
    """Yield why what is learned from the training examples does not hold elsewhere."""
    best = min(trained.rows, key=lambda row: row["loss"])
    metric = trained.primary
    way = "it learned the examples by heart" if trained.fitted_whole else "it overfits"
    advice = ["more examples", "fewer `model.units`"]
    if (trained.follows("model.dropout") or 0) < MUCH_DROPOUT:
        advice.append(f"`model.dropout={MUCH_DROPOUT}`")
    yield (
        f"the {metric.title} on train reached {readable(best[metric.name])}, but the loss on "
        f"validation is no better than that of guessing: {way} ({', '.join(advice)})"
    )


def _of_the_data(trained: TrainingRecord, test_examples: int) -> Iterator[str]:
    dataset, length = trained.dataset, trained.dataset.shape[0]
    if test_examples < FEW_EXAMPLES:
        yield f"{test_examples} test examples are few to show a difference"
    yield from dataset.task.doubts(dataset.train.labels, trained.weighed)
    lengths = dataset.train.lengths
    if lengths is not None and (cut := float((lengths > length).mean())) > 0.5:
        yield f"{cut:.0%} of the sequences are cut at {length} steps (`dataset.max_length`)"
