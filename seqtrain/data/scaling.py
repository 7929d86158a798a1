"""Standardise numbers for a network, and convert its predictions back to their units."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)


SHOWN = 5  # digits of a standard deviation in text
FLOAT64 = 300  # decimals; larger powers of ten are not finite
COARSE = 1e-3  # largest rounding error of a prediction, in standard deviations
RESOLVED = 7  # significant digits of float32
OLD = "deviation"  # the key `std` in the files of early runs


@dataclass(frozen=True)
class Scaling:
    """How features are standardised: (x - mean) / std, each of shape (F,)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raise a ValueError if the values are not finite numbers."""
        known = all(map(_is_known, (*self.mean, *self.std)))
        if not known or len(self.mean) != len(self.std) or not all(self.std):
            raise ValueError("it does not hold a mean and a standard deviation of each feature")

    @classmethod
    def of(cls, steps: np.ndarray) -> Scaling:
        """Fit on steps of shape (total, F); the standard deviation of a constant feature is 1."""
        import numpy as np

        means, stds = [], []
        for feature in steps.T:
            constant = feature.min() == feature.max()
            means.append(float(feature[0] if constant else feature.mean(dtype=np.float64)))
            stds.append(0.0 if constant else float(feature.std(dtype=np.float64)))
        return cls(tuple(means), tuple(std or 1.0 for std in stds))

    def last(self, count: int) -> Scaling:
        """Return the scaling of the last features alone."""
        start = len(self.mean) - count
        return Scaling(self.mean[start:], self.std[start:])

    def apply(self, steps: np.ndarray) -> np.ndarray:
        """Return standardised steps; float64, shape (total, F)."""
        import numpy as np

        scaled: np.ndarray = (steps - np.array(self.mean)) / np.array(self.std)
        return scaled


@dataclass(frozen=True)
class Target:
    """The scale of labels that are numbers.

    A network learns and predicts standardised labels. The conversion uses float64, because
    float32 cannot tell 1,700,000,000 and 1,700,000,001 apart.

    Attributes:
        mean: of the training labels.
        std: standard deviation of the training labels; 1 if all are equal.
        tolerance: the smallest error that makes a prediction wrong, if the dataset defines one.
    """

    mean: float = 0.0
    std: float = 1.0
    tolerance: float | None = None

    def __post_init__(self) -> None:
        """Raise a ValueError if the values are not finite numbers."""
        numbers = (self.mean, self.std, *filter(None, (self.tolerance,)))
        if not all(map(_is_known, numbers)) or not self.std:
            raise ValueError("it does not hold a mean and a standard deviation of the labels")

    def of(self, labels: np.ndarray) -> Target:
        """Return the target fitted on labels of shape (N,)."""
        found = Scaling.of(labels[:, None])
        return replace(self, mean=found.mean[0], std=found.std[0])

    def standardised(self, labels: np.ndarray) -> np.ndarray:
        """Return standardised labels; float32, shape (N,)."""
        off: np.ndarray = (labels.astype("float64") - self.mean) / self.std
        return off.astype("float32")

    def in_units(self, outputs: np.ndarray) -> np.ndarray:
        """Convert outputs of a network to the units of the labels; float64, same shape.

        They are rounded to the precision of float32: further digits would be noise.
        """
        numbers: np.ndarray = outputs.astype("float64") * self.std + self.mean
        return numbers.round(decimals(self.std, RESOLVED))

    def shown(self, number: float) -> str:
        """Return a number with as many decimals as the standard deviation needs."""
        places = decimals(self.std, SHOWN)
        number = round(number, places) + 0.0  # no minus before a zero
        text = f"{number:.15g}"
        return text if "e" in text or places <= 0 else f"{number:.{places}f}"

    def doubt(self, source: str) -> None:
        """Warn if the labels need more precision than the float32 of the saved network."""
        import numpy as np

        gap = float(np.spacing(np.float32(abs(self.mean))))
        if gap > COARSE * self.std:
            log.warning(
                "%s: the labels differ by about %.3g around %s, where numbers of 32 bits are %.3g "
                "apart: seqtrain computes its answers in 64 bits, but model.keras, opened alone, "
                "rounds its own",
                *(source, self.std, self.shown(self.mean), gap),
            )


def decimals(std: float, digits: int) -> int:
    """Return how many decimals show so many digits of a number; negative left of the point."""
    return min(digits - 1 - floor(log10(std)), FLOAT64)


def current(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `scaling.json` or `target.json`, also of an early run.

    Early runs call the standard deviation `deviation`.
    """
    return {"std" if key == OLD and "std" not in written else key: written[key] for key in written}


def _is_known(number: object) -> bool:
    return isinstance(number, float | int) and isfinite(number)
