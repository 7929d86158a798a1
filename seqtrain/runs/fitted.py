"""The files of what a run fitted on its training examples, and of its predictions."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seqtrain.data import scaling
from seqtrain.data.dataset import Fitted
from seqtrain.runs.run_files import Artifacts
from seqtrain.tasks import Task

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.tokens import Tokeniser
    from seqtrain.data.vocabulary import Vocabulary


def read(folder: Artifacts, task: Task) -> Fitted:
    """Read everything needed to read new examples.

    Raises:
        RunError: a file is missing or damaged.
    """
    return Fitted(
        read_task(folder, task),
        _vocabulary(folder) if folder.has("vocabulary.json") else None,
        _scaling(folder) if folder.has("scaling.json") else None,
    )


def read_task(folder: Artifacts, task: Task) -> Task:
    """Return the fitted task.

    Raises:
        RunError: its file is missing or damaged.
    """
    try:
        return task.from_json(folder.read_json(task.file, object))
    except ValueError as error:
        raise folder.damaged(task.file, error) from error


def write(folder: Artifacts, fitted: Fitted) -> None:
    """Write everything needed to read new examples."""
    folder.write_json(fitted.task.file, fitted.task.to_json())
    if fitted.vocabulary:
        folder.write_json("tokens.json", _described(fitted.vocabulary.tokeniser))
        folder.write_json("vocabulary.json", fitted.vocabulary.words)
    if fitted.scaling:
        folder.write_json("scaling.json", asdict(fitted.scaling))


def read_predictions(folder: Artifacts, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return the test labels, and the predictions of the test examples, see `Run.predictions`."""
    import numpy as np

    name = "predictions.npz"
    labels, found = folder.read_arrays(name, "labels", task.array)
    if folder.has(task.file):
        task = read_task(folder, task)
    try:
        whole = labels.shape == found.shape[:1] and labels.size and found.dtype.kind == "f"
        if not whole or not np.isfinite(found).all():
            raise ValueError(f"it does not hold a label and {task.array} of each example")
        task.check(labels, found)
    except ValueError as error:
        raise folder.damaged(name, error) from error
    return labels, found


def _vocabulary(folder: Artifacts) -> Vocabulary:
    """Return the tokens of a run and its tokeniser.

    Early runs have no file for the tokeniser.
    """
    from seqtrain.data.tokens import Tokeniser
    from seqtrain.data.vocabulary import Vocabulary

    tokeniser = _tokeniser(folder) if folder.has("tokens.json") else Tokeniser("plain")
    vocabulary = Vocabulary(folder.read_words("vocabulary.json"), tokeniser)
    if tokeniser.rule == "subwords":
        _check_subwords(folder, vocabulary)
    return vocabulary


def _described(tokeniser: Tokeniser) -> dict[str, str]:
    """Return the tokeniser in `tokens.json`."""
    model = base64.b64encode(tokeniser.model).decode()
    return {"tokens": tokeniser.rule, **({"sentencepiece": model} if model else {})}


def _tokeniser(folder: Artifacts) -> Tokeniser:
    from seqtrain.data.tokens import RULES, Tokeniser

    written = folder.read_json("tokens.json", dict)
    rule, model = written.get("tokens"), written.get("sentencepiece", "")
    if not (isinstance(rule, str) and rule in RULES and isinstance(model, str)):
        raise folder.damaged("tokens.json", "it does not say how texts are split")
    try:
        return Tokeniser(rule, base64.b64decode(model, validate=True))
    except ValueError as error:
        raise folder.damaged("tokens.json", error) from error


def _check_subwords(folder: Artifacts, vocabulary: Vocabulary) -> None:
    """Check that the subwords of a model are those with ids."""
    from seqtrain.data.subwords import pieces

    try:
        found = pieces(vocabulary.tokeniser.model)
    except ValueError as error:
        raise folder.damaged("tokens.json", error) from error
    if sorted(found) != sorted(vocabulary.words):
        raise folder.damaged("tokens.json", "its subwords are not those of vocabulary.json")


def _scaling(folder: Artifacts) -> scaling.Scaling:
    written: dict[str, Any] = scaling.current(folder.read_json("scaling.json", dict))
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in written.items()}
    try:
        return scaling.Scaling(**fields)
    except (TypeError, ValueError) as error:
        raise folder.damaged("scaling.json", error) from error
