"""Numbers as they are measured, and on the scale on which a network learns."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)


SHOWN = 5  # digits of a deviation, where a person reads numbers
FLOAT64 = 300  # decimals, beyond which powers of ten are not finite
COARSE = 1e-3  # share of a deviation by which an answer may be rounded
RESOLVED = 7  # digits of a number of about 1 that float32 tells apart


@dataclass(frozen=True)
class Scaling:
    """How features are standardised: (x - mean) / deviation, each of shape (F,)."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raise a ValueError where they are no numbers to compute with."""
        known = all(map(_is_known, (*self.mean, *self.deviation)))
        if not known or len(self.mean) != len(self.deviation) or not all(self.deviation):
            raise ValueError("it does not hold a mean and a deviation of each feature")

    @classmethod
    def of(cls, steps: np.ndarray) -> Scaling:
        """Measure steps of shape (total, F); the deviation of a constant feature is 1."""
        import numpy as np

        means, deviations = [], []
        for feature in steps.T:
            constant = feature.min() == feature.max()
            means.append(float(feature[0] if constant else feature.mean(dtype=np.float64)))
            deviations.append(0.0 if constant else float(feature.std(dtype=np.float64)))
        return cls(tuple(means), tuple(deviation or 1.0 for deviation in deviations))

    def apply(self, steps: np.ndarray) -> np.ndarray:
        """Return steps of shape (total, F) standardised; float64."""
        import numpy as np

        scaled: np.ndarray = (steps - np.array(self.mean)) / np.array(self.deviation)
        return scaled


@dataclass(frozen=True)
class Target:
    """What is known of labels that are numbers.

    A network learns and answers them standardised. Here they are taken there and back in float64,
    for float32 has no digits to tell 1,700,000,000 and 1,700,000,001 apart.

    Attributes:
        mean: of the training labels.
        deviation: of the training labels; 1 where all are the same.
        tolerance: the error from which on an answer is wrong, where the dataset has such a rule.
    """

    mean: float = 0.0
    deviation: float = 1.0
    tolerance: float | None = None

    def __post_init__(self) -> None:
        """Raise a ValueError where they are no numbers to compute with."""
        numbers = (self.mean, self.deviation, *filter(None, (self.tolerance,)))
        if not all(map(_is_known, numbers)) or not self.deviation:
            raise ValueError("it does not hold a mean and a deviation of the labels")

    def of(self, labels: np.ndarray) -> Target:
        """Return it with the mean and the deviation of labels of shape (N,)."""
        found = Scaling.of(labels[:, None])
        return replace(self, mean=found.mean[0], deviation=found.deviation[0])

    def standardised(self, labels: np.ndarray) -> np.ndarray:
        """Return labels of shape (N,) as a network learns them; float32."""
        off: np.ndarray = (labels.astype("float64") - self.mean) / self.deviation
        return off.astype("float32")

    def in_units(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a network gives in the units of the labels; float64, of the same shape.

        They are rounded to what float32 resolves: digits beyond that would be noise.
        """
        numbers: np.ndarray = outputs.astype("float64") * self.deviation + self.mean
        return numbers.round(decimals(self.deviation, RESOLVED))

    def shown(self, number: float) -> str:
        """Return a number with as many decimals as its distance from others asks for."""
        places = decimals(self.deviation, SHOWN)
        number = round(number, places) + 0.0  # no minus before a zero
        text = f"{number:.15g}"
        return text if "e" in text or places <= 0 else f"{number:.{places}f}"

    def doubt(self, source: str) -> None:
        """Warn where float32, in which the saved network answers, is too coarse for the labels."""
        import numpy as np

        gap = float(np.spacing(np.float32(abs(self.mean))))
        if gap > COARSE * self.deviation:
            log.warning(
                "%s: the labels differ by about %.3g around %s, where numbers of 32 bits are %.3g "
                "apart: seqtrain computes its answers in 64 bits, but model.keras, opened alone, "
                "rounds its own",
                *(source, self.deviation, self.shown(self.mean), gap),
            )


def decimals(deviation: float, digits: int) -> int:
    """Return how many decimals show so many digits of a deviation; negative before the point."""
    return min(digits - 1 - floor(log10(deviation)), FLOAT64)


def _is_known(number: object) -> bool:
    return isinstance(number, float | int) and isfinite(number)
