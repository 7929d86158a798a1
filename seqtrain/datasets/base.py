"""What a dataset is, and what every dataset's section of the config has in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from seqtrain.download import is_ours
from seqtrain.errors import DataError
from seqtrain.parts import End, Part, Seed, Size

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.text import Ragged, Vocabulary

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Examples:
    """Sequences and their labels.

    Attributes:
        x: what the network reads; int32 ids of shape (N, T), or float32 features of
            shape (N, T, F).
        labels: the index of each example's class; int32, shape (N,).
    """

    x: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """Return the number of examples, N."""
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Examples:
        """Return the examples at `indices`, in that order."""
        return Examples(self.x[indices], self.labels[indices])


@dataclass(frozen=True)
class Dataset:
    """Arrays and what is known about them.

    Attributes:
        train: the examples to fit.
        validation: the examples that choose the best epoch.
        test: the examples that judge.
        classes: the name of each class.
        source: the file or package that was read.
        sha256: the hash of what was read.
        vocabulary_size: the number of ids where examples are tokens, else None.
        mask: whether padded steps are hidden from the network.
        vocabulary: the words of the ids, where they are known.
    """

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    source: str
    sha256: str
    vocabulary_size: int | None = None
    mask: bool = False
    vocabulary: Vocabulary | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (T,) for tokens, (T, F) for features."""
        return tuple(self.train.x.shape[1:])

    def split(self, name: Split) -> Examples:
        """Return the examples of a split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


class DatasetConfig(Part):
    """What every dataset's section has; a subclass adds its keys, `name`, and `read`."""

    validation: Annotated[float, Field(gt=0, lt=1)] | Literal["test"] = Field(
        default=0.1,
        description="share of the training examples, taken class by class, that chooses the best "
        "epoch; `test` chooses on the test examples, so their score is optimistic",
    )
    split_seed: Seed = Field(
        default=0, description="decides which examples are taken; `seed` does not"
    )
    limit: int | None = Field(
        default=None, ge=1, description="use only so many training examples; null uses all"
    )

    @abstractmethod
    def read(self, data_dir: Path | None) -> Dataset:
        """Return all examples, with an empty `validation`."""

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the examples and split them.

        Args:
            data_dir: a folder to look for data files in.

        Raises:
            DataError: a file is missing or damaged, or too small for the splits.
        """
        whole = self.read(data_dir)
        if self.validation == "test":
            kept, validation = whole.train, whole.test
        else:
            kept, validation = stratified(whole.train, float(self.validation), self.split_seed)
        if self.limit is not None and self.limit < len(kept):
            _, kept = stratified(kept, self.limit / len(kept), self.split_seed)
        return replace(whole, train=kept, validation=validation)

    def located(self, dataset: Dataset) -> Self:
        """Return the config with the place of the data, if a person said where it is.

        So the config of a run finds them without `--data-dir`.
        """
        given = "path" in type(self).model_fields and not is_ours(dataset.source)
        return self.model_copy(update={"path": dataset.source}) if given else self


class TokenDatasetConfig(DatasetConfig):
    """What every dataset of words has."""

    vocabulary_size: int = Field(
        default=10_000,
        ge=5,
        le=10_000_000,
        description="ids in use: the most frequent words, and 4 for padding, start and "
        "unknown words",
    )
    max_length: Size = Field(default=200, description="tokens that the network reads of each text")
    padding: End = Field(default="post", description="end at which short texts are filled up")
    truncating: End = Field(
        default="pre", description="end at which long texts are cut; `pre` keeps their last words"
    )
    mask: bool = Field(
        default=True, description="hide padding from the network, so that it cannot change a result"
    )

    def encode(self, sequences: Ragged) -> np.ndarray:
        """Return sequences of ids as an array of int32, shape (N, max_length)."""
        from seqtrain.text import pad

        return pad(sequences, self.max_length, self.vocabulary_size, self.padding, self.truncating)


@contextmanager
def reading(file: Path, what: str, expected: str) -> Iterator[None]:
    """Turn whatever goes wrong in reading a file that was given into a `DataError`.

    A damaged file can fail anywhere in zip, zlib, tar, NumPy and the unpickler, with whatever
    exception they have for it.

    Args:
        file: what is read.
        what: what the file should be.
        expected: the forms that can be read, for the hint.
    """
    try:
        yield
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        reason = "it holds pickled Python objects" if "allow_pickle" in reason else reason
        raise DataError(f"{file} is not {what}: {reason}", expected) from error


def empty(like: Examples) -> Examples:
    """Return no examples, of the shape and type of `like`."""
    return Examples(like.x[:0], like.labels[:0])


def stratified(
    examples: Examples, share: float, seed: int, key: str = "dataset.validation"
) -> tuple[Examples, Examples]:
    """Split off a share of the examples, the same share of every class.

    The rounding is that of the largest remainder: the number taken is the nearest to
    `share`, and no class is off by more than one example.

    Args:
        examples: N examples.
        share: between 0 and 1.
        seed: decides which examples are taken.
        key: the config's key that asks for the share.

    Returns:
        The examples that stay and those that were taken, both in their old order.

    Raises:
        DataError: one of the two would be empty.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    counts = np.bincount(examples.labels)
    quotas = counts * share
    taken = np.floor(quotas).astype(int)
    missing = round(len(examples) * share) - taken.sum()
    taken[np.argsort(taken - quotas, kind="stable")[: max(missing, 0)]] += 1
    chosen = np.zeros(len(examples), dtype=bool)
    for label, number in enumerate(taken):
        members = np.flatnonzero(examples.labels == label)
        chosen[random.permutation(members)[:number]] = True
    if not chosen.any() or chosen.all():
        raise DataError(
            f"{len(examples)} examples cannot be split into two parts with a share of {share:.3g}",
            f"use more examples, or another share, such as `{key}=0.2`",
        )
    return examples.take(np.flatnonzero(~chosen)), examples.take(np.flatnonzero(chosen))
