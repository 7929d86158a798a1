"""Tasks: each file of this package but `base.py` is one."""

from seqtrain.evaluation.metric import Metric
from seqtrain.tasks.base import Reading, Task
from seqtrain.tasks.classification import Classification
from seqtrain.tasks.regression import Regression

__all__ = [
    "Classification",
    "Metric",
    "Reading",
    "Regression",
    "Task",
    "known",
    "metric",
    "monitored",
    "named",
]


def known() -> dict[str, type[Task]]:
    """Return every task by its name."""
    found: dict[str, type[Task]] = {}
    waiting: list[type[Task]] = Task.__subclasses__()
    while waiting:
        task = waiting.pop(0)
        waiting += task.__subclasses__()
        if "name" in vars(task):
            found[task.name] = task
    return found


def named(name: str) -> Task:
    """Return the task of a name, before it has seen any label."""
    return known()[name]()


def metric(name: str) -> Metric:
    """Return what is known of a metric, whose name is that in files without `test_` or `val_`."""
    for task in known().values():
        for one in (task.loss, *task.metrics):
            if one.name == name:
                return one
    return Metric(name)


def monitored() -> list[str]:
    """Return what a training of any task can monitor, as history.csv calls it."""
    every = ((task.loss, *task.monitored) for task in known().values())
    return list(dict.fromkeys(f"val_{metric.name}" for metrics in every for metric in metrics))
