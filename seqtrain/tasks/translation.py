"""Translation: one sequence into another, decoded token by token."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seqtrain.data.pair_encoding import END, SourceReader, TargetWriter
from seqtrain.data.tokens import RULES, Tokeniser
from seqtrain.display.columns import table
from seqtrain.display.sentences import counted
from seqtrain.evaluation.metric import Metric
from seqtrain.schema import limits
from seqtrain.tasks.base import Scores, Task, of_kind, significant
from seqtrain.tasks.writing_task import WritingTask

if TYPE_CHECKING:
    import keras
    import numpy as np

    from seqtrain.data.dataset import Dataset
    from seqtrain.evaluation.baselines import Baseline

BY_HEART = 0.01  # nats a token on train
MUCH_CUT, USUAL = 0.2, 95  # share of targets that are cut; of 100, those no longer than advised
MOST_MISTAKES = 10_000  # rows of mistakes.csv
OF_WORDS = 2.0  # words of a mean target, from which on it is a text of which BLEU says something

LOSS = Metric("loss", axis="loss (cross-entropy, nats a target token)", higher=False)
EXACT = Metric("exact_match", "exact match", share=True, best=1.0)
EDITS = Metric(
    "edit_rate",
    "edit rate",
    axis="edit distance, per token of the truth",
    higher=False,
    best=0.0,
)
ACCURACY = Metric("token_accuracy", "token accuracy", share=True, best=1.0)
BLEU = Metric("bleu", "BLEU", best=100.0)
CHRF = Metric("chrf", "chrF", best=100.0)


@dataclass(frozen=True)
class Translation(WritingTask):
    """A source is turned into a target, of any length; each may have several right targets.

    Labels are of `pair_encoding.label_type`, predictions float32 of shape (N, 3, T); see
    `sequence_metrics`. Every score but the loss is of decoded targets: what a user gets.

    Attributes:
        tokens: of the targets, of the ids from `FIRST_WORD` on.
        rule: how targets are split into them.
        subwords: the model of SentencePiece in base64, if they are subwords.
        steps: the most tokens that are written, with the end.
        source_steps: the most tokens that are read, with the start.
        backwards: whether sources are read from their end.
        texts: whether targets are texts of several words.
    """

    tokens: tuple[str, ...] = ()
    rule: str = "exact_characters"
    subwords: str = ""
    steps: int = 1
    source_steps: int = 1
    backwards: bool = False
    texts: bool = False

    name: ClassVar[str] = "translation"
    labels: ClassVar[str] = "target sequences"
    quantity: ClassVar[str] = "targets"
    array: ClassVar[str] = "decoded"
    row: ClassVar[str] = "edit_distance"
    apart: ClassVar[str] = ""
    decodes: ClassVar[bool] = True
    loss: ClassVar[Metric] = LOSS
    metrics: ClassVar[tuple[Metric, ...]] = (EXACT, EDITS, ACCURACY, BLEU, CHRF)
    monitored: ClassVar[tuple[Metric, ...]] = (EXACT, EDITS, BLEU, CHRF)
    compared: ClassVar[tuple[Metric, ...]] = (EXACT, EDITS, CHRF)
    plots: ClassVar[tuple[str, ...]] = ("source_lengths",)
    sections: ClassVar[tuple[str, ...]] = ("translations",)
    next_command: ClassVar[str] = 'translate {} "a text"'
    asked: ClassVar[str] = "`seqtrain translate RUN TEXT` gives its translations"

    def __post_init__(self) -> None:
        """Raise a ValueError if the values cannot be those of a translation."""
        sizes = all(
            type(n) is int and 0 < n <= limits.SIZE for n in (self.steps, self.source_steps)
        )
        texts = all(isinstance(one, str) for one in (*self.tokens, self.rule, self.subwords))
        if not (sizes and texts and self.rule in RULES):
            raise ValueError("it does not hold what a translation needs")

    @classmethod
    def fitted(cls, reader: SourceReader, writer: TargetWriter, targets: Any = ()) -> Self:
        """Return the task with what is fitted on train.

        Args:
            reader: reads the sources.
            writer: writes the targets.
            targets: of train, as texts.
        """
        of_target = writer.vocabulary
        words = sum(len(text.split()) for text in targets) / max(len(targets), 1)
        return cls(
            of_target.words,
            of_target.tokeniser.rule,
            base64.b64encode(of_target.tokeniser.model).decode(),
            writer.steps,
            reader.steps,
            reader.backwards,
            of_target.tokeniser.kind != "symbols" and words >= OF_WORDS,
        )

    @cached_property
    def writer(self) -> TargetWriter:
        """How targets become ids, and ids become text."""
        from seqtrain.data.vocabulary import Vocabulary

        tokeniser = Tokeniser(self.rule, base64.b64decode(self.subwords))  # type: ignore[arg-type]
        return TargetWriter(Vocabulary(self.tokens, tokeniser), self.steps)

    # Labels

    def learned(self, labels: np.ndarray) -> np.ndarray:
        """Return the ids of the first right target, which is learned; int32, shape (N, steps)."""
        import numpy as np

        return np.ascontiguousarray(labels["targets"][:, 0, : self.steps])

    def label(self, truth: Any) -> str:
        """Return the first right target as text."""
        return self.writer.text(truth["targets"][0])

    def describe(self, labels: Mapping[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
        """Return the lengths of the targets, and how many are right for one source."""
        from seqtrain.evaluation import sequence_metrics

        rows: list[dict[str, Any]] = [
            {"name": "right for a source"},
            {"name": "mean tokens"},
            {"name": "most tokens"},
        ]
        for name, some in labels.items():
            if not len(some):
                continue
            sizes = sequence_metrics.lengths(some["targets"][:, 0])
            rows[0][name] = float((some["targets"][:, :, 0] != 0).sum(axis=1).mean())
            rows[1][name] = float(sizes.mean())
            rows[2][name] = float(sizes.max())
        return {"labels": rows}

    def summary(self, labels: np.ndarray) -> str:
        """Return the number of sequences and of ids."""
        return f"{len(labels):,} sequences, {self.outputs:,} ids"

    # Files

    def to_json(self) -> Any:
        """Return everything that was fitted."""
        return {
            "tokens": list(self.tokens),
            "rule": self.rule,
            "subwords": self.subwords,
            "steps": self.steps,
            "source_steps": self.source_steps,
            "backwards": self.backwards,
            "texts": self.texts,
        }

    def from_json(self, value: Any) -> Self:
        """Return the task as it was saved."""
        if not isinstance(value, dict):
            raise ValueError("it does not hold a dict")
        try:
            task = replace(self, **{**value, "tokens": tuple(value["tokens"])})
            task.writer  # noqa: B018 - raises a ValueError where its subwords are damaged
        except (KeyError, TypeError) as error:
            raise ValueError("it does not hold what a translation needs") from error
        return task

    # The model

    @property
    def outputs(self) -> int:
        """A unit for each id."""
        return self.writer.ids

    def head(self) -> list[keras.Layer]:
        """Return a softmax over all ids, of each step."""
        import keras

        return [keras.layers.Dense(self.outputs, activation="softmax", name="head")]

    def keras_loss(self) -> Any:
        """Return the cross-entropy of logits, in nats a target token; padding does not count."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)

    def keras_metrics(self, monitor: str | None) -> list[Any]:
        """Return none: every score is of decoded targets, and is added after each epoch."""
        return []

    def unmeasured(self, monitor: str | None) -> tuple[str, str] | None:
        """Return an error and a hint if BLEU or chrF is monitored, but not known."""
        if self._of_texts or monitor not in {f"val_{BLEU.name}", f"val_{CHRF.name}"}:
            return None
        why, hint = "sacrebleu is not installed", "`pip install 'seqtrain[translation]'`, or "
        if not self.texts:
            why, hint = "the targets are no texts of several words", ""
        hint += f"`training.monitor=val_{EXACT.name}`"
        return f"`training.monitor` is {monitor}, but {why}", hint

    def predictions(self, outputs: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Refuse: a network decodes its target step by step, see `inference.decoding`."""
        raise ValueError("a target is decoded token by token")

    # Evaluation

    def check(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        """Check that they are right targets, and decoded ids with their probabilities."""
        import numpy as np

        if labels.dtype.names != ("source_length", "targets") or labels["targets"].ndim != 3:
            raise ValueError("it does not hold target sequences")
        if predictions.dtype.kind != "f" or predictions.shape[1:2] != (3,) or predictions.ndim != 3:
            raise ValueError("it does not hold decoded sequences")
        ids = predictions[:, 0]
        if (ids < 0).any() or (ids >= self.outputs).any() or (ids != np.floor(ids)).any():
            raise ValueError("it does not hold ids of the run")
        targets = labels["targets"]
        if (targets < 0).any() or (targets >= self.outputs).any() or (targets[:, 0, 0] == 0).any():
            raise ValueError("it does not hold target sequences of the run")

    def scores(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> Scores:
        """Return every score."""
        from seqtrain.evaluation import sequence_metrics

        return sequence_metrics.scores(prefix, labels, predictions, self.writer, self.texts)

    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        """Return the scores, their intervals, and the scores of sources of each length."""
        from seqtrain.evaluation import sequence_metrics

        return sequence_metrics.evaluate(prefix, labels, predictions, self.writer, self.texts)

    def tables(self, detail: Mapping[str, Any]) -> list[str]:
        """Return the scores of sources of each length."""
        rows = [
            [
                f"{one['from']}" if one["from"] == one["to"] else f"{one['from']}–{one['to']}",
                f"{one['examples']:,}",
                *(f"{one[name]:.2%}" for name in ("exact_match", "edit_rate")),
            ]
            for one in detail["by_length"]
        ]
        head = ["tokens of the source", "sources", EXACT.title, EDITS.title]
        return [table(head, rows)] if rows else []

    def judged_by(self, labels: np.ndarray, weighed: bool) -> tuple[Metric, ...]:
        """Return exact match and the edit distance; of texts chrF."""
        return (CHRF,) if self._of_texts else (EXACT, EDITS)

    @property
    def _of_texts(self) -> bool:
        """Whether BLEU and chrF are known."""
        from importlib.util import find_spec

        return self.texts and find_spec("sacrebleu") is not None

    def baselines(self, dataset: Dataset, with_linear: bool, weighed: bool) -> list[Baseline]:
        """Return the most frequent target, the source itself, and the target of the nearest."""
        from seqtrain.evaluation import pair_baselines

        if dataset.vocabulary is None:
            return [pair_baselines.most_frequent(dataset, self.writer)]
        reader = SourceReader(dataset.vocabulary, self.source_steps, self.backwards)
        found = [
            pair_baselines.most_frequent(dataset, self.writer),
            pair_baselines.copies(dataset, reader, self.writer),
        ]
        if with_linear:
            found.append(pair_baselines.nearest(dataset, reader, self.writer))
        return found

    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        """Return the differences of the metrics, and their p-values by the paired bootstrap."""
        from seqtrain.evaluation import sequence_metrics

        names = [metric.name for metric in (EXACT, EDITS, *((CHRF,) if self._of_texts else ()))]
        found = sequence_metrics.difference(labels, ours, theirs, self.writer, names)
        return {"difference": found}

    def better(self, other: Mapping[str, Any], metric: Metric) -> int:
        """Return the better one by the paired bootstrap over sources."""
        found = other["difference"][metric.name]
        return significant(metric.gain(found["difference"], 0.0), found["p"])

    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        """Return the paired bootstrap over sources."""
        from seqtrain.evaluation import sequence_metrics

        found = sequence_metrics.difference(labels, ours, theirs, self.writer, [metric.name])
        return "paired bootstrap", found[metric.name]["p"] if metric.name in found else 1.0

    def same(self, labels: np.ndarray, others: np.ndarray) -> bool:
        """Return whether two runs have the same targets, however many tokens each writes."""
        import numpy as np

        one, other = labels["targets"], others["targets"]
        sizes = np.maximum(one.shape, other.shape)
        first, second = (
            np.pad(some, [(0, more) for more in sizes - some.shape]) for some in (one, other)
        )
        return np.array_equal(first, second)

    def mistakes(
        self, labels: np.ndarray, predictions: np.ndarray
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield what equals no right target, the farthest from the nearest of them first."""
        import numpy as np

        from seqtrain.evaluation import sequence_metrics

        found = sequence_metrics.compared(labels, predictions)
        ours = sequence_metrics.decoded(predictions)
        wrong = np.flatnonzero(~found.right)
        order = np.argsort(-found.errors[wrong], kind="stable")[:MOST_MISTAKES]
        for index in wrong[order].tolist():
            truth = labels["targets"][index, found.nearest[index]]
            yield (
                index,
                {
                    "truth": self.writer.text(truth),
                    "prediction": self.writer.text(ours[index]),
                    "edit_distance": str(int(found.errors[index])),
                },
            )

    # Why a network may not have learned

    def guessing(self, labels: np.ndarray, of: np.ndarray, weighed: bool) -> float:
        """Return the loss of the shares of the tokens in train."""
        import numpy as np

        train, judged = (self.learned(one).ravel() for one in (labels, of))
        counts = np.bincount(train[train != 0], minlength=self.outputs) + 1.0
        return float(-np.log(counts / counts.sum())[judged[judged != 0]].mean())

    def knows_train(self, row: Mapping[str, float]) -> bool:
        """Return whether the loss on train is nearly 0."""
        return row["loss"] <= BY_HEART

    def out_of_reach(self, labels: np.ndarray) -> Iterator[str]:
        """Yield a sentence if many targets are longer than the network writes."""
        import numpy as np

        from seqtrain.evaluation import sequence_metrics

        lengths = sequence_metrics.lengths(labels["targets"][:, 0])
        most = self.steps - 1
        if (share := float((lengths > most).mean())) > MUCH_CUT:
            yield (
                f"{share:.0%} of the targets are longer than the {counted(most, 'token')} that the "
                "network writes, so it can never be right: `dataset.max_target_length="
                f"{int(np.percentile(lengths, USUAL))}`, or shorter texts, such as sentences"
            )

    # What a network predicts, in words

    def rows(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the decoded text, and its probability."""
        import math

        import numpy as np

        for ids, logs, _ in predictions:
            known = logs[(ids != 0) & (logs <= 0)].sum(dtype=np.float64)
            yield {"translation": self.writer.text(ids.astype(int)), "probability": math.exp(known)}

    def token(self, number: int) -> str:
        """Return the token of an id."""
        return "<end>" if number == END else self.writer.vocabulary.names([number])[0]


def translation(task: Task) -> Translation:
    """Return a task, if it is a translation.

    Raises:
        DataError: it is not.
    """
    return of_kind(task, Translation, "translates nothing")
