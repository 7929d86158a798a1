"""Plots of the predicted classes of the test examples."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqtrain.display.escape import one_line
from seqtrain.evaluation import classification_metrics
from seqtrain.evaluation.calibration import BINS
from seqtrain.evaluation.confusion import Pair, by_size, confused
from seqtrain.plots.base import PANEL, Drawn, legend, panel, panels, plot, together
from seqtrain.runs.run import Run

MOST_NUMBERS = 20  # classes; the cells of larger matrices have no numbers
CELL, LARGEST_MATRIX, MARGIN = 0.16, 10.0, 2.6  # inches; names stand in the margin
LONGEST_NAME = 22  # letters of a class name; longer names get one line each
LETTERS, SMALLEST_LETTERS = 9.0, 5.5  # points
PAIRS = 8  # of classes that are confused, named below a large matrix


@plot(needs="predictions.npz")
def confusion_matrix(runs: Sequence[Run]) -> Figure:
    """Counts of test examples by true and predicted class, one panel for each run.

    Counts of several seeds are added. With many classes the largest come first, and the most
    confused pairs are named.
    """
    every = together(runs)
    most = max(len(drawn.runs[0].classes()) for drawn in every)
    side = min(CELL * most, LARGEST_MATRIX) + MARGIN if most > MOST_NUMBERS else PANEL
    figure, each_axes = panels(len(every), side)
    for drawn, axes in zip(every, each_axes, strict=True):
        each = [classification_metrics.confusion_matrix(*run.predictions()) for run in drawn.runs]
        matrix = np.sum(each, axis=0)
        score = drawn.mean(lambda run: classification_metrics.accuracy(*run.predictions()))
        axes.set_title(f"{drawn.label}{drawn.seeds}\ntest accuracy {score}", fontsize=9)
        picture = _matrix(axes, drawn.runs[0].classes(), matrix)
    figure.colorbar(picture, ax=each_axes, label="share of the true class", shrink=0.6)
    return figure


def _matrix(axes: Axes, classes: Sequence[str], matrix: np.ndarray) -> Any:
    """Draw counts as shares of the true class, and return the colour mapping."""
    names = [_short(name) for name in classes]
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    many = len(classes) > MOST_NUMBERS
    if many:
        pairs = confused(matrix)[:PAIRS]
        order = by_size(matrix)
        names, matrix = [names[number] for number in order], matrix[np.ix_(order, order)]
        listed = [f"{classes_of(classes, pair)}: {pair.count:,}" for pair in pairs]
        axes.set_xlabel("\n".join(["predicted class", "", "most often confused", *listed]))
        axes.set_ylabel("true class, the largest first")
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _label(axes, names)
    if not many:
        _number(axes, matrix, shares)
    return picture


def classes_of(classes: Sequence[str], pair: Pair) -> str:
    """Return a pair of classes in words."""
    return f"{_short(classes[pair.true])} taken for {_short(classes[pair.predicted])}"


def _short(name: str) -> str:
    line = one_line(name)
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def _label(axes: Axes, names: Sequence[str]) -> None:
    """Label the rows and columns, or only some if they are too narrow."""
    few = len(names) <= MOST_NUMBERS
    room = 2 * LETTERS if few else 72 * min(CELL, LARGEST_MATRIX / len(names))
    every = math.ceil(SMALLEST_LETTERS / room)
    size = min(LETTERS, max(SMALLEST_LETTERS, 0.6 * room * every))
    turned = 90 if max(map(len, names)) > 4 and len(names) > 3 else 0
    places = range(0, len(names), every)
    axes.set_xticks(places, names[::every], rotation=turned, fontsize=size)
    axes.set_yticks(places, names[::every], fontsize=size)


def _number(axes: Axes, matrix: np.ndarray, shares: np.ndarray) -> None:
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        size = 8 if len(matrix) <= 10 else 6
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=size)


@plot(needs="predictions.npz")
def calibration(runs: Sequence[Run]) -> Figure:
    """Accuracy against the confidence, and how often each confidence occurs."""
    figure = Figure(figsize=(5.2, 6.2), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="as sure as right")
    for drawn in together(runs):
        error = drawn.mean(lambda run: classification_metrics.ece(*run.predictions()))
        label = f"{drawn.label}{drawn.seeds}, calibration error {error}"
        for labels, probabilities in (run.predictions() for run in drawn.runs):
            _confidences(upper, lower, labels, probabilities, drawn)
        upper.plot([], [], marker="o", ms=4, label=label, **drawn.style)
    upper.set(ylabel="share of hits, with 95 % intervals", ylim=(0, 1.02))
    lower.set(xlabel="confidence: probability of the predicted class", xlim=(0, 1.005))
    lower.set_ylabel("share of examples")
    figure.legend(loc="outside upper left", fontsize=8)
    return figure


def _confidences(
    upper: Axes, lower: Axes, labels: np.ndarray, probabilities: np.ndarray, drawn: Drawn
) -> None:
    """Draw the accuracy of each bin at its mean confidence, and the sizes of the bins."""
    found = classification_metrics.reliability(labels, probabilities)
    confidence, share, lengths = found.curve()
    bars = None if len(drawn.runs) > 1 else lengths
    style = {**drawn.style, "marker": "o", "ms": 4, "capsize": 2, "elinewidth": 0.8}
    upper.errorbar(confidence, share, bars, **style)
    edges = np.linspace(0, 1, BINS + 1)
    opacity = 0.4 / len(drawn.runs)
    lower.stairs(found.examples / len(labels), edges, color=drawn.colour, fill=True, alpha=opacity)


@plot(needs="predictions.npz", classes=2)
def roc(runs: Sequence[Run]) -> Figure:
    """Receiver operating characteristic of the test examples, with the area under it."""
    figure, axes = panel("true positive rate")
    axes.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="chance")
    every = together(runs)
    for drawn in every:
        area = drawn.mean(lambda run: classification_metrics.roc_auc(*run.predictions()))
        for run in drawn.runs:
            axes.plot(*classification_metrics.roc_curve(*run.predictions()), **drawn.style)
        axes.plot([], [], label=f"{drawn.label}{drawn.seeds}, area {area}", **drawn.style)
    axes.set(xlabel="false positive rate", aspect="equal", xlim=(0, 1), ylim=(0, 1.005))
    legend(axes, every, "lower right")
    return figure


@plot(needs="predictions.npz", classes=2)
def precision_recall(runs: Sequence[Run]) -> Figure:
    """Precision against recall of the second class, with the average precision."""
    several = len({run.classes()[1] for run in runs}) > 1
    positive = "the second class" if several else one_line(runs[0].classes()[1])
    figure, axes = panel(f"precision of {positive}")
    every = together(runs)
    for drawn in every:
        area = drawn.mean(lambda run: classification_metrics.average_precision(*run.predictions()))
        for run in drawn.runs:
            found = classification_metrics.precision_recall_curve(*run.predictions())
            axes.step(*found, where="post", **drawn.style)
        of = f", {one_line(drawn.runs[0].classes()[1])}" if several else ""
        axes.plot([], [], label=f"{drawn.label}{drawn.seeds}{of}, average {area}", **drawn.style)
    for share in sorted({float(run.predictions()[0].mean()) for run in runs}):
        axes.axhline(share, color="#999999", linestyle=":", label=f"chance, {share:.4f}")
    axes.set(xlabel=f"recall of {positive}", aspect="equal", xlim=(0, 1.005), ylim=(0, 1.005))
    legend(axes, every, "lower left")
    return figure
