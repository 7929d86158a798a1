"""The mistakes on the test examples, as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain import metrics
from seqtrain.errors import DataError
from seqtrain.harmless import cell
from seqtrain.text import START

if TYPE_CHECKING:
    from seqtrain.datasets.dataset import Dataset

log = logging.getLogger(__name__)


def as_csv(dataset: Dataset, probabilities: np.ndarray) -> str:
    """Return the mistakes as CSV with a header, in which no text is taken for a formula."""
    text = ["text"] if dataset.vocabulary_size else []
    columns = ["example", *text, "truth", "prediction", "confidence"]
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(mistakes(dataset, probabilities))
    return written.getvalue()


def mistakes(dataset: Dataset, probabilities: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield a row for each wrong prediction, the most confident first.

    Args:
        dataset: of whose test examples the predictions are.
        probabilities: shape (N, classes).

    Yields:
        `example` (from 1, in the order of predictions.npz), for words `text`, and the classes
        `truth` and `prediction` with the `confidence` in the latter.
    """
    labels, predicted = dataset.test.labels, metrics.predictions(probabilities)
    confidences = metrics.confidences(probabilities)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-confidences[wrong], kind="stable")]
    for index, text in zip(wrong.tolist(), _texts(dataset, wrong), strict=True):
        yield {
            "example": index + 1,
            **({} if text is None else {"text": cell(text)}),
            "truth": cell(dataset.classes[labels[index]]),
            "prediction": cell(dataset.classes[predicted[index]]),
            "confidence": f"{confidences[index]:.6f}",
        }


def _texts(dataset: Dataset, indices: np.ndarray) -> list[str] | list[None]:
    """Return test examples as they were written, or else as the network reads them."""
    if dataset.vocabulary_size is None:
        return [None] * len(indices)
    if dataset.originals is not None:
        try:
            return dataset.originals(indices)
        except (DataError, OSError) as error:
            log.warning("the texts of the mistakes are given as the network reads them: %s", error)
    rows = (row[row > START] for row in dataset.test.x[indices])
    names = dataset.vocabulary.names if dataset.vocabulary else (lambda ids: map(str, ids.tolist()))
    return [" ".join(names(row)) for row in rows]
