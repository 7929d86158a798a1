"""An explanation as text: a table, or words coloured by the change of the prediction."""

import math
import re
from collections.abc import Callable

from rich.console import Group
from rich.style import Style
from rich.text import Text

from seqtrain.display.columns import table
from seqtrain.display.escape import printable
from seqtrain.display.numbers import readable
from seqtrain.interpretation.explanation import Explanation

FOR, AGAINST = (0, 114, 178), (213, 94, 0)  # Okabe and Ito's blue and vermilion
FAINTEST = 0.08  # share of the largest change; smaller changes have no colour
DARK = 0.6  # share of the largest change from which on the text is white
START = "<start>"
ORDERS = {"forward": "read from the beginning", "backward": "read from the end"}


def columns(explanation: Explanation) -> str:
    """Return an explanation as a table with a row for each step."""
    header, rows = by_step(explanation)
    return "\n\n".join([headline(explanation), table(header, rows), legend(explanation)])


def by_step(explanation: Explanation) -> tuple[list[str], list[list[str]]]:
    """Return a header, and for each step its name, and p and change for each direction."""
    symbol, steps = printable(explanation.symbol), list(map(printable, explanation.steps))
    header, cells = ["step", "read"], [list(map(str, range(1, len(steps) + 1))), steps]
    for said in explanation.readings:
        header += [f"{symbol} {said.direction}", "change"]
        cells.append(list(map(explanation.number, said.predictions[:, explanation.index].tolist())))
        changes = said.changes(explanation.index).tolist()
        cells.append([_signed(change, explanation.task.changed) for change in changes])
    if explanation.attention is not None:
        header.append("attention")
        cells.append([f"{share:.4f}" for share in explanation.attention])
    return header, list(map(list, zip(*cells, strict=True)))


def _signed(change: float, decimals: Callable[[float], str]) -> str:
    sign = "+" if change >= 0 else ""
    return "" if math.isnan(change) else f"{sign}{decimals(change)}"


def headline(explanation: Explanation) -> str:
    """Return the title of the example and the prediction."""
    title = " ".join(explanation.example.title.split())
    return printable(f"{explanation.run}  {title}\n{explanation.verdict}")


def legend(explanation: Explanation) -> str:
    """Return the meaning of the numbers and colours."""
    letter, formula = explanation.task.letter, explanation.task.formula
    lines = [
        f"change: by how much the {printable(explanation.measure)}{formula} rose when the step was "
        "read",
        f"forward: {letter} is the prediction for steps 1 … t",
    ]
    if explanation.attention is not None:
        lines.append("attention: how much the step counts in the pooling; all sum to 1")
    if len(explanation.readings) == 2:
        steps = len(explanation.steps)
        lines.append(f"backward: {letter} is the prediction for steps t … {steps} alone")
    return "\n".join([*lines, *_marks(explanation)])


def _marks(explanation: Explanation) -> list[str]:
    """Return the meaning of names of steps that are not words of the text."""
    if explanation.example.words is None:
        return []
    unknown = any(re.fullmatch(r"\[.+\]|<unknown>", step) for step in explanation.steps)
    marks = {
        "<start>: the token before the first word of every text": START in explanation.steps,
        "[word]: not in the vocabulary, so the network reads it as unknown": unknown,
        "␣: a space": "␣" in explanation.steps,
    }
    return [meaning for meaning, found in marks.items() if found]


def coloured(explanation: Explanation) -> Group:
    """Return the words in the order of reading, each with the colour of its change."""
    parts = [Text(headline(explanation)), Text()]
    most = explanation.largest_change
    for said in explanation.readings:
        changes = said.changes(explanation.index).tolist()
        words = zip(explanation.steps, changes, strict=True)
        text = Text(" ").join(Text(printable(word), shade(value / most)) for word, value in words)
        parts += [Text(f"{ORDERS[said.direction]}:", "bold"), text, Text()]
    scale = Text(f"{printable(explanation.measure)} when the step is read: ")
    scale.append(f" fall, by {readable(most)} at most ", shade(-1.0)).append("  ")
    scale.append(f" rise, by {readable(most)} at most ", shade(1.0))
    return Group(*parts, scale, *map(Text, map(printable, _marks(explanation))))


def shade(change: float) -> Style:
    """Return the colour of a change, from -1 to 1 as a share of the largest; none where NaN."""
    if not abs(change) >= FAINTEST:
        return Style()
    strength, full = min(abs(change), 1.0), FOR if change > 0 else AGAINST
    red, green, blue = (round(255 + (part - 255) * strength) for part in full)
    letters = "white" if strength > DARK else "black"
    return Style(color=letters, bgcolor=f"rgb({red},{green},{blue})")
