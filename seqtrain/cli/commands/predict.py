"""`seqtrain predict`: predictions for new examples."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA, OUTPUT, TEXT_COLUMN, command, only_with_data


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
    help="Form of the answers.",
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
    """Predict the class or the number of each TEXT, or of the examples of --data or standard input.

    With --format csv or jsonl, the other columns of the file, such as an id, are printed too.
    """
    from seqtrain.inference import network, new_examples
    from seqtrain.runs import lookup

    console.show_log()
    chosen = lookup.best(run, outputs)
    fitted = chosen.fitted()
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
