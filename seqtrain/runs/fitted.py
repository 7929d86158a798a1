"""What a run has learned of its training examples, and what it answers, as files."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from seqtrain.data.dataset import Dataset, Learned
from seqtrain.data.scaling import Scaling, Target
from seqtrain.errors import DataError
from seqtrain.runs.artifacts import Artifacts
from seqtrain.tasks import ANSWERS, Task

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.tokens import Tokeniser
    from seqtrain.data.vocabulary import Vocabulary

ROUNDING = 1e-5  # by which float32 may carry a probability beyond 0 and 1

Part = TypeVar("Part", Scaling, Target)


def read(folder: Artifacts, task: Task) -> Learned:
    """Return what is needed to read new examples.

    Raises:
        RunError: a file is missing or damaged.
    """
    return Learned(
        classes(folder) if task == "classification" else (),
        _vocabulary(folder) if folder.has("vocabulary.json") else None,
        _part(folder, "scaling.json", Scaling) if folder.has("scaling.json") else None,
        _part(folder, "target.json", Target) if task == "regression" else None,
    )


def write(folder: Artifacts, learned: Learned) -> None:
    """Write what is needed to read new examples."""
    if learned.target:
        folder.write_json("target.json", asdict(learned.target))
    else:
        folder.write_json("classes.json", learned.classes)
    if learned.vocabulary:
        folder.write_json("tokens.json", _described(learned.vocabulary.tokeniser))
        folder.write_json("vocabulary.json", learned.vocabulary.words)
    if learned.scaling:
        folder.write_json("scaling.json", asdict(learned.scaling))


def require_same_tokens(folder: Artifacts, learned: Learned, dataset: Dataset) -> None:
    """Make sure that the texts of a run are split as they were when it was trained.

    Raises:
        DataError: they are not, as where version 0.1 split at accents and other apostrophes.
    """
    old, new = learned.vocabulary, dataset.vocabulary
    if old and new and (old.words, old.tokeniser.model) != (new.words, new.tokeniser.model):
        raise DataError(
            f"the run `{folder.folder}` was trained by a version that splits these texts into "
            f"other tokens: {dataset.source}",
            f"judge it by a file with labels: `seqtrain evaluate {folder.folder} --data FILE`; or "
            f"train anew: `seqtrain train {folder.folder / 'config.yaml'}`",
        )


def require_same_classes(folder: Artifacts, learned: Learned, dataset: Dataset) -> None:
    """Make sure that the labels of a run are the classes on which it was trained.

    Raises:
        DataError: they are not, as where version 0.1 told apart labels that look the same.
    """
    if learned.classes != dataset.classes:
        raise DataError(
            f"the run `{folder.folder}` was trained by a version that told apart labels that look "
            f"the same: {dataset.source}",
            f"judge it by a file with labels: `seqtrain evaluate {folder.folder} --data FILE`; or "
            f"train anew: `seqtrain train {folder.folder / 'config.yaml'}`",
        )


def classes(folder: Artifacts) -> tuple[str, ...]:
    """Return the names of the classes."""
    return folder.read_words("classes.json")


def read_answers(folder: Artifacts, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return the test labels, and the answers to the test examples, as `Run.predictions` does."""
    name = "predictions.npz"
    labels, answers = folder.read_arrays(name, "labels", ANSWERS[task])
    kind, axes = ("f", 1) if task == "regression" else ("iu", 2)
    fit = labels.dtype.kind in kind and answers.dtype.kind == "f" and answers.ndim == axes
    if not fit or labels.shape != answers.shape[:1] or not labels.size or not _finite(answers):
        raise folder.damaged(name, f"it does not hold a label and {ANSWERS[task]} of each example")
    if task == "classification":
        known = len(classes(folder)) if folder.has("classes.json") else answers.shape[1]
        if not 0 <= labels.min() <= labels.max() < known:
            raise folder.damaged(name, "its labels are not those of the classes")
        if (
            answers.shape[1] != known
            or not -ROUNDING <= answers.min() <= answers.max() <= 1 + ROUNDING
        ):
            raise folder.damaged(name, "its probabilities are not those of the classes")
    return labels, answers


def _finite(numbers: np.ndarray) -> bool:
    import numpy as np

    return bool(np.isfinite(numbers).all())


def _vocabulary(folder: Artifacts) -> Vocabulary:
    """Return the tokens of a run and how a text is split into them.

    Runs of version 0.1 say nothing of how.
    """
    from seqtrain.data.tokens import Tokeniser
    from seqtrain.data.vocabulary import Vocabulary

    tokeniser = _tokeniser(folder) if folder.has("tokens.json") else Tokeniser("plain")
    vocabulary = Vocabulary(folder.read_words("vocabulary.json"), tokeniser)
    if tokeniser.rule == "subwords":
        _check_subwords(folder, vocabulary)
    return vocabulary


def _described(tokeniser: Tokeniser) -> dict[str, str]:
    """Return how texts are split, as `tokens.json` has it."""
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
    """Make sure that the subwords of a model are those that have ids."""
    from seqtrain.data.subwords import pieces

    try:
        found = pieces(vocabulary.tokeniser.model)
    except ValueError as error:
        raise folder.damaged("tokens.json", error) from error
    if sorted(found) != sorted(vocabulary.words):
        raise folder.damaged("tokens.json", "its subwords are not those of vocabulary.json")


def _part(folder: Artifacts, name: str, kind: Callable[..., Part]) -> Part:
    """Return the dataclass whose fields a JSON file holds; lists become tuples."""
    written: dict[str, Any] = folder.read_json(name, dict)
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in written.items()}
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        raise folder.damaged(name, error) from error
