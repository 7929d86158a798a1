"""A dataset: its examples, and everything known about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from seqtrain.data import inputs
from seqtrain.data.scaling import Scaling
from seqtrain.errors import DataError
from seqtrain.schema.sections import End

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.inputs import Inputs
    from seqtrain.data.time_series import SeriesData
    from seqtrain.data.vocabulary import Vocabulary
    from seqtrain.tasks.base import Task
    from seqtrain.tasks.labelled_task import LabelledTask

MASK_VALUE = -1e30  # of every feature of a padded step
LENGTHS = 8  # steps to which batches are cut
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Examples:
    """Sequences and their labels.

    Attributes:
        x: the inputs of the network: int32 ids of shape (N, T), or float32 features of
            shape (N, T, F); or a dict of such arrays, by the names of the inputs.
        labels: for classification the index of each example's class, int32; for regression its
            number as written, float64; for forecasting the next values, see `labels_type` there;
            shape (N,).
        lengths: the steps of each example before it was cut or padded to T, if they
            differ; int64, shape (N,).
    """

    x: Inputs
    labels: np.ndarray
    lengths: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of examples, N."""
        return len(self.labels)

    @property
    def first(self) -> np.ndarray:
        """The only input, or the first of several by name."""
        return inputs.arrays(self.x)[0]

    def take(self, indices: np.ndarray) -> Examples:
        """Return the examples at `indices`, in that order."""
        lengths = None if self.lengths is None else self.lengths[indices]
        return Examples(inputs.rows(self.x, indices), self.labels[indices], lengths)

    def fingerprints(self) -> np.ndarray:
        """Return a hash of the inputs of each example; uint64, shape (N,)."""
        return inputs.fingerprints(self.x)

    def drawn(self, random: np.random.Generator) -> Examples:
        """Return the examples of an epoch: these, or windows that begin elsewhere in a text."""
        return self

    @property
    def scored(self) -> int:
        """The number of examples of `whole`."""
        return len(self)

    def whole(self) -> Examples:
        """Return the examples as they are scored: these, or a text as a single sequence."""
        return self


@dataclass(frozen=True)
class Fitted:
    """What was fitted on the training examples and is needed to read new ones.

    Attributes:
        task: the fitted task.
        vocabulary: the tokens of the ids, if examples are tokens and these are known.
        scaling: mean and standard deviation of the features, if they are standardised.
    """

    task: Task
    vocabulary: Vocabulary | None = None
    scaling: Scaling | None = None

    def reads_as(self, other: Fitted) -> bool:
        """Return whether both read new examples and their labels in the same way."""
        task = self.task.reads_as(other.task)
        return task and replace(self, task=other.task) == other


@dataclass(frozen=True)
class NewExamples:
    """New examples for a trained network.

    Attributes:
        x: the inputs of the network, of shape (N, T) or (N, T, F).
        texts: the texts as given, if they are texts.
        labels: the label of each example as written, if known.
        label_key: the name of the label column in their file.
        lines: the first line of each example, if they come from lines.
    """

    x: np.ndarray
    texts: list[str] | None = None
    labels: list[str] | None = None
    label_key: str = "label"
    lines: Sequence[int] | None = None

    def labelled(self) -> NewExamples:
        """Return the examples that have a label; all of them if none has."""
        import numpy as np

        rows = [row for row, label in enumerate(self.labels or ()) if label]
        if self.labels is None or len(rows) in (0, len(self.labels)):
            return self
        return replace(
            self,
            x=self.x[np.array(rows)],
            texts=[self.texts[row] for row in rows] if self.texts else None,
            labels=[self.labels[row] for row in rows],
            lines=[self.lines[row] for row in rows] if self.lines else None,
        )

    def truth(self, file: Path, task: LabelledTask) -> np.ndarray:
        """Return the labels, encoded as in `Examples`.

        Raises:
            DataError: an example has no label, or one that the network does not know.
        """
        if self.labels is None:
            raise DataError(f"{file} has no `{self.label_key}` to compare with", task.allowed)

        def place(row: int) -> str:
            return f"{file}:{self.lines[row]}" if self.lines else f"{file}: example {row + 1}"

        return task.truth(self.labels, place)


class Shaped(Protocol):
    """The properties of a dataset that decide the size of a network and of a batch."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (T,) for tokens, (T, F) for features."""

    @property
    def vocabulary_size(self) -> int | None:
        """The number of ids where examples are tokens."""

    @property
    def others(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs beside the first, by name."""

    @property
    def embedded(self) -> Mapping[str, tuple[int, int]]:
        """The number of ids and the length of their vectors, of inputs that are ids, by name."""

    @property
    def outputs(self) -> int:
        """The size of the output of a model for one example."""

    @property
    def tokens(self) -> str:
        """The tokens of the texts: `words`, `characters` or `subwords`."""

    @property
    def examples(self) -> int:
        """The number of training examples."""


@dataclass(frozen=True)
class Outline:
    """Lower bounds of a dataset's sizes, known before it is loaded."""

    shape: tuple[int, ...] = (1, 1)
    vocabulary_size: int | None = None
    outputs: int = 1
    tokens: str = "words"
    examples: int = 1
    others: dict[str, tuple[int, ...]] = field(default_factory=dict)
    embedded: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Examples in three splits, and everything known about them.

    Attributes:
        train: the examples that fit the network.
        validation: the examples that choose the best epoch.
        test: the examples for the final scores.
        task: classification, regression, or another task.
        source: the file or package that was read.
        sha256: the hash of its content.
        vocabulary_size: the number of ids if examples are tokens, else None.
        mask: whether padded steps are hidden from the network.
        padding: the end at which short examples are padded.
        vocabulary: the tokens of the ids, if known.
        scaling: mean and standard deviation of the features, if they were standardised.
        originals: returns the texts of test examples as written, by their indices.
        dropped: the share of characters in no token, if it was counted.
        series: the time series, if the examples are windows of them.
        embedded: the inputs that are ids: the number of ids, and the length of the vector that
            the network learns for each; by name.
        decided: the keys of the dataset's section that the data decided.
        optimum: the logarithm of the true probability of each label of test, if it is generated.
    """

    train: Examples
    validation: Examples
    test: Examples
    task: Task
    source: str
    sha256: str
    vocabulary_size: int | None = None
    mask: bool = False
    padding: End = "post"
    vocabulary: Vocabulary | None = None
    scaling: Scaling | None = None
    originals: Callable[[np.ndarray], list[str]] | None = None
    dropped: float = 0.0
    series: SeriesData | None = None
    embedded: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    decided: Mapping[str, Any] = field(default_factory=dict)
    optimum: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example; with several inputs, that of the first by name."""
        return tuple(self.train.first.shape[1:])

    @property
    def compared_by(self) -> str:
        """The hash of the data by which runs are compared: of series without their covariates."""
        return self.series.of_values if self.series else self.sha256

    @property
    def others(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs beside the first, by name; none if there is only one."""
        x = self.train.x
        shapes = {name: x[name].shape[1:] for name in sorted(x)} if isinstance(x, dict) else {}
        return dict([*shapes.items()][1:])

    @property
    def outputs(self) -> int:
        """The size of the output of a model for one example."""
        return self.task.outputs

    @property
    def tokens(self) -> str:
        """The tokens of the texts: `words`, `characters`, `subwords` or `symbols`."""
        return self.vocabulary.tokeniser.kind if self.vocabulary else "words"

    @property
    def examples(self) -> int:
        """The number of training examples."""
        return len(self.train)

    @property
    def fitted(self) -> Fitted:
        """Everything needed to read new examples."""
        return Fitted(self.task, self.vocabulary, self.scaling)

    def split(self, name: Split) -> Examples:
        """Return the examples of a split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    def apart(self) -> Dataset:
        """Return the dataset without repeated examples across splits.

        Train loses the examples of validation and test; validation loses those of test.
        """
        import numpy as np

        train, validation, test = (
            part.fingerprints() for part in (self.train, self.validation, self.test)
        )
        held = np.union1d(validation, test)
        apart = replace(self, train=self.train.take(np.flatnonzero(~np.isin(train, held))))
        if self.validation is self.test:
            return apart
        left = np.flatnonzero(~np.isin(validation, test))
        return replace(apart, validation=self.validation.take(left))

    def with_fitted_task(self) -> Dataset:
        """Return the dataset with its task fitted on the training labels."""
        return replace(self, task=self.task.fit(self.train.labels, self.source))

    def learned_split(self, name: Split) -> Examples:
        """Return a split with its labels encoded for the loss."""
        part = self.split(name)
        return replace(part, labels=self.task.learned(part.labels))

    def repeated(self) -> int:
        """Return how many test examples also stand in train, so that they can be memorised."""
        from seqtrain.data.overlap import shared

        return shared(self.train, self.test)[0]


def real_steps(x: np.ndarray) -> np.ndarray:
    """Return how many steps of each example are not padding; int64, shape (N,).

    Args:
        x: ids of shape (N, T), or features of shape (N, T, F), padded at the end.
    """
    import numpy as np

    return np.asarray(real(x).sum(axis=1))


def cut(steps: np.ndarray, x: np.ndarray, lengths: int = LENGTHS) -> int:
    """Return the number of steps to cut a batch to: one of a few, as JAX compiles for each.

    Args:
        steps: how many steps of each example are not padding.
        x: the examples of the split, shape (N, T) or (N, T, F).
        lengths: how many different results there may be, at most `LENGTHS`.
    """
    unit = math.ceil(int(x.shape[1]) / min(lengths, LENGTHS))
    return math.ceil(int(steps.max()) / unit) * unit


def real(x: np.ndarray) -> np.ndarray:
    """Return which steps of each example are not padding; bool, shape (N, T)."""
    import numpy as np

    return np.asarray(x != 0 if x.ndim == 2 else x[:, :, 0] != MASK_VALUE)


def empty(like: Examples) -> Examples:
    """Return an empty split with the shapes and types of `like`."""
    import numpy as np

    return like.take(np.arange(0))


def stratified(
    strata: np.ndarray, share: float, seed: int, key: str = "dataset.validation"
) -> tuple[np.ndarray, np.ndarray]:
    """Split off a share of N examples, the same share of every stratum.

    It rounds by the largest remainder: the total is as close to `share` as possible, and no
    stratum is off by more than one example.

    Args:
        strata: int of shape (N,), see `Task.strata`.
        share: between 0 and 1.
        seed: decides which examples are taken.
        key: the config's key that asks for the share.

    Returns:
        The indices of the examples that stay and of those that are taken, both in order.

    Raises:
        DataError: one of the two would be empty.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    counts = np.bincount(strata)
    quotas = counts * share
    taken = np.floor(quotas).astype(int)
    missing = round(len(strata) * share) - taken.sum()
    taken[np.argsort(taken - quotas, kind="stable")[: max(missing, 0)]] += 1
    chosen = np.zeros(len(strata), dtype=bool)
    for stratum, number in enumerate(taken):
        members = np.flatnonzero(strata == stratum)
        chosen[random.permutation(members)[:number]] = True
    if not chosen.any() or chosen.all():
        raise DataError(
            f"{len(strata)} examples cannot be split into two parts with a share of {share:.3g}",
            f"use more examples, or another share, such as `{key}=0.5`",
        )
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
