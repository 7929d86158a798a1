"""`adding`: the sum of two numbers that are marked in a long sequence.

S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997,
experiment 4. A step holds a number between -1 and 1 and a marker. Two steps of the first half
are marked with 1, one of them among the first ten; the first and the last step with -1, unless
they are one of the two. The label is 0.5 + (X1 + X2) / 4 of the two numbers that are marked,
where that of the first step is made 0. An answer is wrong if it is off by 0.04 or more; of 2,560
test sequences with at least 100 steps, the paper's networks had at most three wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seqtrain.data.dataset import MASK_VALUE, Dataset, Examples
from seqtrain.data.scaling import Target
from seqtrain.sources.synthetic import GeneratedConfig, lengths_from
from seqtrain.tasks import Regression, Task

if TYPE_CHECKING:
    import numpy as np

FIRST = 10  # steps, of which one is marked
TOLERANCE = 0.04


class Adding(GeneratedConfig):
    """The sum of two marked numbers, long ago (Hochreiter & Schmidhuber 1997, experiment 4)."""

    name: Literal["adding"]
    width = 2
    steps: int = Field(
        default=100,
        ge=6,
        le=50_000,
        description="length of the shortest sequences; the longest are 10 % longer; both marked "
        "numbers are in the first half",
    )

    def new_task(self) -> Task:
        """Return a regression: the label is the sum."""
        return Regression(Target(tolerance=TOLERANCE))

    def read(self, data_dir: Path | None) -> Dataset:
        """Return sequences of two features, and the scaled sums."""
        return self.parted(generate, self.new_task())


def generate(number: int, steps: int, random: np.random.Generator) -> Examples:
    """Generate sequences of `steps` to 1.1 · `steps` steps, with their sums."""
    import numpy as np

    lengths = lengths_from(number, steps, random)
    x = np.zeros((number, steps + steps // 10, 2), dtype=np.float32)
    values, markers = x[:, :, 0], x[:, :, 1]
    values[:] = random.uniform(-1, 1, values.shape)
    rows, half = np.arange(number), steps // 2 - 1
    one = random.integers(min(FIRST, half), size=number)
    other = random.integers(half - 1, size=number)
    other += other >= one  # the steps that are still unmarked
    markers[:, 0] = markers[rows, lengths - 1] = -1
    markers[rows, one] = markers[rows, other] = 1
    values[markers[:, 0] == 1, 0] = 0
    sums = 0.5 + (values[rows, one] + values[rows, other]) / 4
    x[np.arange(x.shape[1]) >= lengths[:, None]] = MASK_VALUE
    return Examples(x, sums.astype(np.float32), lengths)
