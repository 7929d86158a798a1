"""The invertible steps that make the values of time series easy to forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Literal, get_args

from seqtrain.data.inputs import pieces
from seqtrain.data.windows import places

if TYPE_CHECKING:
    import numpy as np

TINY = 1e-12  # standard deviation, relative to the mean, up to which a series is constant

Level = Literal["last", "mean", "none"]


@dataclass(frozen=True)
class Transform:
    """How values become what the network reads and predicts, and back.

    A value becomes its logarithm (if `log`), less its seasonal index, less the mean of its
    series, divided by the standard deviation. All are fitted on the training part of each of the
    S series. Then each window is centred: its `level` is subtracted, and its forecast is relative
    to that.

    Attributes:
        log: whether values become logarithms, so that steps are relative and seasons factors.
        level: of a window: its mean, its last value, or 0.
        means: of each series.
        stds: the standard deviation of each series; 1 if it is constant.
        seasons: the seasonal indices of each series, by time modulo their number; none where a
            series has no season.
    """

    log: bool = False
    level: Level = "last"
    means: tuple[float, ...] = ()
    stds: tuple[float, ...] = ()
    seasons: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        """Raise a ValueError if the values are not finite numbers."""
        numbers = (*self.means, *self.stds, *(index for of in self.seasons for index in of))
        known = all(isinstance(number, float | int) and isfinite(number) for number in numbers)
        if not known or not len(self.means) == len(self.stds) == len(self.seasons):
            raise ValueError("it does not hold a mean, a std and the seasons of each series")
        if not all(self.stds):
            raise ValueError("it does not hold a std of each series")
        if not isinstance(self.log, bool) or self.level not in get_args(Level):
            raise ValueError("it does not hold how windows are centred")
        if len({len(season) for season in self.seasons if season}) > 1:
            raise ValueError("its seasons have different lengths")

    @classmethod
    def fit(
        cls,
        parts: Sequence[np.ndarray],
        starts: Sequence[int],
        log: bool,
        level: Level,
        season: int,
    ) -> Transform:
        """Fit on the training part of each series.

        Args:
            parts: the values of each series, float64 of shape (steps,).
            starts: the time of the first value of each, as an index of the grid.
            log: see the attribute.
            level: see the attribute.
            season: the number of steps of a season, removed where a series has one; 1 for none.
        """
        import numpy as np

        from seqtrain.data.seasonality import seasonal_indices

        means, stds, seasons = [], [], []
        for values, start in zip(parts, starts, strict=True):
            known = np.log(values) if log else values
            indices = seasonal_indices(known, season)
            if indices is not None:
                known = known - indices[np.arange(len(known)) % season]
                indices = np.roll(indices, start % season)  # by time, not by place in the series
            mean, std = float(known.mean()), float(known.std())
            means.append(mean)
            stds.append(std if std > TINY * max(abs(mean), 1.0) else 1.0)
            seasons.append(() if indices is None else tuple(indices.tolist()))
        return cls(log, level, tuple(means), tuple(stds), tuple(seasons))

    def of_series(self, numbers: Sequence[int]) -> Transform:
        """Return the transform of only these series, in this order."""
        return replace(
            self,
            means=tuple(self.means[number] for number in numbers),
            stds=tuple(self.stds[number] for number in numbers),
            seasons=tuple(self.seasons[number] for number in numbers),
        )

    def forward(self, values: np.ndarray, series: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return values as the network reads them; float64 of the same shape.

        Args:
            values: in the units of the data.
            series: the number of the series of each value, in the same shape.
            times: the time of each value as an index of the grid, in the same shape.
        """
        import numpy as np

        return np.asarray((self._growth(values) - self.offset(series, times)) / self.scale(series))

    def inverse(self, outputs: np.ndarray, series: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return values in the units of the data; the inverse of `forward`."""
        import numpy as np

        found = outputs * self.scale(series) + self.offset(series, times)
        return np.asarray(np.exp(found) if self.log else found)

    def standardised(self, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return values as the network predicts them; float64 of the same shape, (N, H, …).

        Args:
            values: after each of N origins, in the units of the data.
            labels: of these origins, see `windows.labels_type`.
        """
        import numpy as np

        series, times, level, spread = places(labels, values.ndim)
        return np.asarray((self.forward(values, series, times) - level) / spread)

    def in_units(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return outputs of the network in the units of the data; inverse of `standardised`."""
        import numpy as np

        found = np.empty(outputs.shape)
        for rows in pieces(len(outputs)):
            series, times, level, spread = places(labels[rows], outputs.ndim)
            found[rows] = self.inverse(outputs[rows] * spread + level, series, times)
        return found

    def scale(self, series: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the series of each value."""
        import numpy as np

        return np.asarray(np.asarray(self.stds)[series])

    def _growth(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.asarray(np.log(values)) if self.log else values

    def offset(self, series: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the mean of the series and the seasonal index of the time of each value."""
        import numpy as np

        length = max(map(len, self.seasons), default=0) or 1
        table = np.zeros((len(self.means), length))
        for number, (mean, season) in enumerate(zip(self.means, self.seasons, strict=True)):
            table[number] = mean + np.asarray(season if season else 0.0)
        return np.asarray(table[series, np.asarray(times) % length])
