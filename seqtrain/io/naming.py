"""Names of runs, which are also folders: letters of any script, valid on all usual systems."""

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 100  # bytes as UTF-8; a name of a folder may have 255
# Valid in every dialect of regular expressions; `_is_part` checks the letters.
PATTERN = r"^[^\x00-/:-@\[-`{-\x9f\s][^\x00-,/:-@\[-^`{-\x9f\s]*$"
# Names that Windows reserves for devices, and names with a last dot, which it drops.
NO_FOLDER = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.", re.IGNORECASE)


def folder(stem: str) -> str:
    """Return a folder name from the name of a config file."""
    letters = unicodedata.normalize("NFC", stem)
    kept = "".join(letter if _is_part(letter) else " " for letter in letters)
    name = _clipped("_".join(kept.split())) or "run"
    return _clipped(f"run_{name}") if NO_FOLDER.fullmatch(name) else name


def broken_rules(name: str) -> Iterator[str]:
    """Yield the reasons why a name cannot be a folder name."""
    if not (name[0].isalnum() and all(map(_is_part, name))):
        yield "must be of letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
    if len(name.encode()) > LONGEST:
        yield f"must be of at most {LONGEST} bytes as UTF-8"
    if NO_FOLDER.fullmatch(name):
        yield "must be no device of Windows, such as `con`, and end with no dot"


def _clipped(name: str) -> str:
    """Return a name with valid ends and a valid length."""
    while name and not name[0].isalnum():
        name = name[1:]
    while len(name.encode()) > LONGEST:
        name = name[:-1]
    return name.rstrip(".")


def _is_part(letter: str) -> bool:
    """Return whether a character is a letter, a mark, a digit, or one of `._-`."""
    return letter in "._-" or unicodedata.category(letter)[0] in "LMN"
