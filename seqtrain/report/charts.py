"""Charts as plain data, independent of the library that draws them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]

MOST_POINTS = 400  # of a line; more cannot be told apart on a screen


@dataclass(frozen=True)
class Mark:
    """A marked point of a line.

    Attributes:
        at: the point.
        text: its description.
    """

    at: Point
    text: str


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: its name in the legend.
        points: in the order of the line.
        colour: the number of its colour, from 0; lines of one run share it. None is grey.
        dash: its style; `none` draws only the points.
        mark: a marked point.
        faint: whether it is in the background, such as a seed behind the mean; it has no name.
        band: whether it is an area; each of its points then has a lower and an upper end.
    """

    name: str
    points: Sequence[tuple[float, ...]]
    colour: int | None = 0
    dash: Literal["solid", "dashed", "dotted", "none"] = "solid"
    mark: Mark | None = None
    faint: bool = False
    band: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes.

    Attributes:
        title: its title.
        x: name of the horizontal axis.
        y: name of the vertical axis.
        lines: its lines.
        low: the start of the vertical axis; None fits the values.
        high: its end; None fits the values.
        shares: whether both axes run from 0 to 1.
        log: whether the vertical axis is logarithmic.
        group: charts of one group show their tooltips together.
        times: the text of each whole number on the horizontal axis, from 0; none for numbers.
    """

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    low: float | None = None
    high: float | None = None
    shares: bool = False
    log: bool = False
    group: str | None = None
    times: Sequence[str] = ()


def thinned(x: Iterable[float], y: Iterable[float]) -> list[Point]:
    """Return at most `MOST_POINTS` finite points, with the first and the last."""
    points = [
        (float(a), float(b))
        for a, b in zip(x, y, strict=True)
        if math.isfinite(a) and math.isfinite(b)
    ]
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(index * step)] for index in range(MOST_POINTS)]
