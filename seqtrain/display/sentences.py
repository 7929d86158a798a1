"""Parts of sentences."""

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return a number of things, such as `1 step` or `1,200 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], word: str) -> str:
    """Return names as a person lists them: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last
