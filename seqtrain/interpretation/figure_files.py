"""Write the figures of an explanation, and the page that shows them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain import drawing
from seqtrain.io.atomic import write_text
from seqtrain.plots.base import DPI, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figures(
    name: str,
    draw: Callable[[], Mapping[str, Figure]],
    folder: Path,
    suffix: str,
    page: Callable[..., str] | None = None,
) -> list[Path]:
    """Draw figures and save them, and a page if it is asked for; return the files.

    Args:
        name: of the page, and of the files in an error.
        draw: returns the figures by the names of their files.
        folder: for the files; it is created if missing.
        suffix: png, svg or pdf.
        page: returns the page from the figures.

    Raises:
        DrawingError: the figures cannot be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with drawing.picture(f"{name}.{suffix}"):
        figures = draw()
        written = [save(figure, folder / f"{file}.{suffix}") for file, figure in figures.items()]
        if page:
            written.append(folder / f"{name}.html")
            write_text(written[-1], page(*figures.values()))
    return written


def embedded(figure: Figure) -> str:
    """Return a figure as PNG in base64."""
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=DPI)
    return base64.b64encode(written.getvalue()).decode()
