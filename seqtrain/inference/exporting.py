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
from seqtrain.inference import model_file
from seqtrain.io.atomic import adding
from seqtrain.io.regular_file import checked
from seqtrain.runs import run_data
from seqtrain.runs.run import Run

if TYPE_CHECKING:
    from seqtrain.data.inputs import Inputs

EXAMPLES = 100  # for which both networks must answer alike
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
class Exported:
    """What was exported.

    Attributes:
        path: the new file or folder.
        difference: the largest difference of an answer to that of the run.
        examples: for how many examples both answered.
        inputs: the shape and the type of each input, by its name in the file.
    """

    path: Path
    difference: float
    examples: int
    inputs: dict[str, Any]


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
    kind = FORMATS[form]
    run.require(run.model_file.name)
    if missing := [name for name in kind.packages if find_spec(name) is None]:
        raise ConfigError(
            f"`--format {form}` needs {' and '.join(missing)}, which is not installed",
            f"`pip install 'seqtrain[{form}]'`, or `--format saved_model`",
        )
    target = to or Path(f"{run.config.name}{kind.ending}")
    if os.path.lexists(target):
        raise ConfigError(f"`{target}` exists, and `export` overwrites nothing", "`--to NAME`")
    examples = _examples(run, data_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        given = Path(place) / "examples.npz"
        named: dict[str, Any] = examples if isinstance(examples, dict) else {"x": examples}
        np.savez(given, **named)
        with _new(target, bool(kind.ending)) as beside:
            found = _converted(run, form, beside, given)
            if not found["difference"] <= CLOSE:
                raise RunError(
                    f"as {form} the network answers differently, by up to "
                    f"{found['difference']:.2g}, so it was not exported",
                    _others(form),
                )
    return Exported(target, found["difference"], inputs.count(examples), found["inputs"])


def _examples(run: Run, data_dir: Path | None) -> Inputs:
    """Return examples of a run, if possible of its test, or random ones without its data."""
    try:
        dataset = run_data.load_readable(run, data_dir)
        # the test of a language model is one text, which is not in windows
        x = dataset.train.x if dataset.task.of_steps else dataset.test.x
        number = inputs.count(x)
        some = np.linspace(0, number - 1, min(EXAMPLES, number)).astype(np.int64)
        return inputs.each(inputs.rows(x, some), np.ascontiguousarray)  # type: ignore[no-any-return]
    except DataError as error:
        log.warning("the data are not here, so random examples are compared: %s", error)
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
    places = (run.folder.absolute(), form, target.absolute(), examples, result)
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
