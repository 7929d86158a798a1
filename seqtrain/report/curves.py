"""Section on the history: loss, score and learning rate of each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seqtrain.report.charts import Chart, Line, Mark
from seqtrain.report.page_sections import Content, Subject, grouped, having
from seqtrain.runs.run import by_epoch
from seqtrain.tasks import metric

NO_QUANTITY = ("epoch", "learning_rate")


def curves(subjects: Sequence[Subject]) -> Content | None:
    """The history of all runs in shared charts, and as a table."""
    trained = having(subjects, "history.csv")
    if not trained:
        return None
    tables = [
        {"subject": subject, "rows": subject.run.history(), "best": subject.run.best_epoch()}
        for subject in trained
    ]
    return {"charts": [*quantities(trained), learning_rate(trained)], "tables": tables}


def quantities(subjects: Sequence[Subject]) -> Iterator[Chart]:
    """Yield a chart of each quantity of train and validation."""
    names = dict.fromkeys(
        name
        for subject in subjects
        for name in subject.run.history()[0]
        if name not in NO_QUANTITY and not name.startswith("val_")
    )
    for name in names:
        groups = grouped(subjects)
        lines = [line for group in groups for line in both(group, name, len(groups) == 1)]
        task = subjects[0].run.task
        found = next((m for m in (task.loss, *task.metrics) if m.name == name), metric(name))
        title = found.axis.partition(" (")[0].partition(",")[0]
        yield Chart(
            title=f"{title[0].upper()}{title[1:]}",
            x="epoch",
            y=found.axis,
            lines=lines,
            low=None if found.share else 0.0,
            high=1.0 if found.share else None,
            group="epochs",
        )


def both(group: Sequence[Subject], name: str, alone: bool) -> Iterator[Line]:
    """Yield the lines of validation and train, if the runs have the quantity."""
    first = group[0]
    of = "" if alone else f"{first.group}, "
    if has(group, f"val_{name}"):
        note = " on test (optimistic)" if first.run.optimistic else ""
        yield from folded(group, f"val_{name}", Line(f"{of}validation{note}", (), first.colour))
    if has(group, name):
        yield from folded(group, name, Line(f"{of}train", (), first.colour, "dashed"))


def has(group: Sequence[Subject], key: str) -> bool:
    """Return whether every run of a group has a column in its history."""
    return all(key in subject.run.history()[0] for subject in group)


def folded(group: Sequence[Subject], key: str, line: Line) -> Iterator[Line]:
    """Yield the line of a run; for several seeds their mean, and each seed in the background.

    The mean ends at the last epoch that all seeds have reached.
    """
    runs = [subject.run for subject in group]
    each = [list(enumerate(run.column(key), start=1)) for run in runs]
    if len(runs) > 1:
        epochs, values = by_epoch(runs, key)
        mean = list(zip(epochs.tolist(), values.mean(axis=0).tolist(), strict=True))
        line = replace(line, name=f"{line.name}, mean of {len(runs)} seeds")
        yield replace(line, points=mean)
        yield from (replace(line, points=points, faint=True) for points in each)
        return
    mark = None
    if key.startswith("val_"):
        best = runs[0].best_epoch()
        mark = Mark(each[0][best - 1], f"best epoch {best}")
    yield replace(line, points=each[0], mark=mark)


def learning_rate(subjects: Sequence[Subject]) -> Chart:
    """Return the chart of the learning rate of each epoch's last step."""
    groups = grouped(subjects)
    lines = [
        line
        for group in groups
        for line in folded(
            group,
            "learning_rate",
            Line("learning rate" if len(groups) == 1 else group[0].group, (), group[0].colour),
        )
    ]
    return Chart("Learning rate", "epoch", "learning rate", lines, low=0.0, group="epochs")
