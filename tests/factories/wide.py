"""Wide networks and texts whose order decides."""

from typing import Any

import numpy as np

from seqtrain.data.dataset import Dataset, Examples
from seqtrain.models.recurrent import Recurrent
from seqtrain.tasks import Classification


def pairs_of_words(classes: int = 2, examples: int = 240, length: int = 9) -> Dataset:
    """Texts of four words; two neighbouring words decide the class, and so does their order."""
    random = np.random.default_rng(0)
    x = np.zeros((examples, length), np.int32)
    labels = random.permutation(np.arange(examples, dtype=np.int32) % classes)
    for row, label in zip(x, labels, strict=True):
        words = random.integers(20, 40, 2).tolist()
        pair = [4 + label, 5 + label] if label % 2 else [5 + label, 4 + label]
        row[:5] = [1, *words[:1], *pair, *words[1:]]
    parts = [Examples(x[start::3], labels[start::3]) for start in range(3)]
    names = tuple(map(str, range(classes)))
    return Dataset(
        *parts, Classification(names), source="test", sha256="0", vocabulary_size=50, mask=True
    )


def network(dataset: Dataset, name: str = "gru", **keys: Any) -> Any:
    config = Recurrent(name=name, units=4, embedding_dim=4, wide=True, **keys)
    model = config.build(dataset)
    config.prepare(model, dataset)
    return model
