"""Classification: a label is one of a few classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqtrain.data.class_labels import (
    check_names,
    doubt_classes,
    indices,
    known_classes,
    learnable,
    merged,
    normalised,
    unseen,
)
from seqtrain.display.escape import one_line
from seqtrain.evaluation.metric import Metric
from seqtrain.tasks.base import Place, Scores, StepPredictions, significant
from seqtrain.tasks.labelled_task import LabelledTask

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.evaluation.linear_models import Fit, Linear

MOST_SHOWN = 8  # classes in a summary
UNEVEN = 5.0  # ratio of the largest class to the smallest that counts as uneven
UNEQUAL = 0.8  # share of one class from which on to warn
BY_HEART = 0.95  # accuracy on train
ROUNDING = 1e-5  # rounding error of float32 probabilities
MAJORITY = "majority class"

LOSS = Metric("loss", axis="loss (cross-entropy, nats)", higher=False)
ACCURACY = Metric(
    "accuracy",
    share=True,
    best=1.0,
    better="significantly more often right than",
    bare=True,
)
MACRO_F1 = Metric("macro_f1", "macro F1", share=True)
BALANCED_ACCURACY = Metric("balanced_accuracy", share=True)
OTHERS = (
    Metric("roc_auc", "ROC AUC", share=True),
    Metric("average_precision", share=True),
    Metric("ece", "calibration error", higher=False, share=True),
)


@dataclass(frozen=True)
class Classification(LabelledTask):
    """Each example has one class.

    Attributes:
        classes: the names of the classes; empty before `fit_names`.
    """

    classes: tuple[str, ...] = ()

    name: ClassVar[str] = "classification"
    labels: ClassVar[str] = "classes"
    file: ClassVar[str] = "classes.json"
    array: ClassVar[str] = "probabilities"
    row: ClassVar[str] = "confidence"
    loss: ClassVar[Metric] = LOSS
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, MACRO_F1, BALANCED_ACCURACY, *OTHERS)
    monitored: ClassVar[tuple[Metric, ...]] = (ACCURACY, MACRO_F1)
    compared: ClassVar[tuple[Metric, ...]] = (ACCURACY, MACRO_F1, BALANCED_ACCURACY)
    plots: ClassVar[tuple[str, ...]] = (
        "confusion_matrix",
        "calibration",
        "roc",
        "precision_recall",
    )
    sections: ClassVar[tuple[str, ...]] = ("mistakes", "probabilities", "classes")
    weighs_classes: ClassVar[bool] = True
    sharpens: ClassVar[bool] = True
    linear: ClassVar[str] = "logistic regression"
    letter: ClassVar[str] = "p"
    formula: ClassVar[str] = ", log(p / (1 - p)),"
    bounds: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def fit_names(
        self, names: Sequence[str], examples: int, place: Place, source: str, hint: str
    ) -> Self:
        """Return the task with the classes of train."""
        check_names(names, place)
        classes = learnable({*map(normalised, names)}, examples, source, hint)
        return replace(self, classes=classes)

    def encode(self, names: Sequence[str], place: Place, source: str) -> np.ndarray:
        """Return the index of each label's class; int32, shape (N,)."""
        import numpy as np

        check_names(names, place)
        index_of = {name: index for index, name in enumerate(self.classes)}
        labels = merged(names, source)
        for index, label in enumerate(labels):
            if label not in index_of:
                raise unseen(place(index), label, self.classes)
        return np.array([index_of[label] for label in labels], dtype=np.int32)

    def truth(self, labels: Sequence[str], place: Place) -> np.ndarray:
        """Return the index of each label's class; int32, shape (N,)."""
        return indices(labels, self.classes, place)

    @property
    def allowed(self) -> str | None:
        """The first classes."""
        return known_classes(self.classes)

    def check_label(self, place: str, label: str) -> None:
        """Do nothing: an unknown label is shown as written."""

    def doubt(self, labels: Mapping[str, np.ndarray], source: str) -> None:
        """Warn about rare classes, classes that look alike, and names such as `none`."""
        doubt_classes(self.classes, labels, source)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the classes."""
        return labels

    def label(self, truth: Any) -> str:
        """Return the name of a class."""
        return str(self.classes[truth])

    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Return under `classes` a row for each: its name, and its examples in each split."""
        import numpy as np

        counts = {
            split: np.bincount(found, minlength=len(self.classes)).tolist()
            for split, found in labels.items()
        }
        rows = [
            {"name": name, **{split: counts[split][index] for split in labels}}
            for index, name in enumerate(self.classes)
        ]
        return {"classes": rows}

    def summary(self, labels: np.ndarray) -> str:
        """Return the number of classes, and the largest classes with their sizes."""
        import numpy as np

        counts = np.bincount(labels, minlength=len(self.classes)).tolist()
        largest = sorted(zip(self.classes, counts, strict=True), key=lambda one: -one[1])
        shown = [f"{one_line(name)} {count:,}" for name, count in largest[:MOST_SHOWN]]
        more = ", …" if len(counts) > MOST_SHOWN else ""
        return f"{len(counts)} classes: {', '.join(shown)}{more}"

    def to_json(self) -> Any:
        """Return the names of the classes."""
        return list(self.classes)

    def from_json(self, value: Any) -> Self:
        """Return the task with these classes."""
        if not isinstance(value, list):
            raise ValueError("it does not hold a list")
        if not all(isinstance(name, str) for name in value):
            raise ValueError("it does not contain only texts")
        return replace(self, classes=tuple(value))

    @property
    def outputs(self) -> int:
        """One unit for each class; one unit for two classes."""
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def activation(self) -> str:
        """The activation from logits to probabilities."""
        return "sigmoid" if self.outputs == 1 else "softmax"

    def head(self) -> list[keras.Layer]:
        """Return a sigmoid for the probability of the second of two classes, or a softmax."""
        import keras

        return [keras.layers.Dense(self.outputs, activation=self.activation, name="head")]

    def answer(self) -> keras.Layer:
        """Return the activation."""
        import keras

        return keras.layers.Activation(self.activation, name="answer")

    def keras_loss(self) -> str:
        """Return the cross-entropy."""
        two = self.outputs == 1
        return "binary_crossentropy" if two else "sparse_categorical_crossentropy"

    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return the accuracy, and macro F1 if it is monitored."""
        from seqtrain.tasks import keras_metrics

        made: dict[str, Callable[[], Any]] = {
            "accuracy": lambda: "accuracy",
            "macro_f1": lambda: keras_metrics.macro_f1(len(self.classes)),
        }
        return [made[metric.name]() for metric in self.epoch_metrics(monitor)]

    def predictions(self, outputs: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of each class; float32, shape (N, classes)."""
        import numpy as np

        if outputs.shape[1] > 1:
            return outputs
        return np.concatenate([1 - outputs, outputs], axis=1)

    def class_weights(self, labels: np.ndarray) -> dict[int, float] | None:
        """Return N / (classes present · count) for each class, as in scikit-learn."""
        import numpy as np

        counts = np.bincount(labels, minlength=len(self.classes))
        weights = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return dict(enumerate(weights.tolist()))

    def constant(self, labels: np.ndarray, number: int) -> tuple[str, np.ndarray]:
        """Return the shares of the classes in train as probabilities."""
        import numpy as np

        return MAJORITY, np.tile(self.shares(labels), (number, 1))

    def shares(self, labels: np.ndarray) -> np.ndarray:
        """Return the share of each class; float64, shape (classes,)."""
        import numpy as np

        return np.bincount(labels, minlength=len(self.classes)) / len(labels)

    def fit_linear(
        self, x: Any, labels: np.ndarray, penalty: float, weighed: bool, sparse: bool
    ) -> Fit:
        """Fit a logistic regression."""
        from seqtrain.evaluation import linear_models

        return linear_models.logistic(x, labels, len(self.classes), penalty, weighed, sparse)

    def weights_beside(self, counts: Any, labels: np.ndarray, weighed: bool) -> np.ndarray:
        """Return the log-count ratios."""
        from seqtrain.evaluation import ngram_weights

        return ngram_weights.log_count_ratios(counts, labels, weighed)

    def fit_beside(self, x: Any, labels: np.ndarray, penalty: float, weighed: bool) -> Linear:
        """Fit a logistic regression for each output."""
        from seqtrain.evaluation import linear_models

        return linear_models.logistic_beside(x, labels, self.outputs, penalty, weighed)

    def rank_beside(self, labels: np.ndarray, logits: np.ndarray, weighed: bool) -> float:
        """Return the accuracy, or with weighted classes the balanced accuracy."""
        import numpy as np

        chosen = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
        weights = 1 / np.bincount(labels)[labels] if weighed else None
        return float(np.average(chosen == labels, weights=weights))

    def loss_of_logits(self, logits: np.ndarray, learned: np.ndarray) -> float:
        """Return the mean cross-entropy in nats."""
        from seqtrain.evaluation import classification_metrics

        return classification_metrics.loss_of_logits(logits, learned)

    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Check that labels are classes, and predictions their probabilities."""
        if labels.dtype.kind not in "iu" or predictions.dtype.kind != "f" or predictions.ndim != 2:
            raise ValueError("it does not hold a label and probabilities of each example")
        known = len(self.classes) or predictions.shape[1]
        if not 0 <= labels.min() <= labels.max() < known:
            raise ValueError("its labels are not those of the classes")
        least, most = predictions.min(), predictions.max()
        if predictions.shape[1] != known or not -ROUNDING <= least <= most <= 1 + ROUNDING:
            raise ValueError("its probabilities are not those of the classes")

    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return every score."""
        from seqtrain.evaluation import classification_metrics

        return classification_metrics.scores(prefix, labels, predictions)

    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return the scores, those of each class, and the confusion matrix."""
        from seqtrain.evaluation import classification_metrics

        return classification_metrics.evaluate(prefix, labels, predictions, self.classes)

    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return the scores of each class, and the confusion matrix."""
        from seqtrain.evaluation import confusion

        return confusion.tables(detail["classes"], detail["confusion_matrix"])

    def primary(self, weighed: bool = False) -> Metric:
        """Return the accuracy; with weighted classes, macro F1."""
        return MACRO_F1 if weighed else self.monitored[0]

    def judged_by(self, labels: np.ndarray, weighed: bool) -> tuple[Metric, ...]:
        """Return the primary metric; with the accuracy also macro F1 if classes are uneven."""
        first = self.primary(weighed)
        if first is MACRO_F1 or not uneven(self.shares(labels).tolist()):
            return (first,)
        return first, MACRO_F1

    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Return the difference of accuracy and of macro F1, each with its p-value."""
        from seqtrain.evaluation import classification_metrics

        return classification_metrics.compare(labels, ours, theirs)

    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return the better one by McNemar's test, or by a bootstrap of macro F1."""
        difference = other["difference"]
        p_value = {ACCURACY.name: "p_value"}.get(metric.name, f"{metric.name}_p_value")
        return significant(difference[metric.name], difference[p_value])

    def finds(self, other: Mapping[str, Any]) -> bool:
        """Return whether a baseline tells the classes apart."""
        return bool(other["tells_apart"])

    def shows(
        self, labels: np.ndarray, predictions: np.ndarray, constant: Mapping[str, Any]
    ) -> bool:
        """Return whether a network tells the classes apart."""
        from seqtrain.evaluation.significance import tells_apart

        return tells_apart(labels, predictions)

    def warnings(
        self, ours: Mapping[str, Any], constant: Mapping[str, Any], weighed: bool
    ) -> Iterator[str]:
        """Yield a warning if the accuracy is not above that of the majority class."""
        side = self.better(constant, ACCURACY)
        if side > 0:
            return
        how = "less" if side < 0 else "not significantly more"
        why = (
            "; its classes are weighed, which gives accuracy for the recall of rare classes"
            " (`training.class_weight=null` aims at accuracy)"
            if weighed
            else ""
        )
        yield (
            f"the network is {how} often right than the {MAJORITY}: accuracy "
            f"{ours['test_accuracy']:.4f}, {MAJORITY} {constant['test_accuracy']:.4f}{why}"
        )

    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Return McNemar's test, or a bootstrap of macro F1."""
        from seqtrain.evaluation import classification_metrics
        from seqtrain.evaluation.significance import mcnemar, paired_bootstrap

        if metric is MACRO_F1:
            difference = classification_metrics.macro_f1_difference(labels, ours, theirs)
            return "bootstrap", paired_bootstrap(difference, len(labels))
        wrong, theirs_wrong = (
            classification_metrics.predictions(p) != labels for p in (ours, theirs)
        )
        p = mcnemar(int((wrong < theirs_wrong).sum()), int((wrong > theirs_wrong).sum()))
        return "McNemar", p

    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield each wrongly predicted example, the most confident first."""
        from seqtrain.evaluation import classification_metrics

        chosen = classification_metrics.predictions(predictions)
        confidences = classification_metrics.confidences(predictions)
        for index in classification_metrics.mistakes(labels, predictions).tolist():
            yield (
                index,
                {
                    "truth": self.classes[labels[index]],
                    "prediction": self.classes[chosen[index]],
                    "confidence": f"{confidences[index]:.6f}",
                },
            )

    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the loss in nats of predicting the shares of the classes in train."""
        import math

        import numpy as np

        shares = self.shares(labels)
        if weighed:
            return math.log(np.count_nonzero(shares))
        present = shares[shares > 0]
        return float(-(present * np.log(present)).sum())

    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether the accuracy on train is nearly 1."""
        return row[ACCURACY.name] >= BY_HEART

    def doubts(self, labels: np.ndarray, weighed: bool) -> Iterator[str]:
        """Yield a problem if nearly all of train is one class."""
        shares = self.shares(labels)
        if (share := shares.max()) <= UNEQUAL:
            return
        weigh = "" if weighed else "`training.class_weight=balanced`, and "
        yield (
            f"{share:.0%} of train is `{self.classes[int(shares.argmax())]}` ({weigh}look at macro "
            "F1 and at the recall of each class)"
        )

    def advice(self, labels: np.ndarray) -> Iterator[str]:
        """Yield how to weigh classes that are uneven."""
        if uneven(self.shares(labels).tolist()):
            yield "if all classes matter alike: `training.class_weight=balanced`"

    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the class, its probability, and the probabilities of all classes."""
        from seqtrain.evaluation import classification_metrics

        chosen = classification_metrics.predictions(predictions).tolist()
        for best, row in zip(chosen, predictions.tolist(), strict=True):
            of = dict(zip(self.classes, row, strict=True))
            yield {"class": self.classes[best], "probability": row[best], "probabilities": of}

    def reading(self, outputs: np.ndarray) -> StepPredictions:
        """Return probabilities, and the log-odds of each class."""
        import numpy as np

        from seqtrain.evaluation import classification_metrics

        odds = classification_metrics.log_odds(outputs)
        return StepPredictions(0.5 * np.tanh(0.5 * odds) + 0.5, odds)

    def before_answer(self, model: Any) -> Any:
        """Remove the activation of the head, so that no probability is rounded to 0 or 1."""
        import keras

        model.layers[-1].activation = keras.activations.linear
        return model

    def shown(self, value: float) -> str:
        """Return a probability with four decimals."""
        return f"{value:.4f}"

    def changed(self, value: float) -> str:
        """Return log-odds with four decimals."""
        return f"{value:.4f}"

    def symbol(self, index: int) -> str:
        """Return `p(<class>)`."""
        return f"p({self.classes[index]})"

    def measure(self, index: int) -> str:
        """Return `log-odds of <class>`."""
        return f"log-odds of {self.classes[index]}"

    def decision(self, predictions: np.ndarray, label: str | None) -> str:
        """Return the class, its probability, and the true class if known."""
        best = int(predictions.argmax())
        true = f", true class {label}" if label else ""
        return f"{self.classes[best]}, p = {predictions[best]:.4f}{true}"

    def decided(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the `class` and its `probability`."""
        best = int(predictions.argmax())
        return {"class": self.classes[best], "probability": float(predictions[best])}

    def by_step(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the `probabilities` of each class."""
        return {"probabilities": dict(zip(self.classes, predictions.T, strict=True))}

    def read_by_step(self, decided: Mapping[str, Any], by_step: Mapping[str, Any]) -> list[float]:
        """Return the probability of the predicted class."""
        return list(by_step["probabilities"][decided["class"]])


def uneven(counts: Iterable[float]) -> bool:
    """Return whether the classes are so uneven that accuracy hides the small ones.

    Args:
        counts: the training examples of each class; empty classes are ignored.
    """
    present = [count for count in counts if count]
    return bool(present) and max(present) > UNEVEN * min(present)
