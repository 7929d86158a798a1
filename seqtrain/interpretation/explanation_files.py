"""An explanation as files: pictures of the reading and of the gates, and a page of HTML."""

import base64
import io
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from seqtrain import drawing  # before matplotlib, which it imports on its defaults
from seqtrain.display.escape import printable
from seqtrain.display.numbers import readable
from seqtrain.interpretation import gate_plots, prefix_plots
from seqtrain.interpretation.explanation import Explanation
from seqtrain.interpretation.explanation_text import FAINTEST, ORDERS, by_step, legend
from seqtrain.io.atomic import write_text
from seqtrain.plots.base import DPI, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRONGEST = 0.75  # how much of its colour the word has that changed most


def write(explanation: Explanation, folder: Path, suffix: str, html: bool) -> list[Path]:
    """Draw what a network says as it reads, and its gates; return the files.

    Args:
        explanation: what is drawn.
        folder: where the files go; it is made if it is missing.
        suffix: of the pictures: png, svg or pdf.
        html: write a page too, which needs nothing beside it.

    Raises:
        DrawingError: the pictures cannot be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"explain-{explanation.example.slug}"
    with drawing.picture(f"{name}.{suffix}"):
        figures = {name: prefix_plots.reading(explanation)}
        if explanation.gates:
            figures[f"{name}-gates"] = gate_plots.gates(explanation)
        written = [save(figure, folder / f"{file}.{suffix}") for file, figure in figures.items()]
        if html:
            written.append(folder / f"{name}.html")
            write_text(written[-1], page(explanation, *figures.values()))
    return written


def page(explanation: Explanation, *figures: "Figure") -> str:
    """Return a page of HTML: the words on their colours, the figures, and a table of all steps."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = (files("seqtrain.interpretation") / "explanation.html").read_text(encoding="utf-8")
    header, rows = by_step(explanation)
    return environment.from_string(template).render(
        verdict=explanation.verdict,
        measure=explanation.measure,
        title=explanation.example.title,
        run=explanation.run,
        words=explanation.example.words is not None,
        readings=_readings(explanation),
        most=readable(explanation.largest_change),
        pictures=list(map(_embedded, figures)),
        header=header,
        rows=rows,
        legend=legend(explanation).splitlines(),
    )


def _embedded(figure: "Figure") -> str:
    """Return a figure as PNG in base64."""
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=DPI)
    return base64.b64encode(written.getvalue()).decode()


def _visible(value: Any) -> Any:
    """Return what a template prints, with control characters written out."""
    return printable(value) if type(value) is str else value


def _readings(explanation: Explanation) -> list[dict[str, Any]]:
    """Return for each direction its words, each with the side and share of its colour."""
    found = []
    for said in explanation.readings:
        values = said.predictions[:, explanation.index].tolist()
        shares = (said.changes(explanation.index) / explanation.largest_change).tolist()
        steps = enumerate(zip(explanation.steps, values, shares, strict=True), start=1)
        words = [
            {
                "word": word,
                "side": "" if not abs(share) >= FAINTEST else "for" if share > 0 else "against",
                "share": f"{STRONGEST * abs(share):.3f}",
                "tip": f"step {step}: {explanation.symbol} = {explanation.number(value)}",
            }
            for step, (word, value, share) in steps
        ]
        found.append({"order": ORDERS[said.direction], "words": words})
    return found
