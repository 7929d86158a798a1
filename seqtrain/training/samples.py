"""What a run of a language model keeps besides its scores: samples, and bits by context.

Imports Keras, so `execution.start` must come first.
"""

import logging
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from seqtrain.data.dataset import Dataset
from seqtrain.data.text_windows import ids_of
from seqtrain.display.escape import one_line
from seqtrain.evaluation import language_metrics
from seqtrain.inference.generation import Sampling, Writer
from seqtrain.inference.stepping import of_model
from seqtrain.io.text_file import shown
from seqtrain.runs.run import CONTEXT, Run
from seqtrain.tasks.language_model import language_model

LENGTH, AFTER_EPOCH = 600, 0.8  # tokens of a sample, and its temperature
TEMPERATURES = (0.5, 0.8, 1.0)  # of the samples of the best epoch
LONGEST, PASSAGES = 256, 384  # tokens of a passage that is read without a past, and how many
SEARCHED = 5_000_000  # characters of train in which copied spans are looked for

log = logging.getLogger(__name__)


def writer(model: Any, dataset: Dataset) -> Writer:
    """Return a Keras network as one that writes texts."""
    if dataset.vocabulary is None:
        raise TypeError("a language model has a vocabulary")
    return Writer(of_model(model), dataset.vocabulary, language_model(dataset.task))


class WriteSamples(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes a sample of each epoch, so that one sees a network learn to spell."""

    def __init__(self, run: Run, dataset: Dataset) -> None:
        super().__init__()
        self.run = run
        self.dataset = dataset

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write and log a sample; an epoch that is trained again gives the same one."""
        seed = self.run.config.seed
        row = sample(writer(self.model, self.dataset), AFTER_EPOCH, seed)
        before = [one for one in self.run.samples() if one["epoch"] <= epoch]
        self.run.write_samples([*before, {"epoch": epoch + 1, **row}])
        log.info("sample: %s", shown(one_line(row["text"].strip())))


def sample(of: Writer, temperature: float, seed: int) -> dict[str, Any]:
    """Return a text without a given beginning, with its temperature."""
    pieces = (one.piece for one in of.write("", LENGTH, Sampling(temperature), seed))
    return {"temperature": temperature, "text": "".join(pieces)}


def of_best_epoch(run: Run, model: Any, dataset: Dataset, best_epoch: int) -> None:
    """Add samples of the best epoch at several temperatures, with what they copy from train."""
    of = writer(model, dataset)
    train = ids_of(dataset.train)[-SEARCHED:]
    text = of.vocabulary.text(train)
    rows = [row for row in run.samples() if "copied" not in row]
    for temperature in TEMPERATURES:
        row = sample(of, temperature, run.config.seed)
        copied = longest_copied(row["text"], text)
        rows.append({"epoch": best_epoch, **row, "copied": copied})
    run.write_samples(rows)


def longest_copied(text: str, source: str) -> str:
    """Return the longest span of a text that stands in a source, too."""
    first, length = 0, 0
    for begin in range(len(text)):
        while begin + length < len(text) and text[begin : begin + length + 1] in source:
            first, length = begin, length + 1
    return text[first : first + length]


def by_context(run: Run, model: Any, dataset: Dataset) -> None:
    """Write how many bits a character costs by the number of tokens that were read before it."""
    examples = dataset.test
    ids, labels = examples.first[:, 0], examples.labels
    length = min(LONGEST, len(ids))
    number = min(len(ids) // length, PASSAGES)
    starts = np.linspace(0, len(ids) - length, number).astype(int)
    rows = starts[:, None] + np.arange(length)
    stack = of_model(model)
    features, _ = stack.read(ids[rows], stack.begin(number))
    costs = np.stack(list(_costs(stack, features, labels[rows], dataset)))
    characters = labels["characters"][rows]
    run.write_table(
        CONTEXT,
        [
            {
                "context": position + 1,
                "bits_per_character": float(
                    costs[:, position].sum() / max(characters[:, position].sum(), 1)
                ),
            }
            for position in range(length)
        ],
    )


def _costs(stack: Any, features: np.ndarray, labels: np.ndarray, dataset: Dataset) -> Iterator[Any]:
    """Yield the bits of each token of each passage, float64 of shape (T,)."""
    for found, true in zip(features, labels, strict=True):
        predictions = dataset.task.predictions(stack.logits(found), true)
        yield language_metrics.bits(true, predictions)
