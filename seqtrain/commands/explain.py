"""What a network says as it reads, and what its gates do."""

from pathlib import Path
from typing import Any

import click

from seqtrain import console
from seqtrain.options import DATA, DATA_DIR, FORMAT, JSON, OUTPUT, SPLIT, command, typed


@command('seqtrain explain imdb_lstm "I never thought it was dull." --html')
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option(
    "--example",
    "number",
    type=click.IntRange(min=1),
    help="Explain the example of this number, from 1, of --split or of --data.",
)
@SPLIT
@DATA
@FORMAT
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for pictures and page  [default: plots/ in the run].",
)
@click.option("--html", is_flag=True, help="Write a page of HTML too.")
@OUTPUT
@DATA_DIR
@JSON
def explain(
    run: Path,
    text: str | None,
    number: int | None,
    split: Any,
    data: Path | None,
    suffix: str,
    folder: Path | None,
    html: bool,
    outputs: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show how the answer of RUN moves while it reads TEXT or an example, step by step."""
    from seqtrain.interpretation import explained, explained_files, explanation
    from seqtrain.run import Run

    console.show_log()
    if (text is None) == (number is None):
        raise click.UsageError("Give a text, or the number of an example: --example 1.")
    if text is not None and (data or typed("split")):
        raise click.UsageError("Give a text, or an example of --data or of --split.")
    if data and typed("split"):
        raise click.UsageError("Give --data or --split, not both.")
    chosen = Run.open(run, outputs)
    example = explanation.choose(chosen, text, number or 1, data, split, data_dir)
    found = explanation.explain(chosen, example)
    explanation.keep(chosen, found)
    written = explained_files.write(found, folder or chosen.plots, suffix, html)
    if as_json:
        console.result_json(explanation.numbers(found) | {"files": list(map(str, written))})
    else:
        console.show(explained.coloured(found), explained.columns(found))
        console.result("\n".join(map(str, written)))
