"""Turn labels as written into the numbers that a network predicts."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqtrain.errors import DataError
from seqtrain.io.decimals import with_point
from seqtrain.io.text_file import shown

if TYPE_CHECKING:
    import numpy as np

LARGEST = 1e29  # numbers must be closer to zero, so that none equals padding
# Unambiguous signs: minus signs and dashes, the plus of East Asian texts, and the decimal sign of
# Arabic texts.
SIGNS = str.maketrans("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-" * 7)
SIGNS |= str.maketrans("\uff0b\u066b", "+.")
UNSEEN = "\u200b\u200e\u200f\u202a\u202c\u2066\u2069\ufeff"  # characters that may surround a number
PLAIN = re.compile(r"(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
PERCENT = "a percent sign"
AMBIGUOUS = "a comma, which can stand before decimals or between thousands"
DATE = "write times as numbers, such as days or seconds since the first of them"
# Forms that are not numbers: their names, and what to write instead.
OTHERS = (
    (r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ].*)?|\d{1,2}([-/.])\d{1,2}\3\d{2,4}( .*)?", "a date", DATE),
    (r"\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[ap]m)?", "a time", DATE),
    (r"[-+]?[\d.,]+ ?[/:\u2044] ?\d+", "a fraction", "write its value, such as 0.75 for 3/4"),
    (r"[\d.,]+ ?(-|to|\.\.+) ?[\d.,]+", "a range", "write one number, such as its middle"),
    (r"[<>~\u2248\u2264\u2265\u00b1] ?=? ?[-+\d.,]+", "a bound", "write the number alone"),
    (
        r"n/?a|null|none|missing|unknown|-+|\?+|\.+",
        "a missing value",
        "leave it empty, with `dataset.unlabelled=skip`",
    ),
    (r"true|false|yes|no", "a yes or no", "write 1 and 0, or learn it: `task: classification`"),
    (
        r"[\d.,]+ ?(k|thousand|mln|mio|millions?|bn|billions?|mrd)\.?",
        "shortened",
        "write all its digits",
    ),
    (r"0x[0-9a-f]+", "hexadecimal", "write it in decimal digits"),
)
CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|BRL"
MONEY = rf"(US|CA|AU|NZ|HK|A|C|R)?[$\u00a2-\u00a5\u20a0-\u20cf]|\b({CODES})\b|\bRs\.?|\bkr\.?"
# Text around a number: its pattern, the part to keep, and its name.
AROUND = (
    (r"\((.*)\)", r"-\1", "parentheses for a minus sign"),
    (r"(\d+([.,]\d+)?)-", r"-\1", "its minus sign at the end"),
    (MONEY, "", "a currency sign"),
    (r"[%\u066a]", "", PERCENT),
    (r"(\d) ?(?!e[-+]?\d)([^\W\d_]|[\u00b0\u2103])[^\d.,]*$", r"\1", "a unit"),
)
SPACES = " '\u2019_\u066c"
# Separators in numbers: the pattern, what to remove, the decimal sign, and the name.
WITHIN = (
    (rf"\d{{1,3}}([{SPACES}]\d{{3}})+([.,]\d*)?", SPACES, ".", "signs between its thousands"),
    (
        r"\d{1,3}(,\d{2,3})*,\d{3}\.\d*|\d{1,3}(,\d{2,3})+,\d{3}",
        ",",
        ".",
        "commas between thousands",
    ),
    (r"\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,}", ".", ",", "points between thousands"),
    (r"[1-9]\d{0,2},\d{3}", "", ",", AMBIGUOUS),
    (r"(?i:\d*,\d+(e[-+]?\d+)?)", "", ",", "a decimal comma"),
)

log = logging.getLogger(__name__)


def measured(label: str) -> float | None:
    """Return a label as a number, or None if it is not a number that can be learned."""
    text = label.strip(UNSEEN).translate(SIGNS)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < LARGEST and "_" not in text else None


def numbers(labels: Sequence[str], place: Callable[[int], str]) -> np.ndarray:
    """Return each label as a number; float64, shape (N,).

    Args:
        labels: as written.
        place: returns where the label of an index stands.

    Raises:
        DataError: a label is not a number.
    """
    import numpy as np

    found = [measured(label) for label in labels]
    if None in found:
        index = found.index(None)
        raise no_number(place(index), labels[index])
    doubt_digits(labels, place)
    return np.array(found, dtype=np.float64)


def written(number: float) -> str:
    """Return a float or float32 with as few digits as identify it."""
    return str(number).removesuffix(".0")


def no_number(place: str, label: str, called: str = "label") -> DataError:
    """Return the error for a label that should be a number and is not."""
    if not label:
        return DataError(f"{place}: the label is empty", "give it a number, or leave it out")
    said = f"{place}: the {called} `{shown(label)}` is not a number"
    if found := form(label):
        what, hint = found
        if called != "label" and "unlabelled" in hint:
            hint = "write a number, or leave the row out"
        return DataError(f"{said}: {what}", hint)
    if called != "label":
        return DataError(said, "write a number, or take the column out of the file")
    return DataError(
        said, "a label is a finite number in regression; names of classes: `task: classification`"
    )


def check_differing(values: Iterable[float], source: str) -> None:
    """Raise a DataError if all training examples have the same label."""
    if len(different := set(values)) < 2:
        raise DataError(
            f"{source}: every training example has the label {written(different.pop())}",
            "give examples of different numbers",
        )


def statistics(splits: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Return a row for each of a few statistics of the labels of each split, without NaN."""
    import numpy as np

    functions: dict[str, Any] = {
        "least": np.nanmin,
        "mean": np.nanmean,
        "std": np.nanstd,
        "largest": np.nanmax,
    }
    return [
        {"name": name, **{split: float(of(labels)) for split, labels in splits.items()}}
        for name, of in functions.items()
    ]


def doubt_digits(labels: Sequence[str], place: Callable[[int], str]) -> None:
    """Warn if a label is an integer with more digits than float64 holds."""
    for index, label in enumerate(labels):
        digits = label.strip(UNSEEN).translate(SIGNS).lstrip("+-").lstrip("0")
        if re.fullmatch(r"\d{16,}", digits) and int(digits) != int(float(digits)):
            log.warning(
                "%s: labels such as `%s` have more digits than the 16 that are computed with: "
                "take what is common from all of them",
                *(place(index), shown(label)),
            )
            return


def how_to_write(text: str) -> str | None:
    """Return a hint on how to write a number such as `0,5` or `5 %`, which is not accepted."""
    found = form(text)
    return found[1] if found and found[0].startswith("it has") else None


def form(label: str) -> tuple[str, str] | None:
    """Return the name of the form of a label, and what to write instead; None if unknown.

    Such labels are never converted automatically: `1,234` can mean two numbers, and so can `5%`.
    """
    text = re.sub(r"\d", lambda digit: str(int(digit[0])), label.strip(UNSEEN).translate(SIGNS))
    text = " ".join(text.split())
    for pattern, what, hint in OTHERS:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return f"it is {what}", hint
    found: list[str] = []
    for pattern, bare, what in AROUND:
        if (stripped := re.sub(pattern, bare, text, flags=re.IGNORECASE)) != text:
            text, found = stripped.strip(), [*found, what]
    sign, digits = ("-", text[1:].strip()) if text.startswith("-") else ("", text.lstrip("+ "))
    for pattern, removed, point, what in WITHIN:
        if re.fullmatch(pattern, digits):
            digits = digits.translate(dict.fromkeys(map(ord, removed))).replace(point, ".")
            found.append(what)
    if not found or not PLAIN.fullmatch(digits):
        return None
    meant = [sign + digits]
    if PERCENT in found:
        meant.append(written(round(float(meant[0]) / 100, 12)))
    if AMBIGUOUS in found:
        meant.append(meant[0].replace(".", ""))
    hint = f"write {' or '.join(meant)}, and the whole column so"
    if with_point(label) != label:
        hint += "; or `dataset.decimal=comma`"
    return f"it has {' and '.join(found)}", hint
