"""What the sections of all datasets share."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from seqtrain import memory
from seqtrain.data.dataset import Dataset, Examples, Fitted, NewExamples, Outline, stratified
from seqtrain.errors import DataError, reason
from seqtrain.io import npz
from seqtrain.io.download import is_ours
from seqtrain.io.text_file import told
from seqtrain.schema.sections import Count, End, Ids, Part, Seed, Share, Size
from seqtrain.tasks import Classification, Task

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.pair_encoding import SourceReader
    from seqtrain.data.vocabulary import Ragged

ID = 4  # bytes

log = logging.getLogger(__name__)


class DatasetConfig(Part):
    """What every dataset can do; a subclass adds `name` and its keys."""

    def new_task(self) -> Task:
        """Return the unfitted task; a dataset may override it."""
        return Classification()

    def outline(self) -> Outline:
        """Return what is known from the config alone."""
        return Outline()

    def check_memory(self) -> None:
        """Check that the memory suffices for generated data.

        Raises:
            ConfigError: it does not.
        """

    @abstractmethod
    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the examples and split them.

        Args:
            data_dir: a folder to look for data files in.

        Raises:
            DataError: a file is missing or damaged, or too small for the splits.
        """

    @abstractmethod
    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Read new examples from a file, for prediction or evaluation.

        Raises:
            DataError: the file is missing, damaged, or does not fit the network.
        """

    def encode_texts(self, texts: Sequence[str], fitted: Fitted) -> NewExamples:
        """Encode texts as inputs of the network.

        Raises:
            DataError: the network does not read texts, or its vocabulary is unknown.
        """
        hint = "give examples as arrays: `seqtrain predict RUN --data FILE.npz`"
        raise DataError(f"a network trained on `{self.name}` reads no texts", hint)

    def encode_sequences(self, sequences: Sequence[np.ndarray], fitted: Fitted) -> NewExamples:
        """Turn sequences of numbers, as the files of the data hold them, into inputs.

        Args:
            sequences: float64, each of shape (T, F), or (T,) for one feature.
            fitted: of the run.

        Raises:
            DataError: the network reads no numbers, or these do not fit it.
        """
        raise DataError(f"a network trained on `{self.name}` reads no sequences of numbers")

    @property
    def chooses_on_test(self) -> bool:
        """Whether the test examples choose the best epoch."""
        return False

    @property
    def hides_padding_at_the_end(self) -> bool:
        """Whether short examples are padded at the end and the padding is masked."""
        return False

    def in_training(self, examples: Examples) -> Examples:
        """Return training examples in the form in which their epochs are drawn."""
        return examples

    def embedded(self, task: Task) -> dict[str, tuple[int, int]]:
        """Return the inputs that are ids, as `Dataset.embedded` does."""
        return {}

    @property
    def holds_series(self) -> bool:
        """Whether examples are windows of time series."""
        return False

    @property
    def holds_tokens(self) -> bool:
        """Whether the steps of an example are tokens: words, characters or others."""
        return False

    @property
    def writes_text(self) -> bool:
        """Whether a network learns to go on with a text."""
        return False

    @property
    def holds_pairs(self) -> bool:
        """Whether a network learns to turn one sequence into another."""
        return False

    def reader(self, fitted: Fitted) -> SourceReader:
        """Return how a trained network reads the sources that it translates.

        Raises:
            DataError: it does not translate.
        """
        raise DataError(f"a network trained on `{self.name}` does not translate")

    def paired(self, file: Path, fitted: Fitted) -> Examples:
        """Read pairs from a file, to judge a network by them.

        Raises:
            DataError: the network does not translate, or the file has no pairs.
        """
        raise DataError(f"a network trained on `{self.name}` does not translate")

    @property
    def reads_rows(self) -> bool:
        """Whether an example is an image with one row for each step."""
        return False

    @property
    def full_pixel(self) -> float:
        """The value of a pixel that is drawn, in the files of a dataset that `reads_rows`."""
        return 1.0

    def located(self, dataset: Dataset) -> Self:
        """Return the config with the path of the data, if the user named a folder.

        So the config of a run finds them without `--data-dir`. A dataset also adds keys that it
        inferred from the data.
        """
        given = "path" in type(self).model_fields and not is_ours(dataset.source)
        return self.model_copy(update={"path": dataset.source}) if given else self


class DrawnConfig(DatasetConfig):
    """The keys of every dataset whose examples are drawn into the splits."""

    validation: Share | Literal["test"] = Field(
        default=0.1,
        description="share of the training examples (the same share of each class) that chooses "
        "the best epoch; `test` chooses on the test examples, so their score is optimistic",
    )
    split_seed: Seed = Field(
        default=0, description="seed of the split; `seed` does not change the split"
    )
    limit: Count | None = Field(
        default=None, description="number of training examples to use; null uses all"
    )
    drop_repeated: bool = Field(
        default=False,
        description="leave out training examples that are in validation or test too, and "
        "validation examples that are in test too, as the network reads them",
    )

    @property
    def chooses_on_test(self) -> bool:
        """Whether `validation` is `test`."""
        return self.validation == "test"

    @abstractmethod
    def read(self, data_dir: Path | None) -> Dataset:
        """Return all examples; `validation` is empty if it must still be split off."""

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the examples and split them.

        Args:
            data_dir: a folder to look for data files in.

        Raises:
            DataError: a file is missing or damaged, or too small for the splits.
        """
        return self._without_repeated(self._split(self.read(data_dir))).with_fitted_task()

    def _without_repeated(self, dataset: Dataset) -> Dataset:
        """Remove repeated examples if the config says so, else warn about them."""
        if self.drop_repeated:
            apart = dataset.apart()
            if not (len(apart.train) and len(apart.validation)):
                raise DataError(
                    f"{dataset.source}: every training or validation example stands in the other "
                    "splits too",
                    "give other examples, or leave out `dataset.drop_repeated`",
                )
            before, left = (len(some.train) + len(some.validation) for some in (dataset, apart))
            if left < before:
                log.info(
                    "`dataset.drop_repeated` leaves out %s of %s training and validation examples, "
                    "because they are in another split too",
                    *(f"{before - left:,}", f"{before:,}"),
                )
            return apart
        from seqtrain.data.overlap import shared

        repeated, alike = shared(dataset.train, dataset.test)
        if repeated:
            log.info(
                "%s of the %s test examples are in train too; `dataset.drop_repeated=true` "
                "takes them from train",
                *(f"{repeated:,}", f"{len(dataset.test):,}"),
            )
        if alike:
            log.info(
                "%s of the %s test examples look like one of train, because most of their words "
                "are unknown",
                *(f"{alike:,}", f"{len(dataset.test):,}"),
            )
        return dataset

    def _split(self, whole: Dataset) -> Dataset:
        """Split off validation, and limit the training examples as configured.

        The indices are chosen before any example is copied, to save memory.
        """
        import numpy as np

        train, validation = whole.train, whole.validation
        strata, kept = whole.task.strata(train.labels), np.arange(len(train))
        if self.validation == "test":
            validation = whole.test
        elif not len(validation):
            kept, taken = self.split_off(strata)
            validation = train.take(taken)
        if self.limit is not None and self.limit < len(kept):
            share, key = self.limit / len(kept), "dataset.validation"
            _, chosen = stratified(strata[kept], share, self.split_seed, key)
            kept = kept[chosen]
        if len(kept) < len(train):
            train = train.take(kept)
        return replace(whole, train=train, validation=validation)

    def split_off(self, strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the training examples, and of the validation examples.

        They only depend on the strata, so a dataset knows while reading which examples it may
        fit on.

        Args:
            strata: of the examples of `read().train`, see `Task.strata`.
        """
        import numpy as np

        if self.validation == "test":
            return np.arange(len(strata)), np.arange(0)
        return stratified(strata, self.validation, self.split_seed, "dataset.validation")


class TokenDatasetConfig(DrawnConfig):
    """The keys of every dataset of tokens."""

    vocabulary_size: Ids = Field(
        default=10_000,
        description="number of ids: the most frequent words, or other `tokens`, and 4 for "
        "padding, start and unknown words",
    )
    max_length: Size = Field(
        default=200, description="largest number of tokens of a text; longer texts are cut"
    )
    padding: End = Field(default="post", description="end at which short texts are padded")
    truncating: End = Field(
        default="pre", description="end at which long texts are cut; `pre` keeps their last words"
    )
    mask: bool = Field(
        default=True, description="hide padding from the network, so that it cannot change a result"
    )

    @property
    def holds_tokens(self) -> bool:
        """True."""
        return True

    def outline(self) -> Outline:
        """Return the numbers of steps and of ids."""
        return Outline((self.max_length,), self.vocabulary_size)

    @property
    def chooses_on_test(self) -> bool:
        """Whether the test examples choose the best epoch."""
        return False

    @property
    def hides_padding_at_the_end(self) -> bool:
        """Whether `mask` and `padding: post` are chosen."""
        return self.mask and self.padding == "post"

    def encode(self, sequences: Ragged) -> np.ndarray:
        """Return padded sequences of ids; int32, shape (N, max_length)."""
        from seqtrain.data.vocabulary import pad

        self.require_memory(len(sequences))
        return pad(sequences, self.max_length, self.vocabulary_size, self.padding, self.truncating)

    def require_memory(self, texts: int) -> None:
        """Check that the memory suffices for the ids of so many texts.

        Raises:
            ConfigError: it does not.
        """
        key = f"`dataset.max_length` ({self.max_length})"
        memory.require(ID * texts * self.max_length, f"the ids of {texts:,} texts", key)

    def examples(self, sequences: Ragged, labels: np.ndarray) -> Examples:
        """Return sequences of ids with their labels."""
        return Examples(self.encode(sequences), labels, sequences.lengths)

    def encode_texts(self, texts: Sequence[str], fitted: Fitted) -> NewExamples:
        """Return texts as ids of shape (N, max_length)."""
        if fitted.vocabulary is None:
            raise DataError(
                "the words of the network's ids are not known, so it cannot read a text",
                "train it where the dataset comes with its words (imdb: imdb_word_index.json)",
            )
        if not texts:
            hint = '`seqtrain predict RUN "a text"`, or a file: `seqtrain predict RUN --data FILE`'
            raise DataError("no text is given", hint)
        return NewExamples(self.encode(fitted.vocabulary.encode(texts)), list(texts))

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Read texts from a table, or from a text file with one text on each line."""
        from seqtrain.data.new_texts import given_texts
        from seqtrain.io.tables import Table

        defaults: dict[str, Any] = {"encoding": "utf-8", "delimiter": None, "quotes": None}
        defaults["header"] = True
        keys = {key: getattr(self, key, default) for key, default in defaults.items()}
        columns = (getattr(self, "text_column", "text"), getattr(self, "label_column", "label"))
        hint = f"call one of them `{columns[0]}`, or name that of the texts: `--text COLUMN`"
        table = Table(file, **keys, settable=False, hint=hint)
        found = given_texts(table, *columns)
        for line in told(file, table.left_out):
            log.info("%s", line)
        given = self.encode_texts(found.texts, fitted)
        labels = None if found.labels is None else [label.strip() for label in found.labels]
        return replace(given, labels=labels, label_key=columns[1], lines=found.lines)


class FeatureDatasetConfig(DrawnConfig):
    """The keys of every dataset of features."""

    @abstractmethod
    def features(self, x: np.ndarray, fitted: Fitted) -> np.ndarray:
        """Turn raw values, shape (N, …), into inputs of the network.

        Returns:
            float32, shape (N, T, F).
        """

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Read `x`, and `y` if present, from a `.npz` file."""
        import numpy as np

        with reading(file, "a .npz file of examples", "expected is an array x of shape (N, …)"):
            x = self.features(npz.read(file, "x")[0], fitted)
            labelled = "y" in npz.names(file)
            labels = [*map(str, npz.read(file, "y")[0].ravel().tolist())] if labelled else None
            if not len(x):
                raise ValueError("x is empty")
            if not np.isfinite(x).all():
                raise ValueError("x holds values that are not finite")
            if labels is not None and len(labels) != len(x):
                raise ValueError(f"it has {len(x)} examples and {len(labels)} labels")
        return NewExamples(x, labels=labels, label_key="y")

    def encode_sequences(self, sequences: Sequence[np.ndarray], fitted: Fitted) -> NewExamples:
        """Turn sequences of the shape of the training examples into inputs."""
        import numpy as np

        if len(shapes := {one.shape for one in sequences}) > 1:
            found = " and ".join(map(str, sorted(shapes)[:2]))
            hint = "give all examples the shape of the training examples"
            raise DataError(f"the examples have different shapes: {found}", hint)
        with reading(Path("the request"), "examples of the network", "give the training's shape"):
            with np.errstate(over="ignore"):
                x = self.features(np.stack(sequences), fitted)
            if len(x) != len(sequences):
                raise ValueError(f"an example has the shape {sequences[0].shape}")
            if not np.isfinite(x).all():
                raise ValueError("it holds numbers that are too large")
        return NewExamples(x)


@contextmanager
def reading(file: Path, what: str, expected: str) -> Iterator[None]:
    """Turn any error of reading a file into a `DataError`.

    A damaged file can fail anywhere in zip, zlib, tar, NumPy and the unpickler, with many types
    of exceptions.

    Args:
        file: the file.
        what: what the file should be.
        expected: the supported formats, for the hint.
    """
    try:
        yield
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{file} is not {what}: {reason(error)}", expected) from error
