"""Labels as a person wrote them, as the classes that a network learns."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence

from seqtrain.errors import DataError
from seqtrain.textfile import near_miss, shown

MOST_CLASSES, FEW = 1_000, 20  # beyond them, labels that hardly repeat are no classes
MANY_NUMBERS = 20  # from which on labels that are numbers may be no classes
NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?")

log = logging.getLogger(__name__)


def natural(name: str) -> tuple[bool, float, str]:
    """Sort numbers by their value, before everything else."""
    number = NUMBER.fullmatch(name)
    return not number, float(name) if number else 0, name


def learnable(labels: Iterable[str], number: int, source: str, hint: str) -> tuple[str, ...]:
    """Return the different labels of the training examples in order, if they can be learned.

    Args:
        labels: each of them once.
        number: of the training examples.
        source: what was read.
        hint: what to do where the labels are no classes.

    Raises:
        DataError: there is one label alone, or nearly each example has its own.
    """
    classes = tuple(sorted(labels, key=natural))
    if len(classes) < 2:
        raise DataError(
            f"{source}: every training example has the label `{shown(classes[0])}`",
            "give examples of at least two classes",
        )
    numbers = all(map(NUMBER.fullmatch, classes))
    if numbers:
        hint += "; or learn them as numbers: `dataset.task=regression`"
    if len(classes) > MOST_CLASSES or (number >= FEW and len(classes) > number / 2):
        raise DataError(
            f"{source}: {number:,} training examples have {len(classes):,} different labels, "
            f"such as `{shown(classes[0])}` and `{shown(classes[1])}`",
            hint,
        )
    if numbers and len(classes) > MANY_NUMBERS:
        log.info(
            "the %s labels are taken for classes; as numbers: `dataset.task=regression`",
            f"{len(classes):,}",
        )
    return classes


def unseen(place: str, label: str, classes: Sequence[str]) -> DataError:
    """Return the error to raise where an example has a label that no training example has."""
    return DataError(
        f"{place}: no training example has the label `{shown(label)}`{near_miss(label, classes)}",
        f"the classes of train are: {listed(classes)}",
    )


def listed(classes: Sequence[str]) -> str:
    """Return the first classes, for a message."""
    return ", ".join([*map(shown, classes[:FEW]), *["…"][: len(classes) > FEW]])
