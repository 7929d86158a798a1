"""Go on with a text: token by token, each drawn from what the network predicts after all before."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from seqtrain.data.text_windows import steps
from seqtrain.data.token_stream import Encoder, Stream, concatenated
from seqtrain.data.tokens import SPACE, Tokeniser
from seqtrain.data.vocabulary import FIRST_WORD, OOV, START, Vocabulary
from seqtrain.errors import DataError, RunError
from seqtrain.inference import stepping
from seqtrain.inference.carried import of_text
from seqtrain.inference.stepping import Stack, State
from seqtrain.runs.run import Run
from seqtrain.tasks.language_model import LanguageModel, language_model

NEVER = (0, OOV, 3)  # ids that are never written: padding, unknown, unused
NEXT = 10  # tokens that `predict` ranks
FEW = 5  # unknown tokens that a message names
# Signs that are written in several ways, and the plain one.
PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": ".", "\t": " "}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen.

    Attributes:
        temperature: by which logits are divided; 0 takes the likeliest token.
        top_k: only so many of the likeliest tokens.
        top_p: only the likeliest tokens that together have this probability (A. Holtzman et al.,
            "The Curious Case of Neural Text Degeneration", ICLR 2020).
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def choose(self, logits: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Return an id for each text, int64 of shape (n,).

        Args:
            logits: shape (n, ids).
            drawn: uniform numbers from 0 to 1, float64 of shape (n,).
        """
        if not self.temperature:
            return np.asarray(logits.argmax(axis=1))
        p = _weights(logits if self.temperature == 1 else logits / self.temperature)
        if self.top_k is not None or self.top_p is not None:
            p = self._cut(p)
        ends = p.cumsum(axis=1)
        chosen = (ends <= drawn[:, None] * ends[:, -1:]).sum(axis=1)
        return np.asarray(np.minimum(chosen, p.shape[1] - 1))

    def _cut(self, p: np.ndarray) -> np.ndarray:
        """Return probabilities, not normalised, with 0 for the tokens that are left out."""
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1)
        kept = np.ones(ranked.shape, bool)
        if self.top_k is not None:
            kept[:, self.top_k :] = False
        if self.top_p is not None:
            before = ranked.cumsum(axis=1) - ranked
            kept &= before < self.top_p * ranked.sum(axis=1, keepdims=True)
        found = np.zeros_like(p)
        np.put_along_axis(found, order, np.where(kept, ranked, 0.0), axis=1)
        return found


@dataclass(frozen=True)
class Written:
    """A token that was written.

    Attributes:
        text: the number of its text, from 0.
        token: the token.
        piece: the characters that it adds to the text.
        probability: that the network gave it, at temperature 1.
    """

    text: int
    token: str
    piece: str
    probability: float


class Pieces:
    """Turns the tokens of a text into its characters, one by one."""

    def __init__(self, tokeniser: Tokeniser, after: str = "") -> None:
        """Start after a token; after none, a word has no space before it."""
        self.of_subwords = tokeniser.kind == "subwords"
        self.before = after
        self.bytes = b""

    def add(self, token: str) -> str:
        """Return the characters that a token adds."""
        if not self.of_subwords:
            return token
        if token.startswith("<0x") and token.endswith(">"):
            self.before = token
            self.bytes += bytes.fromhex(token[3:5])
            try:
                piece, self.bytes = self.bytes.decode(), b""
            except UnicodeDecodeError:
                return ""
            return piece
        spaced = not self.before or self.before.isspace()
        self.before, self.bytes = token, b""
        return (token.removeprefix(SPACE) if spaced else token).replace(SPACE, " ")


@dataclass(frozen=True)
class Writer:
    """A trained network that goes on with texts.

    Attributes:
        stack: the network.
        vocabulary: the tokens of its ids.
        task: its task.
    """

    stack: Stack
    vocabulary: Vocabulary
    task: LanguageModel

    @classmethod
    def of(cls, run: Run) -> Writer:
        """Return the network of a run; no backend is started.

        Raises:
            RunError: the run has no model, or it is damaged.
            DataError: it writes no text.
        """
        run.require(run.model_file.name)
        fitted = run.fitted()
        task = language_model(fitted.task)
        if fitted.vocabulary is None:
            raise run.damaged("vocabulary.json", "it is missing")
        try:
            stack = stepping.of_file(run.model_file)
        except ValueError as error:
            raise RunError(f"{run.model_file} cannot be opened: {error}", run.again) from error
        if stack.ids != task.outputs:
            raise run.damaged(run.model_file.name, "its ids are not those of vocabulary.json")
        return cls(stack, fitted.vocabulary, task)

    @property
    def first(self) -> int:
        """The id after which a text begins: the start of a document, or else a new line."""
        lines = "\n" in self.vocabulary.words and self.task.documents == 1
        return self.vocabulary.words.index("\n") + FIRST_WORD if lines else START

    def ids(self, text: str) -> np.ndarray:
        """Return the ids of a beginning, with what comes before it; shape (M,).

        A character that the network does not know becomes one like it, or is left out, and a
        message says so.
        """
        known = {*self.vocabulary.words}
        if self.vocabulary.tokeniser.kind == "characters":
            text = self._mapped(text, known)
        stream = self._encoder.encode([text], begins=False)
        self._warn_of_unknown(text, stream)
        return np.concatenate([[self.first], stream.ids.astype(np.int64)])

    def _warn_of_unknown(self, text: str, stream: Stream) -> None:
        """Say which tokens of a text the network does not know, if there are any."""
        if not (stream.ids == OOV).any():
            return
        known = {*self.vocabulary.words}
        tokens = dict.fromkeys(self.vocabulary.tokeniser(text))
        named = [repr(token) for token in tokens if token not in known]
        more = ", …" * (len(named) > FEW)
        log.warning(
            "the network does not know %s%s, and reads `<unknown>`", ", ".join(named[:FEW]), more
        )

    def _mapped(self, text: str, known: set[str]) -> str:
        """Return a text with only known characters."""
        strange = [c for c in dict.fromkeys(text) if c not in known]
        if not strange:
            return text
        like = {c: _alike(c, known) for c in strange}
        mapped = [f"{c!r} as {to!r}" for c, to in like.items() if to]
        left_out = [repr(c) for c, to in like.items() if not to]
        said = [f"reads {', '.join(mapped[:FEW])}"] if mapped else []
        said += [f"leaves out {', '.join(left_out[:FEW])}"] if left_out else []
        log.warning("characters that the network never saw: it %s", " and ".join(said))
        return "".join(like.get(c, c) for c in text)

    def read(self, text: str) -> tuple[np.ndarray, State]:
        """Return the logits after a beginning, shape (1, ids), and the state."""
        features, state = self.stack.read(self.ids(text)[None], self.stack.begin())
        return self.stack.logits(features[:, -1]), state

    def write(
        self, beginning: str, length: int, sampling: Sampling, seed: int, texts: int = 1
    ) -> Iterator[Written]:
        """Go on with a beginning, several times at once, and yield each token as it is made.

        A text ends where the network begins a new document.

        Args:
            beginning: what the texts begin with; it may be empty.
            length: the most tokens of each text.
            sampling: how tokens are chosen.
            seed: decides what is drawn; each text has its own numbers.
            texts: how many.
        """
        logits, state = self.read(beginning)
        logits = np.repeat(logits, texts, axis=0)
        state = [tuple(np.repeat(part, texts, axis=0) for part in of) for of in state]
        randoms = [np.random.default_rng([seed, text]) for text in range(texts)]
        last = [*self.vocabulary.tokeniser(beginning)][-1:]
        pieces = [Pieces(self.vocabulary.tokeniser, "".join(last)) for _ in range(texts)]
        alive, rows, words = [True] * texts, np.arange(texts), self.vocabulary.words
        for _ in range(length):
            likely = logits + self._mask
            chosen = sampling.choose(likely, np.array([random.random() for random in randoms]))
            p = _weights(likely)
            shares = (p[rows, chosen] / p.sum(axis=1)).tolist()
            for text, number in enumerate(chosen.tolist()):
                alive[text] = alive[text] and number != START
                if alive[text]:
                    token = words[number - FIRST_WORD]
                    yield Written(text, token, pieces[text].add(token), shares[text])
            if not any(alive):
                return
            logits, state = self.stack.step(chosen, state)

    @cached_property
    def _mask(self) -> np.ndarray:
        """What is added to logits: minus infinity for what cannot be written; shape (ids,)."""
        mask = np.zeros(self.stack.ids, np.float32)
        mask[[*NEVER, *([START] if self.task.documents == 1 else [])]] = -np.inf
        return mask

    def next_tokens(self, text: str, number: int = NEXT) -> list[tuple[str, float]]:
        """Return the likeliest tokens after a text, with their probabilities."""
        p = _weights(self.read(text)[0] + self._mask)[0]
        p /= p.sum()
        order = np.argsort(-p, kind="stable")[:number]
        return [(self.task.token(one), float(p[one])) for one in order.tolist() if p[one] > 0]

    def stream(self, text: str) -> Stream:
        """Return a text as tokens, after the one that comes before it.

        Raises:
            DataError: it is empty.
        """
        stream = self._encoder.encode([text], begins=False)
        if not len(stream):
            raise DataError("an empty text has no tokens", "give some words")
        before = Stream(*(of[:1].copy() for of in stream.arrays))
        before.ids[0] = self.first
        return concatenated([before, stream])

    def score(self, text: str) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Return the tokens of a text, their labels and their predictions."""
        stream = self.stream(text)
        self._warn_of_unknown(text, stream)
        examples = steps(stream)
        found = of_text(self.stack, examples.first, examples.labels, self.task)
        return self.pieces(stream.ids[1:]), examples.labels, found

    def pieces(self, ids: np.ndarray) -> list[str]:
        """Return the characters that each id adds to a text; `<unknown>` for an unknown one."""
        of = Pieces(self.vocabulary.tokeniser)
        return [of.add(token) for token in self.vocabulary.names(ids)]

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.vocabulary, self.task.spelling)


def until(written: Iterable[Written], texts: int, stop: str | None) -> Iterator[Written]:
    """Yield the tokens of texts, of each up to the text at which to stop; its last piece is cut.

    Args:
        written: what `Writer.write` yields.
        texts: their number.
        stop: the text at which to stop; None or nothing stops nowhere.
    """
    ends, stopped = [""] * texts, [False] * texts
    for one in written:
        if stopped[one.text]:
            continue
        if not stop:
            yield one
            continue
        end = ends[one.text] + one.piece
        beyond = len(end.partition(stop)[2])
        stopped[one.text], ends[one.text] = stop in end, end[-len(stop) :]
        yield replace(one, piece=one.piece[: len(one.piece) - beyond])
        if all(stopped):
            return


def row(beginning: str, tokens: Sequence[Written]) -> dict[str, Any]:
    """Return a text that was written, for JSON, with the probability of each token."""
    return {
        "text": beginning + "".join(one.piece for one in tokens),
        "beginning": beginning,
        "tokens": [{"token": one.token, "probability": one.probability} for one in tokens],
    }


def _weights(logits: np.ndarray) -> np.ndarray:
    """Return probabilities that are not normalised; float64, shape (n, ids)."""
    return np.asarray(np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64))


def _alike(character: str, known: set[str]) -> str:
    """Return a known character that looks like another, or nothing."""
    plain = PLAIN.get(character, unicodedata.normalize("NFKD", character)[:1])
    candidates = (plain, character.swapcase(), plain.swapcase())
    return next((one for one in candidates if one in known), "")


def summary(tokens: Sequence[str], labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Return the score of a text for JSON: bits per character, and the surprise of each token."""
    from seqtrain.evaluation import language_metrics

    bits = language_metrics.bits(labels, predictions)
    characters = int(labels["characters"].sum())
    return {
        "characters": characters,
        "bits": float(bits.sum()),
        "bits_per_character": float(bits.sum() / max(characters, 1)),
        "tokens": [
            {"token": token, "bits": float(f"{cost:.4g}"), "rank": int(rank) + 1}
            for token, cost, rank in zip(tokens, bits.tolist(), predictions[:, 1], strict=True)
        ],
    }
