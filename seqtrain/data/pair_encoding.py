"""Pairs of sequences as ids: a source, and the targets that are right for it.

Ids are those of `vocabulary`; in a target, 1 begins it and 3 ends it. A decoder reads the start and
the target, and its labels are the target and the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from seqtrain.data.dataset import Examples
from seqtrain.data.tokens import RULES, Rule, Tokeniser

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.vocabulary import Vocabulary

SOURCE, TARGET = "source", "target"  # the inputs of a network
END = 3  # the id after the last token of a target
MOST_TARGETS = 16  # right targets of one source that are kept
WHOLE = 4  # times as many tokens as the decoder writes: to so many a right target is kept

Kind = Literal["characters", "words", "subwords", "symbols"]
Pair = tuple[str, str]  # a source and a target


def rule_of(kind: Kind) -> Rule:
    """Return the rule for tokens of a kind, which keeps a text as it is; symbols stand apart."""
    return "symbols" if kind == "symbols" else f"exact_{kind}"  # type: ignore[return-value]


def plain(texts: Iterable[str]) -> list[str]:
    """Return texts with their letters composed (NFC), so that one letter has one form."""
    import unicodedata

    return [text if text.isascii() else unicodedata.normalize("NFC", text) for text in texts]


def fit(kind: Kind, texts: Sequence[str], size: int | None) -> Vocabulary:
    """Return the vocabulary of one side of train.

    Args:
        kind: what a token is.
        texts: of train.
        size: the largest number of ids; None gives one to each token.
    """
    from seqtrain.data import token_stream
    from seqtrain.data.vocabulary import FIRST_WORD, Vocabulary

    if kind == "subwords":
        return token_stream.learn(kind, texts, size)[0].vocabulary
    rule = rule_of(kind)
    counts = Counter(token for text in texts for token in RULES[rule](text))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return Vocabulary(tuple(ranked[: size and size - FIRST_WORD]), Tokeniser(rule))


@dataclass(frozen=True)
class SourceReader:
    """How a network reads a source.

    Attributes:
        vocabulary: of the sources.
        steps: the number of steps that it reads, with the start.
        backwards: whether it reads the last token first.
    """

    vocabulary: Vocabulary
    steps: int
    backwards: bool = False

    @property
    def size(self) -> int:
        """The number of ids."""
        from seqtrain.data.vocabulary import FIRST_WORD

        return FIRST_WORD + len(self.vocabulary.words)

    def ids(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return sources as ids, cut and padded at the end, and how many each has.

        Their letters are composed, as those of train are.

        Returns:
            int32 of shape (N, steps), and int64 of shape (N,).
        """
        import numpy as np

        from seqtrain.data.vocabulary import pad

        found = self.vocabulary.encode(plain(texts))
        padded = pad(found, self.steps, self.size, "post", "post")
        if self.backwards:
            for row, length in zip(padded, np.minimum(found.lengths, self.steps), strict=True):
                row[1:length] = row[1:length][::-1].copy()
        return padded, found.lengths

    def tokens(self, ids: np.ndarray) -> list[str]:
        """Return the tokens of a row of ids in the order in which they are read, after the start.

        Args:
            ids: shape (steps,).
        """
        return self.vocabulary.names(ids[ids != 0][1:])

    def written(self, text: str) -> list[str]:
        """Return the tokens of a source like `tokens`, but as written where they have no id."""
        found = self.vocabulary.tokeniser(*plain([text]))[: self.steps - 1]
        return found[::-1] if self.backwards else found

    def text(self, ids: np.ndarray) -> str:
        """Return the text of a row of ids, shape (steps,), as the network reads it."""
        tokens = self.tokens(ids)
        return self.vocabulary.tokeniser.joined(tokens[::-1] if self.backwards else tokens)


@dataclass(frozen=True)
class TargetWriter:
    """How targets become ids, and ids become text.

    Attributes:
        vocabulary: of the targets.
        steps: the most tokens that are written, with the end.
    """

    vocabulary: Vocabulary
    steps: int

    @property
    def ids(self) -> int:
        """The number of ids."""
        from seqtrain.data.vocabulary import FIRST_WORD

        return FIRST_WORD + len(self.vocabulary.words)

    def sequences(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids of targets, each with the end; int32."""
        import numpy as np

        found = self.vocabulary.encode(texts)
        bounds = zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True)
        return [
            np.append(found.ids[start + 1 : stop], END).astype(np.int32) for start, stop in bounds
        ]

    def text(self, ids: np.ndarray) -> str:
        """Return the text of ids up to the end."""
        kept = until_end(ids)
        return self.vocabulary.tokeniser.joined(self.vocabulary.names(kept))

    def tokens(self, ids: np.ndarray) -> list[str]:
        """Return the tokens of ids up to the end."""
        return self.vocabulary.names(until_end(ids))


def until_end(ids: np.ndarray) -> np.ndarray:
    """Return ids up to the end, or to the padding where a target is cut."""
    import numpy as np

    from seqtrain.data.vocabulary import PAD

    stops = np.flatnonzero((ids == END) | (ids == PAD))
    return ids[: stops[0]] if len(stops) else ids


def label_type(targets: int, steps: int) -> list[tuple[Any, ...]]:
    """Return the type of a label: the tokens of the source, and the targets that are right for it.

    Targets are ids with the end, padded with zeros; the first is the one that is learned.
    """
    return [("source_length", "<i4"), ("targets", "<i4", (targets, steps))]


@dataclass(frozen=True)
class PairedExamples(Examples):
    """Sources with the targets that are right for each.

    `x` holds `source`, int32 of shape (N, S), and `target`, what the decoder reads of the first
    right target, shape (N, T). Labels are of `label_type`.

    Attributes:
        texts: the sources as written.
    """

    texts: Sequence[str] = field(default=(), repr=False)

    def take(self, indices: np.ndarray) -> PairedExamples:
        """Return the examples at `indices`, in that order."""
        some = super().take(indices)
        texts = [self.texts[index] for index in indices.tolist()] if self.texts else ()
        return PairedExamples(some.x, some.labels, some.lengths, texts)


def examples(
    reader: SourceReader,
    writer: TargetWriter,
    sources: Sequence[str],
    rights: Sequence[Sequence[str]],
) -> PairedExamples:
    """Return sources and the targets that are right for each as examples.

    Args:
        reader: encodes the sources.
        writer: encodes the targets.
        sources: of N examples.
        rights: for each at least one target.
    """
    import numpy as np

    x, lengths = reader.ids(sources)
    kept = [some[:MOST_TARGETS] for some in rights]
    every = writer.sequences([target for some in kept for target in some])
    longest = max(min(max(map(len, every), default=1), WHOLE * writer.steps), writer.steps)
    labels = np.zeros(len(sources), label_type(max(map(len, kept), default=1), longest))
    labels["source_length"] = lengths - 1
    following = iter(every)
    for row, some in zip(labels["targets"], kept, strict=True):
        for place, target in zip(range(len(some)), following, strict=False):
            row[place, : len(target)] = target[:longest]
    return PairedExamples(
        {SOURCE: x, TARGET: shifted(labels["targets"][:, 0], writer.steps)},
        labels,
        lengths,
        list(sources),
    )


def shifted(targets: np.ndarray, steps: int) -> np.ndarray:
    """Return what a decoder reads: the start, and each token but the end; int32, shape (N, steps).

    Args:
        targets: ids with the end, padded with zeros, shape (N, at least steps).
        steps: of the decoder.
    """
    import numpy as np

    from seqtrain.data.vocabulary import PAD, START

    read = np.full((len(targets), steps), PAD, np.int32)
    read[:, 0] = START
    read[:, 1:] = targets[:, : steps - 1]
    before = np.concatenate([np.zeros((len(targets), 1), bool), targets[:, : steps - 1] == END], 1)
    read[before | (targets[:, :steps] == PAD)] = PAD
    read[:, 0] = START
    return read


def grouped(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Return the different targets of each source, in the order of their appearance."""
    found: dict[str, dict[str, None]] = {}
    for source, target in pairs:
        found.setdefault(source, {})[target] = None
    return {source: [*targets] for source, targets in found.items()}


def unknown(ids: np.ndarray) -> float:
    """Return the share of tokens that have no id."""
    from seqtrain.data.vocabulary import OOV

    return float((ids == OOV).sum() / max((ids >= OOV).sum(), 1))
