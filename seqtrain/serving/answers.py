"""What a served run can answer: by its data, the operations that the commands have for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.data.dataset import Fitted, NewExamples
from seqtrain.errors import DataError, SeqtrainError
from seqtrain.inference import network
from seqtrain.runs.run import Run
from seqtrain.serving import bodies
from seqtrain.serving.row_file import as_file

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
        operations: by name.
        facts: what the page needs to know besides.
    """

    run: Run
    kind: str
    does: str
    operations: dict[str, Operation]
    facts: dict[str, Any] = field(default_factory=dict)


def of_run(run: Run, data_dir: Path | None = None) -> Served:
    """Load the network of a run, and return what it can answer.

    Raises:
        RunError: the run has no model.
        DataError: its network cannot read what a request can hold.
    """
    dataset = run.config.dataset
    if dataset.writes_text:
        return _writing(run)
    if dataset.holds_pairs:
        return _translation(run)
    if dataset.holds_series:
        return _series(run, data_dir)
    return _texts(run) if dataset.holds_tokens else _sequences(run)


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


def _operations(*operations: Operation) -> dict[str, Operation]:
    return {one.name: one for one in operations}


def _together(
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


def _explained(run: Run, example: Callable[[Any], Any]) -> Callable[[Any], Answer]:
    """Return a function that explains one example, step by step."""
    from seqtrain.interpretation import explanation

    model = network.load_model(run, masked=True)

    def explain(request: Any) -> Answer:
        (found,) = explanation.explain_each(run, [example(request)], model)
        numbers = explanation.numbers(found)
        if not request.gates:
            del numbers["gates"]
        return numbers

    return explain


def _labels(fitted: Fitted) -> dict[str, Any]:
    """Return the names of the classes, if the labels are classes."""
    return {"classes": [*getattr(fitted.task, "classes", ())]}


def _texts(run: Run) -> Served:
    from seqtrain.interpretation import explanation

    model, fitted, dataset = network.started(run), run.fitted(), run.config.dataset
    dataset.encode_texts(["a"], fitted)  # refuses now what no request could ask
    text = " ".join(fitted.vocabulary.words[:3]) if fitted.vocabulary else ""
    predict = _together(model, fitted, lambda one: dataset.encode_texts(one.texts, fitted))
    explain = _explained(run, lambda one: explanation.example_of_text(run, one.text))
    return Served(
        run,
        "texts",
        f"predicts {fitted.task.labels} of texts",
        _operations(
            Operation(
                "predict", "Predict each text", bodies.Texts, predict, sample={"texts": [text]}
            ),
            Operation(
                "explain",
                "Show the prediction after each token of a text",
                bodies.TextWithGates,
                each(explain),
                sample={"text": text, "gates": False},
            ),
        ),
        _labels(fitted),
    )


def _sequences(run: Run) -> Served:
    from seqtrain.interpretation import explanation

    model, fitted, dataset = network.started(run), run.fitted(), run.config.dataset
    steps, features = model.input_shape[1:]

    def encoded(request: Any) -> NewExamples:
        arrays = [_array(one, number) for number, one in enumerate(request.examples, 1)]
        return dataset.encode_sequences(arrays, fitted)

    def example(request: Any) -> explanation.Example:
        given = dataset.encode_sequences([_array(request.example, 1)], fitted)
        return explanation.Example(given.x[0], "example", "example", rows=dataset.reads_rows)

    zeros = np.zeros((steps or 1, features)).tolist()
    facts = {"steps": steps, "features": features, "full_pixel": dataset.full_pixel}
    return Served(
        run,
        "pictures" if dataset.reads_rows else "sequences",
        f"predicts {fitted.task.labels} of sequences of numbers",
        _operations(
            Operation(
                "predict",
                "Predict each sequence",
                bodies.Examples,
                _together(model, fitted, encoded),
                sample={"examples": [zeros]},
            ),
            Operation(
                "explain",
                "Show the prediction after each step of a sequence",
                bodies.OneExample,
                each(_explained(run, example)),
                sample={"example": zeros, "gates": False},
            ),
        ),
        facts | _labels(fitted),
    )


def _array(values: Sequence[Any], number: int) -> np.ndarray:
    """Return an example as an array, float64 of shape (T,) or (T, F)."""
    try:
        return np.array(values, np.float64)
    except ValueError as error:
        hint = "give each step the same number of features"
        raise DataError(f"the steps of example {number} have different lengths", hint) from error


def _writing(run: Run) -> Served:
    from seqtrain.inference.generation import Sampling, Writer, until
    from seqtrain.interpretation import surprise

    writer = Writer.of(run)

    def ranked(request: Any) -> Answer:
        rows = [
            {"example": number, "next": token, "probability": probability}
            for number, text in enumerate(request.texts, 1)
            for token, probability in writer.next_tokens(text)
        ]
        return {"predictions": rows}

    def explain(request: Any) -> Answer:
        return surprise.numbers(surprise.of_text(run, request.text, writer))

    def write(request: Any) -> Iterator[Any]:
        sampling = Sampling(request.temperature, request.top_k, request.top_p)
        sizes = request.length, sampling, request.seed, request.texts
        yield from until(writer.write(request.beginning, *sizes), request.texts, request.stop)

    letter = writer.vocabulary.words[0] if writer.vocabulary.words else " "
    return Served(
        run,
        "writing",
        "goes on with texts",
        _operations(
            Operation(
                "predict",
                "Rank the tokens that may come after each text",
                bodies.Texts,
                each(ranked),
                sample={"texts": [letter]},
            ),
            Operation(
                "explain",
                "Show how much each token of a text surprises the network",
                bodies.OneText,
                each(explain),
                sample={"text": letter},
            ),
            Operation(
                "generate",
                "Go on with a text",
                bodies.Beginning,
                each(lambda one: written(one, write(one))),
                write,
                {"beginning": letter, "length": 2},
            ),
        ),
    )


def written(request: Any, tokens: Sequence[Any] | Iterator[Any]) -> Answer:
    """Return the tokens that were written for a request as its answer."""
    from seqtrain.inference.generation import row

    found: list[list[Any]] = [[] for _ in range(request.texts)]
    for one in tokens:
        found[one.text].append(one)
    return {"texts": [row(request.beginning, some) for some in found]}


def _translation(run: Run) -> Served:
    from seqtrain.inference.translating import Interpreter, row
    from seqtrain.interpretation import attention_maps

    interpreter, fitted = Interpreter.of(run), run.fitted()
    model, dataset = network.started(run), run.config.dataset

    def translate(requests: Sequence[Any]) -> list[Answer]:
        """Answer requests of the same keys together."""
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

    def checked(requests: Sequence[Any]) -> list[Answer]:
        good = [one for one in requests if one.number <= one.beams]
        answers = iter(translate(good))
        return [
            next(answers)
            if one.number <= one.beams
            else DataError(f"number: {one.number} needs as many beams", f'"beams": {one.number}')
            for one in requests
        ]

    def explain(request: Any) -> Answer:
        return attention_maps.numbers(attention_maps.of_text(run, request.text, interpreter))

    text = interpreter.reader.text(np.array([4, 5, 6]))
    predict = _together(model, fitted, lambda one: dataset.encode_texts(one.texts, fitted))
    return Served(
        run,
        "translation",
        "translates sequences",
        _operations(
            Operation(
                "translate",
                "Translate each text",
                bodies.Sources,
                checked,
                sample={"texts": [text]},
            ),
            Operation(
                "predict",
                "Predict the target of each text",
                bodies.Texts,
                predict,
                sample={"texts": [text]},
            ),
            Operation(
                "explain",
                "Show what each written token looks at",
                bodies.OneText,
                each(explain),
                sample={"text": text},
            ),
        ),
    )


def _series(run: Run, data_dir: Path | None) -> Served:
    from seqtrain.inference.next_values import forecast
    from seqtrain.interpretation import window_effects

    model, reads_files = network.started(run), hasattr(run.config.dataset, "path")

    def ahead(request: Any) -> Answer:
        with as_file(getattr(request, "rows", None)) as file:
            found = forecast(run, file, request.steps, data_dir, model)
        return {"forecasts": found.rows()}

    def explain(request: Any) -> Answer:
        with as_file(getattr(request, "rows", None)) as file:
            if file:
                found = window_effects.effects_at_end(run, file, request.example, model)
            else:
                found = window_effects.effects(run, "test", request.example, data_dir, model)
        return window_effects.numbers(found)

    return Served(
        run,
        "series",
        "forecasts series",
        _operations(
            Operation(
                "forecast",
                "Forecast the next values of each series",
                bodies.NewerSeries if reads_files else bodies.Horizon,
                each(ahead),
                sample={},
            ),
            Operation(
                "explain",
                "Show which steps of a window moved its forecast",
                bodies.OriginOrRows if reads_files else bodies.Origin,
                each(explain),
                sample={},
            ),
        ),
        {"reads_rows": reads_files},
    )
