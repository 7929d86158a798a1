"""Calibration: whether the confidence of a network equals its accuracy.

The confidence of a prediction is the probability of the predicted class. Predictions are put into
15 bins of equal width; each bin includes its upper end.
"""

from dataclasses import dataclass

import numpy as np

from seqtrain.evaluation.uncertainty import Statistic, binomial, ratio

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Predictions by their confidence.

    Attributes:
        examples: how many are in each bin, int64 of shape (BINS,).
        hits: how many of them are right.
        confidence: their mean confidence, NaN in an empty bin.
    """

    examples: np.ndarray
    hits: np.ndarray
    confidence: np.ndarray

    def curve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the points of a reliability diagram, one for each bin that is not empty.

        Returns:
            The mean confidence, shape (n,), the share of hits, shape (n,), and the lengths of its
            95 % interval below and above it, shape (2, n).
        """
        filled = self.examples > 0
        hits, examples = self.hits[filled], self.examples[filled]
        share = hits / examples
        return self.confidence[filled], share, np.abs(binomial(hits, examples).T - share)


def reliability(right: np.ndarray, confidences: np.ndarray) -> Reliability:
    """Count predictions by their confidence.

    Args:
        right: bool, shape (N,).
        confidences: between 0 and 1, shape (N,).
    """
    bins = _bins(confidences)
    examples = np.bincount(bins, minlength=BINS)
    total = np.bincount(bins, confidences, BINS)
    hits = np.bincount(bins[right], minlength=BINS)
    return Reliability(examples, hits, ratio(total, examples))


def expected_error(right: np.ndarray, confidences: np.ndarray) -> Statistic:
    """Return the mean gap between confidence and accuracy, weighted by the sizes of the bins.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural Networks",
    ICML 2017, equation 3.

    Args:
        right: bool, shape (N,).
        confidences: between 0 and 1, shape (N,).
    """
    gaps = np.zeros((len(right), BINS))
    gaps[np.arange(len(right)), _bins(confidences)] = right - confidences

    def statistic(counts: np.ndarray) -> np.ndarray:
        missed = np.abs(counts.astype(np.float64) @ gaps)
        return np.asarray(missed.sum(axis=1) / len(right))

    return statistic


def _bins(confidences: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.ceil(confidences * BINS).astype(int) - 1, 0, BINS - 1))
