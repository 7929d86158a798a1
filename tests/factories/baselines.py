"""Datasets for baselines."""

from dataclasses import replace

import numpy as np

from seqtrain.data.dataset import Dataset, Examples
from seqtrain.evaluation.baselines import Baseline
from seqtrain.tasks import Classification, Regression

VALUES, WORDS = "logistic regression", "TF-IDF + logistic regression"


def baselines(dataset: Dataset, with_linear: bool = True, weighed: bool = False) -> list[Baseline]:
    """The baselines of a dataset's task."""
    return [*dataset.task.baselines(dataset, with_linear, weighed)]


def of_examples(x: np.ndarray, labels: np.ndarray, classes: int = 2, **known: object) -> Dataset:
    """A dataset whose second half is its test part."""
    half = len(x) // 2
    train, test = (
        Examples(x[part], labels[part].astype("int32")) for part in (slice(half), slice(half, None))
    )
    names = tuple(f"class {number}" for number in range(classes))
    return Dataset(train, test, test, Classification(names), "arrays", "0", **known)  # type: ignore[arg-type]


def values(number: int = 600, classes: int = 3) -> Dataset:
    """Sequences of 4 steps of 2 features, the first of which tells the class."""
    random = np.random.default_rng(0)
    labels = np.arange(number) % classes
    x = random.normal(size=(number, 4, 2)) + [3, 0] * labels[:, None, None]
    return of_examples(x.astype("float32"), labels, classes)


def numbers(dataset: Dataset) -> Dataset:
    """The same examples, with numbers about 1,000 that grow with their class."""
    noise = np.random.default_rng(1).normal(size=len(dataset.train))
    parts = [
        Examples(part.x, (1_000 + 50.0 * part.labels + noise).astype("float32"))
        for part in (dataset.train, dataset.test)
    ]
    of_numbers = replace(dataset, train=parts[0], validation=parts[1], test=parts[1])
    return replace(of_numbers, task=Regression()).with_fitted_task()
