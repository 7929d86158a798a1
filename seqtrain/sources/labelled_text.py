"""Labelled texts from any source: parse once, split, fit the vocabulary on train."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from seqtrain.data.dataset import Dataset, empty, stratified
from seqtrain.data.subwords import SMALLEST
from seqtrain.data.tokens import Tokens, dropped
from seqtrain.data.unknown_words import doubts, unknown
from seqtrain.errors import DataError
from seqtrain.io.cache import cached
from seqtrain.io.download import fingerprint
from seqtrain.schema.sections import broken
from seqtrain.sources.base import TokenDatasetConfig
from seqtrain.sources.own_files import PARTS, OwnConfig
from seqtrain.tasks.labelled_task import labelled

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.vocabulary import Fitted, Ragged
    from seqtrain.io.cache import Arrays
    from seqtrain.tasks import LabelledTask

Labelled = tuple[str, str, str]  # a text, its label, and its place
FORMAT = 4  # of the cache; increase it when the cached content changes
FIRST, EVERY = 1_000, 50  # texts in which to count dropped characters

log = logging.getLogger(__name__)


class LabelledTextConfig(OwnConfig, TokenDatasetConfig):
    """The keys of every dataset of a user's own texts."""

    tokens: Tokens = Field(
        default="words",
        description="what a text is read as: `words`; `characters`, for names and for scripts "
        "without spaces; or `subwords`, parts of words that are learned on train, so that no word "
        "is unknown",
    )

    @model_validator(mode="after")
    def _room_for_subwords(self) -> Self:
        if self.tokens == "subwords" and self.vocabulary_size < SMALLEST:
            rule = f"must be at least {SMALLEST} for `tokens: subwords`"
            raise broken([("dataset.vocabulary_size", rule)])
        return self

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the texts and split them; warn about parts that the network would not see."""
        dataset = super().load(data_dir)
        log.info(
            "%.1f%% of the test %s are unknown%s",
            *(100 * unknown(dataset, "test"), self.tokens),
            f", {dataset.dropped:.1%} of the characters in no word" if dataset.dropped else "",
        )
        for doubt in doubts(dataset, self.tokens):
            log.warning("%s", doubt)
        return dataset

    @abstractmethod
    def parts(self) -> Mapping[str, Iterable[Labelled]]:
        """Return the texts of `train`, and of `validation` and `test` if they have files."""

    @abstractmethod
    def digest(self) -> str:
        """Return a hash of all files and of the keys for reading them."""

    def left_out(self, parts: Mapping[str, Iterable[Labelled]]) -> list[str]:
        """Return sentences on the rows that were skipped."""
        return []

    def assembled(self, source: str) -> Dataset:
        """Parse the texts, or take them from the cache; split, fit the vocabulary, and encode.

        Raises:
            DataError: a file is damaged, or the labels cannot be learned.
        """
        digest = self.digest()
        arrays = cached(f"texts-{fingerprint(FORMAT, digest, self.tokens)}", self._parsed)
        for line in json.loads(arrays["left_out"].tobytes()):
            log.info("%s", line)
        names = json.loads(arrays["names"].tobytes())
        task, label_of = self._labels(names, arrays, source)
        whole = {part: numbered(arrays, part, label_of) for part in PARTS if part in self.parts()}
        texts, test_rows = self._with_test(whole, task)
        fitted = self._fitted(arrays, texts["train"].numbers, source)
        task.doubt({part: some.labels for part, some in whole.items()}, source)
        doubt_empty(whole)
        examples = {
            part: self.examples(fitted.encode(some.numbers), some.labels)
            for part, some in texts.items()
        }
        vocabulary = fitted.vocabulary.first(self.vocabulary_size)

        def originals(indices: np.ndarray) -> list[str]:
            written = self._written(indices, test_rows)
            if (self.encode(vocabulary.encode(written)) != examples["test"].first[indices]).any():
                raise DataError(f"{source} has changed since it was read")
            return written

        return Dataset(
            train=examples["train"],
            validation=examples.get("validation", empty(examples["train"])),
            test=examples["test"],
            task=task,
            source=source,
            sha256=digest,
            vocabulary_size=self.vocabulary_size,
            mask=self.mask,
            padding=self.padding,
            vocabulary=vocabulary,
            originals=originals,
            dropped=float(arrays["dropped"][0]),
        )

    def _parsed(self) -> Arrays:
        import numpy as np

        parts = self.parts()
        arrays = parsed(parts, self.tokens)
        left_out = json.dumps(self.left_out(parts)).encode()
        return arrays | {"left_out": np.frombuffer(left_out, dtype=np.uint8)}

    def _fitted(self, arrays: Arrays, train: Ragged, source: str) -> Fitted:
        """Return the vocabulary of the training texts."""
        from seqtrain.data.tokens import Tokeniser
        from seqtrain.data.vocabulary import fit, fit_subwords

        if not len(train.ids):
            raise DataError(
                f"{source}: no training text holds a word",
                "give texts with words; of a table, `dataset.text_column=…` names their column",
            )
        words = arrays["words"].tobytes().decode().split("\n")
        if self.tokens == "subwords":
            return fit_subwords(words, train, self.vocabulary_size)
        return fit(words, train, Tokeniser(self.tokens))

    def _with_test(
        self, whole: Mapping[str, Numbered], task: LabelledTask
    ) -> tuple[dict[str, Numbered], np.ndarray | None]:
        """Return the parts with a test part, and its rows in train if it is split off train."""
        if "test" in whole:
            return dict(whole), None
        train = whole["train"]
        strata = task.strata(train.labels)
        kept, rows = stratified(strata, self.test, self.split_seed, "dataset.test")
        return {**whole, "train": train.take(kept), "test": train.take(rows)}, rows

    def _written(self, indices: np.ndarray, test_rows: np.ndarray | None) -> list[str]:
        """Read some test examples again as written; `test_rows` are their rows in train, if any."""
        part = "test" if test_rows is None else "train"
        rows = (indices if test_rows is None else test_rows[indices]).tolist()
        wanted = dict.fromkeys(rows, "")
        for number, (text, _, _) in enumerate(self.parts()[part]):
            if number in wanted:
                wanted[number] = text
        return [wanted[row] for row in rows]

    def _labels(
        self, names: list[str], arrays: Arrays, source: str
    ) -> tuple[LabelledTask, np.ndarray]:
        """Return the fitted task, and the encoded value of each written label."""
        import numpy as np

        def place(names: Sequence[str]) -> Callable[[int], str]:
            return lambda index: self._place(names[index])

        of_train = [names[index] for index in np.unique(arrays["train_labels"]).tolist()]
        hint = "give labels that repeat; of a table, `dataset.label_column=…` names their column"
        number = len(arrays["train_labels"])
        task = labelled(self.new_task()).fit_names(of_train, number, place(of_train), source, hint)
        return task, task.encode(names, place(names), source)

    def _place(self, label: str) -> str:
        """Return the place where a label stands first."""
        rows = chain.from_iterable(self.parts().values())
        return next(place for _, name, place in rows if name == label)


@dataclass(frozen=True)
class Numbered:
    """Texts as the numbers of their words, with encoded labels."""

    numbers: Ragged
    labels: np.ndarray

    def take(self, indices: np.ndarray) -> Numbered:
        """Return the texts at `indices`, in that order."""
        return Numbered(self.numbers.take(indices), self.labels[indices])


def numbered(arrays: Arrays, part: str, label_of: np.ndarray) -> Numbered:
    """Return the parsed texts of a part, with encoded labels."""
    from seqtrain.data.vocabulary import Ragged

    numbers = Ragged(arrays[f"{part}_numbers"], arrays[f"{part}_offsets"])
    return Numbered(numbers, label_of[arrays[f"{part}_labels"]])


def doubt_empty(texts: Mapping[str, Numbered]) -> None:
    """Warn about texts without words, in each part."""
    import numpy as np

    for part, some in texts.items():
        if number := np.count_nonzero(some.numbers.lengths == 0):
            log.warning(
                "%s of the %s texts of %s hold no word",
                f"{number:,}",
                f"{len(some.labels):,}",
                part,
            )


def parsed(parts: Mapping[str, Iterable[Labelled]], tokens: Tokens) -> Arrays:
    """Parse the texts of each part: the numbers of their words, and of their labels."""
    import numpy as np

    from seqtrain.data.vocabulary import Corpus

    corpus = Corpus(tokens)
    looked_at: list[str] = []
    number_of: dict[str, int] = {}
    arrays: Arrays = {}
    for part, rows in parts.items():
        labels = array("i")

        def texts(rows: Iterable[Labelled], labels: array[int]) -> Iterator[str]:
            for text, label, _ in rows:
                if len(labels) < FIRST or len(labels) % EVERY == 0:
                    looked_at.append(text)
                labels.append(number_of.setdefault(label, len(number_of)))
                yield text

        numbers = corpus.add(texts(rows, labels))
        arrays |= {
            f"{part}_numbers": numbers.ids,
            f"{part}_offsets": numbers.offsets,
            f"{part}_labels": np.frombuffer(labels, dtype=np.int32),
        }
    words, names = "\n".join(corpus.words), json.dumps(list(number_of))
    arrays["words"] = np.frombuffer(words.encode(), dtype=np.uint8)
    arrays["names"] = np.frombuffer(names.encode(), dtype=np.uint8)
    arrays["dropped"] = np.array([dropped(looked_at) if tokens == "words" else 0.0])
    return arrays
