"""Text in aligned columns."""

import re
from collections.abc import Sequence

from seqtrain.display.escape import one_line

Cells = Sequence[Sequence[str]]

NUMBER = re.compile(r"[\d.,-]*\d(e[+-]\d+)?|")


def table(header: Sequence[str], rows: Cells) -> str:
    """Return rows of text as aligned columns; columns of numbers are aligned to the right."""
    lines_of_cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    columns = list(zip(*lines_of_cells, strict=True))
    widths = [max(map(width, column)) for column in columns]
    right = [all(_is_number(cell) for cell in column[1:]) for column in columns]
    lines = []
    for row in lines_of_cells:
        cells = zip(row, widths, right, strict=True)
        lines.append("  ".join(_filled(*cell) for cell in cells).rstrip())
    return "\n".join(lines)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes; Chinese and emoji take two each."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _filled(cell: str, columns: int, right: bool) -> str:
    blank = " " * (columns - width(cell))
    return blank + cell if right else cell + blank


def _is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell) is not None
