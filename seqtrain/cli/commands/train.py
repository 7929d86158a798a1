"""`seqtrain train`: a new run, or one for each of several seeds."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import CONFIG, DATA_DIR, JOBS, OUTPUT, OVERRIDES, command
from seqtrain.schema import limits


@command("seqtrain train configs/mnist_rnn.yaml training.epochs=5 --data-dir data")
@CONFIG
@OVERRIDES
@click.option("--resume", is_flag=True, help="Resume the newest unfinished run of CONFIG, if any.")
@click.option(
    "--seeds",
    type=click.IntRange(1, limits.SEEDS),
    metavar="N",
    help="Train this many seeds, starting with the config's, into one folder.",
)
@JOBS
@OUTPUT
@DATA_DIR
def train(
    config: Path,
    overrides: tuple[str, ...],
    resume: bool,
    seeds: int | None,
    jobs: int | None,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Train a network, and write it into a new run folder.

    With --seeds, the network of CONFIG is trained once for each seed, into folders of their own.
    """
    if resume and seeds:
        raise click.UsageError("`--seeds` starts new runs: `seqtrain resume` continues old ones.")
    if jobs and not seeds:
        raise click.UsageError(
            "`--jobs` needs `--seeds`: it is the number of seeds trained at once."
        )
    from seqtrain.config import load_config

    checked = load_config(config, overrides)
    console.show_log()
    console.hide_log(checked.execution)
    if checked.sweep:
        console.message(
            f"training the config as it stands; `seqtrain sweep {config}` searches its `sweep`"
        )
    if seeds:
        from seqtrain.training import seeds as several

        runs = several.prepare(checked, seeds, outputs, data_dir)
        with console.ending_with_seeds(runs):
            several.train(runs, jobs or 1, data_dir)
        return
    from seqtrain.training import launch

    run, dataset = launch.prepare(checked, outputs, data_dir, resume)
    with console.ending_with(run):
        launch.train(run, dataset, console.progress)
