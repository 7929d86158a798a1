"""Find examples that stand in two splits, and those that only seem to."""

from __future__ import annotations

from seqtrain.data.dataset import Examples


def shared(train: Examples, others: Examples) -> tuple[int, int]:
    """Return how many examples also stand in train, and how many only seem to.

    The latter are texts whose ids equal those of a text in train, but half of whose words or more
    are unknown, so that the texts may differ.
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
