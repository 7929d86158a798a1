"""Plots: functions of runs that return a figure.

A function marked `@plot` is drawn for every run that has the file it needs. Figures are made
without pyplot, so nothing here needs a display or leaves state behind.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain import metrics
from seqtrain.files import replacing
from seqtrain.run import Run

Plot = Callable[[Sequence[Run]], Figure]

SIZE = (6.4, 4.2)  # inches
DPI = 160
# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.hashsalt": "seqtrain",
}
PANELS_IN_A_ROW = 3
MOST_NUMBERS = 20  # classes; the cells of larger matrices hold no numbers

_PLOTS: dict[str, tuple[Plot, str, int | None]] = {}


def plot(needs: str, classes: int | None = None) -> Callable[[Plot], Plot]:
    """Mark a function as a plot of runs that have the file `needs`, and so many classes."""

    def register(function: Plot) -> Plot:
        _PLOTS[function.__name__] = (function, needs, classes)
        return function

    return register


def draw(runs: Sequence[Run], folder: Path, suffix: str = "png") -> list[Path]:
    """Draw every plot that the runs have the files for, and return the pictures.

    Args:
        runs: drawn over one another.
        folder: where the pictures go, named as the plots are; it is made if it is missing.
        suffix: png, svg or pdf.
    """
    folder.mkdir(exist_ok=True)
    pictures = []
    for name, (function, needs, classes) in _PLOTS.items():
        able = [run for run in runs if run.has(needs)]
        if classes is not None:
            able = [run for run in able if len(run.classes()) == classes]
        if able:
            with rc_context(STYLE):
                pictures.append(_save(function(able), folder / f"{name}.{suffix}"))
    return pictures


def _save(figure: Figure, path: Path) -> Path:
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:])
    with replacing(path) as beside:
        figure.savefig(beside, dpi=DPI, metadata=metadata)
    return path


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
    figure, axes = _figure("learning rate")
    for run, label, colour in _labelled(runs):
        epochs, values = _series(run, "learning_rate")
        axes.plot(epochs, values, color=colour, marker=".", label=label)
    axes.set_ylim(bottom=0)
    return _finished(figure, axes, runs)


@plot(needs="predictions.npz")
def confusion_matrix(runs: Sequence[Run]) -> Figure:
    """Counts of test examples by true and predicted class, one panel for each run."""
    columns = min(math.ceil(math.sqrt(len(runs))), PANELS_IN_A_ROW)
    rows = math.ceil(len(runs) / columns)
    figure = Figure(figsize=(4.4 * columns + 1, 4.8 * rows), layout="compressed")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for (run, label, _), axes in zip(_labelled(runs), panels, strict=False):
        labels, probabilities = run.predictions()
        matrix = metrics.confusion_matrix(labels, probabilities)
        score = metrics.accuracy(labels, probabilities)
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_title(f"{label}\ntest accuracy {score:.4f}{_note(run)}", fontsize=9)
        _label_cells(axes, run.classes(), matrix, shares)
    for axes in panels[len(runs) :]:
        axes.remove()
    figure.colorbar(picture, ax=panels[: len(runs)].tolist(), label="share of the true class")
    return figure


def _label_cells(
    axes: Axes, classes: Sequence[str], matrix: np.ndarray, shares: np.ndarray
) -> None:
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    turned = 90 if max(map(len, classes)) > 4 and len(classes) > 3 else 0
    axes.set_xticks(range(len(classes)), classes, rotation=turned)
    axes.set_yticks(range(len(classes)), classes)
    if len(classes) > MOST_NUMBERS:
        return
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)


@plot(needs="predictions.npz", classes=2)
def roc(runs: Sequence[Run]) -> Figure:
    """Receiver operating characteristic of the test examples, with the area under it."""
    from sklearn.metrics import roc_curve

    figure, axes = _figure("true positive rate")
    axes.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="chance")
    for run, name, colour in _labelled(runs):
        labels, probabilities = run.predictions()
        false_positives, true_positives, _ = roc_curve(labels, probabilities[:, 1])
        area = metrics.roc_auc(labels, probabilities)
        label = f"{name}, area {area:.4f}{_note(run)}"
        axes.plot(false_positives, true_positives, color=colour, label=label)
    axes.set(xlabel="false positive rate", aspect="equal", xlim=(0, 1), ylim=(0, 1.005))
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _curves(runs: Sequence[Run], quantity: str, ylabel: str) -> tuple[Figure, Axes]:
    """Draw train and validation of one quantity, the best epoch of each run marked."""
    figure, axes = _figure(ylabel)
    for run, name, colour in _labelled(runs):
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


def _figure(ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(ylabel)
    axes.margins(y=0.15)
    return figure, axes


def _finished(figure: Figure, axes: Axes, runs: Sequence[Run]) -> Figure:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(runs) == 1:
        axes.set_title(runs[0].label, fontsize=9)
    if len(axes.lines) > 1:
        axes.legend(fontsize=8)
    return figure


def _labelled(runs: Sequence[Run]) -> list[tuple[Run, str, str]]:
    """Return each run with a label, its name alone where that tells it apart, and a colour."""
    names = [str(run.config.name) for run in runs]
    alone = len(runs) > 1 and len(set(names)) == len(names)
    labels = names if alone else [run.label for run in runs]
    colours = (COLOURS[number % len(COLOURS)] for number in range(len(runs)))
    return list(zip(runs, labels, colours, strict=True))


def _series(run: Run, key: str) -> tuple[np.ndarray, np.ndarray]:
    rows = run.history()
    return np.array([row["epoch"] for row in rows]), np.array([row[key] for row in rows])


def _note(run: Run) -> str:
    return " (optimistic)" if run.optimistic else ""
