"""Pictures of the gates and states of recurrent layers, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.display.columns import width
from seqtrain.drawing import drawable
from seqtrain.interpretation.explanation import Explanation
from seqtrain.interpretation.prefix_plots import MOST_WORDS, title

PANEL = (3.0, 2.3)  # inches
STATES = ("cell", "hidden")  # states without bounds; gates lie between 0 and 1


def gates(explanation: Explanation) -> Figure:
    """Return a map of time and units for each gate, with a row for each layer and direction."""
    example = explanation.example
    places = {f"layer {at.layer}, {at.direction}": of for at, of in explanation.gates.items()}
    return maps(places, example.words or [], title(explanation), example.rows)


def maps(
    found: Mapping[str, Mapping[str, np.ndarray]], steps: Sequence[str], title: str, rows: bool
) -> Figure:
    """Return a map of time and units for each gate.

    Args:
        found: by the name of the layer the gates and states by name, shape (n, units).
        steps: the words of the steps, if they are words.
        title: of the picture.
        rows: whether a step is the row of an image.
    """
    lines = list(found.items())
    columns = tuple(lines[0][1])
    words = drawable(steps)
    named = 0 < len(words) <= MOST_WORDS
    wide = max(PANEL[0], 0.16 * len(words)) if named else PANEL[0]
    below = 0.075 * max(map(width, words)) if named else 0
    size = (wide * len(columns) + 0.8, PANEL[1] * len(lines) + 0.7 + below)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(lines), len(columns), squeeze=False, sharex=True)
    for (place, of_place), line in zip(lines, panels, strict=True):
        for name, axes in zip(columns, line, strict=True):
            _map(axes, name, of_place[name])
        line[0].set_ylabel(f"{place}\nunit")
    for name, axes in zip(columns, panels[0], strict=True):
        axes.set_title(f"{name} {'state' if name in STATES else 'gate'}", fontsize=9)
    for axes in panels[-1]:
        _steps(axes, words if named else [], rows)
    figure.suptitle(title, fontsize=10)
    return figure


def _map(axes: Axes, name: str, values: np.ndarray) -> None:
    """Draw values of shape (n, units) with the time to the right."""
    most = float(np.abs(values).max()) or 1.0
    looks: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1}
    if name in STATES:
        looks = {"cmap": "RdBu", "vmin": -most, "vmax": most}
    steps, units = values.shape
    picture = axes.imshow(
        values.T,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, steps + 0.5, units + 0.5, 0.5),
        **looks,
    )
    axes.grid(False)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.figure.colorbar(picture, ax=axes, fraction=0.05, pad=0.02).ax.tick_params(labelsize=7)


def _steps(axes: Axes, words: list[str], rows: bool) -> None:
    """Label the steps on the time axis."""
    if words:
        axes.set_xticks(range(1, len(words) + 1), words)
        for label in axes.get_xticklabels():
            label.set(rotation=55, ha="right", rotation_mode="anchor", fontsize=7)
        return
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("row" if rows else "step t")
