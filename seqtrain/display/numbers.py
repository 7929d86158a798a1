"""Format numbers for people."""

from collections.abc import Sequence

LARGE, HUGE, SMALL = 100, 1e9, 1e-3


def readable(number: float) -> str:
    """Format a number: four decimals, fewer digits if it is large or small, integers in full."""
    if isinstance(number, int):
        return f"{number:,}"
    if abs(number) >= HUGE or 0 < abs(number) < SMALL:
        return f"{number:.2e}"
    return f"{number:.4f}" if abs(number) < LARGE else f"{number:,.1f}"


def score(value: float | None, decimals: int = 4) -> str:
    """Format a score with so many decimals; with four, as `readable` does."""
    if value is None:
        return "undefined"
    return f"{value:.{decimals}f}" if decimals < 4 else readable(value)


def interval(ends: Sequence[float] | None, decimals: int = 4) -> str:
    """Format the two ends of an interval; empty without an interval."""
    return f"[{score(ends[0], decimals)}, {score(ends[1], decimals)}]" if ends else ""
