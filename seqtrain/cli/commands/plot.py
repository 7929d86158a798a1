"""`seqtrain plot`: the plots of runs."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import FORMAT, OUTPUT, command


@command("seqtrain plot outputs/imdb_lstm/* --format svg --to pictures")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1)
@FORMAT
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pictures  [default: plots/ in the run or group; of several, in --output].",
)
@OUTPUT
def plot(runs: tuple[Path, ...], suffix: str, folder: Path | None, outputs: Path) -> None:
    """Draw the plots of runs.

    RUNS (default: the newest) share one set of plots. The seeds of one config are drawn as their
    mean and range. Of a sweep, the search is drawn, and the curves of its best trials.
    """
    from seqtrain import plots
    from seqtrain.errors import RunError
    from seqtrain.runs import folders, lookup
    from seqtrain.runs.sweeps import TRIALS, SweepFolder

    console.show_log()
    chosen = lookup.newest_of_each(runs, outputs)
    group = chosen[0].group if len({run.group for run in chosen}) == 1 else None
    target = folder or (chosen[0].plots if len(chosen) == 1 else (group or outputs) / folders.PLOTS)
    if not folder:
        folders.require_own_folder(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    pictures = plots.draw(chosen, target, suffix)
    sweep = SweepFolder(group) if group else None
    if sweep and sweep.has(TRIALS):
        pictures += plots.draw_sweep(sweep.trials(), target, suffix)
    if not pictures:
        raise RunError(f"{chosen[0].folder} has nothing to draw: no epoch was finished")
    console.result("\n".join(map(str, pictures)))
