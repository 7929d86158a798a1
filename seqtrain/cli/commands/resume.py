"""`seqtrain resume`: continue a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, JOBS, OUTPUT, command
from seqtrain.errors import RunError
from seqtrain.schema import limits

if TYPE_CHECKING:
    from seqtrain.runs.run import Run


@command("seqtrain resume imdb_lstm --epochs 20")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--epochs",
    type=click.IntRange(1, limits.EPOCHS),
    metavar="N",
    help="Total number of epochs  [default: that of RUN].",
)
@click.option(
    "--hosts",
    metavar="HOSTS",
    help="As `execution.hosts`: auto, null or [HOST:PORT, …]  [default: that of RUN].",
)
@click.option(
    "--devices",
    type=click.IntRange(1, limits.DEVICES),
    metavar="N",
    help="As `execution.devices`  [default: that of RUN].",
)
@JOBS
@OUTPUT
@DATA_DIR
def resume(
    run: Path | None,
    epochs: int | None,
    hosts: str | None,
    devices: int | None,
    jobs: int | None,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Continue a training.

    RUN is a run or a group of seeds (default: the newest).
    """
    from seqtrain.runs import lookup

    console.show_log()
    found = lookup.newest(run, outputs)
    if len(found) > 1 and lookup.is_trial(found[0]):
        raise RunError(
            f"`{found[0].group}` is a sweep, and `resume` trains single runs or seeds",
            f"`seqtrain sweep {found[0].group}/sweep.yaml` continues it",
        )
    if len(found) > 1 and (hosts or devices):
        raise click.UsageError("`--hosts` and `--devices` are for a single run.")
    named = found[0].group if len(found) > 1 else found[0].folder
    left = [one for one in found if one.is_left(epochs)]
    if epochs is not None:
        _require_not_stopped([one for one in left if one.config.training.epochs != epochs], epochs)
    if not left:
        console.message(f"{named} is finished{_way_on(found)}")
        console.result(str(named))
    elif len(found) > 1:
        from seqtrain.training import seeds

        with console.ending_with_seeds(found):
            seeds.train(left, jobs or 1, data_dir, epochs)
    else:
        from seqtrain.runs import run_data
        from seqtrain.training import launch, processes

        placed = processes.placed(left[0], hosts, devices)
        console.hide_log(placed.config.execution)
        mine = processes.continued(placed)
        dataset = run_data.load(mine, data_dir)
        with console.ending_with(mine):
            launch.train(mine, dataset, console.progress, epochs)


def _require_not_stopped(runs: "Sequence[Run]", epochs: int) -> None:
    """Refuse runs that early stopping has ended, before any data are loaded."""
    from seqtrain.training import launch

    for run in runs:
        launch.require_not_stopped(run, epochs)


def _way_on(finished: "Sequence[Run]") -> str:
    """Return how finished runs can train more epochs, or why they cannot."""
    try:
        newest = [run.checkpoints.newest() for run in finished]
    except RunError:  # they are damaged, so no training goes on from them
        return ""
    stopped = any(found and found.stopped for found in newest)
    return ": early stopping has ended it" if stopped else "; `--epochs N` trains more epochs"
