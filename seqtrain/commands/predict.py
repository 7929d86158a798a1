"""The classes, or the numbers, of new examples."""

from pathlib import Path

import click

from seqtrain import console
from seqtrain.options import DATA, OUTPUT, command


@command('seqtrain predict imdb_lstm "not bad at all"')
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@DATA
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="Form of the answers.",
)
@OUTPUT
def predict(run: Path, texts: tuple[str, ...], data: Path | None, form: str, outputs: Path) -> None:
    """Say the class, or the number, of each TEXT, of a file's examples, or of standard input."""
    from seqtrain import inference
    from seqtrain.run import Run

    console.show_log()
    chosen = Run.open(run, outputs)
    learned = chosen.learned()
    if data and texts:
        raise click.UsageError("Give texts or --data, not both.")
    if data:
        given = chosen.config.dataset.read_given(data, learned)
    else:
        given = chosen.config.dataset.encode_texts(texts or console.lines(), learned)
    found = inference.described(given, inference.predict(chosen, given), learned)
    console.result(console.format_predictions(found, form))
