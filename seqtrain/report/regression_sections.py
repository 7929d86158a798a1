"""Section on predicted and true numbers."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from seqtrain.data.number_labels import written
from seqtrain.report.charts import Chart, Line, thinned
from seqtrain.report.mistake_sections import clipped
from seqtrain.report.page_sections import Content, Subject, having
from seqtrain.runs.run import Run

MOST_OFF = 50  # predictions in the table, those with the largest errors


def numbers(subjects: Sequence[Subject]) -> Content | None:
    """Predicted against true numbers of the test examples, and the largest errors."""
    told = having(subjects, "predictions.npz")
    if not told:
        return None
    tables = [
        {"subject": subject, "rows": farthest_off(subject.run)}
        for subject in having(told, "mistakes.csv")
    ]
    return {"charts": [predicted(told)], "tables": [table for table in tables if table["rows"]]}


def predicted(subjects: Sequence[Subject]) -> Chart:
    """Return the points of each run, and the line of perfect predictions."""
    clouds = []
    for subject in subjects:
        arrays = subject.run.read_arrays("predictions.npz", "labels", "predictions")
        true, answers = (np.asarray(array, np.float64).ravel() for array in arrays)
        clouds.append(Line(subject.label, thinned(true, answers), subject.colour, "none"))
    ends = [number for cloud in clouds for point in cloud.points for number in point]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    right = Line("as true", [(low, low), (high, high)], None, "dotted")
    return Chart("Predicted against true", "true", "predicted", [right, *clouds])


def farthest_off(run: Run) -> list[dict[str, Any]]:
    """Return the first rows of `mistakes.csv`, with texts cut for a table.

    Raises:
        RunError: the file is damaged.
    """
    try:
        return [
            {
                "example": row["example"],
                "text": clipped(row.get("text")),
                **{name: written(float(row[name])) for name in ("truth", "prediction")},
                "error": float(row["error"]),
            }
            for row in islice(run.read_rows("mistakes.csv"), MOST_OFF)
        ]
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error
