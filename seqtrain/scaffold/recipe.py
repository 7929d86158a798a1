"""Choose the model and the training of a draft, from facts about the data."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Line = tuple[str, Any, str]  # a key, its value, and why

LONGEST, SMALLEST, LARGEST = 400, 1_000, 20_000  # tokens; ids of the vocabulary
# With few texts, longer texts are read in full, up to so many tokens in an epoch.
WHOLE, WHOLE_LENGTH = 2_000_000, 1_000
USUAL = 0.99  # share of the texts to read in full, if that is not too long
SPECIAL = 4  # ids of padding, start and unknown tokens
STEPS = 2_000  # optimizer steps that a small network needs
FEW, SHARE_OF_FEW = 50, 0.25  # with fewer examples, validation gets a larger share
BATCH_SIZES = {2_000: 16, 20_000: 32, 200_000: 64}  # up to so many examples; then 256


@dataclass
class Known:
    """Facts about the data of a draft.

    Attributes:
        labels: a short description of the labels.
        rows: the number of examples.
        lengths: the steps of each example, or of a sample.
        words: the count of each token in a sample; empty if examples are numbers.
        tokens: the tokens of texts; None if examples are numbers.
    """

    labels: str = ""
    rows: int = 0
    lengths: list[int] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)
    tokens: str | None = None


def recipe(known: Known) -> dict[str, list[Line]]:
    """Return the keys of each section, without those on the place of the data."""
    return {"dataset": _dataset(known), "model": _model(known), "training": _training(known)}


def longest(rows: int) -> int:
    """Return the `max_length` of texts for a training of minutes."""
    return min(max(LONGEST, WHOLE // max(rows, 1)), WHOLE_LENGTH)


def _dataset(known: Known) -> list[Line]:
    if known.tokens is None:
        return [("standardise", True, "every feature to mean 0 and standard deviation 1")]
    usual = sorted(known.lengths)[int(USUAL * (len(known.lengths) - 1))]
    length = min(ceil(usual / 10) * 10, longest(known.rows))
    size = min(max(len(known.words) + SPECIAL, SMALLEST), LARGEST)
    why = f"{USUAL:.0%} of the texts are no longer" if usual <= length else "longer texts are cut"
    return [
        ("vocabulary_size", size, f"the most frequent {known.tokens}"),
        ("max_length", length, f"tokens; {why}"),
    ]


def _model(known: Known) -> list[Line]:
    if not known.tokens:
        return [
            ("name", "bigru", "rnn | lstm | gru | birnn | bilstm | bigru | conv"),
            ("units", 64, "in each direction"),
            ("pooling", "max", "of all steps, so that a pattern counts wherever it stands"),
            ("dropout", 0.5, "share of outputs that are dropped in training"),
        ]
    return [
        ("name", "bigru", "rnn | lstm | gru | birnn | bilstm | bigru | conv"),
        ("units", 64, "in each direction"),
        ("embedding_dim", 64, "length of each token's vector"),
        ("pooling", "max", "of all steps, so that a word counts wherever it stands"),
        ("token_dropout", 0.3, "share of tokens that are dropped in training"),
        ("dropout", 0.5, "share of outputs"),
        ("wide", True, "a linear model of neighbouring tokens beside the network"),
    ]


def _training(known: Known) -> list[Line]:
    batch_size = next((size for most, size in BATCH_SIZES.items() if known.rows <= most), 256)
    epochs = min(max(ceil(STEPS * batch_size / known.rows), 10), 60)
    return [
        ("epochs", epochs, "at most"),
        ("batch_size", batch_size, ""),
        *(_of_texts() if known.tokens else _of_sequences()),
    ]


def _of_texts() -> list[Line]:
    return [
        ("bucket_by_length", True, "texts of similar length in one batch, with little padding"),
        ("learning_rate", 2e-3, ""),
        ("schedule", "cosine", "the learning rate falls towards 0"),
        ("early_stopping", {"patience": 5}, "epochs in which validation gets no better"),
    ]


def _of_sequences() -> list[Line]:
    """Return keys for long sequences, on which networks learn nothing for many epochs at first."""
    return [
        ("learning_rate", 3e-3, ""),
        ("schedule", "cosine", "the learning rate falls towards 0"),
        ("clipnorm", 1, "largest norm of a gradient"),
        ("early_stopping", {"patience": 20}, "epochs in which validation gets no better"),
    ]
