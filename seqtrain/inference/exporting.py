"""Export a trained network for other programs, once it was seen to answer there as here.

Converters load much and can end their process, so `conversion` does the work in a process of its
own, on TensorFlow and without a GPU.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.data import inputs
from seqtrain.data.vocabulary import FIRST_WORD
from seqtrain.errors import ConfigError, DataError, RunError
from seqtrain.evaluation import mistakes
from seqtrain.inference import model_file, text_signature
from seqtrain.io.atomic import adding
from seqtrain.io.regular_file import checked
from seqtrain.io.text_file import shown
from seqtrain.runs import run_data
from seqtrain.runs.run import Run
from seqtrain.sources.base import TokenDatasetConfig

if TYPE_CHECKING:
    from seqtrain.data.dataset import Dataset
    from seqtrain.data.inputs import Inputs

EXAMPLES = 100  # for which both networks must answer alike
WORDS = 20  # of a text that is made up
TEXTS = 1_000  # of which TensorFlow's operations must make the ids of the run
CLOSE = 1e-5  # largest difference of two answers, of those above 1 in shares of them
COMMAND = [sys.executable, "-P", "-m", "seqtrain.inference.conversion"]
WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
WITHOUT_GPU |= {"TF_CPP_MIN_LOG_LEVEL": "3"}
RAISED = re.compile(r"[\w.]*(Error|Exception|InvalidArgument|Fail|NotImplemented): ")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Format:
    """A format of another program.

    Attributes:
        ending: of the name of a file; empty for a folder.
        packages: that write and run it, besides TensorFlow.
    """

    ending: str
    packages: tuple[str, ...]


FORMATS = {
    "onnx": Format(".onnx", ("tf2onnx", "onnxruntime")),
    "saved_model": Format("", ()),
    "litert": Format(".tflite", ("ai_edge_litert",)),
}


@dataclass(frozen=True)
class Texts:
    """Whether a SavedModel takes texts.

    Attributes:
        signature: the name of the signature; None where it is left out.
        compared: for how many texts TensorFlow's operations made ids.
        same_ids: for how many of them these are the ids of the run; if not all, it is left out.
        missing: why it is left out, or nothing.
    """

    signature: str | None
    compared: int
    same_ids: int
    missing: str


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        path: the new file or folder.
        difference: the largest difference of an answer to that of the run.
        examples: for how many examples both answered.
        inputs: the shape and the type of each input, by its name in the file.
        texts: what is said of texts; None for other formats, and for runs that read no texts.
    """

    path: Path
    difference: float
    examples: int
    inputs: dict[str, Any]
    texts: Texts | None = None


def export(run: Run, form: str, to: Path | None, data_dir: Path | None) -> Exported:
    """Export the best network of a run.

    Args:
        run: a run with a model.
        form: one of `FORMATS`.
        to: the new file or folder; None names it after the config.
        data_dir: a folder to look for data files in.

    Raises:
        ConfigError: a package is missing, or the file exists.
        RunError: the run has no model, the format cannot hold it, or it answers differently.
    """
    run.require(run.model_file.name)
    target = _checked_target(run, form, to)
    dataset = _dataset(run, data_dir)
    examples = _examples(run, dataset)
    reads = form == "saved_model" and isinstance(run.config.dataset, TokenDatasetConfig)
    unread = _unread(run) if reads else ""
    texts = _texts(run, dataset) if reads and not unread else []
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        given = Path(place) / "examples.npz"
        named: dict[str, Any] = examples if isinstance(examples, dict) else {"x": examples}
        np.savez(given, **named)
        given.with_name("texts.json").write_text(json.dumps(texts))
        with _new(target, bool(FORMATS[form].ending)) as beside:
            found = _converted(run, form, beside, given)
            if not found["difference"] <= CLOSE:
                raise RunError(
                    f"as {form} the network answers differently, by up to "
                    f"{found['difference']:.2g}, so it was not exported",
                    _others(form),
                )
    told = _compared(texts, found["other_ids"], unread) if reads else None
    return Exported(target, found["difference"], inputs.count(examples), found["inputs"], told)


def _checked_target(run: Run, form: str, to: Path | None) -> Path:
    """Return the new file or folder.

    Raises:
        ConfigError: a package that writes it is missing, or it exists.
    """
    kind = FORMATS[form]
    if missing := [name for name in kind.packages if find_spec(name) is None]:
        raise ConfigError(
            f"`--format {form}` needs {' and '.join(missing)}, which is not installed",
            f"`pip install 'seqtrain[{form}]'`, or `--format saved_model`",
        )
    target = to or Path(f"{run.config.name}{kind.ending}")
    if os.path.lexists(target):
        raise ConfigError(f"`{target}` exists, and `export` overwrites nothing", "`--to NAME`")
    return target


def _compared(texts: list[str], other: list[int], unread: str) -> Texts:
    """Return whether the exported network takes texts.

    Args:
        texts: for which TensorFlow's operations made ids.
        other: the indices of those with other ids than the run's.
        unread: why these operations cannot read the texts of the run, or nothing.
    """
    if other:
        unread = (
            f"TensorFlow's operations give other ids than seqtrain to {len(other):,} of "
            f"{len(texts):,} texts, the first `{shown(texts[other[0]])}`"
        )
    elif not texts:
        unread = unread or "there is no text to compare with"
    name = None if unread else text_signature.NAME
    return Texts(name, len(texts), len(texts) - len(other), unread)


def _unread(run: Run) -> str:
    """Return why TensorFlow's operations cannot read the texts of a run, or nothing."""
    vocabulary = run.fitted().vocabulary
    if vocabulary is None:
        return "the words of the network's ids are not known"
    if vocabulary.tokeniser.rule not in text_signature.RULES:
        return f"TensorFlow itself has no operation for {vocabulary.tokeniser.kind}"
    return ""


def _texts(run: Run, dataset: Dataset | None) -> list[str]:
    """Return texts of the test of a run, or without its data texts of random words."""
    if dataset is not None:
        number = len(dataset.test)
        some = np.linspace(0, number - 1, min(TEXTS, number)).astype(np.int64)
        return [text or "" for text in mistakes.test_texts(dataset, some)]
    vocabulary, random = run.fitted().vocabulary, np.random.default_rng(0)
    if vocabulary is None or not vocabulary.words:
        return []
    words = random.integers(0, len(vocabulary.words), (TEXTS, WORDS))
    return [vocabulary.text(row + FIRST_WORD) for row in words]


def _dataset(run: Run, data_dir: Path | None) -> Dataset | None:
    try:
        return run_data.load_readable(run, data_dir)
    except DataError as error:
        log.warning("the data are not here, so random examples are compared: %s", error)
        return None


def _examples(run: Run, dataset: Dataset | None) -> Inputs:
    """Return examples of a run, if possible of its test, or random ones without its data."""
    if dataset is not None:
        # the test of a language model is one text, which is not in windows
        x = dataset.train.x if dataset.task.of_steps else dataset.test.x
        number = inputs.count(x)
        some = np.linspace(0, number - 1, min(EXAMPLES, number)).astype(np.int64)
        return inputs.each(inputs.rows(x, some), np.ascontiguousarray)  # type: ignore[no-any-return]
    saved = model_file.read(run.model_file)
    random = np.random.default_rng(0)

    def drawn(shape: tuple[int, ...], kind: str) -> np.ndarray:
        if kind == model_file.FEATURES:
            return random.normal(size=(EXAMPLES, *shape)).astype(np.float32)
        if shape == (1,):  # the number of a series, and there may be only one
            return np.zeros((EXAMPLES, *shape), np.int32)
        return random.integers(1, FIRST_WORD, (EXAMPLES, *shape), np.int32)  # in every vocabulary

    if saved.several:
        return {name: drawn(*one) for name, one in saved.several.items()}
    return drawn(saved.shape, model_file.IDS if saved.vocabulary_size else model_file.FEATURES)


@contextmanager
def _new(target: Path, is_file: bool) -> Iterator[Path]:
    """Yield a temporary path beside a new file or folder; on success it becomes that."""
    if is_file:
        with adding(target) as beside:
            yield beside
        return
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".unfinished-") as place:
        yield Path(place) / target.name
        (Path(place) / target.name).rename(target)


def _converted(run: Run, form: str, target: Path, examples: Path) -> dict[str, Any]:
    """Convert a network in another process, and return how far its answers are from ours."""
    result = examples.with_name("result.json")
    texts = examples.with_name("texts.json")
    places = (run.folder.absolute(), form, target.absolute(), examples, texts, result)
    command = [*COMMAND, *map(str, places)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=os.environ | WITHOUT_GPU
    )
    if done.returncode or not result.exists():
        raised = [line for line in done.stderr.splitlines() if RAISED.match(line)][-1:]
        why = raised[0] if raised else f"the converter ended with code {done.returncode}"
        raise RunError(f"the network cannot be exported as {form}: {why}", _others(form))
    return dict(json.loads(checked(result).read_text()))


def _others(form: str) -> str:
    return "another format: " + ", ".join(f"`--format {one}`" for one in FORMATS if one != form)
