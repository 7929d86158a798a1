"""What `seqtrain explain` prints, draws and writes on a page of a language model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults
from seqtrain.display.columns import table
from seqtrain.display.escape import one_line, printable
from seqtrain.display.numbers import readable
from seqtrain.interpretation import surprise, text_plots, unit_meanings
from seqtrain.interpretation.figure_files import embedded, write_figures
from seqtrain.interpretation.surprise import Surprise
from seqtrain.interpretation.unit_meanings import Meaning
from seqtrain.report import language_sections
from seqtrain.report.page import document
from seqtrain.report.page_sections import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

MOST_BITS = 10.0  # of the darkest colour
MOST_STEPS = 120  # of a picture of gates
LEGEND = "bits: what the token costs; rank: 1 where no other token was likelier"


def coloured(found: Surprise) -> Group:
    """Return the text, each token the darker the more it surprised."""
    from rich.console import Group
    from rich.text import Text

    from seqtrain.interpretation.explanation_text import shade

    text = Text()
    for token, bits in zip(found.tokens, found.bits.tolist(), strict=True):
        text.append(printable(token), shade(-min(bits / MOST_BITS, 1.0)))
    scale = Text("surprise: ").append(f" {MOST_BITS:g} bits or more ", shade(-1.0))
    return Group(Text(headline(found)), Text(), text, Text(), scale)


def headline(found: Surprise) -> str:
    """Return the run, the text and its bits per character."""
    title = one_line(found.title)
    return printable(
        f"{found.run}  {title}\n{readable(found.bits_per_character)} bits per character"
    )


def columns(found: Surprise) -> str:
    """Return a table with a row for each token."""
    return "\n\n".join([headline(found), table(*by_token(found)), LEGEND])


def by_token(found: Surprise) -> tuple[list[str], list[list[str]]]:
    """Return the header of a table, and a row for each token."""
    rows = [
        [str(number), repr(token), f"{bits:.2f}", str(rank + 1), repr(likely), f"{share:.4f}"]
        for number, (token, bits, rank, (likely, share)) in enumerate(
            zip(found.tokens, found.bits, found.ranks.tolist(), found.likeliest, strict=True), 1
        )
    ]
    return ["step", "token", "bits", "rank", "likeliest", "probability"], rows


def write(found: Surprise, folder: Path, suffix: str, html: bool) -> list[Path]:
    """Draw the text and the gates, write a page if it is asked for, and return the files.

    Raises:
        DrawingError: they cannot be drawn.
    """
    from seqtrain.interpretation.gate_plots import maps

    name = f"explain-{found.slug}"

    def draw() -> dict[str, Figure]:
        gates = {
            f"layer {number}": {gate: of[:MOST_STEPS] for gate, of in layer.items()}
            for number, layer in enumerate(found.gates, 1)
        }
        tokens = [one_line(token) or "␣" for token in found.tokens[:MOST_STEPS]]
        title = text_plots.clipped(found.title)
        return {
            name: text_plots.surprise(found),
            f"{name}-gates": maps(gates, tokens, title, rows=False),
        }

    return write_figures(name, draw, folder, suffix, partial(page, found) if html else None)


def page(found: Surprise, text: Figure, gates: Figure) -> str:
    """Return a page of HTML: the text with its colours, the gates, and a table of all tokens."""
    header, rows = by_token(found)
    content = {
        "surprise": language_sections.surprise(surprise.numbers(found)),
        "picture": embedded(gates),
        "header": header,
        "rows": rows,
        "legend": LEGEND,
        "units": [],
    }
    section = Section("passages", "Token by token", content)
    return document(text_plots.clipped(found.title), found.run, [section])


def columns_of_units(found: list[Meaning]) -> str:
    """Return a table of the units that follow something, the clearest first."""
    rows = [
        [
            one.feature,
            str(one.layer),
            one.state,
            str(one.unit),
            f"{one.correlation:+.3f}",
            f"{one.validation:+.3f}",
        ]
        for one in found
    ]
    header = ["follows", "layer", "state", "unit", "r on test", "r on validation"]
    return table(header, rows) if rows else "no unit follows what was looked for"


def write_units(
    run: str, found: list[Meaning], folder: Path, suffix: str, html: bool
) -> list[Path]:
    """Draw the units over passages of the test text, and return the files, if there are any.

    Raises:
        DrawingError: it cannot be drawn.
    """
    if not found:
        return []
    shown = partial(page_of_units, run, found) if html else None
    return write_figures("units", lambda: {"units": text_plots.units(found)}, folder, suffix, shown)


def page_of_units(run: str, found: list[Meaning], *figures: Figure) -> str:
    """Return a page of HTML: passages with the colours of the units' states."""
    units = language_sections.units(unit_meanings.numbers(found))
    section = Section("passages", "Unit by unit", {"surprise": None, "units": units})
    return document("What its units follow", run, [section])
