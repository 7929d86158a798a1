"""`seqtrain score`: how surprising a text is to a language model."""

import json
from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import OUTPUT, command


@command('seqtrain score shakespeare_lstm "To be, or not to be"')
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Text file that is scored as one text.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of --data.")
@OUTPUT
def score(
    run: Path, texts: tuple[str, ...], data: Path | None, encoding: str, outputs: Path
) -> None:
    """Print the bits per character of each TEXT, of --data, or of the lines of standard input.

    Each is a line of JSON, with the bits of every token and its rank among all that were possible.
    """
    from seqtrain.inference.generation import Writer, summary
    from seqtrain.io.text_file import TextFile
    from seqtrain.runs import lookup

    console.show_log()
    if data and texts:
        raise click.UsageError("Give texts or --data, not both.")
    writer = Writer.of(lookup.best(run, outputs))
    if data:
        given = ["".join(TextFile(data, encoding, settable=False).lines())]
    else:
        given = [*texts] or [line for line in console.lines() if line]
    for text in given:
        row = {"text": text} if not data else {"file": str(data)}
        console.result_line(json.dumps(row | summary(*writer.score(text)), ensure_ascii=False))
