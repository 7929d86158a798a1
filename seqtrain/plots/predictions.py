"""What the best model says of the test examples."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqtrain import metrics
from seqtrain.harmless import one_line
from seqtrain.plots.base import panel, plot, together
from seqtrain.run import Run

PANELS_IN_A_ROW = 3
MOST_NUMBERS = 20  # classes; the cells of larger matrices hold no numbers


@plot(needs="predictions.npz")
def confusion_matrix(runs: Sequence[Run]) -> Figure:
    """Counts of test examples by true and predicted class, one panel for each run.

    Of several seeds the counts are added up.
    """
    every = together(runs)
    columns = min(math.ceil(math.sqrt(len(every))), PANELS_IN_A_ROW)
    rows = math.ceil(len(every) / columns)
    figure = Figure(figsize=(4.4 * columns + 1, 4.8 * rows), layout="compressed")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for drawn, axes in zip(every, panels, strict=False):
        each = [metrics.confusion_matrix(*run.predictions()) for run in drawn.runs]
        matrix = np.sum(each, axis=0)
        score = drawn.mean(lambda run: metrics.accuracy(*run.predictions()))
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_title(f"{drawn.label}{drawn.seeds}\ntest accuracy {score}", fontsize=9)
        _label_cells(axes, drawn.runs[0].classes(), matrix, shares)
    for axes in panels[len(every) :]:
        axes.remove()
    figure.colorbar(picture, ax=panels[: len(every)].tolist(), label="share of the true class")
    return figure


def _label_cells(
    axes: Axes, classes: Sequence[str], matrix: np.ndarray, shares: np.ndarray
) -> None:
    classes = [one_line(name) for name in classes]
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

    figure, axes = panel("true positive rate")
    axes.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="chance")
    for drawn in together(runs):
        area = drawn.mean(lambda run: metrics.roc_auc(*run.predictions()))
        for labels, probabilities in (run.predictions() for run in drawn.runs):
            false_positives, true_positives, _ = roc_curve(labels, probabilities[:, 1])
            axes.plot(false_positives, true_positives, **drawn.style)
        axes.plot([], [], label=f"{drawn.label}{drawn.seeds}, area {area}", **drawn.style)
    axes.set(xlabel="false positive rate", aspect="equal", xlim=(0, 1), ylim=(0, 1.005))
    axes.legend(loc="lower right", fontsize=8)
    return figure
