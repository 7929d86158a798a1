"""Draft a config for running text: a language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtrain.data.dataset import Dataset
from seqtrain.datasets.corpus import SUFFIXES, Corpus
from seqtrain.display.escape import one_line
from seqtrain.scaffold import pair_roles
from seqtrain.scaffold.data_keys import Request, holds_prose, section
from seqtrain.scaffold.recipe import Line

LARGE, LONG = 300_000, 2_000_000  # characters from which on units are many, and batches large
READ, FEWEST, MOST = 8_000_000, 3, 30  # characters that are read in all, and limits of the epochs


def is_running_text(request: Request, given: Mapping[str, Any]) -> bool:
    """Return whether the data of a request are running text: a file of prose, or a folder of some.

    Args:
        request: names the data.
        given: the dataset keys in its arguments.
    """
    if given.get("name") == "corpus":
        return True
    others = request.text or request.label or pair_roles.is_asked(given)
    if others or {"task", "name", "rows"} & given.keys():
        return False
    if request.data.is_dir():
        files = [path for path in request.data.iterdir() if not path.name.startswith(".")]
        texts = [path for path in files if path.suffix.lower() in SUFFIXES]
        return bool(texts) and not any(path.is_dir() for path in files)
    return holds_prose(request)


def draft_text(
    request: Request, given: Mapping[str, Any]
) -> tuple[dict[str, list[Line]], list[tuple[str, str]], Dataset]:
    """Return the sections of a config, messages on the decisions, and the loaded data.

    Raises:
        DataError: the text cannot be read, or is too short.
    """
    keys: list[Line] = [("path", str(request.data), ""), ("name", "corpus", "")]
    config = section(request, keys)
    if not isinstance(config, Corpus):
        raise TypeError(config.name)
    documents = config.documents(None)
    characters = sum(map(len, documents.texts))
    dataset = config.load()
    told = [
        ("data", f"{characters:,} characters of {one_line(str(request.data))}"),
        ("tokens", f"{dataset.tokens}, {dataset.train.scored:,} in train, {dataset.outputs:,} ids"),
        ("task", "language model: it learns to continue the text"),
    ]
    if len(documents.texts) > 1:
        told.insert(1, ("documents", f"{len(documents.texts):,}"))
    return _sections(keys, characters), told, dataset


def _sections(keys: list[Line], characters: int) -> dict[str, list[Line]]:
    """Return the keys of the config; the recipe is that of docs/language-models.md."""
    epochs = min(max(READ // max(characters, 1), FEWEST), MOST)
    shares: list[Line] = [
        ("validation", 0.05, "share before the test that chooses the best epoch"),
        ("test", 0.1, "the end of the text"),
    ]
    units = 256 if characters >= LARGE else 128
    return {
        "dataset": [*keys, ("window", 64, "tokens over which the gradient goes back"), *shares],
        "model": [
            ("name", "lstm", ""),
            ("units", units, ""),
            ("embedding_dim", 64, ""),
            ("dropout", 0.2, ""),
        ],
        "training": [
            ("epochs", epochs, ""),
            ("batch_size", 32 if characters >= LONG else 16, "many small steps help most"),
            ("learning_rate", 4e-3, ""),
            ("schedule", "cosine", "the learning rate falls towards 0"),
            ("clipnorm", 1.0, ""),
        ],
        "execution": [("backend", "auto", "jax where it is installed: it is faster")],
    }
