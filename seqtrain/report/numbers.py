"""What a network predicts beside what is true, where labels are numbers."""

from collections.abc import Sequence

import numpy as np

from seqtrain.report.charts import Chart, Line, thinned
from seqtrain.report.sections import Content, Subject, classifying, having


def numbers(subjects: Sequence[Subject]) -> Content | None:
    """Predicted against true numbers of the test examples."""
    of_classes = classifying(subjects)
    told = [s for s in having(subjects, "predictions.npz") if s not in of_classes]
    return {"charts": [predicted(told)]} if told else None


def predicted(subjects: Sequence[Subject]) -> Chart:
    """Return a cloud of points for each run, and the line on which they are right."""
    clouds = []
    for subject in subjects:
        arrays = subject.run.read_arrays("predictions.npz", "labels", "predictions")
        true, answers = (np.asarray(array, np.float64).ravel() for array in arrays)
        clouds.append(Line(subject.label, thinned(true, answers), subject.colour, "none"))
    ends = [number for cloud in clouds for point in cloud.points for number in point]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    right = Line("as true", [(low, low), (high, high)], None, "dotted")
    return Chart("Predicted against true", "true", "predicted", [right, *clouds])
