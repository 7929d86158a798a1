"""`temporal_order`: in which order did two symbols come, long ago?

S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997,
experiment 6a. A sequence of symbols begins with E, ends with B, and is otherwise made of a, b, c
and d at random, but for two places that hold X or Y. Which two of them, in their order, is the
class. Of 2,560 test sequences with at least 100 steps, the paper's networks had at most three
wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seqtrain.data.dataset import MASK_VALUE, Dataset, Examples
from seqtrain.sources.synthetic import GeneratedConfig, lengths_from
from seqtrain.tasks import Classification

if TYPE_CHECKING:
    import numpy as np

SYMBOLS = "abcdXYEB"  # one-hot features
DISTRACTORS = 4
X, START, END = map(SYMBOLS.index, "XEB")
CLASSES = ("Q", "R", "S", "U")  # XX, XY, YX and YY


class TemporalOrder(GeneratedConfig):
    """Which of X and Y came first, long ago (Hochreiter & Schmidhuber 1997, experiment 6a)."""

    name: Literal["temporal_order"]
    width = len(SYMBOLS)
    steps: int = Field(
        default=100,
        ge=10,
        le=50_000,
        description="length of the shortest sequences; the longest are 10 % longer; the two "
        "symbols come after 10 to 20 % and after 50 to 60 % of these steps",
    )

    def read(self, data_dir: Path | None) -> Dataset:
        """Return symbols as 8 features, of which one is 1, and the order as 4 classes."""
        return self.parted(generate, Classification(CLASSES))


def generate(number: int, steps: int, random: np.random.Generator) -> Examples:
    """Generate sequences of `steps` to 1.1 · `steps` steps, with their classes.

    The paper's places, t1 from 10 to 20 and t2 from 50 to 60 of 100 to 110 steps, counted from 1,
    are taken in proportion.
    """
    import numpy as np

    lengths = lengths_from(number, steps, random)
    symbols = random.integers(DISTRACTORS, size=(number, steps + steps // 10))
    rows = np.arange(number)
    first = random.integers(max(steps // 10, 2), steps // 5 + 1, number)
    second = random.integers(steps // 2, steps * 6 // 10 + 1, number)
    labels = random.integers(len(CLASSES), size=number, dtype=np.int32)
    symbols[:, 0], symbols[rows, lengths - 1] = START, END
    symbols[rows, first - 1], symbols[rows, second - 1] = X + labels // 2, X + labels % 2
    x = np.eye(len(SYMBOLS), dtype=np.float32)[symbols]
    x[np.arange(x.shape[1]) >= lengths[:, None]] = MASK_VALUE
    return Examples(x, labels, lengths)
