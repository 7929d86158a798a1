"""Diagnose why a network may not have learned, from its history and data."""

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
from seqtrain.display.sentences import counted, listed
from seqtrain.runs.run_files import Row
from seqtrain.tasks import Metric

FEW_EXAMPLES = 100  # few test examples; the interval of an accuracy is then up to 0.2 wide
FEW_STEPS = 300
LONG = 50  # steps, over which gradients may vanish
FITTED = 0.1  # share by which a loss must be below that of the constant baseline
MUCH_UNKNOWN = 0.2  # share of unknown words that leaves little to learn from
MUCH_ALIKE = 0.1  # share of the test examples that equal others because of unknown words
MUCH_DROPOUT = 0.5


@dataclass(frozen=True)
class TrainingRecord:
    """The training of a network.

    Attributes:
        training: the section of its config.
        dataset: its dataset.
        rows: its history, a row for each epoch.
        best_epoch: the chosen epoch, from 1.
        config: its whole config, if known; advice never repeats it.
        stopped: whether early stopping ended it, also in the last epoch.
    """

    training: TrainingConfig
    dataset: Dataset
    rows: list[Row]
    best_epoch: int
    config: Config | None = None
    stopped: bool = False

    def follows(self, key: str) -> Any:
        """Return the value of `<section>.<key>` in the config; None if unknown."""
        section, _, name = key.partition(".")
        return getattr(getattr(self.config, section, None), name, None)

    @property
    def learned(self) -> str:
        """What it learns from, in a word."""
        return "text" if self.dataset.task.of_steps else "labels"

    @property
    def improving(self) -> bool:
        """Whether its last epoch was the best."""
        return self.best_epoch == len(self.rows)

    @property
    def side(self) -> str:
        """What the keys of the texts that are read begin with: `source_` in pairs."""
        return "source_" if self.dataset.task.decodes else ""

    @property
    def weighed(self) -> bool:
        """Whether all classes have equal weight."""
        return self.training.class_weight is not None

    @property
    def primary(self) -> Metric:
        """The main metric of each epoch."""
        return self.dataset.task.primary()

    @property
    def judged_by(self) -> tuple[Metric, ...]:
        """The metrics of the verdict, the primary one first."""
        return self.dataset.task.judged_by(self.dataset.train.labels, self.weighed)

    def guessing(self, split: Split) -> float:
        """Return the loss of the constant baseline on a split."""
        of = self.dataset.split(split).labels
        return self.dataset.task.guessing(self.dataset.train.labels, of, self.weighed)

    def fits(self, split: Split) -> bool:
        """Return whether the smallest loss of a split is clearly below the constant baseline."""
        key = "val_loss" if split == "validation" else "loss"
        return min(row[key] for row in self.rows) < (1 - FITTED) * self.guessing(split)

    @property
    def fitted_whole(self) -> bool:
        """Whether it predicts nearly every training example correctly."""
        return self.dataset.task.knows_train(min(self.rows, key=lambda row: row["loss"]))

    @property
    def steps(self) -> int:
        """The number of optimizer steps."""
        return len(self.rows) * math.ceil(len(self.dataset.train) / self.training.batch_size)


def still_improving(trained: TrainingRecord, told: Sequence[str]) -> Iterator[str]:
    """Yield how to continue if the last epoch was the best, unless a cause says so already."""
    epochs = len(trained.rows)
    best = trained.primary.best
    perfect = best is not None and trained.rows[-1].get(f"val_{trained.primary.name}") == best
    known = any(way in cause for cause in told for way in (RESUME, UNSTOPPED, ANEW))
    if trained.improving and not perfect and not known:
        more = _more(trained, 2)
        so = "more may be better" if more.startswith(ANEW) else "the network was still improving"
        yield f"epoch {epochs}, the last one, was the best, so {so}: {more}"


RESUME = "`seqtrain resume --epochs"
UNSTOPPED = "`training.early_stopping=null"
ANEW = "train anew, as the learning rate has fallen to 0: "


def causes(
    trained: TrainingRecord, test_examples: int, apart: bool, simple: Mapping[str, bool]
) -> list[str]:
    """Return likely causes, each with what to try, the likeliest first.

    Args:
        trained: the training of the network.
        test_examples: the number of test examples.
        apart: whether it has learned anything at all, see `Task.shows`.
        simple: whether each linear baseline has; or if the network has, too, whether the baseline
            is better.
    """
    unread = list(_of_unknown_words(trained))
    found = [*unread, *_of_the_data(trained, test_examples)]
    if not trained.fits("train"):
        found += _of_the_fit(trained)
    elif trained.improving and apart:
        found += _of_stopping(trained)
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
    if able := [name for name, learned in simple.items() if learned]:
        learn = f"{listed(able, 'and')} {'learn' if len(able) > 1 else 'learns'}"
        found.append(
            f"{learn} from the same {trained.learned}, so it is the network or its training"
        )
    if apart or unread or any(simple.values()):
        return found
    beside = "".join(f"{name} finds nothing either, so " for name in simple)
    unrelated = "the labels may be shuffled or have nothing to do with the examples"
    return [f"{beside}{unrelated}", *found]


def _of_unknown_words(trained: TrainingRecord) -> Iterator[str]:
    """Yield problems with unknown words in the test examples, which come before other causes."""
    dataset = trained.dataset
    if dataset.vocabulary_size is None:
        return
    share, (_, alike) = unknown(dataset, "test"), shared(dataset.train, dataset.test)
    if share <= MUCH_UNKNOWN and alike <= MUCH_ALIKE * len(dataset.test):
        return
    keys = [f"a larger `dataset.{trained.side}vocabulary_size`"] if full(dataset) else []
    if trained.follows(f"dataset.{trained.side}tokens") == "words":
        keys.insert(0, f"`dataset.{trained.side}tokens=characters`")
    same = f", which makes {alike:,} of the test examples look like one of train" if alike else ""
    advice = f" ({', or '.join(keys)})" if keys else ""
    yield f"{share:.0%} of the words of test are unknown{same}{advice}"


def _of_the_fit(trained: TrainingRecord) -> Iterator[str]:
    """Yield causes if the training loss has not fallen."""
    training, rows = trained.training, trained.rows
    losses, rate = [row["loss"] for row in rows], training.learning_rate
    if trained.steps < FEW_STEPS:
        few = f"of the optimizer {'is' if trained.steps == 1 else 'are'} few"
        yield f"{counted(trained.steps, 'step')} {few} ({_more(trained, 10)})"
    far_off = max(losses) > 1.5 * trained.guessing("train") and trained.steps >= FEW_STEPS
    if far_off or losses[-1] > 1.05 * losses[0]:
        yield f"the learning rate may be too high (`training.learning_rate={rate / 10:g}`)"
    elif trained.steps >= FEW_STEPS:
        yield (
            f"the loss on train hardly fell, from {losses[0]:.4f} to {min(losses):.4f}, so the "
            f"learning rate may be wrong (`training.learning_rate={rate / 10:g}`, `={rate * 10:g}`)"
        )
    lengths = trained.dataset.train.lengths
    steps = trained.dataset.shape[0]
    if lengths is not None:  # padded steps do not count
        steps = min(steps, int(lengths.max()))
    if trained.dataset.task.decodes:
        if steps >= LONG and trained.follows("model.attention") == "none":
            yield f"what counts may be too far back in {steps} steps (`model.attention=dot`)"
    elif steps >= LONG and trained.follows("model.memory_steps") is None:
        gated = trained.follows("model.name") in ("lstm", "bilstm", "gru", "bigru")
        keys = f"{'' if gated else 'model.name=lstm '}model.memory_steps={steps}"
        yield f"what counts may be too far back in {steps} steps (`{keys}`)"


def _more(trained: TrainingRecord, times: int) -> str:
    """Return the command, or keys of the config, that multiply the number of epochs.

    A run that early stopping has ended cannot be resumed, and at the end of a cosine nothing more
    is learned.
    """
    epochs = times * len(trained.rows)
    if not trained.stopped and trained.training.schedule == "cosine":
        return f"{ANEW}`training.epochs={epochs}`"
    if not trained.stopped:
        return f"{RESUME} {epochs}`"
    enough = trained.training.epochs > len(trained.rows)
    return f"{UNSTOPPED}`" if enough else f"{UNSTOPPED} training.epochs={epochs}`"


def _of_stopping(trained: TrainingRecord) -> Iterator[str]:
    """Yield causes if a network was still improving."""
    if trained.improving:
        yield f"the last epoch was the best one ({_more(trained, 2)})"
    else:
        kind = "`model.attention`" if trained.dataset.task.decodes else "`model.name`"
        yield f"the network may be too small, or of the wrong kind (`model.units`, {kind})"


def _of_generalising(trained: TrainingRecord) -> Iterator[str]:
    """Yield causes if a network does not generalise."""
    best = min(trained.rows, key=lambda row: row["loss"])
    metric = trained.dataset.task.loss if trained.dataset.task.decodes else trained.primary
    way = "it memorised the examples" if trained.fitted_whole else "it overfits"
    advice = ["more examples", "fewer `model.units`"]
    if (trained.follows("model.dropout") or 0) < MUCH_DROPOUT:
        advice.append(f"`model.dropout={MUCH_DROPOUT}`")
    yield (
        f"the {metric.title} on train reached {readable(best[metric.name])}, but the loss on "
        f"validation is not better than guessing: {way} ({', '.join(advice)})"
    )


def _of_the_data(trained: TrainingRecord, test_examples: int) -> Iterator[str]:
    dataset, length = trained.dataset, trained.dataset.shape[0]
    if test_examples < FEW_EXAMPLES:
        number = counted(test_examples, f"test {dataset.task.example}")
        yield f"{number} {'is' if test_examples == 1 else 'are'} few to show a difference"
    yield from dataset.task.doubts(dataset.train.labels, trained.weighed)
    lengths = dataset.train.lengths
    if lengths is not None and (cut := float((lengths > length).mean())) > 0.5:
        key = f"`dataset.max_{trained.side}length`"
        yield f"{cut:.0%} of the sequences are cut at {length} steps ({key})"
