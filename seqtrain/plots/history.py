"""What each epoch reached."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.plots.base import labelled, panel, plot
from seqtrain.run import Run


@plot(needs="history.csv")
def loss(runs: Sequence[Run]) -> Figure:
    """Loss of the training and validation examples against the epoch."""
    figure, axes = _curves(runs, "loss", "loss (cross-entropy, nats)")
    axes.set_ylim(bottom=0)
    return _finished(figure, axes, runs)


@plot(needs="history.csv")
def accuracy(runs: Sequence[Run]) -> Figure:
    """Accuracy of the training and validation examples against the epoch."""
    figure, axes = _curves(runs, "accuracy", "accuracy")
    axes.set_ylim(top=min(axes.get_ylim()[1], 1.0))
    return _finished(figure, axes, runs)


@plot(needs="history.csv")
def learning_rate(runs: Sequence[Run]) -> Figure:
    """Learning rate of each epoch's last step."""
    figure, axes = panel("learning rate")
    for run, label, colour in labelled(runs):
        epochs, values = _series(run, "learning_rate")
        axes.plot(epochs, values, color=colour, marker=".", label=label)
    axes.set_ylim(bottom=0)
    return _finished(figure, axes, runs)


def _curves(runs: Sequence[Run], quantity: str, ylabel: str) -> tuple[Figure, Axes]:
    """Draw train and validation of one quantity, the best epoch of each run marked."""
    figure, axes = panel(ylabel)
    for run, name, colour in labelled(runs):
        epochs, values = _series(run, f"val_{quantity}")
        best = run.best_epoch()
        score = values[best - 1]
        split = f"validation{' on test (optimistic)' if run.optimistic else ''}"
        label = f"{split}, best epoch {best}: {score:.4f}"
        label = label if len(runs) == 1 else f"{name}, {label}"
        axes.plot(epochs, values, color=colour, marker=".", label=label)
        axes.plot(best, score, "o", ms=9, mfc="none", mec=colour, mew=1.5, zorder=3)
        axes.plot(*_series(run, quantity), color=colour, ls="--", marker=".", alpha=0.6)
    axes.plot([], [], color="#444444", ls="--", alpha=0.6, label="train (dashed)")
    return figure, axes


def _finished(figure: Figure, axes: Axes, runs: Sequence[Run]) -> Figure:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(runs) == 1:
        axes.set_title(runs[0].label, fontsize=9)
    if len(axes.lines) > 1:
        axes.legend(fontsize=8)
    return figure


def _series(run: Run, key: str) -> tuple[np.ndarray, np.ndarray]:
    rows = run.history()
    return np.array([row["epoch"] for row in rows]), np.array([row[key] for row in rows])
