"""Gradients as text: a table, and advice about those that explode."""

import math
from collections.abc import Sequence

from seqtrain.display.columns import table
from seqtrain.interpretation.gradient_flow import NetworkGradients

HEADER = (
    *("network", "moment", "layer", "reads", "state", "steps"),
    *("first", "middle", "last", "first / last"),
)

LEGEND = """\
first, middle, last: mean norm of the gradient of the loss with respect to the state there
first / last: far below 1 the gradient vanishes on its way back, far above 1 it explodes
start: with the initial weights; trained: with those of the best epoch"""


def format_table(measured: Sequence[NetworkGradients]) -> str:
    """Return a table: for each state the mean gradient norm at three steps, and their ratio."""
    rows = [
        [
            *(one.network, one.moment, str(flow.place.layer), flow.place.direction, flow.state),
            *(f"{len(flow.norms):,}", *map(scientific, flow.three), scientific(flow.reach)),
        ]
        for one in measured
        for flow in one.flows
    ]
    return f"{table(HEADER, rows)}\n\n{LEGEND}"


def scientific(value: float) -> str:
    """Format a number with two digits and a power of ten; 0 means below the range of float64.

    A ratio to 0 is not defined.
    """
    return "–" if math.isnan(value) else f"{value:.1e}"


def advice(measured: Sequence[NetworkGradients]) -> list[str]:
    """Return advice for each network whose gradient explodes."""
    return [f"{one.network}, {one.moment}: {one.warning}" for one in measured if one.warning]
