"""Plots of translations: how often they are right, by the length of the source."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.evaluation import sequence_metrics
from seqtrain.plots.base import SIZE, legend, plot, together
from seqtrain.runs.run import Run


@plot(needs="predictions.npz")
def source_lengths(runs: Sequence[Run]) -> Figure:
    """Exact match and edit distance of sources of each length."""
    figure = Figure(figsize=(2 * SIZE[0] - 2, SIZE[1]), layout="constrained")
    every = together(runs)
    for axes, name, title in zip(
        figure.subplots(1, 2),
        ("exact_match", "edit_rate"),
        ("test exact match", "test edit rate"),
        strict=True,
    ):
        for drawn in every:
            for number, run in enumerate(drawn.runs):
                groups = by_length(run)
                label = "" if number else f"{drawn.label}{drawn.seeds}"
                middles = [(one["from"] + one["to"]) / 2 for one in groups]
                axes.plot(middles, [one[name] for one in groups], "o-", label=label, **drawn.style)
        axes.set(xlabel="tokens of the source", ylabel=title)
        axes.set_ylim(0, 1.02 if name == "exact_match" else 1.05 * axes.get_ylim()[1])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(figure.axes[0], every, "lower left")
    return figure


def by_length(run: Run) -> list[dict[str, Any]]:
    """Return the scores of the test sources of each length."""
    labels, predictions = run.predictions()
    one = sequence_metrics.compared(labels, predictions)
    groups: list[dict[str, Any]] = sequence_metrics.details(labels, predictions, one)["by_length"]
    return groups
