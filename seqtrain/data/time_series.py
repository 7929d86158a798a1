"""Time series on a grid of regular times."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqtrain.data.grid import Grid

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SeriesData:
    """S time series without gaps, one after another.

    Attributes:
        source: the file or package that was read.
        names: of the series; the only one may have none.
        values: float64 of shape (total,).
        lengths: the number of values of each series, int64 of shape (S,).
        starts: the time of the first value of each, as an index of the grid, int64 of shape (S,).
        grid: the times.
        observed: whether each value is in the data, or was missing and is filled; bool, of shape
            (total,).
        past: covariates that are known up to the present, float64 of shape (total, P).
        future: covariates that are known in advance, float64 of shape (sum of `known`, K).
        known: for how many steps of each series they are known, int64 of shape (S,), at least
            `lengths`.
        timed: whether the data hold times; otherwise the rows are counted.
        past_names: of the P covariates.
        future_names: of the K covariates.
    """

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
    timed: bool = True

    @classmethod
    def plain(
        cls, source: str, grid: Grid, names: Sequence[str], each: Sequence[np.ndarray], start: int
    ) -> SeriesData:
        """Return series without covariates, of which the longest begins at `start`.

        All end at the same time.
        """
        import numpy as np

        values = np.concatenate(each).astype(np.float64)
        lengths = np.array([len(one) for one in each], dtype=np.int64)
        none = np.zeros((len(values), 0))
        starts = start + lengths.max() - lengths
        there = np.ones(len(values), bool)
        return cls(source, tuple(names), values, lengths, starts, grid, there, none, none, lengths)

    @property
    def filled(self) -> int:
        """The number of values that were missing and are filled."""
        return int((~self.observed).sum())

    @property
    def firsts(self) -> np.ndarray:
        """The place of the first value of each series in `values`; int64, shape (S,)."""
        import numpy as np

        return np.asarray(self.lengths.cumsum() - self.lengths)

    @property
    def sha256(self) -> str:
        """The hash of everything but the source."""
        names = (self.past_names, self.future_names)
        return _hash((self.of_values, names), self.past, self.future, self.known)

    @property
    def of_values(self) -> str:
        """The hash of the series without their covariates."""
        arrays = (self.values, self.observed, self.lengths, self.starts)
        return _hash((self.names, self.grid), *arrays)

    def each(self) -> list[np.ndarray]:
        """Return the values of each series."""
        import numpy as np

        return np.split(self.values, self.firsts[1:])

    def times(self) -> np.ndarray:
        """Return the time of each value as an index of the grid; int64, shape (total,)."""
        import numpy as np

        within = np.repeat(self.starts - self.firsts, self.lengths)
        return np.asarray(np.arange(len(self.values)) + within)

    def after(self, series: np.ndarray, steps: np.ndarray, horizon: int) -> np.ndarray:
        """Return the values after steps of series, NaN where not known; float64, shape (N, H).

        Args:
            series: their numbers, int64 of shape (N,).
            steps: in the same form.
            horizon: H.
        """
        import numpy as np

        after = steps[:, None] + np.arange(1, horizon + 1)
        there = after < self.lengths[series][:, None]
        rows = np.where(there, after + self.firsts[series][:, None], 0)
        return np.where(there & self.observed[rows], self.values[rows], np.nan)

    def covariates(self) -> np.ndarray:
        """Return past and future covariates of each value; float64, shape (total, P + K)."""
        import numpy as np

        if not self.future_names:
            return self.past
        starts = self.known.cumsum() - self.known
        rows = np.arange(len(self.values)) + np.repeat(starts - self.firsts, self.lengths)
        return np.concatenate([self.past, self.future[rows]], axis=1)

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
            observed=np.insert(self.observed, places, True),
            past=np.insert(self.past, places, past, axis=0),
            lengths=self.lengths + more,
        )

    def known_to(self, known: np.ndarray) -> SeriesData:
        """Return the series with future covariates for at least so many steps.

        Further ones keep their last value.

        Args:
            known: the steps of each series, int64 of shape (S,).
        """
        import numpy as np

        more = np.maximum(known - self.known, 0)
        ends = self.known.cumsum()
        rows = np.repeat(self.future[ends - 1], more, axis=0)
        future = np.insert(self.future, np.repeat(ends, more), rows, axis=0)
        return replace(self, future=future, known=self.known + more)

    def title(self, number: int) -> str:
        """Return the name of a series for messages."""
        return f"`{self.names[number]}`" if self.names[number] else "the series"

    def label(self, number: int, step: int) -> str:
        """Return the time of a step of a series as text."""
        return self.grid.label(int(self.starts[number]) + step)


def _hash(texts: object, *arrays: np.ndarray) -> str:
    digest = hashlib.sha256(repr(texts).encode())
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()
