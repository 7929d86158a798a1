"""A new run."""

from pathlib import Path

import click

from seqtrain import console
from seqtrain.options import CONFIG, DATA_DIR, OUTPUT, OVERRIDES, command


@command("seqtrain train configs/mnist_rnn.yaml training.epochs=5 --data-dir data")
@CONFIG
@OVERRIDES
@click.option(
    "--resume", is_flag=True, help="Go on with the newest unfinished run of CONFIG, if any."
)
@OUTPUT
@DATA_DIR
def train(
    config: Path, overrides: tuple[str, ...], resume: bool, outputs: Path, data_dir: Path | None
) -> None:
    """Train the network of CONFIG into a new run folder."""
    from seqtrain.config import load_config

    checked = load_config(config, overrides)
    console.show_log()
    from seqtrain import launch

    run, dataset = launch.prepare(checked, outputs, data_dir, resume)
    with console.ending_with(run):
        launch.train(run, dataset, console.progress)
