"""Sections on mistakes: the confusion matrix, its examples, and the scores of each class."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from seqtrain.display.escape import cell, uncell
from seqtrain.evaluation import classification_metrics
from seqtrain.evaluation.confusion import by_size, confused
from seqtrain.report.page_sections import Content, Subject, having, judged
from seqtrain.runs.run import Run

MOST_MISTAKES = 1000  # that are shown of a run
MOST_OF_A_CELL = 50  # of a cell of the confusion matrix
MOST_LETTERS = 600  # of a text
MANY = 20  # classes; a larger matrix is folded, sorted by size, below its pairs
MOST_PAIRS = 15  # of classes that are most often confused
LONG = 8  # letters of a name; longer names are vertical above the columns
CLASS_SCORES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Cell:
    """A cell of a confusion matrix.

    Attributes:
        count: examples of this true and this predicted class.
        share: the share of the examples of the true class.
        right: whether the two classes are the same.
        shade: the strength of its colour, from 0 to 1; mistakes relative to the largest.
        name: `<true>-<predicted>`, the indices of the classes.
    """

    count: int
    share: float
    right: bool
    shade: float
    name: str


@dataclass(frozen=True)
class Mistake:
    """A wrongly predicted test example.

    Attributes:
        cell: the name of its cell.
        example: its number in `mistakes.csv`.
        text: its text, cut if long; empty if it is not text.
    """

    cell: str
    example: str
    truth: str
    prediction: str
    confidence: float
    text: str | None


def mistakes(subjects: Sequence[Subject]) -> Content | None:
    """The confusion matrix of each run, and the examples of each cell."""
    told = judged(subjects)
    return {"tables": [confusion(subject) for subject in told]} if told else None


def confusion(subject: Subject) -> dict[str, object]:
    """Return the confusion matrix of a run, and its mistakes."""
    classes = subject.run.classes()
    labels, probabilities = subject.run.predictions()
    matrix = classification_metrics.confusion_matrix(labels, probabilities)
    many = len(classes) > MANY
    order = by_size(matrix).tolist() if many else list(range(len(classes)))
    shown = some(read_mistakes(subject.run))
    return {
        "subject": subject,
        "classes": [classes[number] for number in order],
        "upright": many or (len(classes) > 3 and max(map(len, classes)) > LONG),
        "many": many,
        "pairs": pairs(matrix, classes) if many else [],
        "rows": cells(matrix, order),
        "wrong": int(matrix.sum() - matrix.trace()),
        "total": int(matrix.sum()),
        "mistakes": shown,
        "texts": any(mistake.text is not None for mistake in shown),
    }


def pairs(matrix: np.ndarray, classes: Sequence[str]) -> list[dict[str, object]]:
    """Return the most confused pairs of classes."""
    sizes = matrix.sum(axis=1)
    return [
        {
            "cell": f"{pair.true}-{pair.predicted}",
            "truth": classes[pair.true],
            "prediction": classes[pair.predicted],
            "count": pair.count,
            "share": pair.count / sizes[pair.true],
        }
        for pair in confused(matrix)[:MOST_PAIRS]
    ]


def cells(matrix: np.ndarray, order: Sequence[int]) -> list[list[Cell]]:
    """Return the cells of a confusion matrix, with its classes in a given order."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    largest = np.max(shares, where=~np.eye(len(matrix), dtype=bool), initial=0.0) or 1.0

    def found(true: int, predicted: int) -> Cell:
        share = float(shares[true, predicted])
        return Cell(
            count=int(matrix[true, predicted]),
            share=share,
            right=true == predicted,
            shade=share if true == predicted else share / float(largest),
            name=f"{true}-{predicted}",
        )

    return [[found(true, predicted) for predicted in order] for true in order]


def read_mistakes(run: Run) -> Iterator[Mistake]:
    """Yield the rows of `mistakes.csv`, the most confident first; nothing if it is missing.

    Raises:
        RunError: the file is damaged.
    """
    if not run.has("mistakes.csv"):
        return
    classes = run.classes()
    numbers = {cell(name): number for number, name in enumerate(classes)}
    try:
        for row in run.read_rows("mistakes.csv"):
            truth, prediction = numbers[row["truth"]], numbers[row["prediction"]]
            yield Mistake(
                cell=f"{truth}-{prediction}",
                example=row["example"],
                truth=classes[truth],
                prediction=classes[prediction],
                confidence=float(row["confidence"]),
                text=clipped(row.get("text")),
            )
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error


def some(mistakes: Iterator[Mistake]) -> list[Mistake]:
    """Select mistakes: the first of each cell, then the second of each, and so on.

    At most `MOST_OF_A_CELL` come from one cell, and `MOST_MISTAKES` in all, but at least one
    from each cell.
    """
    of_cell = Counter[str]()
    ranked: list[tuple[int, int, Mistake]] = []
    for place, mistake in enumerate(mistakes):
        of_cell[mistake.cell] += 1
        if of_cell[mistake.cell] <= MOST_OF_A_CELL:
            ranked.append((of_cell[mistake.cell], place, mistake))
    kept = sorted(ranked, key=itemgetter(0, 1))[: max(MOST_MISTAKES, len(of_cell))]
    return [mistake for _, _, mistake in sorted(kept, key=itemgetter(1))]


def clipped(text: str | None) -> str | None:
    """Return a text of `mistakes.csv` as written, cut for a table."""
    if text is None:
        return None
    text = uncell(text)
    return text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "…"


def classes(subjects: Sequence[Subject]) -> Content | None:
    """Precision, recall and F1 of each class, with their intervals."""
    tables = [
        {"subject": subject, "rows": ordered(found["classes"])}
        for subject in having(judged(subjects), "metrics.json")
        if "classes" in (found := subject.run.metrics().get("test", {}))
    ]
    return {"tables": tables, "scores": CLASS_SCORES} if tables else None


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of classes in their order; with many classes, the largest first."""
    return sorted(rows, key=lambda row: -row["support"] if len(rows) > MANY else 0)
