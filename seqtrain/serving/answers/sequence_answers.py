"""What a run that reads sequences of numbers can answer, among them pictures read by rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqtrain.data.dataset import NewExamples
from seqtrain.errors import DataError
from seqtrain.inference import network
from seqtrain.interpretation import explanation
from seqtrain.runs.run import Run
from seqtrain.serving import bodies
from seqtrain.serving.answers.base import Operation, Served, each, explained, labels, together


def served(run: Run) -> Served:
    """Load the network of a run, and return what it can answer."""
    model, fitted, dataset = network.started(run), run.fitted(), run.config.dataset
    steps, features = model.input_shape[1:]

    def encoded(request: Any) -> NewExamples:
        arrays = [_array(one, number) for number, one in enumerate(request.examples, 1)]
        return dataset.encode_sequences(arrays, fitted)

    def example(request: Any) -> explanation.Example:
        given = dataset.encode_sequences([_array(request.example, 1)], fitted)
        return explanation.Example(given.x[0], "example", "example", rows=dataset.reads_rows)

    zeros = np.zeros((steps or 1, features)).tolist()
    predict = Operation(
        "predict",
        "Predict each sequence",
        bodies.Examples,
        together(model, fitted, encoded),
        sample={"examples": [zeros]},
    )
    explain = Operation(
        "explain",
        "Show the prediction after each step of a sequence",
        bodies.OneExample,
        each(explained(run, example)),
        sample={"example": zeros, "gates": False},
    )
    kind = "pictures" if dataset.reads_rows else "sequences"
    does = f"predicts {fitted.task.labels} of sequences of numbers"
    facts = {"steps": steps, "features": features, "full_pixel": dataset.full_pixel}
    return Served(run, kind, does, (predict, explain), facts | labels(fitted))


def _array(values: Sequence[Any], number: int) -> np.ndarray:
    """Return an example as an array, float64 of shape (T,) or (T, F)."""
    try:
        return np.array(values, np.float64)
    except ValueError as error:
        hint = "give each step the same number of features"
        raise DataError(f"the steps of example {number} have different lengths", hint) from error
