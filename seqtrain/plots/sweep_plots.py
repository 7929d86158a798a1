"""Plots of a sweep: how the search went, and which keys matter."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from seqtrain.display.numbers import readable
from seqtrain.plots.base import COLOURS, PANELS_IN_A_ROW, panel, save_each
from seqtrain.runs.sweeps import TrialRow, Trials

COLOUR_MAP = "viridis"
STYLES: dict[str, dict[str, Any]] = {
    "trained to the end": {"marker": "o", "color": COLOURS[0], "ms": 5, "alpha": 0.8},
    "pruned": {"marker": "x", "color": COLOURS[-1], "ms": 5, "alpha": 0.7},
    "the best": {"marker": "*", "color": COLOURS[1], "ms": 12, "zorder": 3},
}
THICK: dict[str, Any] = {"lw": 2.5, "zorder": 3}
THIN: dict[str, Any] = {"lw": 1, "alpha": 0.7}
BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}  # behind a word
PANEL = 3.2  # inches of one of several panels
NOT_SET = -0.15  # height of the trials that do not set a key, whose axis is 1 high
ROW = 0.35  # inches of a bar
AXIS = 1.7  # inches between two parallel coordinates
MOST_TICKS = 12  # words on an axis; of more, only some are written
LONGEST = 14  # characters of a value beside an axis
JITTER = 0.12  # of the distance between two choices, so that equal dots can be told apart

PICTURES: dict[str, Callable[[Trials], Figure]] = {}


def _picture(function: Callable[[Trials], Figure]) -> Callable[[Trials], Figure]:
    PICTURES[f"sweep_{function.__name__}"] = function
    return function


def draw_sweep(trials: Trials, folder: Path, suffix: str = "png") -> list[Path]:
    """Draw every plot of a sweep for which there are enough trials, and return the pictures.

    Args:
        trials: its trials.
        folder: for the pictures; it is created if missing.
        suffix: png, svg or pdf.

    Raises:
        DrawingError: some plots cannot be drawn; the others have been.
    """
    left_out = set() if trials.finished else {*PICTURES.values()}
    if not trials.importance:
        left_out.add(importance)
    if len(trials.scales) == 1:  # which the slices show
        left_out.add(parallel)
    plots = (
        (name, partial(function, trials))
        for name, function in PICTURES.items()
        if function not in left_out
    )
    return save_each(plots, folder, suffix)


@_picture
def history(trials: Trials) -> Figure:
    """Objective of each trial against its number, with the best so far."""
    figure, axes = panel(_objective(trials))
    finished = sorted(trials.finished, key=lambda row: row.number)
    pruned = [row for row in trials.trained if row.state == "pruned" and row.value is not None]
    values = np.array([row.score for row in finished])
    best = np.maximum.accumulate(values) if trials.metric.higher else np.minimum.accumulate(values)
    numbers = [row.number for row in finished]
    last = max(row.number for row in trials.trained)
    axes.step(
        [*numbers, last],
        [*best, best[-1]],
        where="post",
        color=COLOURS[1],
        label=f"best so far: {readable(float(best[-1]))}",
    )
    axes.plot(numbers, values, "o", color=COLOURS[0], label=f"{len(finished)} trained to the end")
    if pruned:
        places = [row.number for row in pruned]
        partial = [row.score for row in pruned]
        label = f"{len(pruned)} pruned, best until then"
        axes.plot(places, partial, "x", color=COLOURS[-1], alpha=0.7, label=label)
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8)
    return figure


@_picture
def importance(trials: Trials) -> Figure:
    """Share of the variance of the objective that each key explains (fANOVA)."""
    shares = sorted(trials.importance.items(), key=lambda one: one[1])
    figure = Figure(figsize=(6.4, 1.2 + ROW * len(shares)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([key for key, _ in shares], [share for _, share in shares], color=COLOURS[0])
    axes.bar_label(bars, [f"{share:.0%}" for _, share in shares], padding=3, fontsize=8)
    axes.set_xlim(0, max(share for _, share in shares) * 1.15 or 1)
    axes.set_xlabel(f"share of the variance of {trials.monitor}, of {len(trials.finished)} trials")
    axes.grid(axis="y", visible=False)
    return figure


@_picture
def parallel(trials: Trials) -> Figure:
    """Each finished trial as a line through its values, coloured by the objective."""
    rows = trials.finished[::-1]  # the best on top
    keys = [key for key in trials.scales if any(key in row.values for row in rows)]
    figure = Figure(figsize=(2.4 + AXIS * len(keys), 4.6), layout="constrained")
    axes = figure.subplots()
    objective = np.array([row.score for row in rows])
    span = Normalize(objective.min(), objective.max())
    colours = ScalarMappable(span, COLOUR_MAP if trials.metric.higher else f"{COLOUR_MAP}_r")
    heights = {key: _heights(trials, key, rows) for key in keys}
    for place, row in enumerate(rows):
        style: dict[str, Any] = (
            {"lw": 2.5, "zorder": 3} if row is rows[-1] else {"lw": 1, "alpha": 0.7}
        )
        line = [heights[key][place] for key in keys]
        colour = colours.to_rgba(np.array(row.score))
        axes.plot(range(len(keys)), line, marker=".", color=colour, **style)
    for place, key in enumerate(keys):
        axes.axvline(place, color="#444444", lw=0.8, zorder=0)
        for height, text in _ticks(trials, key, rows, heights[key]):
            axes.text(place + 0.04, height, text, fontsize=7, va="center", bbox=BOX, zorder=4)
    axes.set_xticks(range(len(keys)), [key.replace(".", ".\n", 1) for key in keys], fontsize=8)
    axes.set_xlim(-0.15, len(keys) - 0.5)
    axes.set_ylim(NOT_SET - 0.06, 1.06)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    figure.colorbar(colours, ax=axes, label=_objective(trials))
    title = f"{len(rows)} trials trained to the end; thick: the best, trial-{rows[-1].number}"
    axes.set_title(title, fontsize=9)
    return figure


def _heights(trials: Trials, key: str, rows: Sequence[TrialRow]) -> list[float]:
    """Return where the line of each trial crosses the axis of a key: from 0 to 1, or `NOT_SET`."""
    found: list[float | None]
    if trials.scales[key] == "choice":
        texts = _choices(trials, key)
        low, width = 0.0, float(max(len(texts) - 1, 1))
        found = [texts.index(_text(row.values[key])) if key in row.values else None for row in rows]
    else:
        scaled = np.log if trials.scales[key] == "log" else float
        found = [scaled(row.values[key]) if key in row.values else None for row in rows]
        known = [value for value in found if value is not None]
        low, width = min(known), max(known) - min(known) or 1.0
    return [NOT_SET if value is None else (value - low) / width for value in found]


def _ticks(
    trials: Trials, key: str, rows: Sequence[TrialRow], heights: Sequence[float]
) -> list[tuple[float, str]]:
    """Return what is written beside the axis of a key: every choice, or the ends of a range."""
    of_trials = zip(heights, rows, strict=True)
    written = {height: _text(row.values[key]) for height, row in of_trials if key in row.values}
    if trials.scales[key] != "choice" or len(written) > MOST_TICKS:
        written = {height: written[height] for height in (min(written), max(written))}
    missing = [(NOT_SET, "not set")] if NOT_SET in heights else []
    return [*written.items(), *missing]


@_picture
def slices(trials: Trials) -> Figure:
    """Objective against each key."""
    shown = [row for row in trials.trained if row.value is not None and row.state != "failed"]
    keys = [key for key in trials.scales if any(key in row.values for row in shown)]
    columns = min(len(keys), PANELS_IN_A_ROW)
    lines = math.ceil(len(keys) / columns)
    figure = Figure(figsize=(PANEL * columns, 0.4 + PANEL * lines), layout="constrained")
    every = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in every[len(keys) :]:
        axes.remove()
    for axes, key in zip(every, keys, strict=False):
        _slice(axes, trials, key, [row for row in shown if key in row.values])
        axes.set_xlabel(key)
    for axes in every[::columns]:
        axes.set_ylabel(_objective(trials), fontsize=8)
    for state, style in STYLES.items():
        if any(_state(trials, row) == state for row in shown):
            every[0].plot([], [], ls="", label=state, **style)
    figure.legend(loc="outside upper left", ncols=len(STYLES), fontsize=8)
    return figure


def _slice(axes: Axes, trials: Trials, key: str, rows: Sequence[TrialRow]) -> None:
    """Draw the objective of trials against one key."""
    choices = _choices(trials, key) if trials.scales[key] == "choice" else []
    aside = np.random.default_rng(0).uniform(-JITTER, JITTER, len(rows))
    for row, jitter in zip(rows, aside, strict=True):
        value = row.values[key]
        x = choices.index(_text(value)) + jitter if choices else value
        axes.plot(x, row.score, ls="", **STYLES[_state(trials, row)])
    if choices:
        step = math.ceil(len(choices) / MOST_TICKS)
        axes.set_xticks(range(0, len(choices), step), choices[::step], fontsize=8)
        axes.set_xlim(-0.5, len(choices) - 0.5)
    elif trials.scales[key] == "log":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _state(trials: Trials, row: TrialRow) -> str:
    """Return the state of a trial as the legend calls it."""
    if row is trials.finished[0]:
        return "the best"
    return "trained to the end" if row.state == "finished" else "pruned"


def _choices(trials: Trials, key: str) -> list[str]:
    """Return the chosen values of a key as text, in order."""
    values = [row.values[key] for row in trials.trained if key in row.values]
    numbers = all(isinstance(value, int | float) for value in values)
    ordered = sorted(values) if numbers else sorted(values, key=_text)
    return list(dict.fromkeys(map(_text, ordered)))


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _objective(trials: Trials) -> str:
    return f"validation {trials.metric.axis}, best epoch"
