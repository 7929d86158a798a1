"""Task: what a label is, and everything that depends on it.

The section of a dataset creates a task. It is fitted on the training labels (the classes, or the
scale of the numbers), and saved with the run. All other code calls its methods and never branches
on the kind of task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from seqtrain.display.numbers import readable
from seqtrain.errors import DataError
from seqtrain.evaluation.metric import Metric

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.data.dataset import Dataset
    from seqtrain.evaluation.baselines import Baseline

Kind = TypeVar("Kind", bound="Task")
Scores = dict[str, float | None]
Place = Callable[[int], str]  # from the index of a label to its place

ERROR = 0.05  # significance level of two-sided tests


@dataclass(frozen=True)
class StepPredictions:
    """The predictions for T parts of an example.

    Attributes:
        predictions: the probability of each class, float64 of shape (T, classes); for a number,
            shape (T, 1).
        scores: the quantity whose changes are shown, of the same shape.
    """

    predictions: np.ndarray
    scores: np.ndarray


class Task(ABC):
    """A kind of label. A subclass is a frozen dataclass of what it fits on train."""

    name: ClassVar[str]
    labels: ClassVar[str]  # the plural of a label: `classes`, `numbers`
    example: ClassVar[str] = "example"  # what sentences call one
    piece: ClassVar[str] = ""  # what it is trained on, if that is something else
    next_command: ClassVar[str] = "evaluate"  # what a person types after a training
    quantity: ClassVar[str] = "label"  # what a table of statistics calls a number
    no_intervals: ClassVar[str] = "no 95 % intervals: fewer than 10 examples, or all alike"
    file: ClassVar[str] = "task.json"  # of a run
    array: ClassVar[str] = "predictions"  # in predictions.npz
    columns: ClassVar[tuple[str, ...]] = ("truth", "prediction")  # of mistakes.csv
    row: ClassVar[str]  # its last column

    apart: ClassVar[str] = (
        "has learned a little about the classes, but "  # what `shows` says of a network
    )

    loss: ClassVar[Metric]
    metrics: ClassVar[tuple[Metric, ...]]  # of metrics.json, besides the loss
    monitored: ClassVar[tuple[Metric, ...]]  # that each epoch can compute; the first is primary
    compared: ClassVar[tuple[Metric, ...]]  # with columns in a comparison of runs
    plots: ClassVar[tuple[str, ...]] = ()  # about its predictions, by name
    sections: ClassVar[tuple[str, ...]] = ()  # of the report, by name
    of_steps: ClassVar[bool] = False  # whether each step has a label, and the state is carried on
    decodes: ClassVar[bool] = False  # whether a prediction is a sequence, decoded token by token
    takes_fractions: ClassVar[bool] = False  # whether labels may have decimals
    calibrates: ClassVar[bool] = False  # whether something is fitted on validation at the end
    weighs_classes: ClassVar[bool] = False  # whether `training.class_weight` is supported
    sharpens: ClassVar[bool] = False  # whether logits may be multiplied by a factor

    # Labels

    def reads_as(self, other: Task) -> bool:
        """Return whether labels mean the same as in another task of this kind."""
        return self == other

    def fit(self, labels: np.ndarray, source: str) -> Self:
        """Return the task fitted on the numbers of train: their mean and standard deviation."""
        return self

    @abstractmethod
    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the stratum of each example, for stratified splits; int, shape (N,)."""

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Return labels for the loss: unchanged, or standardised."""
        return labels

    @abstractmethod
    def label(self, truth: Any) -> str:
        """Format a label as text."""

    @abstractmethod
    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Describe the labels of each split.

        Returns:
            `classes`: a row for each class with its number of examples; or `labels`: a row for
            each statistic of the numbers. Each row has a `name` and a key for each split.
        """

    def facts(self, dataset: Dataset) -> list[list[str]]:
        """Return rows about the data for `check --load`: a name, and what is known."""
        return []

    @abstractmethod
    def summary(self, labels: np.ndarray) -> str:
        """Describe the labels of all examples in a few words."""

    # Files

    @abstractmethod
    def to_json(self) -> Any:
        """Return the fitted state for `from_json`."""

    @abstractmethod
    def from_json(self, value: Any) -> Self:
        """Return the task from its saved state.

        Raises:
            ValueError: the value is damaged.
        """

    # The model

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The number of units of the head."""

    @abstractmethod
    def head(self) -> list[keras.Layer]:
        """Return the last layers of a network: from features to the output of `predict`."""

    @abstractmethod
    def keras_loss(self) -> Any:
        """Return the Keras loss for the head and `learned` labels: its name, or a function."""

    @abstractmethod
    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return the Keras metrics of each epoch, with the names of `epoch_metrics`."""

    def epoch_metrics(self, monitor: str | None) -> list[Metric]:
        """Return the metrics of each epoch: the primary one, and the monitored one."""
        name = (monitor or "").removeprefix("val_")
        return [m for m in self.monitored if m is self.monitored[0] or m.name == name]

    def unmeasured(self, monitor: str | None) -> tuple[str, str] | None:
        """Return an error and a hint if no epoch can compute the monitored metric."""
        return None

    def in_training(self, model: Any) -> Any:
        """Return the network for training and evaluation, if its saved form differs."""
        return model

    def as_saved(self, model: Any) -> AbstractContextManager[None]:
        """Undo `in_training` in the body, for saving."""
        return nullcontext()

    @abstractmethod
    def predictions(self, outputs: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Turn outputs of a network, float of shape (N, outputs), into predictions.

        Args:
            outputs: of N examples.
            labels: of the same examples, for tasks whose labels also say how to read an output.
        """

    def calibrate(self, labels: np.ndarray, outputs: np.ndarray) -> Self:
        """Return the task with what it fits on validation at the end, if `calibrates`.

        Args:
            labels: of the validation examples.
            outputs: of the best network for them, float32 of shape (N, outputs).
        """
        return self

    def class_weights(self, labels: np.ndarray) -> dict[int, float] | None:
        """Return the weight of each class such that all classes have equal weight."""
        return None

    # Evaluation

    @abstractmethod
    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Check that the arrays of a file are labels and predictions of the same N examples.

        Raises:
            ValueError: they are not.
        """

    @abstractmethod
    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return the loss and every metric as `<prefix>_<name>`; None where one is not defined."""

    @abstractmethod
    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return `scores`, their `intervals`, and under `prefix` their details."""

    @abstractmethod
    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return the details of `evaluate` as aligned tables."""

    def primary(self, weighed: bool = False) -> Metric:
        """Return the main metric, which also chooses the best epoch.

        Args:
            weighed: whether classes are weighted equally.
        """
        return self.monitored[0]

    def judged_by(self, labels: np.ndarray, weighed: bool) -> tuple[Metric, ...]:
        """Return the metrics of the verdict: by at least one, a network must have learned.

        Args:
            labels: of train.
            weighed: see `primary`.
        """
        return (self.primary(weighed),)

    def yardsticks(self, judged_by: Sequence[Metric]) -> list[tuple[Metric, Metric]]:
        """Return the metrics named in a verdict, each with the metric that compares models."""
        return [(metric, metric) for metric in judged_by]

    @abstractmethod
    def baselines(self, dataset: Dataset, with_linear: bool, weighed: bool) -> Iterable[Baseline]:
        """Fit the baselines on train, and predict the test examples; the simplest comes first.

        Args:
            dataset: the data. The test examples choose nothing.
            with_linear: whether to fit a linear model, too.
            weighed: see `primary`.
        """

    @abstractmethod
    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Compare a network with a baseline on the same examples; the result is saved.

        Returns:
            `difference`, and the input of `finds`.
        """

    @abstractmethod
    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return 1 if a network is significantly better than a baseline, -1 if worse, else 0.

        Args:
            other: the baseline in metrics.json, with the result of `compare`.
            metric: the metric to compare.
        """

    def finds(self, other: Mapping[str, Any]) -> bool:
        """Return whether a baseline has learned anything, by the test examples.

        False where a baseline is only judged beside the network.
        """
        return False

    def shows(
        self, labels: np.ndarray, predictions: np.ndarray, constant: Mapping[str, Any]
    ) -> bool:
        """Return whether a network has learned anything at all, by the test examples.

        True where networks are judged by `better` alone.

        Args:
            labels: of test.
            predictions: of the network.
            constant: the constant baseline in metrics.json.
        """
        return True

    def warnings(
        self, ours: Mapping[str, Any], constant: Mapping[str, Any], weighed: bool
    ) -> Iterator[str]:
        """Yield warnings about a network that has learned."""
        yield from ()

    @abstractmethod
    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Test two runs on the same examples; return the name of the test and its p-value."""

    def same(self, labels: np.ndarray, others: np.ndarray) -> bool:
        """Return whether two runs have the same labels of N examples."""
        return bool((labels == others).all())

    @abstractmethod
    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the index and the cells in mistakes.csv of each mistake, the worst first."""

    # Why a network may not have learned

    @abstractmethod
    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the loss of the constant baseline.

        Args:
            labels: of train, on which it is fitted.
            of: the labels of the evaluated examples.
            weighed: see `primary`.
        """

    @abstractmethod
    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether train is predicted nearly perfectly, by a row of the history."""

    def doubts(self, labels: np.ndarray, weighed: bool) -> Iterator[str]:
        """Yield problems of the training labels, each with what to try."""
        yield from self.out_of_reach(labels)

    def advice(self, labels: np.ndarray) -> Iterator[str]:
        """Yield what a person may want to set for these training labels."""
        yield from ()

    def out_of_reach(self, labels: np.ndarray) -> Iterator[str]:
        """Yield which training labels a network can never give, each with what to try."""
        yield from ()

    # What a network predicts, in words

    @abstractmethod
    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the columns of `seqtrain predict` for each prediction."""

    def reading(self, outputs: np.ndarray) -> StepPredictions:
        """Turn the outputs of a network from `before_answer` into predictions and scores."""
        import numpy as np

        found = outputs.astype(np.float64)
        return StepPredictions(found, found)

    def before_answer(self, model: Any) -> Any:
        """Return a network without its last activation, which would round its predictions."""
        return model

    def shown(self, value: float) -> str:
        """Format a probability or a predicted number."""
        return readable(value)

    def changed(self, value: float) -> str:
        """Format the change of a score of `StepPredictions`."""
        return readable(value)

    @abstractmethod
    def symbol(self, index: int) -> str:
        """Return the axis label of the column `index` of the predictions."""

    @abstractmethod
    def measure(self, index: int) -> str:
        """Return the name of the quantity whose changes are shown, for the column `index`."""

    letter: ClassVar[str]  # `symbol` without an index
    asked: ClassVar[str] = "`seqtrain predict RUN --data FILE` gives its predictions"
    formula: ClassVar[str] = ""  # of the scores, where it needs saying
    bounds: ClassVar[tuple[float, float] | None] = None  # of predictions

    @abstractmethod
    def decision(self, predictions: np.ndarray, label: str | None) -> str:
        """Return the prediction of one example as a sentence, with its true label if known."""

    @abstractmethod
    def decided(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the prediction of one example for JSON."""

    @abstractmethod
    def by_step(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the predictions for the parts of an example, shape (T, …), for JSON."""

    @abstractmethod
    def read_by_step(self, decided: Mapping[str, Any], by_step: Mapping[str, Any]) -> list[float]:
        """Return the prediction after each step from the JSON of `decided` and `by_step`."""


def significant(gain: float, p: float) -> int:
    """Return the sign of a gain, or 0 if it may be chance.

    Args:
        gain: by how much a network is better; negative if it is worse.
        p: the p-value of the difference.
    """
    return int(gain > 0) - int(gain < 0) if p < ERROR else 0


def of_kind(task: Task, kind: type[Kind], lacks: str) -> Kind:
    """Return a task, if it is of a kind.

    Args:
        task: the task.
        kind: what it must be.
        lacks: what a network for another task lacks, as the end of a sentence.

    Raises:
        DataError: it is of another kind.
    """
    if not isinstance(task, kind):
        raise DataError(f"a network for {task.name} {lacks}", task.asked)
    return task
