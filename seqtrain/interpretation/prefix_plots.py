"""Pictures of the prediction of a network after each step of an example."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqtrain.display.columns import width
from seqtrain.drawing import drawable
from seqtrain.interpretation.explanation import Explanation
from seqtrain.plots.base import COLOURS

if TYPE_CHECKING:
    from seqtrain.interpretation.prefixes import Reading

FOR, AGAINST = COLOURS[0], COLOURS[1]
ATTENTION = "#999999"
TRUTH = "#555555"
SHADES = LinearSegmentedColormap.from_list("changes", [AGAINST, "white", FOR])
WIDTH, HEIGHT = 9.0, 2.6  # inches; the height of one curve
LINE, COLUMNS = 0.2, 118  # inches of a line of text, and the letters in it
MOST_WORDS = 45  # words below a curve; in a longer text only the largest changes are named
NAMED, APART = 8, 25  # words that are named, at least a 25th of the text apart
MOST_CURVES = 7  # classes that get a colour and a name
MOST_LINES = 6  # features that are drawn as lines, not as a map


def reading(explanation: Explanation) -> Figure:
    """Return a figure of the example and the prediction after every step."""
    if explanation.example.rows:
        figure = _rows(explanation)
    elif explanation.example.words is None:
        figure = _features(explanation)
    else:
        figure = _words(explanation)
    figure.suptitle(title(explanation), fontsize=10)
    return figure


def title(explanation: Explanation) -> str:
    """Return the title of the picture, in two lines."""
    whole = explanation.example.title
    shown = whole if len(whole) <= 100 else f"{whole[:99]}…"
    return f"{shown}\n{explanation.verdict}"


def _words(explanation: Explanation) -> Figure:
    """Draw a curve for each direction; a long text stands above it."""
    count, words = len(explanation.readings), drawable(explanation.steps)
    lines = flow(words) if len(words) > MOST_WORDS else []
    above = LINE * (len(lines) + 0.5) if lines else 0.01
    below = 0 if lines else 0.075 * max(map(width, words))
    figure = Figure(figsize=(WIDTH, (above + HEIGHT + below) * count + 1), layout="constrained")
    panels = figure.subplots(2 * count, 1, squeeze=False, height_ratios=[above, HEIGHT] * count)
    for number, said in enumerate(explanation.readings):
        text, axes = panels[2 * number : 2 * number + 2, 0]
        changes = np.nan_to_num(said.changes(explanation.index)) / explanation.largest_change
        text.axis("off")
        _curves(axes, explanation, said)
        if lines:
            _set(text, words, lines, changes)
            _name_largest(axes, explanation, said)
        else:
            _name_all(axes, words, changes)
    _scale(figure, explanation, "word")
    return figure


def flow(words: list[str]) -> list[list[tuple[int, int]]]:
    """Lay out words as text: return lines of (index of a word, its first column)."""
    lines: list[list[tuple[int, int]]] = [[]]
    column = 0
    for index, word in enumerate(words):
        if column and column + width(word) > COLUMNS:
            lines.append([])
            column = 0
        lines[-1].append((index, column))
        column += width(word) + 1
    return lines


def _set(
    axes: Axes, words: list[str], lines: list[list[tuple[int, int]]], changes: np.ndarray
) -> None:
    """Draw a text in lines of one width, each word with the colour of its change."""
    axes.set(xlim=(0, COLUMNS), ylim=(len(lines) - 0.5, -0.5))
    for number, line in enumerate(lines):
        for index, column in line:
            axes.text(
                column,
                number,
                words[index],
                fontsize=8,
                family="monospace",
                va="center",
                **_marked(changes[index]),
            )


def _marked(change: float) -> dict[str, Any]:
    """Return the style of a word whose change is a share, from -1 to 1, of the largest."""
    box = {"boxstyle": "square,pad=0.15", "fc": SHADES(0.5 + 0.5 * change), "ec": "none"}
    return {"color": "white" if abs(change) > 0.7 else "black", "bbox": box}


def _curves(axes: Axes, explanation: Explanation, said: "Reading") -> None:
    """Draw the probabilities of the likeliest classes, or the prediction, against the step."""
    steps = np.arange(1, len(said.predictions) + 1)
    for name, values, colour in likeliest(explanation, said):
        dots = "." if len(steps) <= 60 else ""
        axes.plot(steps, values, color=colour, marker=dots, label=name, clip_on=False)
    axes.set(xlim=(0.5, len(steps) + 0.5), ylabel=axis_label(explanation, said))
    if explanation.task.bounds:
        axes.set_ylim(explanation.task.bounds)
    elif explanation.example.label:
        axes.axhline(float(explanation.example.label), color=TRUTH, linestyle="--", label="true")
        axes.legend(fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _attend(axes, explanation)
    _name_curves(axes, explanation)


def _attend(axes: Axes, explanation: Explanation, down: bool = False) -> None:
    """Draw the attention weight of each step as a bar, if the pooling is attention.

    Args:
        axes: of the curves.
        explanation: has the weights.
        down: whether the steps go down, not to the right.
    """
    if explanation.attention is None:
        return
    beside = axes.twiny() if down else axes.twinx()
    steps = np.arange(1, len(explanation.attention) + 1)
    ends = (0, 2 * float(explanation.attention.max()))
    style: dict[str, Any] = {"color": ATTENTION, "alpha": 0.5, "zorder": 0}
    if down:
        beside.barh(steps, explanation.attention, 0.8, **style)
        beside.set(xlim=ends, xlabel="attention")
    else:
        beside.bar(steps, explanation.attention, 0.8, **style)
        beside.set(ylim=ends, ylabel="attention")
    beside.grid(False)
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)


def _name_curves(axes: Axes, explanation: Explanation) -> None:
    """Write the names of several curves beside them; the name of a single one is on the axis."""
    if len(explanation.predictions) > 2:
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def axis_label(explanation: Explanation, said: "Reading") -> str:
    """Return the label of the axis of steps."""
    one = explanation.task.letter if len(explanation.predictions) > 2 else explanation.symbol
    begin = 1 if said.direction == "forward" else len(said.predictions)
    return f"{one} after steps {begin} … t"


def likeliest(explanation: Explanation, said: "Reading") -> list[tuple[str, np.ndarray, str]]:
    """Return names, values and colours of the curves: the number, or the predicted of two classes.

    With many classes, those that are likely at some step have a name and a colour; the others are
    grey.
    """
    probabilities, best = said.predictions, explanation.index
    if len(explanation.predictions) <= 2:
        return [(explanation.symbol, probabilities[:, best], FOR)]
    peaks = np.max([one.predictions.max(axis=0) for one in explanation.readings], axis=0)
    peaks[best] = 2  # the predicted class comes first
    ranked = np.argsort(-peaks, kind="stable").tolist()
    grey = [("_", probabilities[:, index], "#DDDDDD") for index in ranked[MOST_CURVES:]]
    return grey + [
        (explanation.task.symbol(index), probabilities[:, index], colour)
        for index, colour in zip(ranked, COLOURS[:MOST_CURVES], strict=False)
    ]


def _name_all(axes: Axes, words: list[str], changes: np.ndarray) -> None:
    """Write every word below its step."""
    axes.set_xticks(range(1, len(words) + 1), words)
    for label, change in zip(axes.get_xticklabels(), changes, strict=True):
        label.set(rotation=55, ha="right", rotation_mode="anchor", fontsize=8, **_marked(change))


def _name_largest(axes: Axes, explanation: Explanation, said: "Reading") -> None:
    """Write the words with the largest changes at their steps of the first curve."""
    changes = np.nan_to_num(said.changes(explanation.index))
    likely = said.predictions[:, explanation.index]
    named: list[int] = []
    for index in np.argsort(-np.abs(changes), kind="stable")[:NAMED].tolist():
        if any(abs(index - other) * APART < len(changes) for other in named):
            continue
        named.append(index)
        axes.annotate(
            explanation.steps[index],
            (index + 1, likely[index]),
            xytext=(0, 9 if changes[index] > 0 else -9),
            textcoords="offset points",
            fontsize=7,
            ha="center",
            va="center",
            color=FOR if changes[index] > 0 else AGAINST,
        )
    axes.set_xlabel("step t")


def _scale(figure: Figure, explanation: Explanation, what: str) -> None:
    """Draw the scale of the colours, with its meaning."""
    most = explanation.largest_change
    figure.colorbar(
        ScalarMappable(Normalize(-most, most), SHADES),
        ax=figure.axes,
        location="bottom",
        fraction=0.02,
        aspect=60,
        label=f"change of the {explanation.measure} when the {what} is read",
    )


def _rows(explanation: Explanation) -> Figure:
    """Draw an image beside the curves, which go down with its rows."""
    image, count = explanation.example.x, len(explanation.readings)
    figure = Figure(figsize=(4.2 + 4 * count, 4.6), layout="constrained")
    panels = figure.subplots(1, 1 + 2 * count, sharey=True, width_ratios=[3, *[0.35, 3] * count])
    rows = len(image)
    panels[0].imshow(
        image, cmap="Greys", aspect="auto", extent=(0, image.shape[1], rows + 0.5, 0.5)
    )
    panels[0].set(ylabel="row t", xticks=[])
    panels[0].grid(False)
    for number, said in enumerate(explanation.readings):
        strip, axes = panels[1 + 2 * number : 3 + 2 * number]
        changes = said.changes(explanation.index) / explanation.largest_change
        strip.barh(np.arange(1, rows + 1), 1, 1, color=SHADES(0.5 + 0.5 * np.nan_to_num(changes)))
        strip.set(xticks=[], xlim=(0, 1))
        for name, values, colour in likeliest(explanation, said):
            axes.plot(values, np.arange(1, rows + 1), color=colour, marker=".", label=name)
        axes.set(ylim=(rows + 0.5, 0.5), xlabel=axis_label(explanation, said))
        _attend(axes, explanation, down=True)
        if explanation.task.bounds:
            low, high = explanation.task.bounds
            axes.set_xlim(low - 0.02, high + 0.02)
    _name_curves(panels[-1], explanation)
    _scale(figure, explanation, "row")
    return figure


def _features(explanation: Explanation) -> Figure:
    """Draw the features above a curve for each direction."""
    x, count = explanation.example.read, len(explanation.readings)
    figure = Figure(figsize=(WIDTH, HEIGHT * (count + 1) + 0.8), layout="constrained")
    panels = figure.subplots(1 + count, 1, sharex=True)
    steps = np.arange(1, len(x) + 1)
    if x.shape[1] <= MOST_LINES:
        for values, colour in zip(x.T, COLOURS, strict=False):
            panels[0].plot(steps, values, color=colour)
    else:
        panels[0].imshow(
            x.T, cmap="Greys", aspect="auto", extent=(0.5, len(x) + 0.5, x.shape[1] + 0.5, 0.5)
        )
        panels[0].grid(False)
    panels[0].set_ylabel("features")
    for said, axes in zip(explanation.readings, panels[1:], strict=True):
        _curves(axes, explanation, said)
    panels[-1].set_xlabel("step t")
    return figure
