"""Which forecasts pictures show: some that follow one another, a typical and a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqtrain.data.windows import times_after
from seqtrain.display.numbers import readable
from seqtrain.evaluation.forecast_metrics import errors

if TYPE_CHECKING:
    from seqtrain.tasks.forecasting import Forecasting

MOST_SHOWN = 400  # steps of forecasts that follow one another


def excerpts(
    task: Forecasting, labels: np.ndarray, predictions: np.ndarray
) -> Iterator[tuple[str, int, list[int]]]:
    """Yield the origins of each picture.

    Yields:
        A title, the number of a series, and the indices of its origins. The first are a horizon
        apart, and from the series of the typical origin, whose error is the median. What would be
        shown twice is yielded once.
    """
    error = errors(task.origins(labels), predictions)
    order = np.argsort(error, kind="stable")
    order = order[: max(int((~np.isnan(error)).sum()), 1)]
    typical, worst = int(order[len(order) // 2]), int(order[-1])
    mean = readable(float(error[order].mean()))
    rolling = following(labels, typical, task.horizon)
    chosen = {f"test MASE {mean}": rolling, "typical": [typical], "worst": [worst]}
    for place, (word, origins) in enumerate(chosen.items()):
        if origins in [*chosen.values()][:place]:
            continue
        first = labels[origins[0]]
        number = int(first["series"])
        of = f", {task.names[number]}" if len(task.names) > 1 else ""
        title = f"{word}{of}"
        if place:
            when = task.grid.label(int(first["time"]))
            title = f"{word} origin {when}{of}: MASE {readable(float(error[origins[0]]))}"
        yield title, number, origins


def following(labels: np.ndarray, origin: int, horizon: int) -> list[int]:
    """Return the last origins of the series of an origin, a horizon apart."""
    mine = np.flatnonzero(labels["series"] == labels["series"][origin])
    mine = mine[np.argsort(labels["time"][mine])]
    apart = labels["time"][mine] - labels["time"][mine[-1]]
    rolling = mine[apart % horizon == 0][-max(MOST_SHOWN // horizon, 1) :]
    return list(map(int, rolling))


def paths(labels: np.ndarray, predictions: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the times and the quantiles of each forecast; those of one step are joined.

    Yields:
        int64 of shape (S,), and float64 of shape (S, Q).
    """
    times = times_after(labels)
    if times.shape[1] == 1:
        yield times[:, 0], predictions[:, 0]
    else:
        yield from zip(times, predictions, strict=True)
