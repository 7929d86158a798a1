"""What `seqtrain explain` prints and draws of a language model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults
from seqtrain.display.columns import table
from seqtrain.display.escape import one_line, printable
from seqtrain.display.numbers import readable
from seqtrain.interpretation import text_plots
from seqtrain.interpretation.figure_files import write_figures
from seqtrain.interpretation.surprise import Surprise
from seqtrain.interpretation.unit_meanings import Meaning

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

MOST_BITS = 10.0  # of the darkest colour
MOST_STEPS = 120  # of a picture of gates


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
    rows = [
        [str(number), repr(token), f"{bits:.2f}", str(rank + 1), repr(likely), f"{share:.4f}"]
        for number, (token, bits, rank, (likely, share)) in enumerate(
            zip(found.tokens, found.bits, found.ranks.tolist(), found.likeliest, strict=True), 1
        )
    ]
    header = ["step", "token", "bits", "rank", "likeliest", "probability"]
    legend = "bits: what the token costs; rank: 1 where no other token was likelier"
    return "\n\n".join([headline(found), table(header, rows), legend])


def write(found: Surprise, folder: Path, suffix: str) -> list[Path]:
    """Draw the text and the gates, and return the files.

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

    return write_figures(name, draw, folder, suffix)


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


def write_units(found: list[Meaning], folder: Path, suffix: str) -> list[Path]:
    """Draw the units over passages of the test text, and return the file, if there are any.

    Raises:
        DrawingError: it cannot be drawn.
    """
    if not found:
        return []
    return write_figures("units", lambda: {"units": text_plots.units(found)}, folder, suffix)
