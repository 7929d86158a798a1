"""`seqtrain sweep`: search the best config."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import CONFIG, DATA_DIR, OUTPUT, OVERRIDES, command
from seqtrain.schema import limits


@command("seqtrain sweep my_lstm.yaml --trials 40 --jobs 2 --seeds 5")
@CONFIG
@OVERRIDES
@click.option(
    "--trials",
    type=click.IntRange(1, limits.COUNT),
    metavar="N",
    help="Number of trials in all  [default: `sweep.trials` of CONFIG].",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, limits.JOBS),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of trials to train at once, each with its share of the cores.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, limits.SEEDS),
    metavar="N",
    help="Then train the best configuration with this many other seeds.",
)
@click.option("--new", is_flag=True, help="Begin a new sweep, although there is one to go on with.")
@OUTPUT
@DATA_DIR
def sweep(
    config: Path,
    overrides: tuple[str, ...],
    trials: int | None,
    jobs: int,
    seeds: int | None,
    new: bool,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Search the best values of the keys in the section `sweep` of CONFIG.

    Each trial is a run in a group, judged by `training.monitor` on the validation examples. A
    sweep that was interrupted goes on when the same command is typed again.
    """
    from seqtrain.config import load_searched
    from seqtrain.training import search, study

    searched = load_searched(config, overrides)
    study.require_installed()
    console.show_log()
    folder = search.prepare(searched, outputs, data_dir, new)
    asked = trials or search.number_of_trials(searched)
    with console.ending_with_sweep(folder):
        search.run(folder, searched, asked, jobs, data_dir)
        if seeds:
            runs = search.retrain(folder, outputs, seeds, jobs, data_dir)
            console.message(f"the best configuration with other seeds: {runs[0].group}")
