"""The picture of how far the gradient reaches back in time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults

# isort: split
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from seqtrain.interpretation.figure_files import write_figures
from seqtrain.interpretation.gradient_flow import NetworkGradients
from seqtrain.plots.base import COLOURS

if TYPE_CHECKING:
    from seqtrain.interpretation.trace import Place

DASHES = {"hidden": "-", "cell": "--"}
SYMBOLS = {"hidden": "h(t)", "cell": "c(t)"}
MOMENTS = {"start": "at the start", "trained": "after training"}
PANEL = (4.8, 3.4)  # inches


def draw(measured: Sequence[NetworkGradients], folder: Path, suffix: str) -> Path:
    """Draw the gradients of networks into a folder, which is created if missing.

    Raises:
        DrawingError: the picture cannot be drawn.
    """
    name = "gradients"
    (file,) = write_figures(name, lambda: {name: gradients(measured)}, folder, suffix)
    return file


def gradients(measured: Sequence[NetworkGradients]) -> Figure:
    """Return a figure of the norms against the step, one line for each network.

    There is a row for each layer and direction, and a column for each moment.
    """
    places = sorted({flow.place for one in measured for flow in one.flows}, key=_order)
    moments = [moment for moment in MOMENTS if any(one.moment == moment for one in measured)]
    size = (PANEL[0] * len(moments) + 1.6, PANEL[1] * len(places) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(places), len(moments), squeeze=False, sharex=True, sharey=True)
    colours = _colours(measured)
    for place, line in zip(places, panels, strict=True):
        for moment, axes in zip(moments, line, strict=True):
            now = [one for one in measured if one.moment == moment]
            _lines(axes, now, place, colours)
            axes.set_title(f"{MOMENTS[moment]}, layer {place.layer} {place.direction}", fontsize=9)
        line[0].set_ylabel("mean norm of ∂loss/∂state")
    for axes in panels[-1]:
        axes.set_xlabel("step t, counted from the last that is read (0)")
    handles = {line.get_label(): line for axes in panels.flat for line in axes.lines}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8)
    return figure


def _order(place: "Place") -> tuple[int, bool]:
    return place.layer, place.direction != "forward"


def _colours(measured: Sequence[NetworkGradients]) -> dict[str, str]:
    names = dict.fromkeys(one.network for one in measured)
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}


def _lines(
    axes: Axes, measured: Sequence[NetworkGradients], place: "Place", colours: dict[str, str]
) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatter())  # plain text, for `STYLE` parses no formulas
    axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
    for one in measured:
        for flow in one.flows:
            if flow.place == place:
                axes.plot(
                    np.arange(1 - len(flow.norms), 1),
                    np.where(flow.norms > 0, flow.norms, np.nan),
                    DASHES[flow.state],
                    color=colours[one.network],
                    label=f"{one.network}, {SYMBOLS[flow.state]}",
                )
