"""`seqtrain report`: one HTML page about runs."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, OUTPUT, command


@command("seqtrain report imdb_lstm imdb_gru --to comparison.html --open")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write  [default: report.html in the run or group; of several, in --output].",
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@click.option(
    "--quick", is_flag=True, help="Compute nothing; only show the content of the runs' files."
)
@OUTPUT
@DATA_DIR
def report(
    runs: tuple[Path, ...],
    file: Path | None,
    show: bool,
    quick: bool,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Write an HTML page about runs.

    The page about RUNS (default: the newest) can be read offline. For a single run, the gradients
    are measured and an example is explained, unless `gradients` and `explain` have already done so.
    For several runs, nothing is computed.
    """
    from seqtrain import report
    from seqtrain.runs import lookup

    console.show_log()
    chosen = lookup.newest_of_each(runs, outputs)
    group = chosen[0].group if len({run.group for run in chosen}) == 1 else None
    folder = chosen[0].folder if len(chosen) == 1 else group or outputs
    written = file or folder / "report.html"
    if not quick and len(chosen) == 1 and chosen[0].has(chosen[0].model_file.name):
        from seqtrain.interpretation import findings

        findings.find(chosen[0], data_dir)
    report.write(chosen, written)
    if show:
        click.launch(str(written))
    console.result(str(written))
