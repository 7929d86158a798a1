"""Texts with labels, wherever they come from: parsed once, split, words counted on train."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from seqtrain.cache import cached
from seqtrain.datasets.base import TokenDatasetConfig
from seqtrain.datasets.classes import learnable, unseen
from seqtrain.datasets.dataset import Dataset, empty, stratified_indices
from seqtrain.datasets.own import PARTS, OwnConfig
from seqtrain.download import fingerprint

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.cache import Arrays
    from seqtrain.text import Ragged

Labelled = tuple[str, str, str]  # a text, its label, and where it stands
FORMAT = 1  # of the cache; counts up when what is cached changes

log = logging.getLogger(__name__)


class LabelledTextConfig(OwnConfig, TokenDatasetConfig):
    """What every dataset of a person's own texts has."""

    @abstractmethod
    def parts(self) -> Mapping[str, Iterable[Labelled]]:
        """Return the texts of `train`, and of `validation` and `test` where they are given."""

    @abstractmethod
    def digest(self) -> str:
        """Return a hash of all files and of how they are read."""

    def assembled(self, source: str) -> Dataset:
        """Parse the texts, or take them from the cache; split, fit the vocabulary, and encode.

        Raises:
            DataError: a file is damaged, or the labels are no classes to learn.
        """
        from seqtrain.text import fit

        digest = self.digest()
        arrays = cached(f"texts-{fingerprint(FORMAT, digest)}", lambda: parsed(self.parts()))
        names = json.loads(arrays["names"].tobytes())
        classes = self._classes(names, arrays)
        class_of = [classes.index(name) for name in names]
        texts = {part: numbered(arrays, part, class_of) for part in PARTS if part in self.parts()}
        if "test" not in texts:
            key = "dataset.test"
            indices = stratified_indices(texts["train"].labels, self.test, self.split_seed, key)
            texts["train"], texts["test"] = map(texts["train"].take, indices)
        fitted = fit(arrays["words"].tobytes().decode().split("\n"), texts["train"].numbers)
        examples = {
            part: self.examples(fitted.encode(some.numbers), some.labels)
            for part, some in texts.items()
        }
        return Dataset(
            train=examples["train"],
            validation=examples.get("validation", empty(examples["train"])),
            test=examples["test"],
            classes=classes,
            source=source,
            sha256=digest,
            vocabulary_size=self.vocabulary_size,
            mask=self.mask,
            padding=self.padding,
            vocabulary=fitted.vocabulary.first(self.vocabulary_size),
        )

    def _classes(self, names: list[str], arrays: Arrays) -> tuple[str, ...]:
        """Return the labels of train in order, if they can be learned and judged by."""
        import numpy as np

        known = np.unique(arrays["train_labels"]).tolist()
        hint = "name the column of the classes: `dataset.label_column=…`"
        classes = learnable((names[index] for index in known), len(arrays["train_labels"]), hint)
        for part in PARTS[1:]:
            strange = np.flatnonzero(~np.isin(arrays.get(f"{part}_labels", known), known))
            if len(strange):
                _, label, place = next(islice(self.parts()[part], int(strange[0]), None))
                raise unseen(place, label, classes)
        return classes


@dataclass(frozen=True)
class Numbered:
    """Texts as the numbers of their words, and their classes; int32, shape (N,)."""

    numbers: Ragged
    labels: np.ndarray

    def take(self, indices: np.ndarray) -> Numbered:
        """Return the texts at `indices`, in that order."""
        return Numbered(self.numbers.take(indices), self.labels[indices])


def numbered(arrays: Arrays, part: str, class_of: Sequence[int]) -> Numbered:
    """Return the texts of a part as they were parsed, with the class of each label's number."""
    import numpy as np

    from seqtrain.text import Ragged

    numbers = Ragged(arrays[f"{part}_numbers"], arrays[f"{part}_offsets"])
    if empty_texts := np.count_nonzero(numbers.lengths == 0):
        log.warning("%s of the %s texts hold no word", f"{empty_texts:,}", part)
    return Numbered(numbers, np.array(class_of, dtype=np.int32)[arrays[f"{part}_labels"]])


def parsed(parts: Mapping[str, Iterable[Labelled]]) -> Arrays:
    """Read the texts of each part once: the numbers of their words, and of their labels."""
    import numpy as np

    from seqtrain.text import Corpus

    corpus = Corpus()
    number_of: dict[str, int] = {}
    arrays: Arrays = {}
    for part, rows in parts.items():
        labels = array("i")

        def texts(rows: Iterable[Labelled], labels: array[int]) -> Iterator[str]:
            for text, label, _ in rows:
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
    return arrays
