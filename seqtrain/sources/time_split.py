"""The split of time series in time: which origins are in train, in validation and in test."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field

from seqtrain.display.sentences import counted
from seqtrain.errors import DataError
from seqtrain.schema.sections import Count, Share, Size
from seqtrain.sources.base import DatasetConfig

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.dataset import Dataset
    from seqtrain.data.time_series import SeriesData

LONGEST_SEASON = 48  # steps of a season up to which a window holds two of them
WINDOW, HORIZON = 24, 12  # without a season
SHORT = 10  # a horizon that is not given is at most such a part of the longest series
FEW = 5  # origins of validation or test; fewer are a warning

log = logging.getLogger(__name__)


def _as_steps(value: Any) -> Any:
    """Return a whole number as such, where YAML has it as 18.0."""
    return int(value) if isinstance(value, float) and value >= 1 and value.is_integer() else value


# Of a series: a share, so many steps, or from a time on.
Part = Annotated[Share | Count | str, BeforeValidator(_as_steps)]


@dataclass(frozen=True)
class Cuts:
    """Where the parts of each series begin, as steps of it; int64 of shape (S,).

    Attributes:
        validation: the first step of validation.
        test: the first step of test.
    """

    validation: np.ndarray
    test: np.ndarray


class TimeSplitConfig(DatasetConfig):
    """The keys that decide where windows end, and where each part of a series begins."""

    window: Size | None = Field(
        default=None,
        description="steps that the network reads before each forecast; null is two seasons, or "
        f"one if it is longer than {LONGEST_SEASON} steps, and {WINDOW} without a season",
    )
    horizon: Size | None = Field(
        default=None,
        description=f"steps that are forecast at once; null is one season, or {HORIZON} steps "
        "without one, but at most a tenth of the longest series",
    )
    season: Size | None = Field(
        default=None,
        description="steps of a season; null decides by the distance of the times: 12 for months, "
        "7 for days, 24 for hours; 1 is no season",
    )
    validation: Part = Field(
        default=0.15,
        description="the part before the test that chooses the best epoch and calibrates the "
        "intervals: a share of each series, a number of steps, or the time at which it begins",
    )
    validation_series: Share | None = Field(
        default=None,
        description="share of the series whose validation part is held back, where there are many; "
        "the others train up to the test; null holds it back of all",
    )
    test: Part = Field(
        default=0.15,
        description="the last part of each series, for the final scores; given as `validation` is",
    )
    stride: Count = Field(
        default=1,
        description="distance between the windows of train, in steps: a larger one is faster; "
        "validation and test use every window",
    )

    def completed(self, found: SeriesData) -> Self:
        """Return the config with the season, the window and the horizon that the data decide."""
        season = self.season or found.grid.season
        two = 2 * season if season <= LONGEST_SEASON else season
        usual = (two, season) if season > 1 else (WINDOW, HORIZON)
        longest = max(int(found.lengths.max()) // SHORT, 1)
        window, horizon = self.window or usual[0], self.horizon or min(usual[1], longest)
        return self.model_copy(update={"season": season, "window": window, "horizon": horizon})

    def cuts(self, found: SeriesData) -> Cuts:
        """Return where validation and test begin.

        Raises:
            DataError: a part is shorter than the horizon.
        """
        import numpy as np

        test = self._begin(found, self.test, found.lengths, "test")
        validation = self._begin(found, self.validation, test, "validation")
        if self.validation_series is not None:
            number = max(round(self.validation_series * len(test)), 1)
            held = np.linspace(0, len(test) - 1, number).round().astype(np.int64)
            validation = np.where(np.isin(np.arange(len(test)), held), validation, test)
        return Cuts(validation, test)

    def _begin(self, found: SeriesData, part: Part, end: np.ndarray, name: str) -> np.ndarray:
        """Return the first step of a part that ends before the step `end` of each series."""
        import numpy as np

        horizon = self.horizon or 1
        if isinstance(part, str):
            begin = np.clip(self._time(found, part, name) - found.starts, 0, end)
        elif isinstance(part, float):
            begin = end - np.maximum(self._share_of(found, name), horizon)
        else:
            begin = end - part
        short = np.flatnonzero(end - begin < horizon)
        if len(short) and (len(short) == len(end) or not isinstance(part, str)):
            at = int(short[0])
            raise DataError(
                f"{found.source}: the {name} part of {found.title(at)} has "
                f"{counted(int(end[at] - begin[at]), 'step')}, fewer than the horizon of {horizon}",
                f"make it longer, such as `dataset.{name}={2 * horizon}` steps, or forecast fewer "
                "steps: `dataset.horizon=…`",
            )
        return np.asarray(begin)

    def _share_of(self, found: SeriesData, part: str) -> np.ndarray:
        """Return the steps of each series that the key of a part names; int64 of shape (S,)."""
        import numpy as np

        key = getattr(self, part)
        if isinstance(key, float):
            return np.round(found.lengths * key).astype(np.int64)
        return np.full(len(found.lengths), key if isinstance(key, int) else self.horizon)

    def _time(self, found: SeriesData, text: str, name: str) -> int:
        """Return the index of the time at which a part begins."""
        try:
            return found.grid.index(text)
        except ValueError as error:
            hint = f"write it as the data do, or as a share: `dataset.{name}={found.label(0, 0)}`"
            raise DataError(f"dataset.{name}: {error}", hint) from error

    def origins_of_parts(
        self, found: SeriesData, cuts: Cuts
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the `origins` of train, validation and test.

        Raises:
            DataError: a part has none.
        """
        parts = {
            "train": self.origins(found, 0 * cuts.validation, cuts.validation, self.stride),
            "validation": self.origins(found, cuts.validation, cuts.test, 1),
            "test": self.origins(found, cuts.test, found.lengths, 1),
        }
        for name, (series, _) in parts.items():
            if not len(series):
                raise self._too_short(found, name)
        return parts

    def origins(
        self, found: SeriesData, begin: np.ndarray, end: np.ndarray, stride: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the origins whose next values all lie in a part of their series.

        The value of an origin is in the data: what fills a gap may come from after it. At least
        one of its next values is.

        Args:
            found: the series.
            begin: the first step of the part of each series.
            end: the step after its last.
            stride: the distance between two origins, of which one is the last that there can be.

        Returns:
            The series and the last known step of each origin; int64, shape (N,).
        """
        import numpy as np

        window, horizon = self.window or 1, self.horizon or 1
        each = [
            np.arange(last, max(first, window) - 2, -stride)[::-1]
            for first, last in zip(begin.tolist(), (end - horizon - 1).tolist(), strict=True)
        ]
        series = np.repeat(np.arange(len(each)), [len(one) for one in each])
        origins = np.concatenate(each).astype(np.int64)
        if not found.filled:
            return series, origins
        rows = found.firsts[series] + origins
        known = np.concatenate([[0], found.observed.cumsum()])
        usable = found.observed[rows] & (known[rows + horizon + 1] > known[rows + 1])
        return series[usable], origins[usable]

    def _too_short(self, found: SeriesData, part: str) -> DataError:
        longest = int(found.lengths.max())
        return DataError(
            f"{found.source}: the longest series has {longest:,} steps, too few for one window of "
            f"{self.window} steps and a horizon of {self.horizon} in {part}",
            "read fewer steps (`dataset.window=…`), forecast fewer (`dataset.horizon=…`), or give "
            "validation and test smaller parts (`dataset.validation=…`, `dataset.test=…`)",
        )

    def report_few(self, found: SeriesData, dataset: Dataset) -> None:
        """Warn of validation and test parts with few origins, and report parts that were raised."""
        origins = {"validation": len(dataset.validation), "test": len(dataset.test)}
        few = {name: number for name, number in origins.items() if number < FEW}
        if few:
            counts = " and ".join(f"{name} {counted(few[name], 'origin')}" for name in few)
            more = self._more_origins(found, [*few])
            log.warning("%s: few forecasts test the network: %s; %s", found.source, counts, more)
        for name in origins.keys() - few.keys():
            raised = int((self._share_of(found, name) < (self.horizon or 1)).sum())
            if raised and len(found.lengths) > 1:
                log.info(
                    "%s: the %s part of %s of %s series is one horizon, as its share is shorter",
                    *(found.source, name, f"{raised:,}", f"{len(found.lengths):,}"),
                )

    def _more_origins(self, found: SeriesData, parts: Sequence[str]) -> str:
        """Return what gives parts more origins: a shorter horizon, or longer parts."""
        horizon = self.horizon or 1
        shorter = min(int(self._share_of(found, part).max()) for part in parts) - FEW + 1
        keys = " ".join(f"dataset.{part}={horizon + FEW - 1}" for part in parts)
        if not 1 <= shorter < horizon:
            return f"longer parts have more: `{keys}`"
        return f"a shorter horizon has more, `dataset.horizon={shorter}`, or longer parts, `{keys}`"
