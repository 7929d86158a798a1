"""What all plots share: find, draw, style and save them."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqtrain import drawing
from seqtrain.comparison.run_rows import names, with_every_run
from seqtrain.display.numbers import readable
from seqtrain.errors import DrawingError
from seqtrain.io.atomic import replacing
from seqtrain.runs.run import Run
from seqtrain.tasks import Metric, metric

Corner = Literal["best", "lower left", "lower right"]
Plot = Callable[[Sequence[Run]], Figure]
MetricPlot = Callable[[Metric, Sequence[Run]], Figure]

SIZE = (6.4, 4.2)  # inches
LINE = 0.18  # inches of a legend above a panel
DPI = 160
# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")

PANELS_IN_A_ROW = 3
PANEL = 4.4  # inches
PREDICTIONS = "predictions.npz"

Fits = Callable[[Run], bool]

_PLOTS: dict[str, tuple[Callable[..., Figure], Fits]] = {}
_OF_METRIC: set[str] = set()  # plots that also take a metric
_OF_PREDICTIONS: set[str] = set()  # plots that a task must name


def plot(needs: str, classes: int | None = None) -> Callable[[Plot], Plot]:
    """Mark a function as a plot of runs that have the file `needs`.

    A plot of predictions is only drawn for runs whose task names it.

    Args:
        needs: the name of a file of a run.
        classes: only draw runs with so many classes.
    """

    def register(function: Plot) -> Plot:
        def fits(run: Run) -> bool:
            about = needs != PREDICTIONS or function.__name__ in run.task.plots
            return run.has(needs) and about and (classes is None or len(run.classes()) == classes)

        _PLOTS[function.__name__] = (function, fits)
        if needs == PREDICTIONS:
            _OF_PREDICTIONS.add(function.__name__)
        return function

    return register


def plot_of_metric(needs: str) -> Callable[[MetricPlot], MetricPlot]:
    """Mark a function as a plot of the primary metric of runs that have the file `needs`."""

    def register(function: MetricPlot) -> MetricPlot:
        _PLOTS[function.__name__] = (function, lambda run: run.has(needs))
        _OF_METRIC.add(function.__name__)
        return function

    return register


def draw(runs: Sequence[Run], folder: Path, suffix: str = "png") -> list[Path]:
    """Draw every plot for which the runs have the files, and return the pictures.

    Args:
        runs: drawn into the same plots.
        folder: for the pictures, which are named after the plots; it is created if missing.
        suffix: png, svg or pdf.

    Raises:
        DrawingError: some plots cannot be drawn; the others have been.
    """
    plots = ((name, partial(function, able)) for name, function, able in drawable(runs) if able)
    return save_each(plots, folder, suffix)


def save_each(
    plots: Iterable[tuple[str, Callable[[], Figure]]], folder: Path, suffix: str
) -> list[Path]:
    """Draw and save plots, those too that come after one that fails; return the pictures.

    Args:
        plots: names, and functions that draw.
        folder: for the pictures; it is created if missing.
        suffix: png, svg or pdf.

    Raises:
        DrawingError: some plots cannot be drawn; the others have been.
    """
    folder.mkdir(exist_ok=True)
    pictures, failed = [], []
    for name, function in plots:
        try:
            with drawing.picture(f"{name}.{suffix}"):
                pictures.append(save(function(), folder / f"{name}.{suffix}"))
        except DrawingError as error:
            failed.append(error.message)
    if failed:
        raise DrawingError("; ".join(failed))
    return pictures


def drawable(runs: Sequence[Run]) -> Iterator[tuple[str, Plot, list[Run]]]:
    """Yield the name of each picture, its function, and the runs that have the files for it."""
    for name in sorted(_PLOTS, key=lambda name: name in _OF_PREDICTIONS):
        function, fits = _PLOTS[name]
        able = [run for run in runs if fits(run)]
        if name not in _OF_METRIC:
            yield name, function, able
            continue
        for one in dict.fromkeys(one for run in able for one in _scores(run)):
            yield one.name, partial(function, one), [run for run in able if one in _scores(run)]


def _scores(run: Run) -> list[Metric]:
    """Return the main metric of a run, and the one that chose its best epoch."""
    chosen = metric(run.config.training.monitor.removeprefix("val_"))
    return [*dict.fromkeys([run.task.primary(), *([] if chosen.name == "loss" else [chosen])])]


def save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the suffix, the same bytes each time; return its path."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:])
    foreign = drawing.make_legible(figure)
    with replacing(path) as beside:
        try:
            figure.savefig(beside, dpi=DPI, metadata=metadata)
        except Exception:
            if not foreign:
                raise
            drawing.make_legible(figure, fonts=False)  # not every font can go into every format
            figure.savefig(beside, dpi=DPI, metadata=metadata)
    return path


def panel(ylabel: str) -> tuple[Figure, Axes]:
    """Return a figure of one panel."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(ylabel)
    axes.margins(y=0.15)
    return figure, axes


@dataclass(frozen=True)
class Drawn:
    """A run, or runs that differ only in their seed, drawn in one colour.

    Attributes:
        runs: one, or one for each seed.
        label: its distinct name.
        colour: its colour.
    """

    runs: Sequence[Run]
    label: str
    colour: str

    @property
    def seeds(self) -> str:
        """The number of seeds for the legend, after a comma; empty for one run."""
        return f", {len(self.runs)} seeds" if len(self.runs) > 1 else ""

    @property
    def style(self) -> dict[str, Any]:
        """The style of the curve of each run; curves of seeds are thin."""
        thin = {"lw": 0.8, "alpha": 0.7} if len(self.runs) > 1 else {}
        return {"color": self.colour, **thin}

    def mean(self, score: Callable[[Run], float]) -> str:
        """Format a number of its run, or `mean ± standard deviation` of its seeds."""
        values = [score(run) for run in self.runs]
        return f"{spread(values)}{note(self.runs[0])}"


def legend(axes: Axes, drawn: Sequence[Drawn], loc: Corner = "best") -> None:
    """Draw the legend: for one run in the panel, for several above it, where long names fit."""
    if len(drawn) == 1:
        axes.legend(loc=loc, fontsize=8)
        return
    figure = axes.get_figure(root=True)
    lines, labels = axes.get_legend_handles_labels()
    if figure is not None:
        figure.set_figheight(figure.get_figheight() + LINE * len(labels))
        figure.legend(lines, labels, loc="outside upper left", fontsize=8)


def together(runs: Sequence[Run]) -> list[Drawn]:
    """Group the runs by colour; a run that repeats a seed gets a colour of its own."""
    table = with_every_run(runs)
    return [
        Drawn([one.run for one in row.members], label, colour)
        for row, label, colour in zip(table, names(table), itertools.cycle(COLOURS), strict=False)
    ]


def panels(number: int, side: float = PANEL) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many panels, arranged nearly in a square.

    Args:
        number: of panels.
        side: of each, in inches.
    """
    columns = min(math.ceil(math.sqrt(number)), PANELS_IN_A_ROW)
    rows = math.ceil(number / columns)
    figure = Figure(figsize=(side * columns + 1, (side + 0.4) * rows), layout="compressed")
    every = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in every[number:]:
        axes.remove()
    return figure, every[:number]


def spread(values: Sequence[float]) -> str:
    """Format a number, or several as `mean ± standard deviation`."""
    std = f" ± {readable(stdev(values))}" if len(values) > 1 else ""
    return f"{readable(fmean(values))}{std}"


def note(run: Run) -> str:
    """Return the note beside a test score, if it is optimistic."""
    return " (optimistic)" if run.optimistic else ""
