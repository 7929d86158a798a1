"""Translate new sources with the network of a run, without a backend."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtrain.data.pair_encoding import END, SourceReader, TargetWriter
from seqtrain.data.vocabulary import OOV, PAD
from seqtrain.errors import DataError, RunError
from seqtrain.inference import decoding
from seqtrain.inference.beams import LENGTH_PENALTY, Hypothesis, hypothesis, search
from seqtrain.inference.decoding import Translator
from seqtrain.io.text_file import shown
from seqtrain.runs.run import Run
from seqtrain.tasks.translation import translation

log = logging.getLogger(__name__)

AT_ONCE = 64  # sources of a beam search
ALTERNATIVES = 5  # tokens that are shown for each step


@dataclass(frozen=True)
class Answer:
    """A translation.

    Attributes:
        text: as text.
        tokens: its tokens.
        probability: of the whole target, of its end too.
        score: the logarithm of that, divided by the length penalty.
        finished: whether the network wrote the end, instead of being stopped.
    """

    text: str
    tokens: list[str]
    probability: float
    score: float
    finished: bool


@dataclass(frozen=True)
class Trace:
    """How a target was written.

    Attributes:
        source: the tokens that were read, in the order of reading, the start first.
        target: the tokens that were written, with the end.
        weights: how much each step looks at each token of the source, float64 of shape
            (T, S); None without attention.
        probabilities: of each token of the target.
        alternatives: for each step the likeliest tokens with their probabilities.
    """

    source: list[str]
    target: list[str]
    weights: np.ndarray | None
    probabilities: list[float]
    alternatives: list[list[tuple[str, float]]]


@dataclass(frozen=True)
class Interpreter:
    """The network of a run, and how it reads and writes.

    Attributes:
        translator: the network.
        reader: encodes sources.
        writer: makes texts of ids.
    """

    translator: Translator
    reader: SourceReader
    writer: TargetWriter

    @classmethod
    def of(cls, run: Run) -> Interpreter:
        """Return the network of a run.

        Raises:
            RunError: the run has no model, or a damaged one.
            DataError: its network does not translate.
        """
        fitted = run.fitted()
        task = translation(fitted.task)
        run.require(run.model_file.name)
        reader = run.config.dataset.reader(fitted)
        try:
            translator = decoding.of_file(run.model_file)
            _check_sizes(translator, reader, task.writer)
        except ValueError as error:
            raise RunError(f"{run.model_file} cannot be opened: {error}", run.again) from error
        return cls(translator, reader, task.writer)

    def answers(
        self,
        texts: Sequence[str],
        beams: int = 1,
        alpha: float = LENGTH_PENALTY,
        copy_unknown: bool = False,
    ) -> list[list[Answer]]:
        """Return the translations of each text, the best first: one for each beam.

        With one beam they are those of `seqtrain evaluate`.

        Args:
            texts: the sources.
            beams: how many targets are written side by side.
            alpha: see `beams.penalty`.
            copy_unknown: put in the place of an unknown token the source token that the attention
                looks at most, as it is written.

        Raises:
            DataError: there are no texts.
        """
        if not texts:
            hint = '`seqtrain translate RUN "a text"`, or lines of standard input'
            raise DataError("no text is given", hint)
        x, lengths = self.reader.ids(texts)
        warn(texts, x, lengths)
        found: list[list[Answer]] = [[Answer("", [], 1.0, 0.0, True)] for _ in texts]
        asked = np.flatnonzero(lengths > 1)  # what is empty stays empty
        for place, some in self._hypotheses(x[asked], beams, alpha) if len(asked) else ():
            index = int(asked[place])
            text = texts[index] if copy_unknown else None
            found[index] = [self._answer(x[index], one, text) for one in some]
        return found

    def _hypotheses(
        self, x: np.ndarray, beams: int, alpha: float
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Yield the index of each source, and what is written for it."""
        if beams == 1:
            found = decoding.of_sources(self.translator, x, self.writer.steps)
            for index, (ids, logs, _) in enumerate(found):
                yield index, [hypothesis(ids, logs, alpha)]
            return
        sizes = (x != PAD).sum(axis=1)
        order = np.argsort(sizes, kind="stable")
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            seen = self.translator.encode(x[rows, : sizes[rows].max()])
            some = search(self.translator, seen, self.writer.steps, beams, alpha)
            yield from zip(rows.tolist(), some, strict=True)

    def _answer(self, source: np.ndarray, one: Hypothesis, text: str | None) -> Answer:
        """Return a target as text; unknown tokens are copied from the text of the source."""
        ids = np.array(one.ids, np.int64)
        tokens = self.writer.tokens(ids)
        if text is not None and OOV in one.ids:
            tokens = self._copied(source, text, ids, tokens)
        return Answer(
            text=self.writer.vocabulary.tokeniser.joined(tokens),
            tokens=tokens,
            probability=math.exp(sum(one.logs)),
            score=one.score,
            finished=bool(one.ids) and one.ids[-1] == END,
        )

    def _copied(
        self, source: np.ndarray, text: str, ids: np.ndarray, tokens: list[str]
    ) -> list[str]:
        """Return tokens with those of the source in the place of unknown ones."""
        shares, _ = decoding.traced(self.translator, source, ids)
        if shares is None:
            return tokens
        read = self.reader.written(text)
        for place in np.flatnonzero(ids == OOV).tolist():
            if read:
                tokens[place] = read[int(shares[place, 1 : len(read) + 1].argmax())]
        return tokens

    def trace(
        self, source: np.ndarray, target: np.ndarray | None = None, text: str | None = None
    ) -> Trace:
        """Return how a target is written.

        Args:
            source: the ids of the source, shape (S,).
            target: ids with the end; None for what the network writes.
            text: the source as written, if it is known; its unknown tokens are in brackets.
        """
        if target is None:
            found = decoding.of_sources(self.translator, source[None], self.writer.steps)[0, 0]
            target = found[found != PAD].astype(np.int64)
        shares, logs = decoding.traced(self.translator, source, target)
        each, read = np.exp(logs), self.reader.tokens(source)
        if text is not None:
            written = zip(source[source != PAD][1:], read, self.reader.written(text), strict=True)
            read = [f"[{word}]" if number == OOV else token for number, token, word in written]
        likeliest = np.argsort(-each, axis=1, kind="stable")[:, :ALTERNATIVES]
        return Trace(
            source=["<start>", *read],
            target=[self.token(number) for number in target.tolist()],
            weights=shares,
            probabilities=each[np.arange(len(target)), target].tolist(),
            alternatives=[
                [(self.token(number), float(each[step, number])) for number in some]
                for step, some in enumerate(likeliest.tolist())
            ],
        )

    def token(self, number: int) -> str:
        """Return the token of an id of a target."""
        return "<end>" if number == END else self.writer.vocabulary.names([number])[0]


def warn(texts: Sequence[str], x: np.ndarray, lengths: np.ndarray) -> None:
    """Warn about sources that the network does not read as they are."""
    unknown, cut = (x == OOV).any(axis=1), lengths > x.shape[1]
    for which, what in (
        (unknown, "holds tokens that train did not have, so the network can only guess there"),
        (cut, f"is longer than the {x.shape[1] - 1:,} tokens that the network reads"),
    ):
        if which.any():
            first, more = int(np.flatnonzero(which)[0]), int(which.sum()) - 1
            others = f" (and {more:,} more)" if more else ""
            log.warning("`%s`%s %s", shown(texts[first]), others, what)


def _check_sizes(translator: Translator, reader: SourceReader, writer: TargetWriter) -> None:
    """Raise a ValueError if a network has other ids than a run."""
    reads = len(translator.sources), reader.size
    writes = len(translator.head.bias), writer.ids
    if reads[0] != reads[1] or writes[0] != writes[1]:
        raise ValueError(
            f"it reads {reads[0]:,} ids and writes {writes[0]:,}, but the run has {reads[1]:,} "
            f"and {writes[1]:,}"
        )


def row(text: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the translations of a text for JSON."""
    return {
        "source": text,
        "translation": answers[0].text if answers else "",
        "answers": [
            {
                "text": one.text,
                "tokens": one.tokens,
                "probability": one.probability,
                "score": one.score,
                "finished": one.finished,
            }
            for one in answers
        ],
    }
