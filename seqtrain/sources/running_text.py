"""What datasets of running text have in common: tokens, windows, and a contiguous split."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seqtrain.data.dataset import Dataset, Fitted, NewExamples, Outline
from seqtrain.data.text_windows import TextWindows, steps
from seqtrain.errors import DataError
from seqtrain.schema.sections import Ids, Share, Size
from seqtrain.sources.base import DatasetConfig
from seqtrain.tasks.language_model import LanguageModel, language_model

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.token_stream import Encoder, Stream
    from seqtrain.data.vocabulary import Vocabulary

DEFAULT_SIZES = {"words": 10_000, "subwords": 4_000, "symbols": 10_000}
NEAR = 0.2  # share of a part by which its beginning may move to the beginning of a document
SHOWN_BEFORE = 60  # tokens before a mistake, in mistakes.csv


@dataclass(frozen=True)
class Documents:
    """Texts that are read one after another.

    Attributes:
        texts: of each document, with plain ends of lines.
        source: the file or folder that was read.
        sha256: the hash of its content, and of the keys by which it was read.
        optimum: the logarithm of the true probability of each character, if the text is
            generated; float64, shape (characters,).
    """

    texts: Sequence[str]
    source: str
    sha256: str
    optimum: np.ndarray | None = None


class RunningTextConfig(DatasetConfig):
    """The keys of every dataset of running text."""

    tokens: Literal["characters", "words", "subwords", "symbols"] = Field(
        default="characters",
        description="what the network predicts one by one: `characters`; `words`, with "
        "punctuation, spaces and lines; `subwords`, which are learned; or `symbols` between "
        "spaces, such as notes of music",
    )
    vocabulary_size: Ids | None = Field(
        default=None,
        description="number of ids, with 4 for padding, start and unknown tokens; null is every "
        "character of train, 10,000 for words and symbols, and 4,000 for subwords",
    )
    window: Size = Field(
        default=64,
        description="tokens over which the gradient goes back in training; validation, test and "
        "generation carry the state on without end",
    )
    validation: Share | Literal["test"] = Field(
        default=0.05,
        description="share of the text, before the test, that chooses the best epoch; `test` "
        "chooses on the test, so its score is optimistic",
    )
    test: Share = Field(default=0.1, description="share of the text, its end, for the final scores")

    @abstractmethod
    def documents(self, data_dir: Path | None) -> Documents:
        """Read the text.

        Raises:
            DataError: a file is missing or damaged.
        """

    @property
    def holds_tokens(self) -> bool:
        """True."""
        return True

    @property
    def writes_text(self) -> bool:
        """True."""
        return True

    @property
    def chooses_on_test(self) -> bool:
        """Whether `validation` is `test`."""
        return self.validation == "test"

    @property
    def size(self) -> int | None:
        """The largest number of ids; None for no limit."""
        return self.vocabulary_size or DEFAULT_SIZES.get(self.tokens)

    def new_task(self) -> LanguageModel:
        """Return the task, not fitted."""
        return LanguageModel()

    def outline(self) -> Outline:
        """Return the steps, and at least how many ids there are."""
        return Outline((self.window,), self.vocabulary_size or 5, self.vocabulary_size or 5)

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the text, split it, and fit the vocabulary on train.

        Raises:
            DataError: a file is missing or damaged, or too short for the splits.
        """
        from seqtrain.data import token_stream

        found = self.documents(data_dir)
        train, validation, test = self._parts(found)
        encoder, of_train = token_stream.fit(self.tokens, train.texts, self.size)
        of_validation = _after(of_train, encoder, validation)
        same = self.chooses_on_test
        of_test = of_validation if same else _after(of_validation, encoder, test)
        streams = {"train": of_train, "validation": of_validation, "test": of_test}
        for name, stream in streams.items():
            needed = self.window + 1 if name == "train" else 2
            if len(stream) < needed:
                raise self._too_short(found, name, len(stream), needed)
        judged = steps(of_test)
        return Dataset(
            train=TextWindows.of(of_train, self.window),
            validation=judged if same else steps(of_validation),
            test=judged,
            task=LanguageModel.fitted(encoder, of_train),
            source=found.source,
            sha256=found.sha256,
            vocabulary_size=encoder.size,
            vocabulary=encoder.vocabulary,
            originals=_contexts(of_test.ids, encoder.vocabulary),
            optimum=self._optimum(found, len(of_test) - 1),
        )

    def _optimum(self, found: Documents, tokens: int) -> np.ndarray | None:
        """Return the true log-probabilities of the last characters, if they are known."""
        known = found.optimum is not None and self.tokens == "characters"
        return found.optimum[-tokens:] if known and found.optimum is not None else None

    def _parts(self, found: Documents) -> Sequence[Part]:
        """Return the documents of train, validation and test; one may go on in the next part."""
        total = sum(map(len, found.texts))
        validation = 0.0 if self.validation == "test" else self.validation
        if validation + self.test >= 1:
            raise DataError(
                f"validation and test take {validation + self.test:.0%} of the text, which "
                "leaves nothing for train",
                "smaller shares, such as `dataset.validation=0.05 dataset.test=0.1`",
            )
        least = NEAR * min(validation or self.test, self.test) * total
        shares = (1 - self.test - validation, 1 - self.test)
        cuts = [_moved(round(total * share), found.texts, least) for share in shares]
        bounds = [(0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], total)]
        if self.chooses_on_test:
            bounds[1] = bounds[2]
        return [_between(found.texts, *bound) for bound in bounds]

    def _too_short(self, found: Documents, name: str, tokens: int, needed: int) -> DataError:
        total = sum(map(len, found.texts))
        return DataError(
            f"{found.source}: the text has {total:,} characters, of which {name} gets "
            f"{max(tokens - 1, 0):,} tokens; it needs {needed - 1:,}",
            "give it a longer text, or read shorter windows: `dataset.window=…`",
        )

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Refuse: a text is judged as a whole."""
        hint = f"score it as a text: `seqtrain score RUN --data {file}`"
        raise DataError("a language model takes no single examples", hint)

    def encode_texts(self, texts: Sequence[str], fitted: Fitted) -> NewExamples:
        """Return texts as ids of shape (N, T), each from its start on, padded at the end."""
        import numpy as np

        encoder = encoder_of(fitted)
        streams = [encoder.encode([text]).ids for text in texts]
        x = np.zeros((len(texts), max(map(len, streams), default=1)), np.int32)
        for row, stream in zip(x, streams, strict=True):
            row[: len(stream)] = stream
        return NewExamples(x, list(texts))


@dataclass(frozen=True)
class Part:
    """A part of a text.

    Attributes:
        texts: its documents.
        begins: whether the first one begins here.
    """

    texts: Sequence[str]
    begins: bool


def encoder_of(fitted: Fitted) -> Encoder:
    """Return how a trained network reads texts."""
    from seqtrain.data.token_stream import Encoder

    if fitted.vocabulary is None:
        raise DataError("the tokens of the network's ids are not known, so it can read no text")
    return Encoder(fitted.vocabulary, language_model(fitted.task).spelling)


def _moved(cut: int, texts: Sequence[str], least: float) -> int:
    """Return where a part begins: with a document, if one begins near."""
    begin, nearest = 0, 0
    for text in texts:
        if abs(begin - cut) < abs(nearest - cut):
            nearest = begin
        begin += len(text)
    return nearest if nearest and abs(nearest - cut) <= least else cut


def _between(texts: Sequence[str], first: int, last: int) -> Part:
    """Return the documents from one character to another."""
    found: list[str] = []
    begins, begin = True, 0
    for text in texts:
        start, end = max(first - begin, 0), min(last - begin, len(text))
        if start < end:
            begins = begins and (bool(found) or not start)
            found.append(text[start:end])
        begin += len(text)
    return Part(found or [""], begins)


def _after(before: Stream, encoder: Encoder, part: Part) -> Stream:
    """Return a part as a stream, with the last token before it, which is only read."""
    from seqtrain.data.token_stream import concatenated

    return concatenated([before.last(), encoder.encode(part.texts, part.begins)])


def _contexts(ids: np.ndarray, vocabulary: Vocabulary) -> Callable[[np.ndarray], list[str]]:
    """Return the function that gives the text before each label of test, by its index."""

    def before(indices: np.ndarray) -> list[str]:
        return [
            vocabulary.text(ids[max(index + 1 - SHOWN_BEFORE, 0) : index + 1])
            for index in indices.tolist()
        ]

    return before
