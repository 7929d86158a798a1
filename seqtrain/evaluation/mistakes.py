"""The mistakes on the test examples, as a table for a spreadsheet.

For forecasts, these are the 10,000 origins with the largest errors, the largest first.
For classes, these are the wrong predictions, the most confident first. For numbers, these are all
predictions with their errors, the largest first; if the dataset has a tolerance, only errors of at
least the tolerance.
"""

from __future__ import annotations

import csv
import io
import logging
from typing import TYPE_CHECKING

import numpy as np

from seqtrain.data.vocabulary import START
from seqtrain.display.escape import cell
from seqtrain.errors import DataError

if TYPE_CHECKING:
    from seqtrain.data.dataset import Dataset

log = logging.getLogger(__name__)


def as_csv(dataset: Dataset, predictions: np.ndarray) -> str:
    """Return the mistakes as CSV with a header; spreadsheets read no cell as a formula.

    Args:
        dataset: the dataset of the test examples.
        predictions: in the form of the task.

    Returns:
        A row for each: `example` (from 1, in the order of predictions.npz), for words `text`, then
        the columns of the task.
    """
    task, text = dataset.task, ["text"] if dataset.vocabulary_size else []
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["example", *text, *task.columns, task.row])
    found = list(task.mistakes(dataset.test.labels, predictions))
    texts = test_texts(dataset, np.array([index for index, _ in found], dtype=np.int64))
    for (index, row), of in zip(found, texts, strict=True):
        writer.writerow([index + 1, *([] if of is None else [cell(of)]), *map(cell, row.values())])
    return written.getvalue()


def test_texts(dataset: Dataset, indices: np.ndarray) -> list[str] | list[None]:
    """Return the texts of test examples as written, or else decoded from their ids."""
    if dataset.vocabulary_size is None:
        return [None] * len(indices)
    if dataset.originals is not None:
        try:
            return dataset.originals(indices)
        except (DataError, OSError) as error:
            log.warning("the test texts are given as the network reads them: %s", error)
    rows = (row[row > START] for row in dataset.test.first[indices])
    if dataset.vocabulary is None:
        return [" ".join(map(str, row.tolist())) for row in rows]
    return [*map(dataset.vocabulary.text, rows)]
