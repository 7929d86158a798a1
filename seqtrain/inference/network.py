"""The predictions of a trained network, and the evaluation of a run on a split."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.backend import execution
from seqtrain.data import inputs
from seqtrain.data.dataset import (
    MASK_VALUE,
    Examples,
    NewExamples,
    Split,
    cut,
    real_steps,
)
from seqtrain.data.inputs import Inputs
from seqtrain.data.unknown_words import doubt_of_given, unknown_of_each
from seqtrain.errors import DataError, RunError
from seqtrain.evaluation.metric import PREFIXES
from seqtrain.inference import carried, decoding, model_file
from seqtrain.inference.new_examples import read, renamed
from seqtrain.inference.newer_series import backtest
from seqtrain.io.text_file import told
from seqtrain.runs import run_data
from seqtrain.runs.run import Run
from seqtrain.tasks import Task
from seqtrain.tasks.labelled_task import labelled

BATCH_SIZE = 64  # examples at once; more are no faster, and take more memory
GROUPS = 5  # groups of examples of similar length
WORTHWHILE = 40  # batches in a group, so that cutting saves more time than compiling takes

LISTS = ("causes", "warnings", "advice")  # of a verdict
UNTOLD: dict[str, Any] = {"learned": True, "sentence": "", "causes": []}  # no verdict

Row = dict[str, Any]

log = logging.getLogger(__name__)


def load_model(run: Run, masked: bool = False) -> Any:
    """Build the network of a run with the weights of its best epoch.

    Its head is that of `Task.in_training`; see `predictions`.

    Args:
        run: a run with a model.
        masked: see `model_file.open_model`.

    Raises:
        RunError: the model file is damaged, or holds another network.
    """
    fitted = run.fitted()
    try:
        model = model_file.open_model(run.model_file, run.config, fitted, masked)
    except ValueError as error:
        raise RunError(f"{run.model_file} cannot be opened: {error}", run.again) from error
    execution.accelerate(fitted.task.in_training(model))
    return model


def started(run: Run, masked: bool = False) -> Any:
    """Start the backend of a run, and return its network as `load_model` does."""
    run.require(run.model_file.name)
    execution.start_for_inference(run.config.execution, run.config.seed)
    return load_model(run, masked)


def predictions(model: Any, examples: Examples | NewExamples, task: Task) -> np.ndarray:
    """Return the predictions of a network for N examples, in the form of `Task.predictions`."""
    if task.of_steps and isinstance(examples, Examples):
        return carried.predictions(model, examples.whole(), task)
    if task.decodes:
        return decoding.predictions(model, examples, task)
    labels = examples.labels if isinstance(examples, Examples) else None
    return task.predictions(outputs(model, examples.x), labels)


def outputs(model: Any, x: Inputs) -> np.ndarray:
    """Return the outputs of the head of a network; float32, shape (N, units).

    If padding at the end is hidden, examples of similar length are computed together and cut to
    about the longest of them. This only saves time.
    """
    if not isinstance(x, dict) and hides_padding(model, x):
        steps = real_steps(x)
        order = np.argsort(steps, kind="stable")
        batches = math.ceil(len(order) / BATCH_SIZE)
        size = max(math.ceil(batches / GROUPS), WORTHWHILE) * BATCH_SIZE
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        out = np.concatenate([_predict(model, x[part, : cut(steps[part], x)]) for part in parts])
        return np.asarray(out[np.argsort(order)])
    return _predict(model, x)


def _predict(model: Any, x: Inputs) -> np.ndarray:
    found = np.empty((inputs.count(x), *model.output_shape[1:]), np.float32)
    for start in range(0, len(found), BATCH_SIZE):
        end = min(start + BATCH_SIZE, len(found))
        size = BATCH_SIZE if start else _filled(end)
        rows = np.minimum(np.arange(start, start + size), end - 1)
        found[start:end] = model.predict_on_batch(inputs.rows(x, rows))[: end - start]
    return found


def _filled(examples: int) -> int:
    """Return the size of a batch that so few examples fill up: one of a few that are compiled."""
    return min(1 << (examples - 1).bit_length(), BATCH_SIZE)


def hides_padding(model: Any, x: np.ndarray) -> bool:
    """Return whether examples are only padded at the end, and the model hides padding."""
    if not len(x) or not getattr(model, "hides_padding", False):
        return False
    first = x[:, 0] if x.ndim == 2 else x[:, 0, 0]
    return not (first == (0 if x.ndim == 2 else MASK_VALUE)).any()


def evaluate(run: Run, split: Split = "test", data_dir: Path | None = None) -> dict[str, Any]:
    """Run the saved model of a run on a split of its data.

    Returns:
        The result of `Task.evaluate`, with the run, its state, the split, the data and the
        number of examples; for the test examples also `baselines` and `verdict` from
        `metrics.json`. Scores begin with `train_`, `val_` or `test_`. No file is written.

    Raises:
        RunError: the run has no model.
        DataError: the data cannot be read, or have changed so much that their vocabulary or
            scaling differs from that of the run.
    """
    run.require(run.model_file.name)
    dataset = run_data.load_readable(run, data_dir)
    same, fitted = dataset.sha256 == run.data_sha256(), run.fitted()
    execution.start_for_inference(run.config.execution, run.config.seed)
    examples = dataset.split(split).whole()
    model, stepwise = load_model(run), fitted.task.of_steps or fitted.task.decodes
    model = model if stepwise else fitting(model, examples.x)
    found = predictions(model, examples, fitted.task)
    prefix = PREFIXES[split]
    judged = fitted.task.evaluate(prefix, examples.labels, found)
    scores = [name for name in judged if name.startswith(f"{prefix}_")]
    return {
        "run": str(run.folder),
        "finished": run.finished,
        "split": split,
        "optimistic": split == "validation" or (split == "test" and run.optimistic),
        "source": dataset.source,
        "same_data": same,
        "examples": len(examples),
        **judged,
        **(_comparison(run, scores) if split == "test" and same else {}),
    }


def _comparison(run: Run, scores: Sequence[str]) -> dict[str, Any]:
    """Return the baselines and the verdict that the training wrote.

    Args:
        run: the run.
        scores: the scores to keep for each baseline.

    Raises:
        RunError: metrics.json is damaged.
    """
    known = run.metrics() if run.finished else {}
    found: dict[str, Any] = {k: known[k] for k in ("baselines", "verdict") if k in known}
    scores = [name for name in scores if name in known]  # an older version wrote fewer
    if not _as_written(found.get("baselines", {}), found.get("verdict", UNTOLD), scores):
        raise run.damaged("metrics.json", "its baselines or its verdict are damaged")
    return found


def _as_written(baselines: Any, verdict: Any, scores: Sequence[str]) -> bool:
    """Return whether the baselines and the verdict have all their keys."""
    if not isinstance(baselines, dict) or not isinstance(verdict, dict):
        return False
    models = baselines.values()
    if not all(isinstance(model, dict) and set(scores) <= model.keys() for model in models):
        return False
    values = [model[name] for model in models for name in scores]
    return (
        all(value is None or isinstance(value, int | float) for value in values)
        and UNTOLD.keys() <= verdict.keys()
        and all(isinstance(verdict.get(name, []), list) for name in LISTS)
        and all(isinstance(model.get("trained_on", 0), int) for model in models)
    )


def evaluate_given(run: Run, file: Path, *columns: str | None) -> dict[str, Any]:
    """Run the saved model of a run on labelled examples of a file; see `new_examples.read`.

    A network that forecasts is tested from every step of newer series whose next values are known.

    Returns:
        Like `evaluate`, with scores that begin with `data_`; `trained_on` counts the examples
        that were also training examples.

    Raises:
        RunError: the run has no model.
        DataError: the file has no labels, or labels that the run does not know.
    """
    run.require(run.model_file.name)
    task = run.fitted().task
    if run.config.dataset.holds_pairs:
        examples = renamed(run, *(columns or (None, None))).paired(file, run.fitted())
        x, labels = examples.x, examples.labels
        execution.start_for_inference(run.config.execution, run.config.seed)
        found = predictions(load_model(run), examples, task)
    elif run.config.dataset.holds_series:
        examples, task = backtest(run, file)
        x, labels = examples.x, examples.labels
        execution.start_for_inference(run.config.execution, run.config.seed)
        found = predictions(fitting(load_model(run), x), examples, task)
    else:
        given = _labelled(run, read(run, file, *columns), file)
        x, labels = given.x, given.truth(file, labelled(task))
        found = predict(run, given)
    return {
        "run": str(run.folder),
        "finished": run.finished,
        "split": "data",
        "source": str(file),
        "examples": len(labels),
        "trained_on": int(np.isin(inputs.fingerprints(x), run.trained_on()).sum()),
        **task.evaluate("data", labels, found),
    }


def _labelled(run: Run, given: NewExamples, file: Path) -> NewExamples:
    """Return the examples of a file without those that have no label, if the run skips these."""
    if getattr(run.config.dataset, "unlabelled", None) != "skip":
        return given
    judged = given.labelled()
    for line in told(file, {"examples without a label": len(given.x) - len(judged.x)}):
        log.info("%s", line)
    return judged


def predict(run: Run, given: NewExamples) -> np.ndarray:
    """Return the predictions of the saved model of a run, as `predictions` does.

    It warns about texts that it hardly knows.

    Raises:
        RunError: the run has no model.
        DataError: the examples do not fit the model.
    """
    run.require(run.model_file.name)
    if doubt := doubt_of_given(given, getattr(run.config.dataset, "tokens", None)):
        log.warning("%s", doubt)
    model, task = started(run), run.fitted().task
    return predictions(model if task.decodes else fitting(model, given.x), given, task)


def fitting(model: Any, x: Inputs) -> Any:
    """Return the model, if the shapes of the examples fit it."""
    read = {one.name: one for one in model.inputs} if isinstance(x, dict) else model.inputs[0]
    wanted, found = _shapes(read), _shapes(x)
    if wanted != found:
        hint = f"the network reads examples of {wanted}"
        raise DataError(f"examples of {found} do not fit the network", hint)
    return model


def _shapes(x: Any) -> str:
    """Describe the shape of an example, or the shapes of its named inputs."""
    shapes = inputs.each(x, lambda array: " × ".join(map(str, array.shape[1:])))
    named = isinstance(shapes, dict)
    return ", ".join(f"{name} {shapes[name]}" for name in sorted(shapes)) if named else str(shapes)


def described(given: NewExamples, predictions: np.ndarray, task: Task) -> list[Row]:
    """Return a row for each example: its number from 1, its text, and its row of `Task.rows`.

    A text also has the share of its tokens that are unknown to the network.
    """
    rows, texts = [], given.texts or []
    shares = unknown_of_each(given.x) if texts else []
    for index, answer in enumerate(task.rows(predictions)):
        text = {"text": texts[index]} if texts else {}
        unknown = {"unknown": round(shares[index], 4)} if texts else {}
        rows.append({"example": index + 1, **text, **answer, **unknown})
    return rows
