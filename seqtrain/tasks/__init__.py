"""Tasks: each concrete subclass of `Task` in the files of this package is one."""

import importlib
import pkgutil
from inspect import isabstract

from seqtrain.evaluation.metric import Metric
from seqtrain.tasks.base import StepPredictions, Task
from seqtrain.tasks.classification import Classification
from seqtrain.tasks.forecasting import Forecasting
from seqtrain.tasks.labelled_task import LabelledTask
from seqtrain.tasks.language_model import LanguageModel
from seqtrain.tasks.regression import Regression
from seqtrain.tasks.translation import Translation

__all__ = [
    "Classification",
    "Forecasting",
    "LabelledTask",
    "LanguageModel",
    "Metric",
    "StepPredictions",
    "Regression",
    "Task",
    "Translation",
    "known",
    "metric",
    "monitored",
    "named",
]


def _in_this_package() -> list[type[Task]]:
    found: list[type[Task]] = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        contents = vars(importlib.import_module(module.name)).values()
        tasks = (item for item in contents if isinstance(item, type) and issubclass(item, Task))
        found += [task for task in tasks if task.__module__ == module.name and not isabstract(task)]
    return found


TASKS = _in_this_package()


def known() -> dict[str, type[Task]]:
    """Return all tasks by name."""
    return {task.name: task for task in TASKS}


def of_labels() -> dict[str, type[LabelledTask]]:
    """Return the tasks whose labels are written beside the examples, by name."""
    return {name: task for name, task in known().items() if issubclass(task, LabelledTask)}


def named(name: str) -> LabelledTask:
    """Return the unfitted task of a name, if it has labels that are written."""
    return of_labels()[name]()


def metric(name: str) -> Metric:
    """Return a metric by its name, without `test_` or `val_`."""
    for task in TASKS:
        for one in (task.loss, *task.metrics):
            if one.name == name:
                return one
    return Metric(name)


def monitored() -> list[str]:
    """Return the values of `training.monitor`, for all tasks."""
    every = ((task.loss, *task.monitored) for task in TASKS)
    return list(dict.fromkeys(f"val_{metric.name}" for metrics in every for metric in metrics))
