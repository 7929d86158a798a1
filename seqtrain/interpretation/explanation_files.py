"""Write an explanation as files: pictures of the predictions and gates, and an HTML page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults
from seqtrain.interpretation import gate_plots, prefix_plots
from seqtrain.interpretation.explanation import Explanation, numbers
from seqtrain.interpretation.explanation_text import by_step, legend
from seqtrain.interpretation.figure_files import embedded, write_figures
from seqtrain.report.interpretation_sections import reading
from seqtrain.report.page import document
from seqtrain.report.page_sections import Section, subjects_of
from seqtrain.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write(run: Run, explanation: Explanation, folder: Path, suffix: str, html: bool) -> list[Path]:
    """Draw how the prediction changes with each step, and the gates; return the files.

    Args:
        run: the run of the network.
        explanation: the explanation to draw.
        folder: the folder for the files; it is created if missing.
        suffix: png, svg or pdf.
        html: also write a self-contained page.

    Raises:
        DrawingError: the pictures cannot be drawn.
    """
    name = f"explain-{explanation.example.slug}"

    def draw() -> dict[str, Figure]:
        figures = {name: prefix_plots.reading(explanation)}
        if explanation.gates:
            figures[f"{name}-gates"] = gate_plots.gates(explanation)
        return figures

    return write_figures(
        name, draw, folder, suffix, partial(page, run, explanation) if html else None
    )


def page(run: Run, explanation: Explanation, *figures: Figure) -> str:
    """Return an HTML page: the report's section, with the figures and a table of all steps."""
    subjects = list(subjects_of([run]))
    header, rows = by_step(explanation)
    shown = reading(subjects[0], numbers(explanation)) | {
        "pictures": list(map(embedded, figures)),
        "header": header,
        "rows": rows,
        "legend": legend(explanation).splitlines(),
    }
    section = Section("explained", "Step by step", {"told": [shown], "subjects": subjects})
    title = f"{explanation.example.title} · {explanation.run}"
    return document(explanation.verdict, title, [section])
