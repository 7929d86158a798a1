"""`seqtrain predict`: predictions for new examples."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA, OUTPUT, TEXT_COLUMN, command, only_with_data

if TYPE_CHECKING:
    from seqtrain.runs.run import Run


@command('seqtrain predict imdb_lstm "not bad at all"')
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@DATA
@TEXT_COLUMN
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="Form of the predictions.",
)
@OUTPUT
def predict(
    run: Path,
    texts: tuple[str, ...],
    data: Path | None,
    text_column: str | None,
    form: str,
    outputs: Path,
) -> None:
    """Predict classes or numbers.

    The examples are the TEXTs, those of --data, or the lines of standard input. A language model
    ranks the tokens that may come after each TEXT.

    With --format csv or jsonl, the other columns of the file, such as an id, are printed too.
    """
    from seqtrain.inference import network, new_examples
    from seqtrain.runs import lookup

    console.show_log()
    chosen = lookup.best(run, outputs)
    fitted = chosen.fitted()
    if chosen.config.dataset.writes_text:
        _next_tokens(chosen, texts, data, form)
        return
    if data and texts:
        raise click.UsageError("Give texts or --data, not both.")
    only_with_data(data, text=text_column)
    if data:
        examples = new_examples.read(chosen, data, text_column)
    else:
        examples = chosen.config.dataset.encode_texts(texts or console.lines(), fitted)
    found = network.described(examples, network.predict(chosen, examples), fitted.task)
    beside = new_examples.beside(chosen, data, examples, text_column) if data else {}
    if data:
        found = new_examples.rows_with(found, beside, examples.lines)
    console.result(console.format_predictions(found, form, new_examples.id_of(chosen, beside)))


def _next_tokens(run: "Run", texts: tuple[str, ...], data: Path | None, form: str) -> None:
    """Print the likeliest tokens after each text."""
    from seqtrain.inference.generation import Writer

    if data:
        raise click.UsageError("Give texts: `seqtrain score RUN --data FILE` scores a file.")
    writer = Writer.of(run)
    rows = [
        {"example": number, "next": token, "probability": probability}
        for number, text in enumerate(texts or console.lines(), 1)
        for token, probability in writer.next_tokens(text)
    ]
    if form == "table":
        rows = [row | {"next": repr(row["next"])} for row in rows]
    console.result(console.format_rows(rows, form))
