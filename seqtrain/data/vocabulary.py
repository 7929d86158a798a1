"""Text as integer ids: vocabulary, encoding, padding.

Ids follow `keras.datasets.imdb`: 0 is padding, 1 starts a text, 2 is any token outside the
vocabulary, and r + 3 is the token of rank r (from 1, by frequency in the training texts).
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from seqtrain.data import subwords
from seqtrain.data.tokens import RULES, Rule, Tokeniser
from seqtrain.schema.sections import End

PAD, START, OOV = 0, 1, 2
SPECIAL = ("<padding>", "<start>", "<unknown>", "<unused>")  # names of the first ids
FIRST_WORD = 4  # the id of the most frequent word; 3 is unused, as in Keras
BLOCK = 10_000  # sequences that are copied at once, for their places take twice their memory


@dataclass(frozen=True)
class Ragged:
    """Sequences of ids of different lengths, one after another.

    Attributes:
        ids: int32, shape (total,).
        offsets: int64, shape (N + 1,); sequence i is `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, sequences: Iterable[Sequence[int] | np.ndarray]) -> "Ragged":
        """Concatenate sequences of ids; a generator will do."""
        ids, offsets = bytearray(), array("q", [0])
        for sequence in sequences:
            ids += np.asarray(sequence, dtype=np.int32).tobytes()
            offsets.append(len(ids) // 4)
        return cls(np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64))

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """The number of ids of each sequence, int64 of shape (N,)."""
        return np.diff(self.offsets)

    def take(self, indices: np.ndarray) -> "Ragged":
        """Return the sequences at `indices`, in that order."""
        lengths, starts = self.lengths[indices], self.offsets[:-1][indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        ids, source = np.empty(offsets[-1], self.ids.dtype), np.asarray(self.ids)
        for first in range(0, len(lengths), BLOCK):
            last = min(first + BLOCK, len(lengths))
            shifts = np.repeat(starts[first:last] - offsets[first:last], lengths[first:last])
            places = np.arange(offsets[first], offsets[last])
            ids[offsets[first] : offsets[last]] = source[places + shifts]
        return Ragged(ids, offsets)


def with_start(words: Ragged) -> Ragged:
    """Return the sequences with the start id before each."""
    ids = np.insert(words.ids, words.offsets[:-1], START).astype(np.int32, copy=False)
    return Ragged(ids, words.offsets + np.arange(len(words) + 1))


@dataclass(frozen=True)
class Vocabulary:
    """The known tokens, most frequent first; the token at index i has the id i + 4.

    Attributes:
        words: the tokens: words, characters or subwords.
        tokeniser: splits a text into them.
    """

    words: tuple[str, ...]
    tokeniser: Tokeniser = field(default=Tokeniser(), compare=False)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Ids by token, also by plain form where an older rule kept variants of letters."""
        ids = {word: FIRST_WORD + index for index, word in enumerate(self.words)}
        if self.tokeniser.rule not in ("plain", "keras"):
            return ids
        return {self.tokeniser.near(word): ids[word] for word in ids if not word.isascii()} | ids

    def encode(self, texts: Iterable[str]) -> Ragged:
        """Encode texts as ids, each with the start id first."""
        ids = ([self._id(token) for token in self.tokeniser(text)] for text in texts)
        return with_start(Ragged.of(ids))

    def _id(self, token: str) -> int:
        if token in self.ids:
            return self.ids[token]
        return self.ids.get(self.tokeniser.near(token), OOV)

    def names(self, ids: Iterable[int] | np.ndarray) -> list[str]:
        """Decode ids into tokens, `<start>` and `<unknown>`."""
        return [
            self.words[number - FIRST_WORD] if number >= FIRST_WORD else SPECIAL[number]
            for number in map(int, ids)
        ]

    def text(self, ids: Iterable[int] | np.ndarray) -> str:
        """Decode ids into a readable text."""
        return self.tokeniser.joined(self.names(ids))

    def first(self, size: int) -> "Vocabulary":
        """Return the tokens whose ids are below `size`."""
        return replace(self, words=self.words[: max(0, size - FIRST_WORD)])


class Corpus:
    """Texts that are read once, before their vocabulary is known; stores each word once.

    Words are numbered by first appearance. `fit` ranks them by their frequency in some of the
    texts, and maps numbers to ids. For subwords, the words are the chunks between spaces.
    """

    def __init__(self, rule: Rule = "words") -> None:
        """Start without words."""
        self.rule, self._split = rule, RULES[rule]
        self._number_of: defaultdict[str, int] = defaultdict()
        self._number_of.default_factory = self._number_of.__len__

    def add(self, texts: Iterable[str]) -> Ragged:
        """Return the numbers of the words of each text."""
        number_of, split = self._number_of, self._split
        return Ragged.of([number_of[word] for word in split(text)] for text in texts)

    @property
    def words(self) -> list[str]:
        """The words, at the indices that are their numbers."""
        return list(self._number_of)

    def fit(self, numbers: Ragged) -> "Fitted":
        """Rank the words of `numbers`, see `fit`."""
        return fit(self.words, numbers, Tokeniser(self.rule))


@dataclass(frozen=True)
class Fitted:
    """A vocabulary, and the map from the numbers of a corpus to ids.

    Attributes:
        vocabulary: the tokens with ids.
        id_of: int32; the id of each number.
        parts: for subwords, the numbers of the parts of each word.
    """

    vocabulary: Vocabulary
    id_of: np.ndarray
    parts: Ragged | None = None

    def encode(self, numbers: Ragged) -> Ragged:
        """Return the ids of texts, as `Vocabulary.encode` does."""
        if self.parts is not None:
            numbers = _expanded(numbers, self.parts)
        return with_start(Ragged(self.id_of[numbers.ids], numbers.offsets))


def _expanded(numbers: Ragged, parts: Ragged) -> Ragged:
    """Replace each word of the sequences by its parts."""
    found = parts.take(numbers.ids)
    return Ragged(found.ids, found.offsets[numbers.offsets])


def fit(words: Sequence[str], numbers: Ragged, tokeniser: Tokeniser, every: bool = False) -> Fitted:
    """Rank words by their frequency in some texts, ties in alphabetical order.

    Args:
        words: each word, at the index of its number.
        numbers: the numbers of the words of the texts to count.
        tokeniser: the tokeniser that made the words.
        every: also give ids to words that those texts lack.
    """
    counts = np.bincount(numbers.ids, minlength=len(words))
    known = range(len(words)) if every else np.flatnonzero(counts).tolist()
    ranked = sorted(known, key=lambda number: (-counts[number], words[number]))
    id_of = np.full(len(words), OOV, dtype=np.int32)
    id_of[ranked] = np.arange(FIRST_WORD, FIRST_WORD + len(ranked))
    return Fitted(Vocabulary(tuple(words[number] for number in ranked), tokeniser), id_of)


def fit_subwords(chunks: Sequence[str], numbers: Ragged, size: int) -> Fitted:
    """Learn the subwords of some texts, and rank them as `fit` does.

    Args:
        chunks: each chunk between spaces, at the index of its number.
        numbers: the numbers of the chunks of the texts to count.
        size: the largest number of ids, with those of `SPECIAL`.
    """
    counts = np.bincount(numbers.ids, minlength=len(chunks)).tolist()
    counted = {chunk: n for chunk, n in zip(chunks, counts, strict=True) if n}
    model = subwords.learn(counted, size - FIRST_WORD)
    pieces = subwords.pieces(model)
    number_of = {piece: number for number, piece in enumerate(pieces)}
    parts = Ragged.of(
        [number_of[piece] for piece in found] for found in subwords.split(model, chunks)
    )
    fitted = fit(pieces, _expanded(numbers, parts), Tokeniser("subwords", model), every=True)
    return replace(fitted, parts=parts)


def pad(
    sequences: Ragged, length: int, vocabulary_size: int, padding: End, truncating: End
) -> np.ndarray:
    """Return the sequences as one array of `length` steps each.

    Args:
        sequences: N sequences of ids.
        length: the number of steps, T.
        vocabulary_size: larger ids become the out-of-vocabulary id.
        padding: the end at which short sequences are padded with zeros.
        truncating: the end at which long sequences are cut.

    Returns:
        int32, shape (N, T). Every row has at least one step that is not padding.
    """
    padded = np.full((len(sequences), length), PAD, dtype=np.int32)
    known = np.asarray(sequences.ids)  # slices of a memory map take twice as long
    for row, start, stop in zip(
        padded, sequences.offsets[:-1].tolist(), sequences.offsets[1:].tolist(), strict=True
    ):
        kept = min(stop - start, length)
        if not kept:
            row[0 if padding == "post" else -1] = OOV
            continue
        ids = slice(start, start + kept) if truncating == "post" else slice(stop - kept, stop)
        row[slice(kept) if padding == "post" else slice(length - kept, length)] = known[ids]
    padded[padded >= vocabulary_size] = OOV
    return padded
