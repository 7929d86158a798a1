"""Parts of sentences."""

from collections.abc import Sequence


def listed(names: Sequence[str], word: str) -> str:
    """Return names as a person lists them: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last
