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
    help="File to score as one text.",
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of --data.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    help="jsonl has the bits of every token, and its rank among all that were possible  "
    "[default: table on a terminal, else jsonl].",
)
@OUTPUT
def score(
    run: Path,
    texts: tuple[str, ...],
    data: Path | None,
    encoding: str,
    form: str | None,
    outputs: Path,
) -> None:
    """Print the bits per character of texts.

    The language model of RUN scores each TEXT, --data, or each line of standard input.
    """
    from seqtrain.inference.generation import Writer, summary
    from seqtrain.io.text_file import TextFile
    from seqtrain.runs import lookup

    console.show_log()
    if data and texts:
        raise click.UsageError("Give texts or --data, not both.")
    writer = Writer.of(lookup.best(run, outputs))
    if data:
        content = "".join(TextFile(data, encoding, settable=False).lines())
        name, named = "file", [(str(data), content)]
    else:
        given = [*texts] or [line for line in console.lines() if line]
        name, named = "text", [*zip(given, given, strict=True)]
    rows = ({name: text} | summary(*writer.score(content)) for text, content in named)
    if (form or ("table" if console.is_terminal() else "jsonl")) == "jsonl":
        for row in rows:
            console.result_line(json.dumps(row, ensure_ascii=False))
        return
    counted = [row | {"tokens": len(row["tokens"])} for row in rows]
    if counted:
        console.result(console.format_rows(counted, form or "table"))
