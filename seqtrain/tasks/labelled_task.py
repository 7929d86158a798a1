"""What classification and regression have in common: labels that are written beside examples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqtrain.tasks.base import Place, Task, of_kind

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.data.dataset import Dataset
    from seqtrain.evaluation.baselines import Baseline
    from seqtrain.evaluation.linear_models import Fit, Linear


class LabelledTask(Task):
    """A task whose labels are written beside the examples: classes or numbers."""

    @abstractmethod
    def fit_names(
        self, names: Sequence[str], examples: int, place: Place, source: str, hint: str
    ) -> Self:
        """Return the task fitted on the labels of train as written: the classes.

        Args:
            names: each label of train once.
            examples: the number of training examples.
            place: returns where a label stands first.
            source: the file that was read.
            hint: what to do if these labels cannot be learned.

        Raises:
            DataError: they cannot be learned.
        """

    @abstractmethod
    def encode(self, names: Sequence[str], place: Place, source: str) -> np.ndarray:
        """Encode labels as written; shape (N,).

        Raises:
            DataError: a label is unknown.
        """

    @abstractmethod
    def truth(self, labels: Sequence[str], place: Place) -> np.ndarray:
        """Encode the labels of new examples, as `encode` does.

        Raises:
            DataError: the network cannot predict a label.
        """

    @property
    def allowed(self) -> str | None:
        """A hint that lists the valid labels of new examples, if there are few."""
        return None

    @abstractmethod
    def check_label(self, place: str, label: str) -> None:
        """Raise a DataError if a label of a new example is invalid."""

    @abstractmethod
    def doubt(self, labels: Mapping[str, np.ndarray], source: str) -> None:
        """Warn about labels that are probably a mistake, in the given splits."""

    @abstractmethod
    def answer(self) -> keras.Layer:
        """Return the layer from logits to predictions, for networks that combine logits."""

    def baselines(self, dataset: Dataset, with_linear: bool, weighed: bool) -> list[Baseline]:
        """Return the constant baseline, and a linear model if it can be fitted."""
        from seqtrain.evaluation.baselines import baselines

        return baselines(dataset, self, with_linear, weighed)

    # Linear models, by which a network is judged, or which stand beside it

    @abstractmethod
    def constant(self, labels: np.ndarray, number: int) -> tuple[str, np.ndarray]:
        """Return the name and the predictions of the constant baseline.

        Args:
            labels: of train.
            number: how many examples to predict.
        """

    linear: ClassVar[str]  # the name of the linear model

    @abstractmethod
    def fit_linear(
        self, x: Any, labels: np.ndarray, penalty: float, weighed: bool, sparse: bool
    ) -> Fit:
        """Fit the linear baseline on a matrix of N examples."""

    def rank(self, labels: np.ndarray, predictions: np.ndarray, weighed: bool) -> float:
        """Return a score, larger for better predictions, to choose among linear models."""
        metric = self.primary(weighed)
        return metric.gain(self.scores("test", labels, predictions)[f"test_{metric.name}"] or 0, 0)

    @abstractmethod
    def weights_beside(self, counts: Any, labels: np.ndarray, weighed: bool) -> np.ndarray:
        """Return the weight of each n-gram in the linear part of a wide network.

        Args:
            counts: how often each n-gram stands in each text, sparse of shape (N, n-grams).
            labels: the labels, shape (N,).
            weighed: whether all classes have equal weight.

        Returns:
            float64, shape (n-grams,).
        """

    @abstractmethod
    def fit_beside(self, x: Any, labels: np.ndarray, penalty: float, weighed: bool) -> Linear:
        """Fit the linear part of a wide network, which shares its logits."""

    @abstractmethod
    def rank_beside(self, labels: np.ndarray, logits: np.ndarray, weighed: bool) -> float:
        """Return a score, larger for better logits, to choose the penalty of `fit_beside`."""

    @abstractmethod
    def loss_of_logits(self, logits: np.ndarray, learned: np.ndarray) -> float:
        """Return the mean loss of logits, float64 of shape (N, outputs), for `learned` labels."""


def labelled(task: Task) -> LabelledTask:
    """Return a task, if its labels are written beside the examples.

    Raises:
        DataError: they are not.
    """
    lacks = "has no labels that are written beside the examples"
    return of_kind(task, LabelledTask, lacks)  # type: ignore[type-abstract]
