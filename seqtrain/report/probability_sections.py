"""Section on probabilities: calibration, and curves over the threshold."""

from collections.abc import Sequence

from seqtrain.evaluation import classification_metrics
from seqtrain.report.charts import Chart, Line, thinned
from seqtrain.report.page_sections import Content, Subject, judged


def probabilities(subjects: Sequence[Subject]) -> Content | None:
    """The calibration of the probabilities, and for two classes the effect of the threshold."""
    told = judged(subjects)
    two = [subject for subject in told if len(subject.run.classes()) == 2]
    charts = [calibration(told)] if told else []
    charts += [roc(two), precision_recall(two)] if two else []
    return {"charts": charts} if charts else None


def calibration(subjects: Sequence[Subject]) -> Chart:
    """Return the accuracy against the confidence, in the bins of the calibration error."""
    lines = [Line("as sure as right", [(0.0, 0.0), (1.0, 1.0)], None, "dotted")]
    for subject in subjects:
        confidence, share, _ = classification_metrics.reliability(
            *subject.run.predictions()
        ).curve()
        lines.append(Line(subject.label, thinned(confidence, share), subject.colour))
    return Chart("Calibration", "confidence", "share of hits", lines, shares=True)


def roc(subjects: Sequence[Subject]) -> Chart:
    """Return the receiver operating characteristic of the second class."""
    lines = [Line("chance", [(0.0, 0.0), (1.0, 1.0)], None, "dotted")]
    for subject in subjects:
        curve = classification_metrics.roc_curve(*subject.run.predictions())
        lines.append(Line(subject.label, thinned(*curve), subject.colour))
    return Chart("ROC", "false positive rate", "true positive rate", lines, shares=True)


def precision_recall(subjects: Sequence[Subject]) -> Chart:
    """Return the precision of the second class against its recall."""
    several = len({subject.run.classes()[1] for subject in subjects}) > 1
    lines = []
    for subject in subjects:
        curve = classification_metrics.precision_recall_curve(*subject.run.predictions())
        positive = subject.run.classes()[1]
        label = f"{subject.label}, {positive}" if several else subject.label
        lines.append(Line(label, thinned(*curve), subject.colour))
    title = "Precision and recall" if several else f"Precision and recall of {positive}"
    return Chart(title, "recall", "precision", lines, shares=True)
