"""The mistakes on the test examples, as a table for a spreadsheet.

Of classes those are the wrong ones, the most confident first. Of numbers it is how far each answer
is off, the farthest first; where the dataset has a tolerance, only answers that are off by it or
more.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.data.numbers import written
from seqtrain.data.vocabulary import START
from seqtrain.display.escape import cell
from seqtrain.errors import DataError
from seqtrain.evaluation import classification, regression

if TYPE_CHECKING:
    from seqtrain.data.dataset import Dataset

log = logging.getLogger(__name__)


def as_csv(dataset: Dataset, answers: np.ndarray) -> str:
    """Return the mistakes as CSV with a header, in which no text is taken for a formula.

    Args:
        dataset: of whose test examples the answers are.
        answers: probabilities, shape (N, classes), or numbers, shape (N,).

    Returns:
        A row for each: `example` (from 1, in the order of predictions.npz), for words `text`, then
        `truth` and `prediction`, and the `confidence` in a class or the `error` of a number.
    """
    text = ["text"] if dataset.vocabulary_size else []
    last = "error" if dataset.target else "confidence"
    written = io.StringIO()
    writer = csv.DictWriter(
        written, ["example", *text, "truth", "prediction", last], lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows((of_numbers if dataset.target else of_classes)(dataset, answers))
    return written.getvalue()


def of_classes(dataset: Dataset, probabilities: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield a row for each wrong class, the most confident first."""
    labels, predicted = dataset.test.labels, classification.predictions(probabilities)
    confidences = classification.confidences(probabilities)
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


def of_numbers(dataset: Dataset, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield a row for each number that is off, the farthest first."""
    labels, target = dataset.test.labels, dataset.target
    errors = regression.errors(labels, predictions)
    least = target.tolerance if target and target.tolerance is not None else np.nextafter(0, 1)
    off = np.flatnonzero(np.abs(errors) >= least)
    off = off[np.argsort(-np.abs(errors[off]), kind="stable")]
    for index, text in zip(off.tolist(), _texts(dataset, off), strict=True):
        yield {
            "example": index + 1,
            **({} if text is None else {"text": cell(text)}),
            "truth": written(labels[index]),
            "prediction": written(predictions[index]),
            "error": f"{errors[index]:.7g}",
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
    if dataset.vocabulary is None:
        return [" ".join(map(str, row.tolist())) for row in rows]
    return [*map(dataset.vocabulary.text, rows)]
