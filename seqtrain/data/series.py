"""Time series on a grid of regular times."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqtrain.data.times import Grid

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SeriesData:
    """S time series, one after another."""

    source: str
    names: tuple[str, ...]
    values: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray
    grid: Grid
    observed: np.ndarray
    past: np.ndarray
    future: np.ndarray
    known: np.ndarray
    past_names: tuple[str, ...] = ()
    future_names: tuple[str, ...] = ()

    @property
    def firsts(self) -> np.ndarray:
        import numpy as np

        return np.asarray(self.lengths.cumsum() - self.lengths)

    @property
    def sha256(self) -> str:
        """The hash of all values, times and names."""
        digest = hashlib.sha256(
            repr((self.names, self.grid, self.past_names, self.future_names)).encode()
        )
        for array in (self.values, self.lengths, self.starts, self.past, self.future, self.known):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def extended(self, values: np.ndarray) -> SeriesData:
        """Return the series with further values at their ends.

        Past covariates keep their last value.

        Args:
            values: float64 of shape (S, more).
        """
        import numpy as np

        ends = self.firsts + self.lengths
        more = values.shape[1]
        places = np.repeat(ends, more)
        past = np.repeat(self.past[ends - 1], more, axis=0)
        return replace(
            self,
            values=np.insert(self.values, places, values.ravel()),
            observed=np.insert(self.observed, places, False),
            past=np.insert(self.past, places, past, axis=0),
            lengths=self.lengths + more,
        )

    def each(self) -> list[np.ndarray]:
        import numpy as np

        return np.split(self.values, self.firsts[1:])

    def times(self) -> np.ndarray:
        """Return the time of each value as an index of the grid; int64, shape (total,)."""
        import numpy as np

        within = np.repeat(self.starts - self.firsts, self.lengths)
        return np.asarray(np.arange(len(self.values)) + within)

    def covariates(self) -> np.ndarray:
        """Return past and future covariates of each value; float64, shape (total, P + K)."""
        import numpy as np

        if not self.future_names:
            return self.past
        starts = self.known.cumsum() - self.known
        rows = np.arange(len(self.values)) + np.repeat(starts - self.firsts, self.lengths)
        return np.concatenate([self.past, self.future[rows]], axis=1)

    def title(self, number: int) -> str:
        """Return the name of a series for messages."""
        return f"`{self.names[number]}`" if self.names[number] else "the series"
