"""Charts as plain values: what a page draws, whatever draws it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]

MOST_POINTS = 400  # of a line; more cannot be told apart on a screen


@dataclass(frozen=True)
class Mark:
    """A point of a line that is pointed out.

    Attributes:
        at: the point.
        text: what is said of it.
    """

    at: Point
    text: str


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: as the legend has it.
        points: in the order in which they are connected.
        colour: its number, from 0; lines of one run share it. None draws in grey.
        dash: how it is drawn; `none` leaves the points alone.
        mark: a point that is pointed out.
        faint: whether it stands behind others, such as a seed behind the mean; it is not named.
    """

    name: str
    points: Sequence[Point]
    colour: int | None = 0
    dash: Literal["solid", "dashed", "dotted", "none"] = "solid"
    mark: Mark | None = None
    faint: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes.

    Attributes:
        title: what it shows.
        x: name of the horizontal axis.
        y: name of the vertical axis.
        lines: what is drawn.
        low: where the vertical axis begins; None as the values ask for.
        high: where it ends; None as the values ask for.
        shares: whether both axes run from 0 to 1.
        log: whether the vertical axis is logarithmic.
        group: charts of one group show their tooltips together.
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


def thinned(x: Iterable[float], y: Iterable[float]) -> list[Point]:
    """Return the points that are finite, at most `MOST_POINTS`, the first and last among them."""
    points = [
        (float(a), float(b))
        for a, b in zip(x, y, strict=True)
        if math.isfinite(a) and math.isfinite(b)
    ]
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(index * step)] for index in range(MOST_POINTS)]
