"""What a run that writes text can answer."""

from collections.abc import Iterable, Iterator
from typing import Any

from seqtrain.inference.generation import Sampling, Writer, Written, row, until
from seqtrain.interpretation import surprise
from seqtrain.runs.run import Run
from seqtrain.serving import bodies
from seqtrain.serving.answers.base import Answer, Operation, Served, each


def served(run: Run) -> Served:
    """Load the network of a run, and return what it can answer."""
    writer = Writer.of(run)

    def explained(request: Any) -> Answer:
        return surprise.numbers(surprise.of_text(run, request.text, writer))

    letter = writer.vocabulary.words[0] if writer.vocabulary.words else " "
    predict = Operation(
        "predict",
        "Rank the tokens that may come after each text",
        bodies.Texts,
        each(lambda request: _ranked(writer, request)),
        sample={"texts": [letter]},
    )
    explain = Operation(
        "explain",
        "Show how much each token of a text surprises the network",
        bodies.OneText,
        each(explained),
        sample={"text": letter},
    )
    generate = Operation(
        "generate",
        "Continue a text",
        bodies.Beginning,
        each(lambda request: written(request, _tokens(writer, request))),
        lambda request: _tokens(writer, request),
        sample={"beginning": letter, "length": 2},
    )
    return Served(run, "writing", "continues texts", (predict, explain, generate))


def written(request: Any, tokens: Iterable[Written]) -> Answer:
    """Return the tokens that were written for a request as its answer."""
    found: list[list[Written]] = [[] for _ in range(request.texts)]
    for one in tokens:
        found[one.text].append(one)
    return {"texts": [row(request.beginning, some) for some in found]}


def _ranked(writer: Writer, request: Any) -> Answer:
    rows = [
        {"example": number, "next": token, "probability": probability}
        for number, text in enumerate(request.texts, 1)
        for token, probability in writer.next_tokens(text)
    ]
    return {"predictions": rows}


def _tokens(writer: Writer, request: Any) -> Iterator[Written]:
    sampling = Sampling(request.temperature, request.top_k, request.top_p)
    sizes = request.length, sampling, request.seed, request.texts
    yield from until(writer.write(request.beginning, *sizes), request.texts, request.stop)
