"""A run, trained further."""

from pathlib import Path

import click

from seqtrain import console
from seqtrain.options import DATA_DIR, OUTPUT, command


@command("seqtrain resume imdb_lstm --epochs 20")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Train so many epochs in all  [default: as many as RUN was to have].",
)
@OUTPUT
@DATA_DIR
def resume(run: Path | None, epochs: int | None, outputs: Path, data_dir: Path | None) -> None:
    """Go on with the training of RUN (default: the newest) where it was cut short."""
    from seqtrain.run import Run

    console.show_log()
    chosen = Run.open(run, outputs) if run else Run.latest(outputs)
    if chosen.finished and epochs in (None, chosen.config.training.epochs):
        console.message(f"{chosen.folder} is finished; `--epochs N` trains more epochs")
        console.result(str(chosen.folder))
        return
    from seqtrain import launch

    dataset = launch.load_again(chosen, data_dir)
    with console.ending_with(chosen):
        launch.train(chosen, dataset, console.progress, epochs)
