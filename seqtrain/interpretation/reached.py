"""Measured gradients as text: a table, and sentences about those that vanish or explode."""

from collections.abc import Sequence

import numpy as np

from seqtrain.columns import table
from seqtrain.interpretation.reach import EXPLODED, Measured

HEADER = (
    *("network", "moment", "layer", "reads", "state", "steps"),
    *("first", "middle", "last", "first / last"),
)


def format_table(measured: Sequence[Measured]) -> str:
    """Return a row for each state: its gradient's mean norm at three steps, and their ratio."""
    rows = [
        [
            *(one.network, one.moment, str(flow.place.layer), flow.place.way, flow.state),
            *(f"{len(flow.norms):,}", *map(scientific, flow.three), scientific(flow.reach)),
        ]
        for one in measured
        for flow in one.flows
    ]
    return table(HEADER, rows)


def scientific(value: float) -> str:
    """Return two digits and a power of ten; 0 is what even float64 cannot hold."""
    return f"{value:.1e}"


def advice(measured: Sequence[Measured]) -> list[str]:
    """Return a sentence for each network whose gradient explodes, with what to type."""
    said = []
    for one in measured:
        if not one.explodes:
            continue
        grown = max(one.flows, key=lambda flow: flow.reach)
        what = f"is {grown.reach:.3g} times as large at the first step as at the last"
        if not grown.reach > EXPLODED:
            most, usual = one.norms.max(), np.median(one.norms)
            what = f"is {most / usual:.3g} times the median in one of {len(one.norms)} batches"
        clipnorm = one.clipnorm or one.advised
        would = "cuts" if one.clipnorm else "would have cut"
        said.append(
            f"{one.network}, {one.moment}: the gradient {what}; "
            f"`training.clipnorm={clipnorm:g}` {would} {one.cut(clipnorm):.0%} of "
            f"{len(one.norms)} batches"
        )
    return said
