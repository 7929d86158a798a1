"""Explanations: the prediction of a network after each step of an example, and its gates."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.data.dataset import NewExamples, Split, real
from seqtrain.data.vocabulary import OOV, PAD, Vocabulary
from seqtrain.display.escape import slug
from seqtrain.errors import DataError
from seqtrain.inference import network, new_examples
from seqtrain.runs import run_data
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import Run
from seqtrain.schema.sections import End
from seqtrain.tasks import Task
from seqtrain.tasks.labelled_task import labelled

if TYPE_CHECKING:
    from seqtrain.interpretation.prefixes import Reading
    from seqtrain.interpretation.trace import Place

MOST = 10  # examples of a file to explain, if no single one is chosen
DIGITS = 6  # significant digits of numbers in JSON

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """One example to explain.

    Attributes:
        x: the input of the network, shape (T,) or (T, F), with padding.
        title: its name for people.
        slug: its name in file names.
        words: the word of each step, if steps are words; without padding.
        label: its true class or number as text, if known.
        rows: whether the steps are the rows of an image.
    """

    x: np.ndarray
    title: str
    slug: str
    words: list[str] | None = None
    label: str | None = None
    rows: bool = False

    @property
    def read(self) -> np.ndarray:
        """The steps without padding, shape (n,) or (n, F)."""
        return np.asarray(self.x[real(self.x[None])[0]])


@dataclass(frozen=True)
class Explanation:
    """The predictions of a network for the parts of an example, with its gates and states.

    Attributes:
        run: the name of the run.
        example: the example, with n steps that are not padding.
        task: the task of the network.
        readings: one for each direction of the network.
        gates: float32 of shape (n, units), by layer and direction, then by name.
        attention: the attention weight of each step, shape (n,), if the pooling is attention.
    """

    run: str
    example: Example
    task: Task
    readings: "list[Reading]"
    gates: "dict[Place, dict[str, np.ndarray]]"
    attention: np.ndarray | None = None

    @property
    def predictions(self) -> np.ndarray:
        """The prediction for the whole example: the probability of each class, or one number."""
        return np.asarray(self.readings[0].predictions[self.readings[0].end])

    @property
    def index(self) -> int:
        """The index of the predicted class."""
        return int(self.predictions.argmax())

    def number(self, said: float) -> str:
        """Format a probability or a predicted number."""
        return self.task.shown(said)

    @property
    def verdict(self) -> str:
        """The prediction as a sentence, with the true label if known."""
        return self.task.decision(self.predictions, self.example.label)

    @property
    def symbol(self) -> str:
        """The symbol of the prediction after each step, such as `p(positive)`."""
        return self.task.symbol(self.index)

    @property
    def measure(self) -> str:
        """The quantity of the changes, such as log-odds."""
        return self.task.measure(self.index)

    def changes(self) -> dict[str, np.ndarray]:
        """Return the change of the prediction by each step, for each direction."""
        return {reading.direction: reading.changes(self.index) for reading in self.readings}

    @property
    def largest_change(self) -> float:
        """The largest absolute change; for the scale of colours."""
        found = [np.abs(changes[np.isfinite(changes)]) for changes in self.changes().values()]
        return max((float(values.max()) for values in found if values.size), default=0.0) or 1.0

    @property
    def steps(self) -> list[str]:
        """The name of each step: its word, or its number from 1."""
        numbers = range(1, len(self.readings[0].predictions) + 1)
        return self.example.words or list(map(str, numbers))


def explain(run: Run, example: Example) -> Explanation:
    """Explain one example, as `explain_each` does."""
    return next(explain_each(run, [example]))


def explain_each(run: Run, examples: Sequence[Example], model: Any = None) -> Iterator[Explanation]:
    """Explain examples: run the network of a run on every part of each.

    Args:
        run: the run.
        examples: what the network reads.
        model: its network, if it is already loaded (`masked`) and serves nothing else.

    Raises:
        RunError: the run has no model.
        DataError: an example does not fit the model.
    """
    model, task = model or network.started(run, masked=True), run.fitted_task
    from seqtrain.interpretation import prefixes

    padding: End = getattr(run.config.dataset, "padding", "post")
    for example in examples:
        gates, attention = prefixes.inside(network.fitting(model, example.x[None]), example.x)
        said = prefixes.readings(model, example.x, padding, task)
        yield Explanation(run.label, example, task, said, gates, attention)


def example_of_text(run: Run, text: str) -> Example:
    """Return a text as an example for the network of a run.

    Raises:
        DataError: the network does not read texts.
    """
    return _given(run, run.config.dataset.encode_texts([text], run.fitted()), 0, text)


def examples_of_file(
    run: Run, file: Path, number: int | None, text: str | None = None
) -> list[Example]:
    """Return one example of a file, or its first `MOST` examples.

    Args:
        run: its config says how to read the file.
        file: as `seqtrain predict --data` reads it.
        number: counts from 1.
        text: the column of the texts, if it differs from the training.

    Raises:
        DataError: the file is damaged, does not fit the network, or has fewer examples.
    """
    examples = new_examples.read(run, file, text)
    count = len(examples.x)
    _check(number or 1, count, str(file))
    if number is None and count > MOST:
        log.info("the first %s of %s examples: `--example N` names another", MOST, f"{count:,}")
    numbers = [number] if number else range(1, min(count, MOST) + 1)
    return [_given(run, examples, n - 1, f"example {n} of {file.name}") for n in numbers]


def example_of_split(run: Run, split: Split, number: int, data_dir: Path | None) -> Example:
    """Return an example of a split of the data of a run.

    Args:
        run: the run.
        split: train, validation or test.
        number: counts from 1.
        data_dir: a folder to look for data files in.

    Raises:
        DataError: the data cannot be read, or the split has fewer examples.
    """
    examples = run_data.load_readable(run, data_dir).split(split)
    _check(number, len(examples), split)
    fitted, x = run.fitted(), examples.first[number - 1]
    words = None if x.ndim > 1 else _names(fitted.vocabulary, x)
    truth, rows = examples.labels[number - 1], run.config.dataset.reads_rows
    label = fitted.task.label(truth)
    return Example(x, f"example {number} of {split}", f"{split}-{number}", words, label, rows)


def _names(vocabulary: Vocabulary | None, x: np.ndarray) -> list[str]:
    """Return the tokens of ids, a space as `␣`; or the ids if their tokens are unknown."""
    ids = x[x != PAD].tolist()
    names = vocabulary.names(ids) if vocabulary else map(str, ids)
    return ["␣" if name == " " else name for name in names]


def _check(number: int, count: int, where: str) -> None:
    if not 1 <= number <= count:
        raise DataError(
            f"{where} has {count:,} examples, so it has no example {number}",
            f"choose one of 1 to {count}: `--example {count}`",
        )


def _given(run: Run, examples: NewExamples, index: int, title: str) -> Example:
    x = examples.x[index]
    label = examples.labels[index] if examples.labels else None
    if label is not None:
        labelled(run.task).check_label(title, label)
    words = _words(run, examples.texts[index], x) if examples.texts else None
    return Example(x, title, slug(title, x.tobytes()), words, label, run.config.dataset.reads_rows)


def _words(run: Run, text: str, x: np.ndarray) -> list[str]:
    """Return the words of a text that the network reads; unknown words in brackets."""
    vocabulary = run.fitted().vocabulary
    names = _names(vocabulary, x)
    written = ["<start>", *(vocabulary.tokeniser(text) if vocabulary else ())]
    late = getattr(run.config.dataset, "truncating", "pre") == "pre"
    written = written[-len(names) :] if late else written[: len(names)]
    pairs = zip(x[x != PAD].tolist(), names, written, strict=True)
    return [f"[{word}]" if number == OOV else name for number, name, word in pairs]


def numbers(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as `--json` prints it; each list of numbers has one item per step.

    Returns:
        `class` and `probability`, or `prediction`. `steps`: their names. `readings`: for each
        direction `probabilities` by class or `predictions`, and `changes` of the log-odds of
        `class` or of the prediction, null for the first step read. `attention`: the weight of
        each step, if the pooling is attention. `gates`: for each layer and direction, by name, a
        list of units for each step.
    """
    task = explanation.task
    return {
        "run": explanation.run,
        "example": explanation.example.title,
        "true": explanation.example.label,
        **task.decided(explanation.predictions),
        "steps": explanation.steps,
        "readings": [
            {
                "direction": reading.direction,
                **_in_lists(task.by_step(reading.predictions)),
                "changes": _rounded(reading.changes(explanation.index)),
            }
            for reading in explanation.readings
        ],
        **({} if explanation.attention is None else {"attention": _rounded(explanation.attention)}),
        "gates": [
            {"layer": place.layer, "direction": place.direction}
            | {name: [_rounded(units) for units in values] for name, values in found.items()}
            for place, found in explanation.gates.items()
        ],
    }


def _in_lists(found: dict[str, Any]) -> dict[str, Any]:
    """Return arrays as lists of rounded numbers, at any depth."""
    return {
        key: _in_lists(value)
        if isinstance(value, dict)
        else _rounded(value)
        if isinstance(value, np.ndarray)
        else value
        for key, value in found.items()
    }


def keep(run: Run, explanation: Explanation) -> None:
    """Keep the result of `numbers` without the gates in the run, for its report."""
    (run.folder / EXPLAINED).mkdir(exist_ok=True)
    found = {name: value for name, value in numbers(explanation).items() if name != "gates"}
    run.write_json(f"{EXPLAINED}/{explanation.example.slug}.json", found)


def _rounded(values: Sequence[float] | np.ndarray) -> list[float | None]:
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]
