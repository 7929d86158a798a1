"""`seqtrain sweep`: search the best config."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import CONFIG, DATA_DIR, OUTPUT, OVERRIDES, command, typed
from seqtrain.errors import ConfigError
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
    "count",
    type=click.IntRange(1, limits.SEEDS),
    metavar="N",
    help="Then train the best configuration with this many other seeds.",
)
@click.option("--new", is_flag=True, help="Begin a new sweep, although there is one to continue.")
@click.option(
    "--storage",
    envvar="SEQTRAIN_STORAGE",
    metavar="URL",
    help="PostgreSQL database in which several machines share the sweep: postgresql://…  "
    "[env: SEQTRAIN_STORAGE]",
)
@OUTPUT
@DATA_DIR
def sweep(
    config: Path,
    overrides: tuple[str, ...],
    trials: int | None,
    jobs: int,
    count: int | None,
    new: bool,
    storage: str | None,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Search the best values of keys.

    The section `sweep` of CONFIG names the keys. Each trial is a run in a group, scored by
    `training.monitor` on the validation examples. The same command continues an interrupted sweep.
    With a database, the same command on several machines shares the trials among them.
    """
    from seqtrain.config import load_searched
    from seqtrain.training import seeds, study, sweep_start
    from seqtrain.training.search import Search
    from seqtrain.training.shared_storage import SharedStorage
    from seqtrain.training.storage import LocalStorage

    searched = load_searched(config, overrides)
    asked = trials or sweep_start.number_of_trials(searched)
    place: LocalStorage
    if storage:
        place = shared = SharedStorage(storage, public=typed("storage"))
        if count:
            raise ConfigError(
                "`--seeds` is for a sweep on one machine: each worker would train them",
                "when the sweep has ended: `seqtrain train OUTPUTS/best.yaml "
                f"seed={searched.base.seed + 1} --seeds {count}`",
            )
        click.get_current_context().call_on_close(shared.close)
        console.show_log()
        folder = sweep_start.join(shared, searched, outputs, data_dir, asked, new)
    else:
        study.require_installed()
        console.show_log()
        folder, place = sweep_start.prepare(searched, outputs, data_dir, new)
    with console.ending_with_sweep(folder) as others:
        Search(folder, place, searched, asked, jobs, data_dir).run()
        if count:
            others += seeds.retrain(folder, outputs, count, jobs, data_dir)
