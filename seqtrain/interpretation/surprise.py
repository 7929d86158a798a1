"""How much each token of a text surprises a language model, and the gates while it reads.

It is computed in NumPy, so no backend is started.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.data.dataset import Split
from seqtrain.data.text_windows import labels_of
from seqtrain.display.escape import slug
from seqtrain.errors import DataError
from seqtrain.evaluation import language_metrics
from seqtrain.inference.generation import Writer
from seqtrain.inference.stepping import Gates
from seqtrain.runs import run_data
from seqtrain.runs.run import SURPRISE, Run

PASSAGE, BEFORE = 300, 1_000  # tokens of a passage of a split, and those that are read before it
DIGITS = 6  # significant digits in JSON


@dataclass(frozen=True)
class Surprise:
    """What a language model makes of the tokens of a text.

    Attributes:
        run: the name of the run.
        title: of the text.
        slug: its name in file names.
        tokens: n tokens.
        bits: that each costs, float64 of shape (n,).
        characters: of each, shape (n,).
        ranks: how many tokens were likelier than each, shape (n,).
        likeliest: the likeliest token at each place, with its probability.
        gates: of each layer the gates and states by name, float32 of shape (n, units).
    """

    run: str
    title: str
    slug: str
    tokens: list[str]
    bits: np.ndarray
    characters: np.ndarray
    ranks: np.ndarray
    likeliest: list[tuple[str, float]]
    gates: list[Gates]

    @property
    def bits_per_character(self) -> float:
        """The mean."""
        return float(self.bits.sum() / max(self.characters.sum(), 1))


def of_text(run: Run, text: str, writer: Writer | None = None) -> Surprise:
    """Return how a text surprises the network of a run.

    Args:
        run: the run.
        text: the text.
        writer: the network of the run, if it is already loaded.

    Raises:
        RunError: the run has no model.
        DataError: the text is empty.
    """
    writer = writer or Writer.of(run)
    if not text:
        raise DataError("an empty text holds nothing to explain", "give some words")
    stream = writer.stream(text)
    name = slug(text, text.encode("utf-8", "replace"))
    return _read(run, writer, stream.ids, labels_of(stream), 0, text, name)


def of_split(run: Run, split: Split, number: int, data_dir: Path | None) -> Surprise:
    """Return how a passage of a split surprises the network of a run.

    Args:
        run: the run.
        split: train, validation or test.
        number: of the passage, from 1; each has `PASSAGE` tokens.
        data_dir: a folder to look for data files in.

    Raises:
        DataError: the data cannot be read, or the split has fewer passages.
    """
    writer = Writer.of(run)
    examples = run_data.load_readable(run, data_dir).split(split).whole()
    last = -(-len(examples) // PASSAGE)
    if not 1 <= number <= last:
        raise DataError(
            f"{split} has {last:,} passages of {PASSAGE} tokens, so it has no passage {number}",
            f"choose one of 1 to {last}: `--example {last}`",
        )
    begin = (number - 1) * PASSAGE
    first = max(begin - BEFORE, 0)
    end = min(begin + PASSAGE, len(examples))
    labels = examples.labels[first:end]
    ids = np.append(examples.first[first:end, 0], labels["token"][-1])
    title = f"passage {number} of {split}"
    return _read(run, writer, ids, labels, begin - first, title, f"{split}-{number}")


def _read(
    run: Run,
    writer: Writer,
    ids: np.ndarray,
    labels: np.ndarray,
    skipped: int,
    title: str,
    slug: str,
) -> Surprise:
    """Read ids, of which the first is only read, and leave out the first labels."""
    inside: list[Gates] = []
    features, _ = writer.stack.read(ids[None, :-1], writer.stack.begin(), inside)
    logits = writer.stack.logits(features[0, skipped:])
    true = labels[skipped:]
    found = writer.task.predictions(logits, true)
    return Surprise(
        run=run.label,
        title=title,
        slug=slug,
        tokens=writer.pieces(true["token"]),
        bits=language_metrics.bits(true, found),
        characters=true["characters"],
        ranks=found[:, 1].astype(np.int64),
        likeliest=_likeliest(writer, logits),
        gates=[{name: of[0, skipped:] for name, of in layer.items()} for layer in inside],
    )


def _likeliest(writer: Writer, logits: np.ndarray) -> list[tuple[str, float]]:
    top = logits.argmax(axis=1)
    labels = top.astype(np.int32)
    shares = np.exp(writer.task.predictions(logits, labels)[:, 0])
    return [(writer.task.token(n), float(p)) for n, p in zip(top.tolist(), shares, strict=True)]


def numbers(found: Surprise) -> dict[str, Any]:
    """Return the surprise of each token for JSON."""
    rows = zip(found.tokens, found.bits, found.ranks.tolist(), found.likeliest, strict=True)
    return {
        "run": found.run,
        "text": found.title,
        "bits_per_character": _rounded(found.bits_per_character),
        "tokens": [
            {
                "token": token,
                "bits": _rounded(bits),
                "rank": rank + 1,
                "likeliest": likeliest,
                "probability": _rounded(probability),
            }
            for token, bits, rank, (likeliest, probability) in rows
        ],
    }


def keep(run: Run, found: Surprise) -> None:
    """Keep the surprise of each token in the run, for its report."""
    run.write_json(SURPRISE, numbers(found))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
