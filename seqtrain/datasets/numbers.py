"""Labels as a person wrote them, as the numbers that a network predicts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from seqtrain.errors import DataError
from seqtrain.textfile import shown

LARGEST = 1e29  # numbers must be nearer to zero, so that none is taken for padding
COMMA = re.compile(r"[-+]?\d+,\d+")


def measured(label: str) -> float | None:
    """Return the number that a label is, or None where it is none that can be learned."""
    try:
        value = float(label)
    except ValueError:
        return None
    return value if abs(value) < LARGEST and "_" not in label else None


def no_number(place: str, label: str) -> DataError:
    """Return the error to raise where a label of a regression is no number."""
    if not label:
        return DataError(f"{place}: the label is empty", "give it a number, or leave it out")
    hint = "a label is a finite number in regression; names of classes: `task: classification`"
    if COMMA.fullmatch(label):
        hint = "write decimals with a point, and thousands without a comma"
    return DataError(f"{place}: the label `{shown(label)}` is no number", hint)


def check_differing(values: Iterable[float], source: str) -> None:
    """Raise a DataError where all training examples have the same number as their label."""
    if len(different := set(values)) < 2:
        raise DataError(
            f"{source}: every training example has the label {different.pop():g}",
            "give examples of different numbers",
        )
