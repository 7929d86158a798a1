"""What a run that turns sequences into others can answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqtrain.errors import DataError
from seqtrain.inference import network
from seqtrain.inference.translating import Interpreter, row
from seqtrain.interpretation import attention_maps
from seqtrain.runs.run import Run
from seqtrain.serving import bodies
from seqtrain.serving.answers.base import Answer, Operation, Served, each, together


def served(run: Run) -> Served:
    """Load the network of a run, and return what it can answer."""
    interpreter, fitted = Interpreter.of(run), run.fitted()
    model, dataset = network.started(run), run.config.dataset

    def explained(request: Any) -> Answer:
        return attention_maps.numbers(attention_maps.of_text(run, request.text, interpreter))

    text = interpreter.reader.text(np.array([4, 5, 6]))
    translate = Operation(
        "translate",
        "Translate each text",
        bodies.Sources,
        lambda requests: _checked(interpreter, requests),
        sample={"texts": [text]},
    )
    predict = Operation(
        "predict",
        "Predict the target of each text",
        bodies.Texts,
        together(model, fitted, lambda one: dataset.encode_texts(one.texts, fitted)),
        sample={"texts": [text]},
    )
    explain = Operation(
        "explain",
        "Show what each written token looks at",
        bodies.OneText,
        each(explained),
        sample={"text": text},
    )
    return Served(run, "translation", "translates sequences", (translate, predict, explain))


def _checked(interpreter: Interpreter, requests: Sequence[Any]) -> list[Answer]:
    """Return the translations of requests, and the error of each that asks for too many."""
    good = [one for one in requests if one.number <= one.beams]
    answers = iter(_translated(interpreter, good))
    return [
        next(answers)
        if one.number <= one.beams
        else DataError(f"number: {one.number} needs as many beams", f'"beams": {one.number}')
        for one in requests
    ]


def _translated(interpreter: Interpreter, requests: Sequence[Any]) -> list[Answer]:
    """Return the translations of requests; those of the same keys are made together."""
    found: list[Answer] = [None] * len(requests)
    groups: dict[Any, list[int]] = {}
    for place, one in enumerate(requests):
        keys = one.beams, one.length_penalty, one.copy_unknown
        groups.setdefault(keys, []).append(place)
    for keys, places in groups.items():
        texts = [text for place in places for text in requests[place].texts]
        answers = iter(zip(texts, interpreter.answers(texts, *keys), strict=True))
        for place in places:
            one = requests[place]
            some = [next(answers) for _ in one.texts]
            found[place] = {"translations": [row(text, a[: one.number]) for text, a in some]}
    return found
