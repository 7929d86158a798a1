"""Plots of language models: bits by what was read before, and along the test text."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from seqtrain.evaluation import language_metrics
from seqtrain.plots.base import legend, panel, plot, together
from seqtrain.runs.run import CONTEXT, Run

TICKS = (1, 2, 5, 10, 20, 50, 100, 200)
SMOOTHED = 30  # parts of the text in the picture along it
GROWTH = 1.25  # from one point of the picture by context to the next


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


def by_context(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of tokens, rising by about a quarter, and the mean bits up to each."""
    rows = run.read_table(CONTEXT)
    values = np.array([row["bits_per_character"] for row in rows])
    ends = np.unique(np.round(GROWTH ** np.arange(50)).astype(int))
    ends = np.append(ends[ends < len(values)], len(values))
    starts = np.concatenate([[0], ends[:-1]])
    means = [values[start:end].mean() for start, end in zip(starts, ends, strict=True)]
    return np.sqrt((starts + 1) * ends), np.array(means)


def by_part(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each of `SMOOTHED` parts in characters, and its bits per character."""
    labels, predictions = run.predictions()
    ends = labels["characters"].cumsum(dtype=np.int64)
    number = min(SMOOTHED, len(labels))
    part = np.minimum((ends - 1).clip(0) * number // max(int(ends[-1]), 1), number - 1)
    bits = np.bincount(part, language_metrics.bits(labels, predictions), minlength=number)
    characters = np.bincount(part, labels["characters"].astype(np.float64), minlength=number)
    middle = (np.arange(number) + 0.5) * int(ends[-1]) / number
    return middle, bits / np.maximum(characters, 1)


def _bits(run: Run) -> float:
    found = language_metrics.scores("test", *run.predictions())["test_bits_per_character"]
    return found or 0.0
