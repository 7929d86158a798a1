"""Windows of time series, and what must be forecast after them: cut only when they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seqtrain.data.inputs import pieces

if TYPE_CHECKING:
    import numpy as np


def labels_type(horizon: int) -> list[tuple[Any, ...]]:
    """Return the NumPy type of the label of an example: the forecast of one origin.

    `truth`: the next values in the units of the data, NaN where not known yet; `series`: the
    number of its series; `time`: that of the last known value, as an index of the grid; `level`
    and `spread`: what the network's window was centred and scaled by.
    """
    return [
        ("truth", "<f8", (horizon,)),
        ("series", "<i4"),
        ("time", "<i8"),
        ("level", "<f8"),
        ("spread", "<f8"),
    ]


def times_after(labels: np.ndarray) -> np.ndarray:
    """Return the time of each next value as an index of the grid; int64, shape (N, H)."""
    import numpy as np

    horizon = labels["truth"].shape[1]
    return np.asarray(labels["time"][:, None] + np.arange(1, horizon + 1))


def places(labels: np.ndarray, ndim: int) -> tuple[np.ndarray, ...]:
    """Return series, times, level and spread of labels, in shapes that fit (N, H, …)."""
    more = (1,) * (ndim - 2)
    columns = (labels[key].reshape(-1, 1, *more) for key in ("series", "level", "spread"))
    series, level, spread = columns
    times = times_after(labels)
    return series, times.reshape(*times.shape, *more), level, spread


class Computed:
    """Rows that a function computes when they are read, like an array of shape (N, width), float32.

    Attributes:
        rows: what they are computed from, of shape (N,).
        function: returns float32 of shape (n, width) for n of these.
        width: the number of columns.
    """

    ndim = 2
    itemsize = 4

    def __init__(
        self, rows: np.ndarray, function: Callable[[np.ndarray], np.ndarray], width: int
    ) -> None:
        self.rows = rows
        self.function = function
        self.width = width

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32."""
        import numpy as np

        return np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, width)."""
        return len(self.rows), self.width

    def __len__(self) -> int:
        """Return N."""
        return len(self.rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return rows as an array: at indices of any shape, or of a slice; or a tuple of both."""
        import numpy as np

        rows, *rest = index if isinstance(index, tuple) else (index,)
        chosen = self.rows[rows]
        flat, found = chosen.reshape(-1), np.empty((chosen.size, self.width), np.float32)
        for some in pieces(len(flat)):
            found[some] = self.function(flat[some])
        found = found.reshape(*chosen.shape, self.width)
        return np.asarray(found[(..., *rest)] if rest else found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows."""
        return self[:] if dtype is None else self[:].astype(dtype)


class Windows:
    """N windows of T steps with F features, read like an array of shape (N, T, F), float32.

    Only the steps are in memory, not the windows: N windows of one series overlap in nearly all
    of their steps.

    Attributes:
        steps: all steps of all series, float64 of shape (total, F).
        firsts: the first step of each window, int64 of shape (N,).
        length: T.
        level: what is subtracted from the first feature of each window, float64 of shape (N,).
        spread: what the first feature is then divided by, in the same form.
    """

    ndim = 3
    itemsize = 4

    def __init__(
        self,
        steps: np.ndarray,
        firsts: np.ndarray,
        length: int,
        level: np.ndarray | None = None,
        spread: np.ndarray | None = None,
    ) -> None:
        self.steps = steps
        self.firsts = firsts
        self.length = length
        self.level = level
        self.spread = spread

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32."""
        import numpy as np

        return np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, T, F)."""
        return len(self.firsts), self.length, self.steps.shape[1]

    def __len__(self) -> int:
        """Return N."""
        return len(self.firsts)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return windows as an array: at indices of any shape, or of a slice; or a tuple of both.

        Of a tuple, the second part selects steps.
        """
        import numpy as np

        rows, *rest = index if isinstance(index, tuple) else (index,)
        firsts = self.firsts[rows]
        found = self.steps[firsts[..., None] + np.arange(self.length)]
        if self.level is not None and self.spread is not None:
            level, spread = self.level[rows][..., None], self.spread[rows][..., None]
            found[..., 0] = (found[..., 0] - level) / spread
        found = found.astype(np.float32)
        return np.asarray(found[(..., *rest, slice(None))] if rest else found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all windows."""
        return self[:] if dtype is None else self[:].astype(dtype)
