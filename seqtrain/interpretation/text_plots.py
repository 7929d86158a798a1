"""Pictures of a text, coloured by the surprise of its tokens or by the state of a unit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from seqtrain.drawing import drawable
from seqtrain.interpretation.surprise import Surprise
from seqtrain.interpretation.unit_meanings import Meaning
from seqtrain.plots.base import COLOURS

COLUMNS = 90  # most characters in a line
NARROWEST = 60  # characters
CHARACTER, LINE = 0.088, 0.2  # inches
MOST_BITS = 10.0  # of the darkest colour
ORANGE = LinearSegmentedColormap.from_list("surprise", ["white", COLOURS[1]])
BOTH = LinearSegmentedColormap.from_list("state", [COLOURS[1], "white", COLOURS[0]])

Cell = tuple[int, int, str, float]  # line, column, character, value


def surprise(found: Surprise) -> Figure:
    """Draw a text, the darker the more bits a character costs."""
    each = [
        bits / max(len(token), 1)
        for token, bits in zip(found.tokens, found.bits.tolist(), strict=True)
        for _ in token
    ]
    cells = laid_out("".join(found.tokens), each)
    figure, (axes,) = _figure([cells])
    most = min(max(each, default=1.0), MOST_BITS)
    scale = Normalize(0, most)
    _text(axes, cells, _columns([cells]), ORANGE, scale)
    axes.set_title(f"{clipped(found.title)}: {found.bits_per_character:.3f} bits per character")
    figure.colorbar(ScalarMappable(scale, ORANGE), ax=axes, label="bits", fraction=0.03, pad=0.01)
    return figure


def units(found: Sequence[Meaning]) -> Figure:
    """Draw for each unit a passage, coloured by its state: blue above 0, orange below."""
    every = [laid_out(one.text, one.values.tolist()) for one in found]
    figure, panels = _figure(every)
    for one, cells, axes in zip(found, every, panels, strict=True):
        most = float(np.abs(one.values).max()) or 1.0
        _text(axes, cells, _columns(every), BOTH, Normalize(-most, most))
        where = f"unit {one.unit} of layer {one.layer}, {one.state} state"
        axes.set_title(f"{one.feature}: {where}, r = {one.correlation:.2f}", fontsize=9)
    return figure


def laid_out(text: str, values: Sequence[float]) -> list[Cell]:
    """Return the place of each character of a text, in lines of at most `COLUMNS`."""
    cells: list[Cell] = []
    line = column = 0
    for character, value in zip(text, values, strict=True):
        if column == COLUMNS:
            line, column = line + 1, 0
        shown = "↵" if character == "\n" else " " if character.isspace() else character
        cells.append((line, column, shown, value))
        column += 1
        if character == "\n":
            line, column = line + 1, 0
    return cells


def _figure(every: Sequence[list[Cell]]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each text, as high as its lines."""
    heights = [max(cells[-1][0] + 1, 1) if cells else 1 for cells in every]
    size = (_columns(every) * CHARACTER + 0.6, LINE * sum(heights) + 0.45 * len(heights) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(every), 1, squeeze=False, height_ratios=heights)
    return figure, panels[:, 0].tolist()


def _columns(every: Sequence[Sequence[Cell]]) -> int:
    """Return the width of the longest line in characters, but not too few for a title."""
    return max([NARROWEST, *(column + 1 for cells in every for _, column, *_ in cells)])


def _text(axes: Axes, cells: Sequence[Cell], columns: int, colours: Any, scale: Normalize) -> None:
    """Draw each character over the colour of its value."""
    lines = max((line for line, *_ in cells), default=0) + 1
    values = np.full((lines, columns), np.nan)
    for line, column, _, value in cells:
        values[line, column] = value
    axes.imshow(values, cmap=colours, norm=scale, aspect="auto", interpolation="nearest")
    signs = drawable([sign for _, _, sign, _ in cells])
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5}
    for (line, column, _, _), sign in zip(cells, signs, strict=True):
        if sign.strip():
            colour = "#999999" if sign == "↵" else "black"
            axes.text(column, line, sign, family="monospace", color=colour, **style)
    axes.axis("off")


def clipped(title: str) -> str:
    """Return a title in one line."""
    line = " ".join(title.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
