"""Plots of language models: bits by what was read before, and along the test text."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from seqtrain.evaluation import language_metrics
from seqtrain.plots.base import legend, panel, plot, together
from seqtrain.runs.run import CONTEXT, Run
from seqtrain.runs.text_costs import by_context, by_part

TICKS = (1, 2, 5, 10, 20, 50, 100, 200)


@plot(needs=CONTEXT)
def context(runs: Sequence[Run]) -> Figure:
    """Bits per character by the number of tokens that were read before, from no past on.

    The dotted line is the score with the whole past.
    """
    figure, axes = panel("test bits per character")
    every = together(runs)
    for drawn in every:
        label = f"{drawn.label}{drawn.seeds}"
        for number, run in enumerate(drawn.runs):
            x, y = by_context(run)
            axes.plot(x, y, label="" if number else label, **drawn.style)
            if run.finished:
                whole = run.metrics()["test_bits_per_character"]
                axes.axhline(whole, color=drawn.colour, linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [*map(str, TICKS)])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="tokens read before")
    legend(axes, every, "best")
    return figure


@plot(needs="predictions.npz")
def along_the_text(runs: Sequence[Run]) -> Figure:
    """Bits per character of each part of the test text."""
    figure, axes = panel("test bits per character")
    every = together(runs)
    for drawn in every:
        label = f"{drawn.label}{drawn.seeds}, {drawn.mean(_bits)}"
        for number, run in enumerate(drawn.runs):
            x, y = by_part(run)
            axes.step(x, y, where="mid", label="" if number else label, **drawn.style)
    axes.set(xlabel="characters of the test text")
    legend(axes, every, "best")
    return figure


def _bits(run: Run) -> float:
    found = language_metrics.scores("test", *run.predictions())["test_bits_per_character"]
    return found or 0.0
