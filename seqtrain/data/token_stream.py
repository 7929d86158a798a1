"""A long text as one array of small integers, with what its tokens cost in characters.

The text is read in blocks, so that 200 MB need little more memory than the text itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from seqtrain.data import subwords
from seqtrain.data.spelling import CODE_POINTS, Spelling
from seqtrain.data.tokens import EXACT, RULES, SPACE, Rule, Tokeniser
from seqtrain.data.vocabulary import FIRST_WORD, OOV, START, Vocabulary

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1_000_000  # characters that are split at once, at least; a block ends with a line
SPACES = (" ", "\n", "\t")  # tokens of every vocabulary of subwords; others are read as the first


def smallest(largest: int) -> type[np.unsignedinteger]:
    """Return the smallest unsigned type that holds a number."""
    import numpy as np

    kinds = (np.uint8, np.uint16, np.uint32)
    return next(kind for kind in kinds if largest <= np.iinfo(kind).max)


def counts_of(numbers: np.ndarray, size: int) -> np.ndarray:
    """Return how often each number occurs; int64, shape (size,). It takes little memory."""
    import numpy as np

    flat = numbers.reshape(-1)
    found = np.zeros(size, np.int64)
    for start in range(0, len(flat), 10 * BLOCK):
        found += np.bincount(flat[start : start + 10 * BLOCK], minlength=size)
    return found


def blocks(text: str) -> Iterator[str]:
    """Yield a text in parts that end with a line, because no token goes on after one."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end


class Numbering:
    """Numbers the different tokens of texts by their first appearance."""

    def __init__(self, rule: Rule) -> None:
        """Start without tokens."""
        import numpy as np

        self.split = RULES[rule]
        self.of_characters = rule == "exact_characters"
        self.number_of: dict[str, int] = {}
        self.table = np.full(CODE_POINTS if self.of_characters else 0, -1, np.int32)

    def numbers(self, text: str) -> np.ndarray:
        """Return the number of each token of a text; the smallest unsigned type, shape (M,)."""
        import numpy as np

        parts = [*map(self._of_block, blocks(text))] or [np.zeros(0, np.uint8)]
        kind = smallest(max(len(self.number_of) - 1, 0))
        return np.concatenate([part.astype(kind, copy=False) for part in parts])

    def _of_block(self, text: str) -> np.ndarray:
        import numpy as np

        if self.of_characters:
            points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
            self._add(points)
            found = self.table[points]
        else:
            number_of = self.number_of
            found = np.array(
                [number_of.setdefault(token, len(number_of)) for token in self.split(text)],
                np.int64,
            )
        return np.asarray(found, smallest(len(self.number_of)))

    def _add(self, points: np.ndarray) -> None:
        """Number the code points that are new."""
        import numpy as np

        different, first = np.unique(points, return_index=True)
        new = different[np.argsort(first)]
        for point in new[self.table[new] < 0].tolist():
            self.table[point] = self.number_of[chr(point)] = len(self.number_of)

    @property
    def tokens(self) -> list[str]:
        """The tokens, at the indices that are their numbers."""
        return list(self.number_of)


@dataclass(frozen=True)
class Stream:
    """The tokens of a text, one after another.

    Attributes:
        ids: the smallest unsigned type, shape (M,).
        characters: how many characters of the text each token stands for; unsigned, shape (M,).
            The start of a document counts as one.
        spelling: the bits that the letters of unknown tokens cost; float32, shape (M,).

    An array of one value takes no memory, as characters and spelling of single characters are.
    """

    ids: np.ndarray
    characters: np.ndarray
    spelling: np.ndarray

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.ids)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three arrays."""
        return self.ids, self.characters, self.spelling

    def last(self) -> Stream:
        """Return the last token alone."""
        return Stream(*(array[-1:] for array in self.arrays))


@dataclass(frozen=True)
class Encoder:
    """Turns texts into streams.

    Attributes:
        vocabulary: the tokens with ids, and how a text is split.
        spelling: what tokens without an id cost.
    """

    vocabulary: Vocabulary
    spelling: Spelling = Spelling()

    @property
    def size(self) -> int:
        """The number of ids."""
        return FIRST_WORD + len(self.vocabulary.words)

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {word: FIRST_WORD + index for index, word in enumerate(self.vocabulary.words)}

    def encode(self, documents: Sequence[str], begins: bool = True) -> Stream:
        """Return documents one after another, each with its start before it.

        Args:
            documents: their texts.
            begins: whether the first one begins with its text, and is not the rest of one.
        """
        numbering = Numbering(self.vocabulary.tokeniser.rule)
        numbers = [*map(numbering.numbers, documents)]
        return self.joined(numbers, numbering.tokens, begins)

    def joined(self, numbers: Sequence[np.ndarray], tokens: Sequence[str], begins: bool) -> Stream:
        """Return the stream of documents by the numbers of their tokens; see `encode`."""
        import numpy as np

        streams, stream_of = [], self._streams(tokens)
        for place, one in enumerate(numbers):
            stream = stream_of(one)
            if place or begins:
                values = zip((START, 1, 0), stream.arrays, strict=True)
                starts = (np.broadcast_to(of.dtype.type(value), 1) for value, of in values)
                streams.append(Stream(*starts))
            streams.append(stream)
        return concatenated(streams)

    def _streams(self, tokens: Sequence[str]) -> Callable[[np.ndarray], Stream]:
        """Return a function of the numbers of tokens that returns their stream.

        What it needs to know of the tokens is computed once for all documents. Subwords are the
        parts of chunks.
        """
        import numpy as np

        if self.vocabulary.tokeniser.kind == "subwords":
            return self._streams_of_chunks(tokens)
        ids = np.array([self._id_of.get(token, OOV) for token in tokens], smallest(self.size))
        lengths = [len(token) for token in tokens]
        cost = [0.0 if token in self._id_of else self.spelling.of(token) for token in tokens]
        counted = np.array(lengths, smallest(max(lengths, default=1)))
        costs = np.array(cost, np.float32)

        def stream_of(numbers: np.ndarray) -> Stream:
            return Stream(
                ids[numbers] if tokens else ids,
                _looked_up(counted, numbers),
                _looked_up(costs, numbers),
            )

        return stream_of

    def _streams_of_chunks(self, chunks: Sequence[str]) -> Callable[[np.ndarray], Stream]:
        import numpy as np

        words = [chunk for chunk in chunks if not chunk.isspace()]
        split = subwords.split(self.vocabulary.tokeniser.model, words)
        parts = [
            [chunk if chunk in self._id_of else SPACES[0]] if chunk.isspace() else next(split)
            for chunk in chunks
        ]
        lengths = np.array([len(part) for part in parts], np.int64)
        flat = np.array(
            [self._id_of.get(piece, OOV) for part in parts for piece in part], smallest(self.size)
        )
        first = lengths.cumsum() - lengths

        def stream_of(numbers: np.ndarray) -> Stream:
            counts = lengths[numbers]
            starts = np.repeat(first[numbers] - (counts.cumsum() - counts), counts)
            ids = flat[starts + np.arange(len(starts))] if len(starts) else flat[:0]
            nothing = np.broadcast_to(np.float32(0), len(ids))
            return Stream(ids, self._lengths(ids), nothing)

        return stream_of

    def _lengths(self, ids: np.ndarray) -> np.ndarray:
        """Return how many characters each subword stands for; uint16, shape (M,).

        The mark of a space before a word counts only where a word comes before it. Of the bytes of
        a character the first counts.
        """
        import numpy as np

        lengths, space, marked = self._kinds_of_subwords
        after = np.concatenate([[True], space[ids[:-1]]]) if len(ids) else np.zeros(0, bool)
        return np.asarray(lengths[ids] - (marked[ids] & after))

    @cached_property
    def _kinds_of_subwords(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The characters of each subword, whether it is a space, and whether one is before it."""
        import numpy as np

        words = ["", "", "", "", *self.vocabulary.words]
        return (
            np.array([_length(word) for word in words], np.uint16),
            np.array([word.isspace() or not word for word in words]),
            np.array([word.startswith(SPACE) for word in words]),
        )


def concatenated(streams: Sequence[Stream]) -> Stream:
    """Return streams one after another."""
    if len(streams) == 1:
        return streams[0]
    return Stream(*map(_one_after_another, zip(*(one.arrays for one in streams), strict=True)))


def _one_after_another(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays one after another; if all hold one value, without memory for it."""
    import numpy as np

    filled = [array for array in arrays if len(array)]
    if filled and all(array.strides == (0,) and array[0] == filled[0][0] for array in filled):
        return np.broadcast_to(filled[0][0], sum(map(len, filled)))
    return np.concatenate(arrays)


def _looked_up(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the value of each number; if all are equal, without memory for them."""
    import numpy as np

    if len(values) and (values == values[0]).all():
        return np.broadcast_to(values[0], len(numbers))
    return values[numbers] if len(values) else values


def _length(piece: str) -> int:
    """Return the characters of a subword; of a byte, 1 unless it continues a character."""
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return int(not 0x80 <= int(piece[3:5], 16) < 0xC0)
    return len(piece)


def fit(kind: str, documents: Iterable[str], size: int | None) -> tuple[Encoder, Stream]:
    """Return the encoder of the tokens of train, and train as a stream; see `learn`."""
    encoder, numbers, tokens = learn(kind, documents, size)
    return encoder, encoder.joined(numbers, tokens, begins=True)


def learn(
    kind: str, documents: Iterable[str], size: int | None
) -> tuple[Encoder, list[np.ndarray], Sequence[str]]:
    """Return the encoder of the tokens of train, the numbers of these in each text, and all tokens.

    Args:
        kind: `characters`, `words`, `subwords` or `symbols`.
        documents: the texts of train.
        size: the largest number of ids; None gives one to each token of train.
    """
    import numpy as np

    rule: Rule = f"{EXACT}{kind}"  # type: ignore[assignment]
    numbering = Numbering(rule)
    numbers = [numbering.numbers(text) for text in documents]
    tokens = numbering.tokens
    counts = np.zeros(len(tokens), np.int64)
    for one in numbers:
        np.add.at(counts, one, 1)
    return _ranked(rule, tokens, counts.tolist(), size), numbers, tokens


def _ranked(rule: Rule, tokens: Sequence[str], counts: Sequence[int], size: int | None) -> Encoder:
    """Return the encoder with ids for the most frequent tokens, or for learned subwords."""
    if rule == "exact_subwords":
        return _of_subwords(tokens, counts, size)
    ranked = sorted(range(len(tokens)), key=lambda n: (-counts[n], tokens[n]))
    kept = ranked[: None if size is None else size - FIRST_WORD]
    vocabulary = Vocabulary(tuple(tokens[n] for n in kept), Tokeniser(rule))
    return Encoder(vocabulary, Spelling.fit(tokens, counts, rule == "exact_characters"))


def _of_subwords(chunks: Sequence[str], counts: Sequence[int], size: int | None) -> Encoder:
    """Learn the subwords of the words of train; spaces and ends of lines are tokens, too."""
    spaces = [*dict.fromkeys([*SPACES, *(chunk for chunk in chunks if chunk.isspace())])]
    counted = {c: n for c, n in zip(chunks, counts, strict=True) if not c.isspace()}
    model = subwords.learn(counted, (size or subwords.SMALLEST) - FIRST_WORD - len(spaces))
    pieces = subwords.pieces(model)
    spaces = [space for space in spaces if space not in pieces]
    vocabulary = Vocabulary((*spaces, *pieces), Tokeniser("exact_subwords", model))
    return Encoder(vocabulary)
