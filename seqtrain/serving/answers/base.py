"""What a served run can answer, and what the answers of all kinds of runs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqtrain.data.dataset import Fitted, NewExamples
from seqtrain.errors import SeqtrainError
from seqtrain.inference import network
from seqtrain.interpretation import explanation
from seqtrain.runs.run import Run
from seqtrain.serving import bodies

Answer = Any  # what is sent as JSON, or the error of this one request


@dataclass(frozen=True)
class Operation:
    """One thing that a run can answer.

    Attributes:
        name: `predict`, `explain`, `generate`, `translate` or `forecast`.
        summary: what it does, in a few words.
        body: what a request holds.
        answers: answers requests that wait together, each with a value or its error.
        writes: instead of that, yields the tokens of one request as they are written.
        sample: a request, which is answered once before the server is ready.
    """

    name: str
    summary: str
    body: type[bodies.Body]
    answers: Callable[[Sequence[Any]], list[Answer]]
    writes: Callable[[Any], Iterator[Any]] | None = None
    sample: dict[str, Any] | None = None


@dataclass(frozen=True)
class Served:
    """A run with all that it can answer.

    Attributes:
        run: the run.
        kind: `texts`, `pictures`, `sequences`, `writing`, `translation` or `series`.
        does: what the network does, for a sentence.
        operations: all that it can answer.
        facts: what the page needs to know besides.
    """

    run: Run
    kind: str
    does: str
    operations: Sequence[Operation]
    facts: dict[str, Any] = field(default_factory=dict)


def each(answer: Callable[[Any], Answer]) -> Callable[[Sequence[Any]], list[Answer]]:
    """Return a function that answers requests one by one, and keeps the error of each."""

    def answers(requests: Sequence[Any]) -> list[Answer]:
        found = []
        for request in requests:
            try:
                found.append(answer(request))
            except SeqtrainError as error:
                found.append(error)
        return found

    return answers


def together(
    model: Any, fitted: Fitted, encode: Callable[[Any], NewExamples]
) -> Callable[[Sequence[Any]], list[Answer]]:
    """Return a function that answers the examples of all requests as one batch."""
    task = fitted.task

    def encoded(request: Any) -> NewExamples:
        given = encode(request)
        if not task.decodes:
            network.fitting(model, given.x)
        return given

    def answers(requests: Sequence[Any]) -> list[Answer]:
        found = each(encoded)(requests)
        given = [one for one in found if isinstance(one, NewExamples)]
        if not given:
            return found
        whole = NewExamples(np.concatenate([one.x for one in given]))
        ends = np.cumsum([len(one.x) for one in given])[:-1]
        parts = iter(np.split(network.predictions(model, whole, task), ends))
        return [
            {"predictions": network.described(one, next(parts), task)}
            if isinstance(one, NewExamples)
            else one
            for one in found
        ]

    return answers


def explained(run: Run, example: Callable[[Any], Any]) -> Callable[[Any], Answer]:
    """Return a function that explains one example, step by step."""
    model = network.load_model(run, masked=True)

    def explain(request: Any) -> Answer:
        (found,) = explanation.explain_each(run, [example(request)], model)
        numbers = explanation.numbers(found)
        if not request.gates:
            del numbers["gates"]
        return numbers

    return explain


def labels(fitted: Fitted) -> dict[str, Any]:
    """Return the names of the classes, if the labels are classes."""
    return {"classes": [*getattr(fitted.task, "classes", ())]}
