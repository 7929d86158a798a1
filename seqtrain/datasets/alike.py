"""Which examples stand in two splits, and which only look as if they did."""

from __future__ import annotations

import math

from seqtrain.datasets.dataset import Dataset, Examples


def shared(train: Examples, others: Examples) -> tuple[int, int]:
    """Return how many examples stand in train too, and how many only look as if they did.

    These are texts that equal one of train as the network reads them, but of which half of the
    words or more are unknown, and may have been any.
    """
    import numpy as np

    from seqtrain.text import OOV

    equal = np.isin(others.fingerprints(), train.fingerprints())
    unsure = np.zeros_like(equal)
    if others.x.ndim == 2:
        unsure = 2 * (others.x == OOV).sum(axis=1) >= np.maximum((others.x >= OOV).sum(axis=1), 1)
    return int((equal & ~unsure).sum()), int((equal & unsure).sum())


def unknown(examples: Examples) -> float:
    """Return the share of unknown words among those that the network reads of texts."""
    from seqtrain.text import OOV

    return float((examples.x == OOV).sum() / max((examples.x >= OOV).sum(), 1))


def vocabulary_full(dataset: Dataset) -> bool:
    """Return whether more ids would give more words theirs."""
    from seqtrain.text import FIRST_WORD

    words = dataset.vocabulary.words if dataset.vocabulary else ()
    return FIRST_WORD + len(words) >= (dataset.vocabulary_size or math.inf)
