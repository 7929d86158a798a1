"""The model and the training that a draft gets, by what is known of the data."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Line = tuple[str, Any, str]  # a key, its value, and why

LONGEST, SMALLEST, LARGEST = 400, 1_000, 20_000  # tokens; ids of the vocabulary
# Where texts are few, longer ones are read whole, up to so many tokens in an epoch.
WHOLE, WHOLE_LENGTH = 2_000_000, 1_000
USUAL = 0.99  # share of the texts that are read whole, where that is not too long
SPECIAL = 4  # ids of padding, start and unknown tokens
STEPS = 2_000  # of the optimizer, about which a small network needs
BATCH_SIZES = {2_000: 16, 20_000: 32, 200_000: 64}  # up to so many examples; then 256


@dataclass
class Known:
    """What is known of the data that a draft is for.

    Attributes:
        labels: what their labels are, in a few words.
        rows: how many examples there are.
        lengths: the steps of each example, or of a sample of them.
        words: how often each token stands in the texts of a sample; none where they are numbers.
        tokens: what texts are split into; None where examples are numbers.
    """

    labels: str = ""
    rows: int = 0
    lengths: list[int] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)
    tokens: str | None = None


def recipe(known: Known) -> dict[str, list[Line]]:
    """Return the keys of each section of the config, but for those that say where the data are."""
    return {"dataset": _dataset(known), "model": _model(known), "training": _training(known)}


def longest(rows: int) -> int:
    """Return how many tokens of a text are read at most, for a training of minutes."""
    return min(max(LONGEST, WHOLE // max(rows, 1)), WHOLE_LENGTH)


def _dataset(known: Known) -> list[Line]:
    if known.tokens is None:
        return [("standardise", True, "every feature to mean 0 and deviation 1")]
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
        ("bucket_by_length", True, "texts of like length in one batch, with little padding"),
        ("learning_rate", 2e-3, ""),
        ("schedule", "cosine", "the learning rate falls towards 0"),
        ("early_stopping", {"patience": 5}, "epochs in which validation gets no better"),
    ]


def _of_sequences() -> list[Line]:
    """Return keys for networks that learn nothing for many epochs before they learn all."""
    return [
        ("learning_rate", 3e-3, ""),
        ("schedule", "cosine", "the learning rate falls towards 0"),
        ("clipnorm", 1, "largest norm of a gradient"),
        ("early_stopping", {"patience": 20}, "epochs in which validation gets no better"),
    ]
