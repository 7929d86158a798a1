"""Plots of the history: loss, score and learning rate of each epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.plots.base import Drawn, legend, panel, plot, plot_of_metric, spread, together
from seqtrain.runs.run import Run, by_epoch
from seqtrain.tasks import Metric

BAND = 0.2  # opacity of the range of seeds


@plot(needs="history.csv")
def loss(runs: Sequence[Run]) -> Figure:
    """Loss of the training and validation examples against the epoch."""
    units = sorted({run.task.loss.axis for run in runs})
    figure, axes = _curves(runs, "loss", " or ".join(units))
    axes.set_ylim(bottom=0)
    return _finished(figure, axes, runs)


@plot_of_metric(needs="history.csv")
def score(metric: Metric, runs: Sequence[Run]) -> Figure:
    """A metric of the training and validation examples against the epoch."""
    figure, axes = _curves(runs, metric.name, metric.axis)
    if metric.share:
        axes.set_ylim(top=min(axes.get_ylim()[1], 1.0))
    else:
        axes.set_ylim(bottom=0)
    return _finished(figure, axes, runs)


@plot(needs="history.csv")
def learning_rate(runs: Sequence[Run]) -> Figure:
    """Learning rate of each epoch's last step."""
    figure, axes = panel("learning rate")
    for drawn in together(runs):
        epochs, values = by_epoch(drawn.runs, "learning_rate")
        label = f"{drawn.label}{drawn.seeds}"
        axes.plot(epochs, values.mean(axis=0), color=drawn.colour, marker=".", label=label)
    axes.set_ylim(bottom=0)
    return _finished(figure, axes, runs)


def _curves(runs: Sequence[Run], quantity: str, ylabel: str) -> tuple[Figure, Axes]:
    """Draw train and validation of one quantity, the best epoch of each run marked."""
    figure, axes = panel(ylabel)
    every = together(runs)
    for drawn in every:
        key = f"val_{quantity}"
        best, scores = _best(drawn, key)
        split = f"validation{' on test (optimistic)' if drawn.runs[0].optimistic else ''}"
        label = f"{split}, {_said(best, scores)}"
        label = label if len(every) == 1 else f"{drawn.label}{drawn.seeds}, {label}"
        _line(axes, *by_epoch(drawn.runs, key), color=drawn.colour, label=label)
        mark: dict[str, Any] = {"mfc": "none", "mec": drawn.colour, "mew": 1.5, "zorder": 3}
        axes.plot(best, scores, "o", ms=9 if len(best) == 1 else 5, **mark)
        _line(axes, *by_epoch(drawn.runs, quantity), color=drawn.colour, ls="--", alpha=0.6)
    axes.plot([], [], color="#444444", ls="--", alpha=0.6, label="train (dashed)")
    if any(len(drawn.runs) > 1 for drawn in every):
        label = "of seeds: mean, and lowest to highest"
        axes.fill_between([], [], [], color="#444444", alpha=BAND, lw=0, label=label)
    return figure, axes


def _best(drawn: Drawn, key: str) -> tuple[list[int], list[float]]:
    """Return the best epoch of each run, and a quantity in that epoch."""
    epochs = [run.best_epoch() for run in drawn.runs]
    both = zip(drawn.runs, epochs, strict=True)
    return epochs, [run.column(key)[epoch - 1] for run, epoch in both]


def _said(epochs: list[int], scores: list[float]) -> str:
    """Return the text of the legend on the best epochs."""
    first, last = min(epochs), max(epochs)
    when = f"best epoch {first}" if first == last else f"best epochs {first}–{last}"
    return f"{when}: {spread(scores)}"


def _line(axes: Axes, epochs: np.ndarray, values: np.ndarray, **style: Any) -> None:
    """Draw the mean of runs against the epoch, with their range if there are several."""
    axes.plot(epochs, values.mean(axis=0), marker=".", **style)
    if len(values) > 1:
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(epochs, low, high, color=style["color"], alpha=BAND, lw=0)


def _finished(figure: Figure, axes: Axes, runs: Sequence[Run]) -> Figure:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    every = together(runs)
    if len(every) == 1:
        axes.set_title(f"{every[0].label}{every[0].seeds}", fontsize=9)
    if len(axes.lines) > 1:
        legend(axes, every)
    return figure
