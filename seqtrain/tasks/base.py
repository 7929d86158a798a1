"""Task: what a label is, and everything that depends on that.

A task is made by the config of a dataset, learns the classes or the scale of the labels from the
training examples, and is saved with the run. Everything else asks it, and nothing else asks which
task it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqtrain.evaluation.metric import Metric

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.evaluation.linear_models import Fit, Linear

Scores = dict[str, float | None]
Place = Callable[[int], str]  # where the label with such an index stands

ERROR = 0.05  # of a two-sided test: how often chance alone may look like a difference


@dataclass(frozen=True)
class StepPredictions:
    """What a network predicts of the parts of an example, of T parts.

    Attributes:
        predictions: the probability of each class, float64 of shape (T, classes); of a number
            shape (T, 1).
        scores: of the same shape: what the changes from part to part are counted in.
    """

    predictions: np.ndarray
    scores: np.ndarray


class Task(ABC):
    """What a label is. A subclass is a frozen dataclass of what it learns from train."""

    name: ClassVar[str]
    labels: ClassVar[str]  # what labels are, in the plural: `classes`, `numbers`
    file: ClassVar[str] = "task.json"  # of a run
    array: ClassVar[str] = "predictions"  # in predictions.npz
    row: ClassVar[str]  # the last column of mistakes.csv

    loss: ClassVar[Metric]
    metrics: ClassVar[tuple[Metric, ...]]  # of metrics.json, besides the loss
    monitored: ClassVar[tuple[Metric, ...]]  # that each epoch can compute; the first is primary
    compared: ClassVar[tuple[Metric, ...]]  # with columns in a comparison of runs
    plots: ClassVar[tuple[str, ...]] = ()  # about its predictions, by name
    sections: ClassVar[tuple[str, ...]] = ()  # of the report, by name
    takes_fractions: ClassVar[bool] = False  # whether labels may be numbers with decimals
    weighs_classes: ClassVar[bool] = False  # whether `training.class_weight` means anything
    sharpens: ClassVar[bool] = False  # whether logits may be multiplied by a factor

    # Labels

    @abstractmethod
    def fit_names(
        self, names: Sequence[str], examples: int, place: Place, source: str, hint: str
    ) -> Self:
        """Return the task with what the labels of train decide as they are written: the classes.

        Args:
            names: each label of train once.
            examples: how many training examples have them.
            place: where a label stands first.
            source: what was read.
            hint: what to do where these labels cannot be learned.

        Raises:
            DataError: they cannot.
        """

    @abstractmethod
    def encode(self, names: Sequence[str], place: Place, source: str) -> np.ndarray:
        """Return what each label as it is written stands for, of shape (N,).

        Raises:
            DataError: one stands for nothing.
        """

    @abstractmethod
    def truth(self, labels: Sequence[str], place: Place) -> np.ndarray:
        """Return the labels of new examples, as `encode` does.

        Raises:
            DataError: a label is not one that the network can predict.
        """

    @property
    def allowed(self) -> str | None:
        """A hint of which labels new examples can have, if they are few."""
        return None

    def reads_as(self, other: Task) -> bool:
        """Return whether labels stand for the same as they do for another of the kind."""
        return self == other

    @abstractmethod
    def check_label(self, place: str, label: str) -> None:
        """Raise a DataError where a label of a new example is none at all."""

    @abstractmethod
    def doubt(self, labels: Mapping[str, np.ndarray], source: str) -> None:
        """Warn of labels that a person may not have meant, by the parts that were given."""

    def fit(self, labels: np.ndarray, source: str) -> Self:
        """Return the task with what the numbers of train decide: their mean and deviation."""
        return self

    @abstractmethod
    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the stratum of each example, for splits to take equal shares; int, shape (N,)."""

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Return labels as the network learns them; as they are, or standardised."""
        return labels

    @abstractmethod
    def label(self, truth: Any) -> str:
        """Return a label as a person writes it."""

    @abstractmethod
    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Return rows about the labels of each split.

        Returns:
            Under `classes` a row for each class with its number of examples, or under `labels` a
            row for each statistic of numbers; each with a `name` and a key for each split.
        """

    @abstractmethod
    def summary(self, labels: np.ndarray) -> str:
        """Return in a few words what the labels of all examples are."""

    # Files

    @abstractmethod
    def to_json(self) -> Any:
        """Return what `from_json` makes the task of."""

    @abstractmethod
    def from_json(self, value: Any) -> Self:
        """Return the task that was saved.

        Raises:
            ValueError: the value is not as it was written.
        """

    # The model

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The units of the head."""

    @abstractmethod
    def head(self) -> list[keras.Layer]:
        """Return the layers that end a network: from features to what `predict` returns."""

    @abstractmethod
    def answer(self) -> keras.Layer:
        """Return the layer that makes predictions of logits, where one layer does not do both."""

    @abstractmethod
    def keras_loss(self) -> str:
        """Return the name of the Keras loss that belongs to the head and to `learned` labels."""

    @abstractmethod
    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return the Keras metrics of each epoch, under the names of `epoch_metrics`."""

    def epoch_metrics(self, monitor: str | None) -> list[Metric]:
        """Return the metrics of each epoch: the primary one, and that which is monitored."""
        name = (monitor or "").removeprefix("val_")
        return [m for m in self.monitored if m is self.monitored[0] or m.name == name]

    def in_training(self, model: Any) -> Any:
        """Return the network as it trains and is evaluated, if it is saved in another form."""
        return model

    def as_saved(self, model: Any) -> AbstractContextManager[None]:
        """Undo `in_training` in the body, to save the network."""
        return nullcontext()

    @abstractmethod
    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the predictions that outputs of a network mean, float of shape (N, outputs)."""

    def class_weights(self, labels: np.ndarray) -> dict[int, float] | None:
        """Return by how much each class counts where all are to count alike."""
        return None

    # Linear models, by which a network is judged, or which stand beside it

    @abstractmethod
    def constant(self, labels: np.ndarray, number: int) -> tuple[str, np.ndarray]:
        """Return the name and the predictions of the best model that reads nothing.

        Args:
            labels: of train.
            number: of the examples that it predicts.
        """

    linear: ClassVar[str]  # the name of the linear model

    @abstractmethod
    def fit_linear(
        self, x: Any, labels: np.ndarray, penalty: float, weighed: bool, sparse: bool
    ) -> Fit:
        """Fit the linear model that is a baseline to a matrix of N examples."""

    def rank(self, labels: np.ndarray, predictions: np.ndarray, weighed: bool) -> float:
        """Return what is larger for better predictions, to choose among linear models."""
        metric = self.primary(weighed)
        return metric.gain(self.scores("test", labels, predictions)[f"test_{metric.name}"] or 0, 0)

    @abstractmethod
    def fit_beside(self, x: Any, labels: np.ndarray, penalty: float, weighed: bool) -> Linear:
        """Fit the linear model that stands beside a network, and shares its logits."""

    @abstractmethod
    def rank_beside(self, labels: np.ndarray, logits: np.ndarray, weighed: bool) -> float:
        """Return what is larger for better logits, to choose the penalty of `fit_beside`."""

    @abstractmethod
    def loss_of_logits(self, logits: np.ndarray, learned: np.ndarray) -> float:
        """Return the mean loss of logits, float64 of shape (N, outputs), for `learned` labels."""

    # Evaluation

    @abstractmethod
    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Make sure that the arrays of a file are labels and predictions of the same N examples.

        Raises:
            ValueError: they are not.
        """

    @abstractmethod
    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return the loss and every metric as `<prefix>_<name>`; None where one is not defined."""

    @abstractmethod
    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return `scores`, their `intervals`, and under `prefix` what is behind them."""

    @abstractmethod
    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return what is behind the scores, as `evaluate` has it, as aligned tables."""

    def primary(self, weighed: bool = False) -> Metric:
        """Return the metric by which a network is judged and its best epoch is chosen.

        Args:
            weighed: whether classes are weighed, so that all count alike.
        """
        return self.monitored[0]

    def judged_by(self, labels: np.ndarray, weighed: bool) -> tuple[Metric, ...]:
        """Return the metrics of which one at least must show that a network has learned.

        Args:
            labels: of train.
            weighed: as `primary` takes it.
        """
        return (self.primary(weighed),)

    def yardsticks(self, judged_by: Sequence[Metric]) -> list[tuple[Metric, Metric]]:
        """Return which metrics a verdict names, each with the one by which it compares models."""
        return [(metric, metric) for metric in judged_by]

    @abstractmethod
    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Return how a network differs from a simple model on the same examples, for a file.

        Returns:
            `difference`, and what `finds` needs to know of the simple model.
        """

    @abstractmethod
    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return 1 where a network is better than a simple model by more than chance, -1 if worse.

        Args:
            other: what metrics.json has of the simple model, `compare` included.
            metric: by which they are compared.
        """

    @abstractmethod
    def finds(self, other: Mapping[str, Any]) -> bool:
        """Return whether a simple model has learned anything that shows on the test examples."""

    @abstractmethod
    def shows(
        self, labels: np.ndarray, predictions: np.ndarray, constant: Mapping[str, Any]
    ) -> bool:
        """Return whether a network has learned anything that shows, however little.

        Args:
            labels: of test.
            predictions: of the network.
            constant: what metrics.json has of the model that reads nothing.
        """

    def warnings(
        self, ours: Mapping[str, Any], constant: Mapping[str, Any], weighed: bool
    ) -> Iterator[str]:
        """Yield what a person should know of a network that has learned."""
        yield from ()

    @abstractmethod
    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Return which test was made of two runs on the same examples, and its p-value."""

    @abstractmethod
    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the index of each mistake, the worst first, with its cells in mistakes.csv."""

    # Why a network may not have learned

    @abstractmethod
    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the loss of the model that reads nothing, on examples of such labels.

        Args:
            labels: of train, from which it guesses.
            of: the labels of the examples.
            weighed: as `primary` takes it.
        """

    @abstractmethod
    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether a row of the history says that train is predicted nearly perfectly."""

    def doubts(self, labels: np.ndarray, weighed: bool) -> Iterator[str]:
        """Yield what is doubtful about the labels of train, each with what to try."""
        yield from ()

    # What a network predicts, in words

    @abstractmethod
    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the columns that `seqtrain predict` prints of each prediction."""

    @abstractmethod
    def reading(self, outputs: np.ndarray) -> StepPredictions:
        """Return the predictions that outputs mean, where `before_answer` has been applied."""

    def before_answer(self, model: Any) -> Any:
        """Return a network without what ends it, where that would round its predictions."""
        return model

    @abstractmethod
    def shown(self, value: float) -> str:
        """Return a probability, or a number, as a person reads it."""

    @abstractmethod
    def changed(self, value: float) -> str:
        """Return by how much a score of `StepPredictions` changed, as a person reads it."""

    @abstractmethod
    def symbol(self, index: int) -> str:
        """Return what stands on an axis for the column `index` of the predictions."""

    @abstractmethod
    def measure(self, index: int) -> str:
        """Return what the changes of the column `index` are counted in."""

    letter: ClassVar[str]  # `symbol` without an index
    formula: ClassVar[str] = ""  # of the scores, where it needs saying
    bounds: ClassVar[tuple[float, float] | None] = None  # of predictions

    @abstractmethod
    def decision(self, predictions: np.ndarray, label: str | None) -> str:
        """Return the prediction of one example in words, and its true label where it is known."""

    @abstractmethod
    def decided(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the prediction of one example as JSON has it."""

    @abstractmethod
    def by_step(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the predictions of the parts of an example, shape (T, …), as JSON has them."""

    @abstractmethod
    def read_by_step(self, decided: Mapping[str, Any], by_step: Mapping[str, Any]) -> list[float]:
        """Return what was predicted after each step, of what `decided` and `by_step` returned."""
