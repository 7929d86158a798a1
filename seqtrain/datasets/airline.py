"""`airline`: 144 monthly totals of airline passengers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from seqtrain.data.grid import Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.sources.time_split import Part
from seqtrain.sources.windowed_series import SeriesConfig

# Thousands of passengers of each month, January 1949 to December 1960: G. E. P. Box and
# G. M. Jenkins, "Time Series Analysis: Forecasting and Control", 1970, series G.
PASSENGERS = (
    (112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118),
    (115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140),
    (145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166),
    (171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194),
    (196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201),
    (204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229),
    (242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278),
    (284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306),
    (315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336),
    (340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337),
    (360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405),
    (417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432),
)
FIRST = (1949 - 1970) * 12  # months since 1970


class Airline(SeriesConfig):
    """144 monthly totals of airline passengers, 1949 to 1960, in thousands (Box & Jenkins)."""

    name: Literal["airline"]
    validation: Part = Field(
        default=24,
        description="the part before the test that chooses the best epoch and calibrates the "
        "intervals: a share of the series, a number of steps, or the time at which it begins",
    )
    test: Part = Field(
        default=28,
        description="the last part of the series, for the final scores; given as `validation` is",
    )

    def series(self, data_dir: Path | None) -> SeriesData:
        """Return the figures."""
        import numpy as np

        values = np.array(PASSENGERS).ravel()
        source = "Box & Jenkins, series G"
        return SeriesData.plain(source, Grid("month"), ("passengers",), [values], FIRST)
