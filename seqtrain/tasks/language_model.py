"""Language models: the label of each token is the next one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqtrain.data.spelling import Spelling
from seqtrain.display.columns import table
from seqtrain.evaluation.metric import Metric
from seqtrain.schema import limits
from seqtrain.tasks.base import Scores, Task, of_kind, significant
from seqtrain.tasks.writing_task import WritingTask

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.data.dataset import Dataset
    from seqtrain.data.token_stream import Encoder, Stream
    from seqtrain.evaluation.baselines import Baseline

BY_HEART = 0.1  # nats a token on train
MOST_MISTAKES = 1_000  # rows of mistakes.csv
UNIGRAM, OPTIMUM = "unigram", "the generator itself"

LOSS = Metric("loss", axis="loss (cross-entropy, nats a token)", higher=False)
BITS = Metric(
    "bits_per_character",
    "bits per character",
    higher=False,
    best=0.0,
    better="significantly better in bits per character than",
)
PERPLEXITY = Metric("perplexity", axis="perplexity of a token", higher=False, best=1.0)
ACCURACY = Metric("token_accuracy", "token accuracy", share=True, best=1.0)


@dataclass(frozen=True)
class LanguageModel(WritingTask):
    """Each token of a text is predicted from all before it.

    In training, examples are windows of T tokens, and labels the T next ones, ids of shape (N, T).
    Validation and test are scored as one pass over the whole text: their M labels are of the type
    `text_windows.LABEL`, and predictions are float32 of shape (M, 2), see `language_metrics`.

    Attributes:
        tokens: the tokens of the ids from `FIRST_WORD` on.
        characters_per_token: the mean of train.
        spelling: what the letters of unknown tokens cost.
        documents: how many of train begin with their own token.
    """

    tokens: tuple[str, ...] = ()
    characters_per_token: float = 1.0
    spelling: Spelling = Spelling()
    documents: int = 1

    name: ClassVar[str] = "language model"
    labels: ClassVar[str] = "next tokens"
    array: ClassVar[str] = "log_probabilities"
    columns: ClassVar[tuple[str, ...]] = ("truth",)
    row: ClassVar[str] = "surprise"
    apart: ClassVar[str] = ""
    example: ClassVar[str] = "token"
    of_steps: ClassVar[bool] = True
    loss: ClassVar[Metric] = LOSS
    metrics: ClassVar[tuple[Metric, ...]] = (BITS, PERPLEXITY, ACCURACY)
    monitored: ClassVar[tuple[Metric, ...]] = (BITS,)
    compared: ClassVar[tuple[Metric, ...]] = (BITS, PERPLEXITY, ACCURACY)
    plots: ClassVar[tuple[str, ...]] = ("along_the_text",)
    sections: ClassVar[tuple[str, ...]] = ("texts",)
    piece: ClassVar[str] = "window"
    next_command: ClassVar[str] = "generate {}"
    asked: ClassVar[str] = "`seqtrain generate RUN TEXT` continues a text"
    letter: ClassVar[str] = "surprise"

    def __post_init__(self) -> None:
        """Raise a ValueError if the values cannot be those of a language model."""
        texts = all(isinstance(token, str) for token in self.tokens)
        counted = type(self.documents) is int and self.documents >= 0
        if not (texts and counted and _is_positive(self.characters_per_token)):
            raise ValueError("it does not hold what a language model needs")

    @classmethod
    def fitted(cls, encoder: Encoder, train: Stream) -> Self:
        """Return the task with what is fitted on train."""
        import numpy as np

        mean = float(train.characters.mean(dtype=np.float64)) if len(train) else 1.0
        from seqtrain.data.vocabulary import START

        documents = int((train.ids == START).sum())
        return cls(encoder.vocabulary.words, mean, encoder.spelling, documents)

    # Labels

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Return the ids of the next tokens."""
        return labels if labels.dtype.names is None else labels["token"]

    def label(self, truth: Any) -> str:
        """Return a token."""
        return self.token(int(truth["token"] if getattr(truth, "dtype", None) else truth))

    def token(self, number: int) -> str:
        """Return the token of an id."""
        from seqtrain.data.vocabulary import FIRST_WORD, SPECIAL

        return SPECIAL[number] if number < FIRST_WORD else self.tokens[number - FIRST_WORD]

    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Return no rows: a text has too many tokens for them."""
        return {"labels": []}

    def facts(self, dataset: Dataset) -> list[list[str]]:
        """Return the kind and the number of the tokens, and the windows of train."""
        windows, length = dataset.train.first.shape
        of_test = dataset.test.labels
        return [
            ["tokens", f"{dataset.tokens}, {self.outputs:,} ids"],
            ["characters of a token", f"{self.characters_per_token:.3g}"],
            ["documents in train", f"{self.documents:,}"],
            ["windows in an epoch", f"{windows:,} of {length} tokens"],
            ["unknown in test", f"{float((of_test['spelling'] > 0).mean()):.2%}"],
        ]

    def summary(self, labels: np.ndarray) -> str:
        """Return the number of tokens and of ids."""
        return f"{labels.size:,} tokens, {self.outputs:,} ids"

    # Files

    def to_json(self) -> Any:
        """Return everything that was fitted."""
        return asdict(self)

    def from_json(self, value: Any) -> Self:
        """Return the task as it was saved."""
        if not isinstance(value, dict):
            raise ValueError("it does not hold a dict")
        try:
            spelling = Spelling(**value["spelling"])
            numbers = [*spelling.bits.values(), spelling.unknown, spelling.end]
            if not all(isinstance(number, int | float) for number in numbers):
                raise ValueError("it does not hold what a language model needs")
            tokens = tuple(value["tokens"])
            return replace(self, **{**value, "tokens": tokens, "spelling": spelling})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("it does not hold what a language model needs") from error

    # The model

    @property
    def outputs(self) -> int:
        """A unit for each id."""
        from seqtrain.data.vocabulary import FIRST_WORD

        return FIRST_WORD + len(self.tokens)

    def head(self) -> list[keras.Layer]:
        """Return a softmax over all ids, of each step."""
        import keras

        return [keras.layers.Dense(self.outputs, activation="softmax", name="head")]

    def keras_loss(self) -> Any:
        """Return the cross-entropy of logits, in nats a token."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return bits per character, by the mean length of the tokens of train."""
        import keras
        from keras import ops

        factor = 1 / (math.log(2) * self.characters_per_token)

        def bits(labels: Any, logits: Any) -> Any:
            labels = ops.cast(ops.reshape(labels, ops.shape(logits)[:-1]), "int32")
            nats = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            return factor * nats

        return [keras.metrics.MeanMetricWrapper(bits, name=BITS.name)]

    def predictions(self, outputs: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the log-probability and the rank of each true token; float32, shape (M, 2).

        Args:
            outputs: logits, shape (M, ids).
            labels: of the same tokens.
        """
        import numpy as np

        if labels is None:
            raise ValueError("the probability of a token depends on which it is")
        true = self.learned(labels)[:, None]
        logits = outputs.astype(np.float32, copy=False)
        top = logits.max(axis=1, keepdims=True)
        total = np.exp(logits - top).sum(axis=1, dtype=np.float64)
        mine = np.take_along_axis(logits, true.astype(np.int64), axis=1)
        rank = (logits > mine).sum(axis=1)
        found = (mine - top)[:, 0] - np.log(total)
        return np.stack([found, rank], axis=1).astype(np.float32)

    # Evaluation

    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Check that they are tokens, and their log-probabilities and ranks."""
        import numpy as np

        from seqtrain.data.text_windows import LABEL

        right = labels.dtype == np.dtype(LABEL) and predictions.dtype.kind == "f"
        if not right or predictions.shape != (len(labels), 2):
            raise ValueError("it does not hold tokens and their log-probabilities")
        if (predictions[:, 0] > 0).any():
            raise ValueError("it does not hold logarithms of probabilities")

    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return every score."""
        from seqtrain.evaluation import language_metrics

        return language_metrics.scores(prefix, labels, predictions)

    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return the scores, their intervals, and how much text it is."""
        from seqtrain.evaluation import language_metrics

        return language_metrics.evaluate(prefix, labels, predictions)

    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return how much text was judged, and what of it has no id."""
        rows = [["tokens", f"{detail['tokens']:,}"], ["characters", f"{detail['characters']:,}"]]
        if detail["unknown"]:
            rows.append(["unknown tokens", f"{detail['unknown']:.2%}"])
            rows.append(["bits that these cost", f"{detail['unknown_bits']:.1%}"])
        return [table(["text", ""], rows)]

    def baselines(self, dataset: Dataset, with_linear: bool, weighed: bool) -> list[Baseline]:
        """Return the unigram model, a Kneser–Ney model, and the generator where it is known."""
        import numpy as np

        from seqtrain.data.text_windows import ids_of
        from seqtrain.evaluation import count_models
        from seqtrain.evaluation.baselines import Baseline

        train = ids_of(dataset.train)
        validation, test = (self.learned(dataset.split(n).labels) for n in ("validation", "test"))
        found = [(UNIGRAM, count_models.unigram(train, test, self.outputs))]
        if with_linear:
            longest = count_models.LONGEST.get(dataset.tokens, count_models.LONGEST_OTHER)
            counted = count_models.kneser_ney(train, validation, test, self.outputs, longest)
            found.append((f"Kneser–Ney {counted.order}-gram", counted))
        models = [(name, one.log_probabilities, one.trained_on) for name, one in found]
        if dataset.optimum is not None:
            models.append((OPTIMUM, dataset.optimum, 0))
        return [
            Baseline(name, np.stack([logs, np.full(len(logs), -1.0)], axis=1), trained_on)
            for name, logs, trained_on in models
        ]

    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Return the difference in bits per character, and its p-value over blocks of text."""
        from seqtrain.evaluation import language_metrics

        more, p = language_metrics.difference(labels, ours, theirs)
        return {"difference": {BITS.name: more, "p": p}}

    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return the better one by the paired bootstrap over blocks."""
        difference = other["difference"]
        return significant(-difference[BITS.name], difference["p"])

    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Return the paired bootstrap over blocks of text."""
        from seqtrain.evaluation import language_metrics

        return "paired bootstrap", language_metrics.difference(labels, ours, theirs)[1]

    def same(self, labels: np.ndarray, others: np.ndarray) -> bool:
        """Return whether two runs have the same tokens."""
        import numpy as np

        return np.array_equal(labels["token"], others["token"])

    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the tokens that surprised most, of those that were not the likeliest."""
        import numpy as np

        from seqtrain.evaluation import language_metrics

        cost = language_metrics.bits(labels, predictions)
        wrong = np.flatnonzero(predictions[:, 1] != 0)
        for index in wrong[np.argsort(-cost[wrong], kind="stable")][:MOST_MISTAKES].tolist():
            yield (
                index,
                {"truth": self.label(labels[index]), "surprise": f"{cost[index]:.4g}"},
            )

    # Why a network may not have learned

    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the loss of the shares of the tokens in train."""
        import numpy as np

        from seqtrain.data.token_stream import counts_of

        counts = counts_of(self.learned(labels), self.outputs) + 1.0
        shares = counts_of(self.learned(of), self.outputs) / max(of.size, 1)
        return float(-np.log(counts / counts.sum()) @ shares)

    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether the loss on train is nearly 0."""
        return row["loss"] <= BY_HEART

    # What a network predicts, in words

    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the probability of each true token, and how many were likelier."""
        for log, rank in predictions.tolist():
            yield {"probability": math.exp(log), "rank": int(rank) + 1}


def language_model(task: Task) -> LanguageModel:
    """Return a task, if it is a language model.

    Raises:
        DataError: it is not.
    """
    return of_kind(task, LanguageModel, "does not continue a text")


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value <= limits.REAL
