"""What all plots have in common: how they are found, drawn, styled and saved."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqtrain.files import replacing
from seqtrain.run import Run

Plot = Callable[[Sequence[Run]], Figure]

SIZE = (6.4, 4.2)  # inches
DPI = 160
# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.hashsalt": "seqtrain",
}

_PLOTS: dict[str, tuple[Plot, str, int | None]] = {}


def plot(needs: str, classes: int | None = None) -> Callable[[Plot], Plot]:
    """Mark a function as a plot of runs that have the file `needs`, and so many classes."""

    def register(function: Plot) -> Plot:
        _PLOTS[function.__name__] = (function, needs, classes)
        return function

    return register


def draw(runs: Sequence[Run], folder: Path, suffix: str = "png") -> list[Path]:
    """Draw every plot that the runs have the files for, and return the pictures.

    Args:
        runs: drawn over one another.
        folder: where the pictures go, named as the plots are; it is made if it is missing.
        suffix: png, svg or pdf.
    """
    folder.mkdir(exist_ok=True)
    pictures = []
    for name, (function, needs, classes) in _PLOTS.items():
        able = [run for run in runs if run.has(needs)]
        if classes is not None:
            able = [run for run in able if len(run.classes()) == classes]
        if able:
            with rc_context(STYLE):
                pictures.append(_save(function(able), folder / f"{name}.{suffix}"))
    return pictures


def _save(figure: Figure, path: Path) -> Path:
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:])
    with replacing(path) as beside:
        figure.savefig(beside, dpi=DPI, metadata=metadata)
    return path


def panel(ylabel: str) -> tuple[Figure, Axes]:
    """Return a figure of one panel."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(ylabel)
    axes.margins(y=0.15)
    return figure, axes


def labelled(runs: Sequence[Run]) -> list[tuple[Run, str, str]]:
    """Return each run with a label, its name alone where that tells it apart, and a colour."""
    names = [str(run.config.name) for run in runs]
    alone = len(runs) > 1 and len(set(names)) == len(names)
    labels = names if alone else [run.label for run in runs]
    colours = (COLOURS[number % len(COLOURS)] for number in range(len(runs)))
    return list(zip(runs, labels, colours, strict=True))


def note(run: Run) -> str:
    """Return what is to be said beside a score of the test examples."""
    return " (optimistic)" if run.optimistic else ""
