"""Which examples stand in two splits, and which only look as if they did."""

from __future__ import annotations

from seqtrain.data.dataset import Examples


def shared(train: Examples, others: Examples) -> tuple[int, int]:
    """Return how many examples stand in train too, and how many only look as if they did.

    These are texts that equal one of train as the network reads them, but of which half of the
    words or more are unknown, and may have been any.
    """
    import numpy as np

    from seqtrain.data.vocabulary import OOV

    equal = np.isin(others.fingerprints(), train.fingerprints())
    unsure = np.zeros_like(equal)
    if others.first.ndim == 2:
        unsure = 2 * (others.first == OOV).sum(axis=1) >= np.maximum(
            (others.first >= OOV).sum(axis=1), 1
        )
    return int((equal & ~unsure).sum()), int((equal & unsure).sum())
