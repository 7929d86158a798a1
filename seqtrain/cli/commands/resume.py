"""`seqtrain resume`: continue a training."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, JOBS, OUTPUT, command
from seqtrain.schema import limits


@command("seqtrain resume imdb_lstm --epochs 20")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--epochs",
    type=click.IntRange(1, limits.EPOCHS),
    metavar="N",
    help="Total number of epochs  [default: that of RUN].",
)
@JOBS
@OUTPUT
@DATA_DIR
def resume(
    run: Path | None, epochs: int | None, jobs: int | None, outputs: Path, data_dir: Path | None
) -> None:
    """Continue the training of RUN, a run or a group of seeds (default: the newest)."""
    from seqtrain.runs import lookup

    console.show_log()
    found = lookup.newest(run, outputs)
    named = found[0].group if len(found) > 1 else found[0].folder
    left = [one for one in found if one.is_left(epochs)]
    if not left:
        console.message(f"{named} is finished; `--epochs N` trains more epochs")
        console.result(str(named))
    elif len(found) > 1:
        from seqtrain.training import seeds

        with console.ending_with_seeds(found):
            seeds.train(left, jobs or 1, data_dir, epochs)
    else:
        from seqtrain.runs import run_data
        from seqtrain.training import launch

        dataset = run_data.load(left[0], data_dir)
        with console.ending_with(left[0]):
            launch.train(left[0], dataset, console.progress, epochs)
