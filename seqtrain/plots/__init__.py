"""Plots: functions of runs that return a figure.

A function marked `@plot` is drawn for every run that has the file it needs. Figures are made
without pyplot, so nothing here needs a display or leaves state behind.
"""

from seqtrain.plots.base import Plot, draw
from seqtrain.plots.history import accuracy, learning_rate, loss
from seqtrain.plots.predictions import confusion_matrix, roc

__all__ = ["Plot", "accuracy", "confusion_matrix", "draw", "learning_rate", "loss", "roc"]
