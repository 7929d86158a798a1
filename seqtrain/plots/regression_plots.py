"""Plots of predicted and true numbers of the test examples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqtrain.evaluation import regression_metrics
from seqtrain.plots.base import SIZE, Drawn, panels, plot, together
from seqtrain.runs.run import Run

LINE: dict[str, Any] = {"color": "#444444", "linewidth": 1}
BINS = 40
OPAQUE = 300  # points; with more, each is fainter to show their density
FAINTEST = 0.08


@plot(needs="predictions.npz")
def predicted(runs: Sequence[Run]) -> Figure:
    """Predicted against true numbers of the test examples, one panel for each run.

    On the solid line they are equal. If the dataset has a tolerance, dotted lines show it.
    """
    every = together(runs)
    figure, each_axes = panels(len(every))
    for drawn, axes in zip(every, each_axes, strict=True):
        score = drawn.mean(lambda run: regression_metrics.mae(*run.predictions()))
        axes.set_title(f"{drawn.label}{drawn.seeds}\ntest mae {score}", fontsize=9)
        labels, predictions = _answers(drawn)
        least = float(min(labels.min(), predictions.min()))
        tolerance = drawn.runs[0].read_json("target.json", dict).get("tolerance")
        axes.axline((least, least), slope=1, **LINE)
        for offset in (-tolerance, tolerance) if tolerance else ():
            axes.axline((least, least + offset), slope=1, linestyle=":", **LINE)
        _points(axes, labels, predictions, drawn.colour)
        axes.set(xlabel="true", ylabel="predicted", aspect="equal")
    return figure


@plot(needs="predictions.npz")
def residuals(runs: Sequence[Run]) -> Figure:
    """Errors of the predictions of the test examples, and how often each occurs."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes, beside = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    axes.axhline(0, **LINE)
    for drawn in together(runs):
        labels, predictions = _answers(drawn)
        errors = regression_metrics.errors(labels, predictions)
        _points(axes, predictions, errors, drawn.colour)
        score = drawn.mean(lambda run: regression_metrics.rmse(*run.predictions()))
        label = f"{drawn.label}{drawn.seeds}, rmse {score}"
        axes.plot([], [], "o", color=drawn.colour, markersize=4, label=label)
        share = np.full(len(errors), 1 / len(errors))
        style = {"color": drawn.colour, "orientation": "horizontal"}
        beside.hist(errors, BINS, weights=share, histtype="step", **style)
    axes.set(xlabel="predicted", ylabel="predicted - true, in units of the labels")
    beside.set_xlabel("share of answers")
    figure.legend(loc="outside upper left", fontsize=8)
    return figure


def _answers(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels and the predictions of all its runs, concatenated."""
    labels, predictions = zip(*(run.predictions() for run in drawn.runs), strict=True)
    return np.concatenate(labels), np.concatenate(predictions)


def _points(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    alpha = max(min(1.0, OPAQUE / len(x)), FAINTEST)
    axes.scatter(x, y, s=8, color=colour, alpha=alpha, linewidths=0, rasterized=True)
