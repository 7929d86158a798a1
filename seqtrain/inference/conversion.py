"""Convert a network for another program, and answer with both: the process that `exporting` starts.

    python -m seqtrain.inference.conversion RUN FORMAT TARGET EXAMPLES TEXTS RESULT

It writes the result as JSON. `exporting` sets the backend to TensorFlow, and hides GPUs.
"""

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqtrain.inference import model_file, text_signature
from seqtrain.inference.text_signature import TextReader
from seqtrain.io.regular_file import checked
from seqtrain.runs.run import Run

SIGNATURE = "serving_default"
BLOCK = 100  # texts that are read at once
KERAS_NAMES = {"onnx": "onnx", "saved_model": "tf_saved_model", "litert": "litert"}


def main(folder: str, form: str, target: str, examples: str, texts: str, result: str) -> None:
    """Convert the best network of a run, and write how far both answers are apart."""
    run = Run(Path(folder))
    fitted = run.fitted()
    model = model_file.open_model(run.model_file, run.config, fitted)
    kinds = {one.name: one.dtype for one in model.inputs}
    with np.load(checked(Path(examples))) as file:  # ids may have come in fewer bytes
        kind = next(iter(kinds.values()))
        given = {name: file[name].astype(kinds.get(name, kind)) for name in file.files}
    x: Any = given if len(given) > 1 else next(iter(given.values()))
    wanted = np.asarray(model.predict_on_batch(x), np.float64)
    reader, other = None, []
    if written := json.loads(checked(Path(texts)).read_text()):
        section: Any = run.config.dataset
        vocabulary: Any = fitted.vocabulary
        reader, ids = TextReader(vocabulary, section), section.encode_texts(written, fitted).x
        blocks = [slice(first, first + BLOCK) for first in range(0, len(written), BLOCK)]
        read = np.concatenate([reader(strings(written[block])) for block in blocks])
        other = np.flatnonzero((read != ids).any(axis=1)).tolist()
    convert(model, form, target, None if other else reader)
    answers, inputs = ANSWER[form](target, [given[name] for name in sorted(given)])
    difference = apart(answers, wanted)
    if reader and not other:
        some = slice(len(wanted))
        answers = of_texts(target, written[some])
        difference = max(difference, apart(answers, model.predict_on_batch(ids[some])))
    found = {"difference": difference, "inputs": inputs, "other_ids": other}
    Path(result).write_text(json.dumps(found))


def apart(answers: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference of two answers, of those above 1 in shares of them."""
    off = np.abs(np.asarray(answers, np.float64) - wanted) / np.maximum(1, np.abs(wanted))
    return float(off.max()) if np.isfinite(off).all() else float("inf")


def strings(texts: list[str]) -> Any:
    """Return texts as a tensor; halves of pairs, which UTF-8 cannot hold, become spaces."""
    import tensorflow as tf

    whole = (re.sub("[\ud800-\udfff]", " ", text) for text in texts)
    return tf.constant([text.encode() for text in whole])


def convert(model: Any, form: str, target: str, reader: TextReader | None) -> None:
    """Write a network in a format; with a reader, its SavedModel takes texts as well."""
    # LiteRT has no lists of tensors, in which a loop over any number of examples keeps its steps.
    batch = 1 if form == "litert" else None
    specs = {
        one.name: keras.InputSpec(
            dtype=one.dtype, shape=(batch, *one.shape[1:]), name=one.name.replace("/", "_")
        )
        for one in model.inputs
    }
    signature = [specs if len(specs) > 1 else next(iter(specs.values()))]
    if reader is None:
        model.export(target, format=KERAS_NAMES[form], verbose=False, input_signature=signature)
        return
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    serve = archive.track_and_add_endpoint("serve", model, signature)
    for table in reader.tables:
        archive.track(table)
    texts = tf.TensorSpec((None,), tf.string, "texts")
    archive.add_endpoint(text_signature.NAME, lambda texts: serve(reader(texts)), [texts])
    archive.write_out(target, verbose=False)


def of_onnx(target: str, given: list[np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the answers of ONNX Runtime, and the inputs of the file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    named = sorted(session.get_inputs(), key=lambda one: one.name)
    fed = {one.name: array for one, array in zip(named, given, strict=True)}
    inputs = {
        one.name: {
            "shape": [size if isinstance(size, int) else None for size in one.shape],
            "type": one.type.removeprefix("tensor(").removesuffix(")"),
        }
        for one in named
    }
    return session.run(None, fed)[0], inputs


def of_saved_model(target: str, given: list[np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the answers of TensorFlow, and the inputs of the folder."""
    import tensorflow as tf

    serve = tf.saved_model.load(target).signatures[SIGNATURE]
    specs = dict(sorted(serve.structured_input_signature[1].items()))
    fed = {name: tf.constant(one) for name, one in zip(specs, given, strict=True)}
    inputs = {
        name: {"shape": spec.shape.as_list(), "type": spec.dtype.name}
        for name, spec in specs.items()
    }
    (answers,) = serve(**fed).values()
    return answers.numpy(), inputs


def of_texts(target: str, texts: list[str]) -> np.ndarray:
    """Return the answers of TensorFlow to texts."""
    import tensorflow as tf

    serve = tf.saved_model.load(target).signatures[text_signature.NAME]
    (answers,) = serve(texts=strings(texts)).values()
    return np.asarray(answers)


def of_litert(target: str, given: list[np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the answers of LiteRT's interpreter, one example at a time, and its inputs."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(target).get_signature_runner(SIGNATURE)
    details = dict(sorted(runner.get_input_details().items()))
    answers = []
    for row in range(len(given[0])):
        fed = {name: one[row : row + 1] for name, one in zip(details, given, strict=True)}
        (answer,) = runner(**fed).values()
        answers.append(answer)
    inputs = {
        name: {"shape": one["shape"].tolist(), "type": np.dtype(one["dtype"]).name}
        for name, one in details.items()
    }
    return np.concatenate(answers), inputs


ANSWER = {"onnx": of_onnx, "saved_model": of_saved_model, "litert": of_litert}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
