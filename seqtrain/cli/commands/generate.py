"""`seqtrain generate`: continue a text."""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtrain.cli import console
from seqtrain.cli.options import OUTPUT, command
from seqtrain.schema import limits

if TYPE_CHECKING:
    from seqtrain.inference.generation import Written


@command('seqtrain generate shakespeare_lstm "ROMEO:" --temperature 0.8')
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("beginning", required=False, default="")
@click.option(
    "--length",
    type=click.IntRange(1, limits.COUNT),
    default=500,
    show_default=True,
    help="Maximum number of tokens.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    help="Below 1 prefers what is likely; 0 always takes the likeliest token.",
)
@click.option(
    "--top-k",
    type=click.IntRange(1, limits.IDS),
    metavar="K",
    help="Sample from the K likeliest tokens.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="P",
    help="Sample from the likeliest tokens whose probabilities sum to P.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, limits.SEED),
    default=0,
    show_default=True,
    help="Random seed.",
)
@click.option("--stop", help="Text that ends the output, such as a blank line: $'\\n\\n'.")
@click.option(
    "-n",
    "texts",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="Number of texts.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="Text, or for each text a line of JSON with the probability of each token.",
)
@OUTPUT
def generate(
    run: Path,
    beginning: str,
    length: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    stop: str | None,
    texts: int,
    form: str,
    outputs: Path,
) -> None:
    """Continue a text.

    BEGINNING is continued with tokens that are sampled from the language model of RUN, and printed
    one by one. The same seed gives the same text.
    """
    from seqtrain.inference.generation import Sampling, Writer, until
    from seqtrain.runs import lookup

    console.show_log()
    writer = Writer.of(lookup.best(run, outputs))
    sampling = Sampling(temperature, top_k, top_p)
    written = until(writer.write(beginning, length, sampling, seed, texts), texts, stop)
    if form == "text" and texts == 1:
        console.stream(chain([beginning], (one.piece for one in written)))
    else:
        _print_all(written, texts, beginning, form)


def _print_all(written: "Iterable[Written]", texts: int, beginning: str, form: str) -> None:
    from seqtrain.inference.generation import row

    found: list[list[Written]] = [[] for _ in range(texts)]
    for one in written:
        found[one.text].append(one)
    for number, tokens in enumerate(found, 1):
        shown = row(beginning, tokens)
        if form == "text":
            console.result(f"--- {number}\n{shown['text']}")
        else:
            console.result_line(json.dumps(shown, ensure_ascii=False))
