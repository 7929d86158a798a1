"""Turn labels as written into the classes that a network learns."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from seqtrain.data.number_labels import measured
from seqtrain.errors import DataError
from seqtrain.io.text_file import near_miss, shown

if TYPE_CHECKING:
    import numpy as np

MOST_CLASSES, FEW = (
    1_000,
    20,
)  # with more different labels, labels that rarely repeat are not classes
MANY_NUMBERS = 20  # from this many on, numeric labels may not be classes
NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?")

# Invisible characters: format characters, except those that change the visible text.
UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
# Joiners are part of words in many scripts, and of emoji; elsewhere they are invisible.
STRAY_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
SPACES = re.compile(r"[^\S\x00-\x1f\x7f-\x9f]+")
NO_LETTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # controls, halves of pairs
# Letters of other scripts that look like Latin ones and are typed by mistake.
LATIN = {
    **dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455",
            "aeopcyxijs",
            strict=True,
        )
    ),
    **dict(zip("\u03bf\u03b1\u03bd", "oav", strict=True)),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u2018\u2019\u02bc", "'"),
    **dict.fromkeys("\u200c\u200d\ufe0e\ufe0f", ""),  # joiners, and how emoji are drawn
}
LOOKALIKES = str.maketrans(LATIN)
UNLIKE = re.compile(f"[{''.join(LATIN)}{''.join(LATIN).upper()}]")
MISSING = {"na", "n/a", "#n/a", "nan", "null", "<na>", "?"}  # what programs write for no value
AT_ENDS = ".,;:!?\"'`()[] "

SPLITS = 3  # train, validation and test

log = logging.getLogger(__name__)


def natural(name: str) -> tuple[bool, float, str]:
    """Sort numbers by their value, before everything else."""
    number = NUMBER.fullmatch(name)
    return not number, float(name) if number else 0, name


def normalised(label: str) -> str:
    """Normalise a label, so that two labels that look the same are equal.

    Letters are composed (NFC), format characters are removed, and runs of spaces of any kind
    become one space. Labels that differ in case, and `1` and `1.0`, stay different classes:
    `doubt_alike` warns about them.
    """
    label = label.strip()
    if not label.isascii():
        label = unicodedata.normalize("NFC", STRAY_JOINER.sub("", UNSEEN.sub("", label)))
    return SPACES.sub(" ", label).strip()


def merged(names: Sequence[str], source: str) -> list[str]:
    """Return each label `normalised`, and log which labels become equal by that."""
    found = [normalised(name) for name in names]
    together: dict[str, list[str]] = {}
    for name, label in zip(names, found, strict=True):
        together.setdefault(label, []).append(ascii(name))
    for label, ways in together.items():
        if len(ways) > 1:
            listed = ", ".join(ways)
            log.info("%s: %s look the same, and are one class, `%s`", source, listed, label)
    return found


def doubt_classes(classes: Sequence[str], labels: Mapping[str, np.ndarray], source: str) -> None:
    """Warn about classes that are probably a mistake.

    Args:
        classes: their names.
        labels: the index of each example's class in each part that was given, shape (N,).
        source: what was read.
    """
    import numpy as np

    counts = np.bincount(labels["train"], minlength=len(classes)).tolist()
    of = dict(zip(classes, counts, strict=True))
    rare = [name for name, count in of.items() if count < SPLITS]
    if rare and "test" not in labels:
        log.warning("too few examples for each split to have one: %s", listed(rare))
    for name in classes:
        if name.casefold() in MISSING:
            log.warning(
                "%s: `%s` is a class of %s examples; where it says that there is no label, leave "
                "it empty, with `dataset.unlabelled=skip`",
                *(source, name, f"{of[name]:,}"),
            )
    doubt_alike(of, source)


def doubt_alike(counts: Mapping[str, int], source: str) -> None:
    """Warn about classes that are probably the same, with the number of examples of each."""
    known: dict[object, str] = {}
    pairs: dict[str, list[str]] = {}
    for name, count in counts.items():
        other = known.setdefault(_likeness(name), name)
        if other != name:
            pair = f"`{_exact(other)}` ({counts[other]:,}) and `{_exact(name)}` ({count:,})"
            pairs.setdefault(_difference(other, name), []).append(pair)
    for difference, found in pairs.items():
        more = f", and {len(found) - FEW:,} other pairs" if len(found) > FEW else ""
        log.warning(
            "%s: classes that %s, with their examples: %s; those that are one must be written "
            "alike",
            *(source, difference, ", ".join(found[:FEW]) + more),
        )


def _likeness(name: str) -> object:
    """Return a key that is equal for labels that are the same number or look alike."""
    if (number := measured(name)) is not None:
        return number
    text = unicodedata.normalize("NFKC", name).casefold().translate(LOOKALIKES)
    return " ".join(text.replace("_", " ").replace("-", " ").split()).strip(AT_ENDS) or name


def _difference(one: str, other: str) -> str:
    if measured(one) is not None:
        return "are the same number"
    return "differ in case alone" if one.casefold() == other.casefold() else "look alike"


def _exact(name: str) -> str:
    """Return a label with its invisible and ambiguous characters written out."""
    text = name.translate({ord(letter): ascii(letter)[1:-1] for letter in UNLIKE.findall(name)})
    return shown(text)


def check_names(names: Sequence[str], place: Callable[[int], str]) -> None:
    """Raise a DataError if a label is empty, or contains undecodable or control characters.

    Args:
        names: each label once, as written.
        place: returns where a label of this index stands first; may read the whole file.
    """
    for index, name in enumerate(names):
        if not normalised(name):
            hint = "give each example one, or leave it out"
            raise DataError(f"{place(index)}: the label is empty", hint)
        if NO_LETTER.search(name.strip()):
            message = f"{place(index)}: a control character is in the label `{name}`"
            raise DataError(message, "write the label without it")


def learnable(labels: Iterable[str], number: int, source: str, hint: str) -> tuple[str, ...]:
    """Return the sorted labels of the training examples, if they can be classes.

    Args:
        labels: each label once.
        number: how many training examples there are.
        source: the file that was read.
        hint: what to do if the labels are not classes.

    Raises:
        DataError: there is only one label, or nearly every example has its own.
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


def indices(
    labels: Sequence[str], classes: Sequence[str], place: Callable[[int], str]
) -> np.ndarray:
    """Return the index of each label's class; int32, shape (N,).

    Args:
        labels: as written.
        classes: those of a run; older runs may have classes that are not `normalised`.
        place: returns where the label of an index stands.

    Raises:
        DataError: a label is none of the classes.
    """
    import numpy as np

    index_of = {normalised(name): index for index, name in enumerate(classes)}
    index_of |= {name: index for index, name in enumerate(classes)}
    found: list[int] = []
    for row, label in enumerate(labels):
        index = index_of.get(label, index_of.get(normalised(label)))
        if index is None:
            what = f"no class is called `{shown(label)}`" if label else "the label is empty"
            message = f"{place(row)}: {what}{_meant(label, classes)}"
            raise DataError(message, known_classes(classes))
        found.append(index)
    return np.array(found, dtype=np.int32)


def known_classes(classes: Sequence[str]) -> str:
    """Return a hint that lists the labels a run knows."""
    return f"the classes of the run are: {listed(classes)}"


def unseen(place: str, label: str, classes: Sequence[str]) -> DataError:
    """Return the error for a label that no training example has."""
    return DataError(
        f"{place}: no training example has the label `{shown(label)}`{_meant(label, classes)}",
        f"the classes of train are: {listed(classes)}",
    )


def _meant(label: str, classes: Sequence[str]) -> str:
    """Return `, did you mean …?` with a class that is the same number or looks alike, if any."""
    alike = next((name for name in classes if _likeness(name) == _likeness(label)), None)
    return f", did you mean `{shown(alike)}`?" if alike else near_miss(label, classes)


def listed(classes: Sequence[str]) -> str:
    """Return the first classes, for a message."""
    return ", ".join([*map(shown, classes[:FEW]), *["…"][: len(classes) > FEW]])
