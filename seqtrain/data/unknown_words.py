"""Measure the parts of texts that a network does not see: unknown tokens, and other characters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqtrain.data.dataset import Dataset, NewExamples, Split
from seqtrain.data.tokens import DROPPED, SHORT, Tokens
from seqtrain.io.text_file import shown

if TYPE_CHECKING:
    import numpy as np

MUCH = 0.25  # share of the tokens from which on to warn


def unknown(dataset: Dataset, split: Split) -> float:
    """Return the share of the tokens of a split that have no id."""
    from seqtrain.data.vocabulary import OOV

    x = dataset.split(split).first
    return float((x == OOV).sum() / max((x >= OOV).sum(), 1))


def unknown_of_each(x: np.ndarray) -> list[float]:
    """Return the share of each text's tokens that have no id; 1 for a text without tokens.

    Args:
        x: ids of shape (N, T).
    """
    import numpy as np

    from seqtrain.data.vocabulary import OOV

    found, known = (x >= OOV).sum(axis=1), (x > OOV).sum(axis=1)
    shares: list[float] = np.where(found, 1 - known / np.maximum(found, 1), 1.0).tolist()
    return shares


def full(dataset: Dataset) -> bool:
    """Return whether a larger vocabulary would add tokens that train has more than once."""
    from seqtrain.data.vocabulary import FIRST_WORD

    words, size = dataset.vocabulary.words if dataset.vocabulary else (), dataset.vocabulary_size
    if size is None or FIRST_WORD + len(words) < size:
        return False
    return int((dataset.train.first == size - 1).sum()) > 1  # of the rarest that has an id


def doubts(dataset: Dataset, tokens: Tokens) -> Iterator[str]:
    """Yield warnings about text that the network does not see, each with what to type."""
    if dataset.dropped > DROPPED:
        yield (
            f"{dataset.dropped:.1%} of the characters of the texts are in no word, so they are "
            "not read: `dataset.tokens=characters`"
        )
    if (share := unknown(dataset, "test")) > MUCH:
        name = "words" if tokens == "words" else tokens
        yield f"{share:.1%} of the test {name} are unknown: {_remedy(dataset, tokens)}"


def _remedy(dataset: Dataset, tokens: Tokens) -> str:
    """Return a hint on how to reduce unknown tokens."""
    import numpy as np

    if full(dataset) and unknown(dataset, "train") > MUCH:
        return "a larger `dataset.vocabulary_size`"
    if tokens != "words":
        return "give more training texts, or other test texts"
    lengths = dataset.train.lengths
    few = lengths is not None and np.median(lengths) - 1 <= SHORT
    return f"`dataset.tokens={'characters' if few else 'subwords'}`"


def doubt_of_given(given: NewExamples, tokens: str | None) -> str | None:
    """Return a warning about new texts that the network hardly sees, or nothing.

    Args:
        given: texts and their ids.
        tokens: what the network reads, where its config says so.
    """
    texts = given.texts or []
    shares = unknown_of_each(given.x) if texts else [0.0]
    hint = "; with `dataset.tokens=subwords` it would know every word" if tokens == "words" else ""
    name = "character" if tokens == "characters" else "word"
    if strange := [number for number, share in enumerate(shares) if share == 1]:
        first = strange[0]
        place = f"line {given.lines[first]}" if given.lines else f"text {first + 1}"
        which = f"{place}, `{shown(texts[first])}`"
        if len(strange) == 1 and not texts[first].strip():
            return f"{place} is empty, so the network can only guess"
        if len(strange) > 1:
            which = f"{len(strange):,} of {len(texts):,} texts, the first {which},"
        return f"the network knows no {name} of {which} and can only guess{hint}"
    if (mean := sum(shares) / len(shares)) > MUCH:
        return f"{mean:.1%} of the {name}s are unknown to the network{hint}"
    return None
