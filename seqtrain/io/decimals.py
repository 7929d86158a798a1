"""Numbers as tables write them: with a decimal comma, as in 1.234,5, or a mark for no value."""

import re
from collections.abc import Iterable
from typing import Literal

Decimal = Literal["point", "comma"]

NO_VALUE = {"", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "k.a.", "n.d.", "#n/a"}
NO_VALUE |= {"?", "-", "--", ".", "..", "\u2013"}
BETWEEN = ". \u00a0\u202f'\u2019"  # between thousands
NUMBER = re.compile(rf"([-+\u2212]?)(\d{{1,3}}(?:[{BETWEEN}]\d{{3}})+|\d*)(?:,(\d+))?")
SURE = re.compile(r"[-+\u2212]?(0*,\d+|\d+,(\d{1,2}|\d{4,})|\d{1,3}(\.\d{3})+,\d+)")


def with_point(cell: str | None) -> str | None:
    """Return a number such as `1.234,5` as `1234.5`; what is no number stays as it is."""
    found = NUMBER.fullmatch((cell or "").strip())
    if not found or not (found[2] or found[3]):
        return cell
    sign, whole = found[1].replace("\u2212", "-"), re.sub(r"\D", "", found[2])
    return f"{sign}{whole}" + (f".{found[3]}" if found[3] else "")


def are_with_commas(cells: Iterable[str]) -> bool:
    """Return whether cells are numbers, and some have a comma that can only be a decimal one.

    In `1,234` it can also stand between thousands.
    """
    stripped = (cell.strip() for cell in cells)
    filled = [cell for cell in stripped if cell.lower() not in NO_VALUE]
    return any(map(SURE.fullmatch, filled)) and all(map(NUMBER.fullmatch, filled))
