"""Tasks: what a network answers, and which score and which words belong to it."""

from typing import Literal

Task = Literal["classification", "regression"]

# The score that stands beside the loss in each epoch, and by which runs are compared.
SCORES: dict[Task, str] = {"classification": "accuracy", "regression": "mae"}
# What a network says of examples, as `predictions.npz` calls it.
ANSWERS: dict[Task, str] = {"classification": "probabilities", "regression": "predictions"}
# Scores of which the smallest is the best.
LESS_IS_BETTER = ("loss", "mae", "rmse", "ece", "wrong")

LARGE, HUGE, SMALL = 100, 1e9, 1e-3


def readable(score: float) -> str:
    """Return four decimals, or what tells more of a number that is large or small; counts whole."""
    if isinstance(score, int):
        return f"{score:,}"
    if abs(score) >= HUGE or 0 < abs(score) < SMALL:
        return f"{score:.2e}"
    return f"{score:.4f}" if abs(score) < LARGE else f"{score:,.1f}"
