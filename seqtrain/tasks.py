"""Tasks: what a network answers, and which score and which words belong to it."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

Task = Literal["classification", "regression"]

# The score that stands beside the loss in each epoch, and by which runs are compared.
SCORES: dict[Task, str] = {"classification": "accuracy", "regression": "mae"}
UNEVEN = 5.0  # how much larger the largest class is than the smallest, where they are uneven
# What a network says of examples, as `predictions.npz` calls it.
ANSWERS: dict[Task, str] = {"classification": "probabilities", "regression": "predictions"}
# Scores of which the smallest is the best.
LESS_IS_BETTER = ("loss", "mae", "rmse", "ece", "wrong")
# Scores that can be computed in each epoch, and choose the best one.
MONITORED: dict[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "regression": ("mae",),
}


def primary(task: Task, weighed: bool = False) -> str:
    """Return the score by which a network is judged, and its best epoch can be chosen.

    Where classes are weighed (`training.class_weight`) the network aims at all alike, as macro F1
    does and accuracy does not.
    """
    return "macro_f1" if weighed and task == "classification" else SCORES[task]


def called(score: str) -> str:
    """Return what a sentence calls a score."""
    return {"macro_f1": "macro F1", "balanced_accuracy": "balanced accuracy"}.get(score, score)


def titles(baselines: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what each simple model is called, with how many rows it saw where that is not all.

    Args:
        baselines: as `metrics.json` has them, with `trained_on`; one of them saw all rows.
    """
    seen = {name: found.get("trained_on") or 0 for name, found in baselines.items()}
    every = max(seen.values(), default=0)
    return {
        name: f"{name} on {rows:,} of {every:,} rows" if 0 < rows < every else name
        for name, rows in seen.items()
    }


def uneven(counts: Iterable[int]) -> bool:
    """Return whether some classes are so much larger than others that accuracy hides these.

    Args:
        counts: the training examples of each class; classes without any do not count.
    """
    present = [count for count in counts if count]
    return bool(present) and max(present) > UNEVEN * min(present)


LARGE, HUGE, SMALL = 100, 1e9, 1e-3


def readable(score: float) -> str:
    """Return four decimals, or what tells more of a number that is large or small; counts whole."""
    if isinstance(score, int):
        return f"{score:,}"
    if abs(score) >= HUGE or 0 < abs(score) < SMALL:
        return f"{score:.2e}"
    return f"{score:.4f}" if abs(score) < LARGE else f"{score:,.1f}"
