"""What each epoch reached: loss, score and learning rate."""

from collections.abc import Iterator, Sequence

from seqtrain.artifacts import Row
from seqtrain.report.charts import Chart, Line, Mark, Point
from seqtrain.report.sections import Content, Subject, having

AXES = {"loss": "loss", "accuracy": "accuracy", "mae": "mean absolute error"}
NO_QUANTITY = ("epoch", "learning_rate")


def curves(subjects: Sequence[Subject]) -> Content | None:
    """The history of each run, drawn over one another, and as a table."""
    trained = having(subjects, "history.csv")
    if not trained:
        return None
    tables = [
        {"subject": subject, "rows": subject.run.history(), "best": subject.run.best_epoch()}
        for subject in trained
    ]
    return {"charts": [*quantities(trained), learning_rate(trained)], "tables": tables}


def quantities(subjects: Sequence[Subject]) -> Iterator[Chart]:
    """Yield a chart of each quantity that was measured on train and validation."""
    names = dict.fromkeys(
        name
        for subject in subjects
        for name in subject.run.history()[0]
        if name not in NO_QUANTITY and not name.startswith("val_")
    )
    for name in names:
        lines = [line for subject in subjects for line in both(subject, name, len(subjects) == 1)]
        yield Chart(
            title=AXES.get(name, name).capitalize(),
            x="epoch",
            y=AXES.get(name, name),
            lines=lines,
            low=None if name == "accuracy" else 0.0,
            high=1.0 if name == "accuracy" else None,
            group="epochs",
        )


def both(subject: Subject, name: str, alone: bool) -> Iterator[Line]:
    """Yield the lines of validation and train, where the run has measured the quantity."""
    rows, best = subject.run.history(), subject.run.best_epoch()
    of = "" if alone else f"{subject.label}, "
    if f"val_{name}" in rows[0]:
        points = series(rows, f"val_{name}")
        note = " on test (optimistic)" if subject.run.optimistic else ""
        mark = Mark(points[best - 1], f"best epoch {best}")
        yield Line(f"{of}validation{note}", points, subject.colour, mark=mark)
    if name in rows[0]:
        yield Line(f"{of}train", series(rows, name), subject.colour, "dashed")


def learning_rate(subjects: Sequence[Subject]) -> Chart:
    """Return the chart of the learning rate of each epoch's last step."""
    lines = [
        Line(
            "learning rate" if len(subjects) == 1 else subject.label,
            series(subject.run.history(), "learning_rate"),
            subject.colour,
        )
        for subject in subjects
    ]
    return Chart("Learning rate", "epoch", "learning rate", lines, low=0.0, group="epochs")


def series(rows: Sequence[Row], key: str) -> list[Point]:
    """Return a column of the history against the epoch."""
    return [(row["epoch"], row[key]) for row in rows]
