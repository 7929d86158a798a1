"""Labels as a person wrote them, as the classes that a network learns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from seqtrain.errors import DataError

MOST_CLASSES, FEW = 1_000, 20  # beyond them, labels that hardly repeat are no classes


def natural(name: str) -> tuple[bool, float, str]:
    """Sort whole numbers by their value, before everything else."""
    whole = name.lstrip("-").isdecimal()
    return not whole, int(name) if whole else 0, name


def learnable(labels: Iterable[str], number: int, hint: str) -> tuple[str, ...]:
    """Return the different labels of the training examples in order, if they can be learned.

    Args:
        labels: each of them once.
        number: of the training examples.
        hint: what to do where the labels are no classes.

    Raises:
        DataError: there is one label alone, or nearly each example has its own.
    """
    classes = sorted(labels, key=natural)
    if len(classes) < 2:
        raise DataError(
            f"all {number:,} training examples have the label `{classes[0]}`",
            "give examples of at least two classes",
        )
    if len(classes) > MOST_CLASSES or (number >= FEW and len(classes) > number / 2):
        raise DataError(
            f"{number:,} training examples have {len(classes):,} different labels, such as "
            f"`{classes[0]}` and `{classes[1]}`",
            hint,
        )
    return tuple(classes)


def unseen(place: str, label: str, classes: Sequence[str]) -> DataError:
    """Return the error to raise where an example has a label that no training example has."""
    return DataError(
        f"{place}: no training example has the label `{label}`{meant(label, classes)}",
        f"the classes of train are: {', '.join(classes[:20])}",
    )


def meant(word: str, known: Iterable[str]) -> str:
    """Return the question whether the nearest of the known words was meant, or nothing."""
    written = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), list(written), n=1)
    return f", did you mean `{written[near[0]]}`?" if near else ""
