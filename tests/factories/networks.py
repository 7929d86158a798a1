"""Small datasets and networks of every kind."""

import itertools
from typing import Any

import numpy as np

from seqtrain.datasets import Dataset, Examples
from seqtrain.models.recurrent import Recurrent
from seqtrain.tasks import Classification

NAMES = Recurrent.names()
POOLINGS = ("last", "mean", "max", "attention")


def examples(x: np.ndarray, classes: int) -> Examples:
    return Examples(x, (np.arange(len(x)) % classes).astype(np.int32))


def dataset(x: np.ndarray, classes: int = 2, **known: Any) -> Dataset:
    part = examples(x, classes)
    names = tuple(map(str, range(classes)))
    return Dataset(part, part, part, Classification(names), source="test", sha256="0", **known)


def tokens(length: int = 12, padding: str = "post", mask: bool = True) -> Dataset:
    """Texts of 5, 1 and 12 words among 20, padded to `length`."""
    rows = [[3, 4, 5, 6, 7], [2], [9, 8, 7, 6, 5, 4, 3, 2, 1, 9, 8, 7]]
    x = np.zeros((3, length), np.int32)
    for row, words in zip(x, rows, strict=True):
        row[slice(len(words)) if padding == "post" else slice(length - len(words), None)] = words
    return dataset(x, vocabulary_size=20, mask=mask)


def features(classes: int = 3) -> Dataset:
    x = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32)
    return dataset(x, classes)


def model(name: str, **keys: Any) -> Recurrent:
    return Recurrent(name=name, **{"units": 4, **keys})  # type: ignore[arg-type]


def predict(network: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(network(x, training=False))


# Each cell with another pooling, and one with all.
EVERY = list(itertools.product(NAMES, POOLINGS))
SOME = [
    pair
    for number, pair in enumerate(EVERY)
    if number % 3 == number // 3 % 3 or pair[0] == "bilstm"
]


def network(name: str, data: Dataset, **keys: Any) -> Any:
    """A network with random weights, biases included."""
    known = {"embedding_dim": 3} if data.vocabulary_size else {}
    built = model(name, **known, **{"units": [4, 3], **keys}).build(data)
    random = np.random.default_rng(1)
    built.set_weights([random.normal(0, 0.7, one.shape) for one in built.get_weights()])
    return built
