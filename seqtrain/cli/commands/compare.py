"""`seqtrain compare`: runs side by side."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import JSON, OUTPUT, command


@command("seqtrain compare quickstart --sort test_accuracy")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, metavar="[RUN]...")
@click.option("--unfold", is_flag=True, help="Show each seed in a row of its own.")
@click.option(
    "--sort",
    "column",
    metavar="COLUMN",
    help="Sort by COLUMN, the best first  [default: by start].",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json"]),
    default="table",
    show_default=True,
    help="Form of the comparison.",
)
@JSON
@OUTPUT
def compare(
    runs: tuple[Path, ...],
    unfold: bool,
    column: str | None,
    form: str,
    as_json: bool,
    outputs: Path,
) -> None:
    """Compare the scores of runs, with significance tests.

    A RUN is a run, a group of seeds or a name (default: all runs of the newest name).
    """
    from seqtrain.comparison import pairwise, run_rows, run_table
    from seqtrain.runs import lookup

    found = lookup.every(runs, outputs)
    rows = run_rows.rows(found, folded=not unfold)
    tests = pairwise.tested(rows)
    if column:
        rows = run_table.ordered(rows, tests, column)
    console.result(run_table.sheet(rows, tests, "json" if as_json else form))
