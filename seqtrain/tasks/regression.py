"""Regression: a label is a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqtrain.data.number_labels import (
    check_differing,
    measured,
    no_number,
    numbers,
    statistics,
    written,
)
from seqtrain.data.scaling import Target, current
from seqtrain.display.columns import table
from seqtrain.display.numbers import readable
from seqtrain.evaluation.metric import MAE, RMSE, Metric
from seqtrain.tasks.base import Place, Scores, StepPredictions, Task
from seqtrain.tasks.labelled_task import LabelledTask

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.evaluation.linear_models import Fit, Linear

UNITS = "in_units_of_the_labels"  # the last layer of the network
BY_HEART = 0.05  # loss on train, in variances of its labels
MEAN = "mean of the labels"

LOSS = Metric("loss", axis="loss (squared error / variance of labels)", higher=False)
R2 = Metric("r2", best=1.0)
WRONG = Metric("wrong", higher=False, best=0.0)


@dataclass(frozen=True)
class Regression(LabelledTask):
    """Each example has a number as its label.

    Attributes:
        target: the scale of the numbers, fitted on train.
    """

    target: Target = Target()

    name: ClassVar[str] = "regression"
    labels: ClassVar[str] = "numbers"
    file: ClassVar[str] = "target.json"
    row: ClassVar[str] = "error"
    apart: ClassVar[str] = "has learned a little about the numbers, but "
    loss: ClassVar[Metric] = LOSS
    metrics: ClassVar[tuple[Metric, ...]] = (MAE, RMSE, R2, WRONG)
    monitored: ClassVar[tuple[Metric, ...]] = (MAE,)
    compared: ClassVar[tuple[Metric, ...]] = (MAE, RMSE, WRONG)
    plots: ClassVar[tuple[str, ...]] = ("predicted", "residuals")
    sections: ClassVar[tuple[str, ...]] = ("numbers",)
    takes_fractions: ClassVar[bool] = True
    linear: ClassVar[str] = "ridge regression"
    letter: ClassVar[str] = "prediction"

    def fit_names(
        self, names: Sequence[str], examples: int, place: Place, source: str, hint: str
    ) -> Self:
        """Return the task, after checking that the labels are different numbers."""
        check_differing(numbers(names, place).tolist(), source)
        return self

    def encode(self, names: Sequence[str], place: Place, source: str) -> np.ndarray:
        """Return each label as a number; float64, shape (N,)."""
        return numbers(names, place)

    def truth(self, labels: Sequence[str], place: Place) -> np.ndarray:
        """Return each label as a number; float64, shape (N,)."""
        return numbers(labels, place)

    def reads_as(self, other: Task) -> bool:
        """Return true: labels mean the same on every scale."""
        return type(self) is type(other)

    def check_label(self, place: str, label: str) -> None:
        """Raise a DataError if a label is not a number."""
        if measured(label) is None:
            raise no_number(place, label)

    def doubt(self, labels: Mapping[str, np.ndarray], source: str) -> None:
        """Do nothing: `fit` warns."""

    def fit(self, labels: np.ndarray, source: str) -> Self:
        """Return the task with the mean and the standard deviation of the labels."""
        target = self.target.of(labels)
        target.doubt(source)
        return replace(self, target=target)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the same stratum for all."""
        import numpy as np

        return np.zeros(len(labels), dtype=np.int32)

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Return labels standardised; float32."""
        return self.target.standardised(labels)

    def label(self, truth: Any) -> str:
        """Return a number with as few digits as identify it."""
        return written(truth)

    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Return under `labels` a row for each of a few statistics."""
        return {"labels": statistics(labels)}

    def summary(self, labels: np.ndarray) -> str:
        """Return the smallest and the largest number."""
        return f"labels from {labels.min():.6g} to {labels.max():.6g}"

    def to_json(self) -> Any:
        """Return mean, standard deviation and tolerance."""
        return asdict(self.target)

    def from_json(self, value: Any) -> Self:
        """Return the task with this scale."""
        if not isinstance(value, dict):
            raise ValueError("it does not hold a dict")
        try:
            return replace(self, target=Target(**current(value)))
        except TypeError as error:
            raise ValueError(str(error)) from error

    outputs: ClassVar[int] = 1

    def head(self) -> list[keras.Layer]:
        """Return a linear unit, and a layer from the standardised scale to the labels' units."""
        import keras

        return [keras.layers.Dense(1, name="head"), self.answer()]

    def answer(self) -> keras.Layer:
        """Return the layer from the standardised scale to the units of the labels.

        It serves users who open the saved network without seqtrain; seqtrain itself converts in
        float64, see `in_training`.
        """
        import keras

        return keras.layers.Rescaling(self.target.std, self.target.mean, name=UNITS)

    def keras_loss(self) -> str:
        """Return the mean squared error, of labels that are standardised."""
        return "mean_squared_error"

    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return the mean absolute error, in the units of the labels."""
        import keras

        std = self.target.std

        def error(labels: Any, predictions: Any) -> Any:
            return keras.losses.mean_absolute_error(labels, predictions) * std

        return [keras.metrics.MeanMetricWrapper(error, name=MAE.name)]

    def in_training(self, model: Any) -> Any:
        """Return the network with standardised outputs.

        Its last layer computes in float32, which is too coarse for labels such as Unix time.
        """
        for layer in model.layers:
            if layer.name == UNITS and not hasattr(layer, "of_labels"):
                layer.of_labels = layer.scale, layer.offset
                layer.scale, layer.offset = 1.0, 0.0
        return model

    @contextmanager
    def as_saved(self, model: Any) -> Iterator[None]:
        """Make a network predict in the units of the labels in the body, for saving."""
        layers = [layer for layer in model.layers if hasattr(layer, "of_labels")]
        for layer in layers:
            layer.scale, layer.offset = layer.of_labels
        try:
            yield
        finally:
            for layer in layers:
                layer.scale, layer.offset = 1.0, 0.0

    def predictions(self, outputs: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return numbers in the units of the labels; float64, shape (N,)."""
        return self.target.in_units(outputs[:, 0])

    def constant(self, labels: np.ndarray, number: int) -> tuple[str, np.ndarray]:
        """Return the mean of train for each example."""
        import numpy as np

        return MEAN, np.full(number, labels.mean(dtype=np.float64))

    def fit_linear(
        self, x: Any, labels: np.ndarray, penalty: float, weighed: bool, sparse: bool
    ) -> Fit:
        """Fit a ridge regression."""
        from seqtrain.evaluation import linear_models

        return linear_models.ridge(x, labels, self.target.mean, self.target.std, penalty)

    def rank(self, labels: np.ndarray, predictions: np.ndarray, weighed: bool) -> float:
        """Return the mean squared error, negative."""
        import numpy as np

        return -float(np.square(predictions - labels.astype(np.float64)).mean())

    def weights_beside(self, counts: Any, labels: np.ndarray, weighed: bool) -> np.ndarray:
        """Return the inverse document frequencies."""
        from seqtrain.evaluation import ngram_weights

        return ngram_weights.inverse_frequencies(counts)

    def fit_beside(self, x: Any, labels: np.ndarray, penalty: float, weighed: bool) -> Linear:
        """Fit a ridge regression to the standardised labels."""
        from seqtrain.evaluation import linear_models

        return linear_models.ridge_beside(x, self.learned(labels), penalty)

    def rank_beside(self, labels: np.ndarray, logits: np.ndarray, weighed: bool) -> float:
        """Return the mean absolute error, negative."""
        import numpy as np

        return -float(np.abs(logits[:, 0] - self.learned(labels)).mean())

    def loss_of_logits(self, logits: np.ndarray, learned: np.ndarray) -> float:
        """Return the mean squared error."""
        import numpy as np

        return float(np.square(logits[:, 0] - learned).mean())

    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Check that both are numbers."""
        kinds = labels.dtype.kind, predictions.dtype.kind
        if kinds != ("f", "f") or predictions.ndim != 1:
            raise ValueError("it does not hold a label and predictions of each example")

    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return every score."""
        from seqtrain.evaluation import regression_metrics

        return regression_metrics.scores(prefix, labels, predictions, self.target)

    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return the scores, and quantiles of the absolute errors."""
        from seqtrain.evaluation import regression_metrics

        return regression_metrics.evaluate(prefix, labels, predictions, self.target)

    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return a table of quantiles of the absolute errors."""
        sizes = detail["absolute_errors"].items()
        rows = [[f"{percent} %", readable(size)] for percent, size in sizes]
        return [table(["of the answers are off", "by at most"], rows)]

    def yardsticks(self, judged_by: Sequence[Metric]) -> list[tuple[Metric, Metric]]:
        """Return RMSE for sentences, and the loss for comparing models."""
        return [(RMSE, LOSS)]

    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Return the difference of the loss."""
        from seqtrain.evaluation import regression_metrics

        return regression_metrics.compare(labels, ours, theirs, self.target)

    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return the better one by the interval of the difference of the loss."""
        ends = other["difference"]["interval"]
        return bool(ends and ends[1] < 0) - bool(ends and ends[0] > 0)

    def finds(self, other: Mapping[str, Any]) -> bool:
        """Return whether a baseline is significantly better than the constant, if known."""
        ends = other["intervals"]["test_r2"]
        return bool(ends[0] > 0 if ends else (other["test_r2"] or 0) > 0)

    def shows(
        self, labels: np.ndarray, predictions: np.ndarray, constant: Mapping[str, Any]
    ) -> bool:
        """Return whether a network is closer to the numbers than their mean."""
        return self.better(constant, LOSS) > 0

    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Return the sign test of which network is closer."""
        from seqtrain.evaluation.significance import mcnemar

        off, theirs_off = abs(ours - labels), abs(theirs - labels)
        return "sign", mcnemar(int((off < theirs_off).sum()), int((off > theirs_off).sum()))

    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield each error, or each of at least the tolerance, the largest first."""
        from seqtrain.evaluation import regression_metrics

        errors = regression_metrics.errors(labels, predictions)
        for index in regression_metrics.mistakes(
            labels, predictions, self.target.tolerance
        ).tolist():
            yield (
                index,
                {
                    "truth": written(labels[index]),
                    "prediction": written(predictions[index]),
                    "error": f"{errors[index]:.7g}",
                },
            )

    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the mean squared distance from the mean of train, in units of its variance."""
        import numpy as np

        off = (of - np.float64(self.target.mean)) / self.target.std
        return float(np.square(off).mean())

    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether the loss on train is nearly 0."""
        return row["loss"] <= BY_HEART

    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the `prediction`."""
        yield from ({"prediction": number} for number in predictions.tolist())

    def reading(self, outputs: np.ndarray) -> StepPredictions:
        """Return numbers and changes in the units of the labels."""
        predictions = self.target.in_units(outputs)
        return StepPredictions(predictions, predictions)

    def shown(self, value: float) -> str:
        """Format a number with as many decimals as the standard deviation needs."""
        return self.target.shown(value)

    def changed(self, value: float) -> str:
        """Format the change of a number."""
        return readable(value)

    def symbol(self, index: int) -> str:
        """Return `prediction`."""
        return self.letter

    def measure(self, index: int) -> str:
        """Return `prediction`."""
        return self.letter

    def decision(self, predictions: np.ndarray, label: str | None) -> str:
        """Return the number, and the true one if known."""
        return f"prediction {self.shown(predictions[0])}" + (f", true {label}" if label else "")

    def decided(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the `prediction`."""
        return {"prediction": float(predictions[0])}

    def by_step(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the `predictions`."""
        return {"predictions": predictions[:, 0].tolist()}

    def read_by_step(self, decided: Mapping[str, Any], by_step: Mapping[str, Any]) -> list[float]:
        """Return the predictions."""
        return list(by_step["predictions"])
