"""The inputs of a network: one array, or a dict of named arrays.

A translation has a source and a target; a forecast has a window and known future values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np

    # Each array has the examples as its first axis.
    Inputs = np.ndarray | dict[str, np.ndarray]
else:
    Inputs = Any  # nothing that is imported for types alone

T = TypeVar("T")
AT_ONCE = 10_000  # examples that are in memory at once, because windows are arrays only when read


def each(x: Any, function: Callable[[Any], T]) -> Any:
    """Apply a function to the array, or to each named array."""
    if isinstance(x, dict):
        return {name: function(array) for name, array in x.items()}
    return function(x)


def arrays(x: Inputs) -> list[np.ndarray]:
    """Return the array, or the named ones in the order of their names."""
    return [x[name] for name in sorted(x)] if isinstance(x, dict) else [x]


def first(x: Inputs) -> str | None:
    """Return the name of the first input, if there are several."""
    return min(x) if isinstance(x, dict) else None


def rows(x: Inputs, chosen: Any) -> Inputs:
    """Return the examples at some indices, or of a slice."""
    return cast("Inputs", each(x, lambda array: array[chosen]))


def count(x: Inputs) -> int:
    """Return the number of examples."""
    return len(arrays(x)[0])


def pieces(examples: int) -> Iterator[slice]:
    """Yield slices that divide so many examples into parts of at most 10,000."""
    for start in range(0, examples, AT_ONCE):
        yield slice(start, start + AT_ONCE)


def fingerprints(x: Inputs) -> np.ndarray:
    """Return the first 8 bytes of BLAKE2 of each example's bytes; uint64, shape (N,)."""
    import numpy as np

    digests = bytearray()
    for some in pieces(count(x)):
        flat = [
            np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)
            for array in arrays(rows(x, some))
        ]
        whole = flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)
        digests += b"".join(hashlib.blake2b(row.data, digest_size=8).digest() for row in whole)
    return np.frombuffer(bytes(digests), dtype=np.uint64)
