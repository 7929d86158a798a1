"""The page about runs."""

from pathlib import Path

import click

from seqtrain import console
from seqtrain.options import OUTPUT, command


@command("seqtrain report imdb_lstm imdb_gru --to comparison.html --open")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write  [default: report.html in the run or group; of several, in --output].",
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@OUTPUT
def report(runs: tuple[Path, ...], file: Path | None, show: bool, outputs: Path) -> None:
    """Write a page about RUNS (default: the newest) that needs no network to be read."""
    from seqtrain import report
    from seqtrain.run import Run

    console.show_log()
    chosen = Run.several(runs, outputs)
    group = chosen[0].group if len({run.group for run in chosen}) == 1 else None
    folder = chosen[0].folder if len(chosen) == 1 else group or outputs
    written = file or folder / "report.html"
    report.write(chosen, written)
    if show:
        click.launch(str(written))
    console.result(str(written))
