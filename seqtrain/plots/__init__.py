"""Plots: functions of runs that return a figure.

A function marked `@plot` is drawn for every run that has the needed file. Figures are made without
pyplot, so they need no display and leave no global state.
"""

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults
from seqtrain.plots.base import Plot, draw, save
from seqtrain.plots.classification_plots import calibration, confusion_matrix, precision_recall, roc
from seqtrain.plots.forecast_plots import coverage, forecasts, horizon_errors, next_values
from seqtrain.plots.history_plots import learning_rate, loss, score
from seqtrain.plots.language_plots import along_the_text, context
from seqtrain.plots.regression_plots import predicted, residuals
from seqtrain.plots.sweep_plots import draw_sweep
from seqtrain.plots.translation_plots import source_lengths

__all__ = [
    "Plot",
    "along_the_text",
    "calibration",
    "confusion_matrix",
    "context",
    "coverage",
    "draw",
    "draw_sweep",
    "forecasts",
    "horizon_errors",
    "learning_rate",
    "loss",
    "next_values",
    "precision_recall",
    "predicted",
    "residuals",
    "roc",
    "save",
    "score",
    "source_lengths",
]
