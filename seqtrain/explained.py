"""An explanation as text: in columns, or as words on the colour of what reading them changed."""

import math

from rich.console import Group
from rich.style import Style
from rich.text import Text

from seqtrain.columns import table
from seqtrain.explanation import Explanation
from seqtrain.harmless import printable

FOR, AGAINST = (0, 114, 178), (213, 94, 0)  # Okabe and Ito's blue and vermilion
FAINTEST = 0.08  # share of the largest change; what changed less stays without colour
DARK = 0.6  # share of the largest change from which on letters are white
ORDERS = {"forward": "read from the beginning", "backward": "read from the end"}


def columns(explanation: Explanation) -> str:
    """Return an explanation as a table with a row for each step."""
    header, rows = by_step(explanation)
    return "\n\n".join([headline(explanation), table(header, rows), legend(explanation)])


def by_step(explanation: Explanation) -> tuple[list[str], list[list[str]]]:
    """Return a header, and for each step what is read, and p and change for each direction."""
    answer, steps = printable(explanation.answer), list(map(printable, explanation.steps))
    header, cells = ["step", "read"], [list(map(str, range(1, len(steps) + 1))), steps]
    for said in explanation.readings:
        header += [f"p({answer}) {said.way}", "change"]
        cells.append([f"{value:.4f}" for value in said.probabilities[:, explanation.index]])
        cells.append(list(map(_signed, said.changes(explanation.index).tolist())))
    return header, list(map(list, zip(*cells, strict=True)))


def _signed(change: float) -> str:
    return "" if math.isnan(change) else f"{change:+.4f}"


def headline(explanation: Explanation) -> str:
    """Return what was explained, and the answer of the network."""
    example, best = explanation.example, explanation.probabilities[explanation.index]
    true = f"  true class {example.label}" if example.label else ""
    said = f"{explanation.answer}  p = {best:.4f}{true}"
    return printable(f"{explanation.run}  {' '.join(example.title.split())}\n{said}")


def legend(explanation: Explanation) -> str:
    """Return in words what the numbers and colours mean."""
    answer = printable(explanation.answer)
    lines = [
        f"change: by how much the log-odds of {answer}, log(p / (1 - p)), rose when the step was "
        "read",
        "forward: p is what the network says of steps 1 … t alone",
    ]
    if len(explanation.readings) == 2:
        lines.append(f"backward: p is what it says of steps t … {len(explanation.steps)} alone")
    return "\n".join(lines)


def coloured(explanation: Explanation) -> Group:
    """Return the words in the order of reading, each on the colour of its change."""
    parts = [Text(headline(explanation)), Text()]
    most, answer = explanation.largest_change, explanation.answer
    for said in explanation.readings:
        changes = said.changes(explanation.index).tolist()
        words = zip(explanation.steps, changes, strict=True)
        text = Text(" ").join(Text(printable(word), shade(value / most)) for word, value in words)
        parts += [Text(f"{ORDERS[said.way]}:", "bold"), text, Text()]
    scale = Text(f"log-odds of {printable(answer)} when the step is read: ")
    scale.append(f" fall, by {most:.2f} at most ", shade(-1.0)).append("  ")
    scale.append(f" rise, by {most:.2f} at most ", shade(1.0))
    return Group(*parts, scale)


def shade(change: float) -> Style:
    """Return the colour of a change, from -1 to 1 as a share of the largest; none where NaN."""
    if not abs(change) >= FAINTEST:
        return Style()
    strength, full = min(abs(change), 1.0), FOR if change > 0 else AGAINST
    red, green, blue = (round(255 + (part - 255) * strength) for part in full)
    letters = "white" if strength > DARK else "black"
    return Style(color=letters, bgcolor=f"rgb({red},{green},{blue})")
