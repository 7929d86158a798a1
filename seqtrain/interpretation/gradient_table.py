"""NetworkGradients gradients as text: a table, and sentences about those that vanish or explode."""

from collections.abc import Sequence

from seqtrain.display.columns import table
from seqtrain.interpretation.gradient_flow import NetworkGradients

HEADER = (
    *("network", "moment", "layer", "reads", "state", "steps"),
    *("first", "middle", "last", "first / last"),
)


def format_table(measured: Sequence[NetworkGradients]) -> str:
    """Return a row for each state: its gradient's mean norm at three steps, and their ratio."""
    rows = [
        [
            *(one.network, one.moment, str(flow.place.layer), flow.place.direction, flow.state),
            *(f"{len(flow.norms):,}", *map(scientific, flow.three), scientific(flow.reach)),
        ]
        for one in measured
        for flow in one.flows
    ]
    return table(HEADER, rows)


def scientific(value: float) -> str:
    """Return two digits and a power of ten; 0 is what even float64 cannot hold."""
    return f"{value:.1e}"


def advice(measured: Sequence[NetworkGradients]) -> list[str]:
    """Return a sentence for each network whose gradient explodes, with what to type."""
    return [f"{one.network}, {one.moment}: {one.warning}" for one in measured if one.warning]
