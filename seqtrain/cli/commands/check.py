"""`seqtrain check`: validate a config."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import CONFIG, DATA_DIR, JSON, OVERRIDES, command
from seqtrain.memory import uncollected


@command("seqtrain check configs/imdb_lstm.yaml training.epochs=3")
@CONFIG
@OVERRIDES
@click.option("--load", is_flag=True, help="Load the data too, and estimate the cost of training.")
@DATA_DIR
@JSON
def check(
    config: Path, overrides: tuple[str, ...], load: bool, data_dir: Path | None, as_json: bool
) -> None:
    """Validate a config. Print it with all defaults, or with --load its data and its cost."""
    with uncollected():
        from seqtrain.backend import memory_estimate
        from seqtrain.config import load_config

    checked = load_config(config, overrides)
    memory_estimate.check(checked)
    if not load:
        tree = checked.model_dump(mode="json")
        console.result_json(tree) if as_json else console.result(checked.to_yaml().rstrip())
        return
    console.show_log()
    from seqtrain.cli.inspection import format_inspection
    from seqtrain.training.dry_run import inspect

    found = inspect(checked, data_dir)
    console.result_json(found) if as_json else console.result(format_inspection(found))
